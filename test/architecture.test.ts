/** The import rules hold, and would be noticed if they did not. `npm run check` runs the same rules on the command line. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

test('no drawer modules', () => {
  expect(sources('src').filter((path) => /\b(utils?|helpers?|common|misc|shared)\b/.test(path))).toEqual([]);
});

test('worker entries stay small', () => {
  for (const path of sources('workers')) {
    expect(readFileSync(join(root, path), 'utf8').split('\n').length, path).toBeLessThanOrEqual(26);
  }
});

test('the words of the house: no other names for its things', () => {
  const wrong = /\b(subscriber|provider|connector|chunk|leads?)\b/i;
  const found = sources('src').filter((path) => wrong.test(readFileSync(join(root, path), 'utf8')));
  expect(found).toEqual([]);
});
