/** The questions of `rowferry init`, answered by keys. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { init } from '../../src/cli/init.js';
import { Terminal } from '../../src/cli/init-terminal.js';
import { checkConfig } from '../../src/config/check.js';
import { checkMapping } from '../../src/ingest/map.js';
import { scratchDir } from '../helpers/scratch.js';

const ENTER = '\r';
const DOWN = '\u001b[B';

/** Presses keys when the screen has come to say what they answer; the last words are waited for, too. */
async function talk(
  path: string,
  file: string,
  to: string | undefined,
  answers: [says: string, keys: string[]][],
) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 40 });
  let said = '';
  const left = [...answers];
  output.on('data', (piece) => {
    said += stripVTControlCharacters(String(piece));
    const [next] = left;
    if (next === undefined || !said.includes(next[0])) return;
    left.shift();
    said = '';
    // A key is one event each: the prompt draws itself in between.
    void (async () => {
      for (const key of next[1]) {
        await new Promise((resolve) => setImmediate(resolve));
        input.write(key);
      }
    })();
  });
  const env = { CLEMTA_COMPANY_ID: 'company' };
  await init(path, { file, to, map: {} }, new Terminal(input, output, false), env);
  expect(left).toEqual([]);
}

const CSV = 'E-Mail,Kind,Name,Note\nann@example.com,customer,Ann Lee,x\nbo@example.com,vendor,Bo,y\n';

test('asks for the destination, what it requires, and whether the mapping is right', async () => {
  const dir = scratchDir();
  const file = join(dir, 'people.csv');
  writeFileSync(file, CSV);
  const path = join(dir, 'rowferry.yaml');
  await talk(path, file, undefined, [
    ['Where to?', [DOWN, DOWN, DOWN, ENTER]],
    ['clemta requires type', [DOWN, ENTER]],
    ['Is this right?', [ENTER]],
  ]);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain('type: Kind');
  expect(text).toContain('full_name: Name');
  const env = { CLEMTA_API_KEY: 'key', CLEMTA_COMPANY_ID: 'company' };
  expect((await checkConfig(path, env, checkMapping)).faults).toEqual([]);
});

test('moves a column to another field, and leaves out what nobody knows', async () => {
  const dir = scratchDir();
  const file = join(dir, 'people.csv');
  writeFileSync(file, CSV);
  const path = join(dir, 'rowferry.yaml');
  await talk(path, file, 'sendmator', [
    ['Is this right?', [DOWN, DOWN, DOWN, ENTER]],
    ['Where does "Name" go?', [DOWN, DOWN, ENTER]],
    ['Is this right?', [ENTER]],
    ['by their own names?', [DOWN, ENTER]],
  ]);
  const text = readFileSync(path, 'utf8');
  expect(text).toMatch(/: Name\n/);
  expect(text).toContain('unmapped: ignore');
});

test('writes over a file only when told so', async () => {
  const dir = scratchDir();
  const file = join(dir, 'people.csv');
  writeFileSync(file, CSV);
  const path = join(dir, 'rowferry.yaml');
  writeFileSync(path, 'defaults: {}\n');
  await expect(talk(path, file, 'sendmator', [['Write over it?', [ENTER]]])).rejects.toMatchObject({
    code: 'CONFIG_EXISTS',
  });
  expect(readFileSync(path, 'utf8')).toBe('defaults: {}\n');
});

test('Ctrl-C writes nothing', async () => {
  const dir = scratchDir();
  const file = join(dir, 'people.csv');
  writeFileSync(file, CSV);
  const path = join(dir, 'rowferry.yaml');
  await expect(talk(path, file, undefined, [['Where to?', ['\u0003']]])).rejects.toMatchObject({
    code: 'INIT_CANCELLED',
  });
  expect(existsSync(path)).toBe(false);
});
