/** Destinations of one's own, loaded from real files by Node itself: the built code in a process of its own. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EXIT } from '../../src/errors.js';
import { scratchDir } from '../helpers/scratch.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Loaded {
  kind?: string;
  members?: string[];
  error?: { name: string; code: string; exitCode: number; message: string };
}

/** What becomes of each of `paths`, in `cwd`. */
function load(cwd: string, ...paths: string[]): Loaded[] {
  const script = `
    import { loadModuleDestination } from ${JSON.stringify(join(root, 'dist/src/destinations/module.js'))};
    const loaded = [];
    for (const path of ${JSON.stringify(paths)}) {
      try {
        const destination = await loadModuleDestination(path);
        loaded.push({ kind: destination.kind, members: Object.keys(destination) });
      } catch (error) {
        const { name, code, exitCode, message } = error;
        loaded.push({ error: { name, code, exitCode, message } });
      }
    }
    process.stdout.write(JSON.stringify(loaded));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
    timeout: 60_000,
  });
  return JSON.parse(output) as Loaded[];
}

/** What is said of files with these contents, without the path before it. */
function faults(files: Record<string, string>): string[] {
  const dir = scratchDir();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  const names = Object.keys(files).map((name) => `./${name}`);
  return load(dir, ...names).map(({ error }, i) => {
    expect(error).toMatchObject({ name: 'RowferryError', code: 'DESTINATION_MODULE', exitCode: EXIT.usage });
    const before = `${names[i]} is no destination. `;
    expect(error!.message.startsWith(before)).toBe(true);
    return error!.message.slice(before.length);
  });
}

/** A module that needs nothing but Node; `change` is put into its object. */
const plain = (change = '', before = 'export default') => `
  const anything = { safeParse: (data) => ({ success: true, data }) };
  ${before} {
    kind: 'own', options: anything, env: {}, accountKey: 'apiKey', contact: anything, fields: { email: 'text', more: 'object' },
    aliases: { mail: 'email' }, unmapped: 'more', identity: () => ({}), limit: { requests: 1, perMs: 1000 },
    enforcesUniqueness: false, create: () => {}, interpret: () => {}, ${change}
  };`;

test('the example is one, found by its own package', () => {
  expect(load(join(root, 'samples'), './my-destination.mjs')).toEqual([
    { kind: 'acme', members: expect.arrayContaining(['create', 'interpret', 'lookup']) as string[] },
  ]);
});

test('.mjs and .js, ES modules and CommonJS', () => {
  const dir = scratchDir();
  writeFileSync(join(dir, 'a.mjs'), plain());
  writeFileSync(join(dir, 'b.js'), plain('', 'module.exports ='));
  writeFileSync(join(dir, 'c.cjs'), plain('', 'module.exports ='));
  const all = 'defaults: () => ({}), lookup: { request: () => {}, read: () => {} }';
  const more = 'update: { needsId: true, request: () => {}, interpret: () => {} }';
  writeFileSync(
    join(dir, 'd e.mjs'),
    plain(`${all}, ${more}, bulk: { max: 2, request: () => {}, interpret: () => [] }`),
  );
  const kinds = load(dir, './a.mjs', 'b.js', join(dir, 'c.cjs'), './d e.mjs').map(({ kind }) => kind);
  expect(kinds).toEqual(['own', 'own', 'own', 'own']);
});

test('.ts where Node reads it, else a sentence', () => {
  const dir = scratchDir();
  writeFileSync(join(dir, 'own.ts'), plain('', 'const own: object =').concat('\nexport default own;'));
  const [{ kind, error }] = load(dir, './own.ts') as [Loaded];
  // Unknown to Node before 22.10.
  if ((process.features as { typescript?: string | false }).typescript) expect(kind).toBe('own');
  else {
    expect(error!.message).toBe(
      `./own.ts is no destination. Node ${process.version} does not read TypeScript: use Node 22.18 or later, or compile it to .mjs.`,
    );
  }
});

test('what cannot be loaded is told why', () => {
  const [, ...told] = faults({
    'a.mjs': 'export const own = {};',
    'nothing.mjs': '',
    'number.mjs': 'export default 5;',
    'cut.mjs': 'export default {',
    'thrown.mjs': 'throw new Error("boom");',
    'nothing-thrown.mjs': 'throw undefined;',
    'own.txt': 'export default {};',
    'lost.mjs': 'import "./no-such-file.mjs";',
    'alone.mjs': 'import { defineDestination } from "rowferry";',
  });
  expect(told).toEqual([
    'It has no default export: `export default defineDestination({ … })`.',
    'It is no object.',
    'It cannot be loaded: Unexpected end of input (node --check tells the line).',
    'It cannot be loaded: boom.',
    'It cannot be loaded: undefined.',
    'Node reads no module of that extension; name it .mjs.',
    expect.stringMatching(/^It cannot be loaded: Cannot find module .*no-such-file/) as string,
    'It imports rowferry, which is not installed beside it: npm install rowferry.',
  ]);
  const [common] = faults({ 'package.json': '{"type":"commonjs"}', 'common.js': 'export default {};' }).slice(
    1,
  );
  expect(common).toBe('The package.json above it makes it CommonJS: name it .mjs.');
  expect(load(scratchDir(), './own.mjs')[0]!.error!.message).toBe(
    './own.mjs is no destination. There is no such file.',
  );
});

test('every fault of its shape is told, each in a sentence', () => {
  const cases: Record<string, string> = {
    'kind: "My CRM"': 'kind is no lower-case word.',
    'options: {}': 'options is no zod schema.',
    'contact: null': 'contact is no zod schema.',
    'env: { apiKey: 7 }': 'env.apiKey is no text.',
    'accountKey: ""': 'accountKey is empty.',
    'fields: { email: "string" }, unmapped: null':
      'fields.email is none of text, number, integer, boolean, date, list, json, object.',
    'aliases: { mail: "e-mail" }': 'aliases.mail is e-mail, which is no field.',
    'unmapped: undefined': 'unmapped is missing.',
    'unmapped: "email"': 'unmapped is neither null, "contact" nor a field of kind object.',
    'identity: {}': 'identity is no function.',
    'limit: { requests: 0, perMs: "1s" }': 'limit.requests is not above 0. limit.perMs is no number.',
    'limit: 10': 'limit is no object.',
    'enforcesUniqueness: "yes"': 'enforcesUniqueness is neither true nor false.',
    'create: undefined, interpret: undefined': 'create is missing. interpret is missing.',
    'lookup: { read: () => {} }': 'lookup.request is missing.',
    'update: { request: () => {}, interpret: () => {} }': 'update.needsId is missing.',
    'bulk: { max: 0.5, request: () => {}, interpret: () => [] }': 'bulk.max is no whole number.',
    'look_up: {}, remove: 1': 'It has members nobody knows: look_up, remove.',
  };
  const files = Object.fromEntries(Object.keys(cases).map((change, i) => [`${i}.mjs`, plain(change)]));
  expect(faults(files)).toEqual(Object.values(cases));
  const [all] = faults({ 'empty.mjs': 'export default {};' });
  expect(all!.match(/\w+ is missing\./g)).toHaveLength(13);
});
