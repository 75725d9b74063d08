/** Every file of the corpus is read as its JSON says: the dialect as far as it is given there, lines, cells, faults. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DialectOptions } from '../../src/dialect.js';
import { detectDialect } from '../../src/ingest/detect.js';
import { readRecords } from '../../src/ingest/read.js';
import { takeSource } from '../../src/sources/take.js';
import { scratchDir } from '../helpers/scratch.js';

interface Expected {
  about: string;
  given?: DialectOptions;
  dialect?: Record<string, unknown>;
  /** Line and cells; of what cannot be read the line and `!` with the code of its fault. */
  records?: (string | number)[][];
  /** Of a file that is refused: code, and what the sentence says. */
  refused?: [code: string, says: string];
}

async function read(path: string, given: DialectOptions = {}) {
  const taken = (await takeSource({ path }, join(scratchDir(), 'source.csv'), given))!;
  const { source } = taken;
  const dialect = await detectDialect({ ...taken, path: source.path, name: source.name }, given);
  const records: (string | number)[][] = [];
  for await (const group of readRecords(source.path, source.bytes, dialect)) {
    for (const { line, cells, fault } of group)
      records.push(fault ? [line, `!${fault.code}`] : [line, ...cells]);
  }
  return { dialect, records };
}

for (const folder of ['generated', 'written']) {
  const dir = join(import.meta.dirname, folder);
  const names = readdirSync(dir).filter((name) => !name.endsWith('.json'));
  describe(folder, () => {
    test.each(names)('%s', async (name) => {
      const expected = JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8')) as Expected;
      const got = await read(join(dir, name), expected.given).catch((error: unknown) => error as Error);
      if (expected.refused !== undefined) {
        const [code, says] = expected.refused;
        expect(got).toMatchObject({ code, message: expect.stringContaining(says) as string });
        return;
      }
      if (got instanceof Error) throw got;
      expect(got.records).toEqual(expected.records);
      expect(got.dialect).toMatchObject(expected.dialect ?? {});
    });
  });
}

test('the corpus has at least 120 files', () => {
  const files = ['generated', 'written'].flatMap((folder) => readdirSync(join(import.meta.dirname, folder)));
  expect(files.filter((name) => !name.endsWith('.json')).length).toBeGreaterThanOrEqual(120);
});
