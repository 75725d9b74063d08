/** The README cannot rot: its commands run, its tables are the code's lists. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
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
  const settings = readFileSync(join(root, 'src/config.ts'), 'utf8').match(/ROWFERRY_[A-Z_]+|REDIS_URL/g)!;
  const variables = DESTINATIONS.flatMap(({ env }) => Object.values(env));
  for (const name of new Set([...settings, ...variables])) expect(readme).toContain(`| \`${name}\` |`);
  for (const code of Object.values(EXIT))
    expect(readme).toMatch(new RegExp(`^\\| (130, )?${code}(, 143)? \\|`, 'm'));
});
