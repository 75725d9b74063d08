/** The README cannot rot: its commands run, its tables are the code's lists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { publishedSchema } from '../src/config/schema.js';
import { DESTINATIONS } from '../src/destinations/registry.js';
import { EXIT, REASONS } from '../src/index.js';
import { type Process, World } from './helpers/world.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

const commands = [...readme.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
  block!
    .split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.slice(2)),
);

/** A shell's words, with double quotes. */
function words(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
}

test('every rowferry command of the README runs as it stands', async () => {
  const world = await World.open();
  const serving: Process[] = [];
  let run = '';
  const shown = commands.filter((command) => command.startsWith('rowferry '));
  expect(shown.length).toBeGreaterThan(8);
  for (const command of shown) {
    const args = words(command.replace('<run>', run))
      .slice(1)
      .map((word) => (word.startsWith('samples/') ? join(root, word) : word));
    if (['start', 'worker', 'sandbox'].includes(args[0]!)) {
      const service = world.start(
        ...(args[0] === 'sandbox' ? args.filter((a) => a !== '--port' && a !== '4000') : args),
      );
      await service.says(/started|serves/);
      serving.push(service);
      continue;
    }
    const { code, stdout, stderr } = await world.start(...args).finished;
    expect([0, 3], `${command}\n${stderr}`).toContain(code);
    run = /\d{8}-\d{6}-[0-9a-f]{6}/.exec(stdout + stderr)?.[0] ?? run;
  }
  for (const service of serving) {
    service.kill();
    await service.finished;
  }
});

test('every npm command of the README is a script', () => {
  const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!);
  expect(named).toContain('demo');
  for (const name of named) expect(Object.keys(manifest.scripts)).toContain(name);
});

test('the README lists every reason, every setting and every exit code', () => {
  for (const [status, reasons] of Object.entries(REASONS)) {
    for (const reason of reasons) expect(readme).toContain(`| ${status} | \`${reason}\` |`);
  }
  const settings = ['src/config.ts', 'src/config/file.ts'].flatMap(
    (path) => readFileSync(join(root, path), 'utf8').match(/ROWFERRY_[A-Z_]+|REDIS_URL/g)!,
  );
  const variables = DESTINATIONS.flatMap(({ env }) => Object.values(env));
  for (const name of new Set([...settings, ...variables])) expect(readme).toContain(`| \`${name}\` |`);
  for (const code of Object.values(EXIT))
    expect(readme).toMatch(new RegExp(`^\\| (130, )?${code}(, 143)? \\|`, 'm'));
});

test('the copies of the schema and of the sample are true', () => {
  const schema = JSON.parse(readFileSync(join(root, 'schema.json'), 'utf8')) as unknown;
  expect(schema, 'node dist/src/cli/main.js config schema > schema.json').toEqual(
    JSON.parse(JSON.stringify(publishedSchema())),
  );
  const sample = readFileSync(join(root, 'samples/rowferry.yaml'), 'utf8');
  const shown = /^### Configuration file\n[\s\S]*?^```yaml\n([\s\S]*?)^```/m.exec(readme)![1]!;
  for (const line of shown.split('\n')) expect(sample.split('\n')).toContain(line);
  const named = /^# yaml-language-server: \$schema=(.*)$/m.exec(sample)![1]!;
  expect(existsSync(join(root, 'samples', named))).toBe(true);
});

test('.env.example names variables that there are', () => {
  const example = readFileSync(join(root, '.env.example'), 'utf8');
  for (const [, name] of example.matchAll(/^(?:# )?([A-Z_]+)=/gm))
    expect(readme).toContain(`| \`${name}\` |`);
});
