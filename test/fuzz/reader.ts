/** Bytes that call themselves CSV: each record once, in order, or told as lost; never a crash. */
import { writeFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect } from 'vitest';
import { PLAIN } from '../../src/dialect.js';
import { readRecords, type SourceRecord } from '../../src/ingest/read.js';
import { Splitter } from '../../src/ingest/split.js';
import { csvLine } from '../../src/report/csv.js';
import { takeSnapshot } from '../../src/run.js';
import { expectSentence, type Fuzzer, text, whole } from './words.js';

const token = fc.constantFrom(
  '"',
  '""',
  ',',
  ',',
  ';',
  '\n',
  '\n',
  '\r\n',
  'a',
  'b c',
  'ü',
  '👩',
  '\0',
  '\t',
  "'",
);
const csv = fc.array(fc.oneof({ weight: 6, arbitrary: token }, { weight: 1, arbitrary: text }), {
  maxLength: 40,
});
/** Lone CRs, which are line ends in some files, are not among them. */
const plainCsv = fc.array(token, { maxLength: 40 }).map((all) => all.join(''));

async function recordsOf(path: string, content: string | Buffer): Promise<SourceRecord[]> {
  writeFileSync(path, content);
  const bytes = Buffer.byteLength(content);
  const records: SourceRecord[] = [];
  for await (const group of readRecords(path, bytes, PLAIN)) records.push(...group);
  expect(records.map(({ row }) => row)).toEqual(records.map((_, i) => i));
  for (const [i, { line, cells, fault }] of records.entries()) {
    expect(line).toBeGreaterThan(records[i - 1]?.line ?? 0);
    if (fault === undefined) expect(cells.length).toBeGreaterThan(0);
    else expect(fault.message).toMatch(/\d/);
  }
  return records;
}

export function readerFuzzers(path: string): Fuzzer[] {
  return [
    {
      name: 'any bytes are read, or refused with a sentence',
      share: 10,
      property: fc.asyncProperty(
        fc.oneof(
          csv.map((all) => Buffer.from(all.join(''))),
          fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
          fc
            .tuple(plainCsv, fc.uint8Array({ maxLength: 4 }))
            .map(([one, odd]) => Buffer.concat([Buffer.from(one), odd])),
        ),
        async (content) => {
          writeFileSync(path, content);
          await takeSnapshot(path).catch(expectSentence);
          await recordsOf(path, content);
        },
      ),
    },
    {
      name: 'what a strict parser can read is read as it reads it',
      share: 12,
      // csv-parse takes a zero behind a closing quote for nothing.
      property: fc.asyncProperty(plainCsv, async (zeros) => {
        const content = zeros.replaceAll('\0', '');
        let strict: string[][];
        try {
          const options = { relax_column_count: true, record_delimiter: ['\r\n', '\n'] };
          strict = parse(content, options) as string[][];
        } catch {
          return; // a quote where none belongs: there is no one right reading
        }
        const filled = strict.filter((cells) => cells.some((cell) => /[^\s\0]/.test(cell)));
        expect((await recordsOf(path, content)).map(({ cells }) => cells)).toEqual(filled);
      }),
    },
    {
      name: 'without quotes every line that is not blank is a record',
      share: 6,
      property: fc.asyncProperty(
        fc.array(fc.constantFrom('a', ',', '\n', '\r\n', 'ü', ' ', '\0'), { maxLength: 40 }),
        async (all) => {
          const lines = all.join('').split(/\r?\n/);
          const filled = lines.flatMap((line, i) => (/^[\s,\0]*$/.test(line) ? [] : [i + 1]));
          expect((await recordsOf(path, all.join(''))).map(({ line }) => line)).toEqual(filled);
        },
      ),
    },
    {
      name: 'a table comes back as it was written, by us and by others',
      share: 8,
      property: fc.asyncProperty(
        fc.array(fc.array(text.map(whole), { minLength: 2, maxLength: 5 }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.boolean(),
        async (table, ours) => {
          // A mark at the start of a file is none of its text.
          const filled = table.filter((row) => row.some((cell) => /[^\s\0]/.test(cell))); // blank rows are none
          const rows = [['email', 'x'], ...filled];
          const written = ours ? rows.map(csvLine).join('') : stringify(rows);
          const records = await recordsOf(path, written);
          expect(records.map(({ cells }) => cells)).toEqual(rows);
        },
      ),
    },
    {
      name: 'where a text is cut into pieces changes nothing',
      share: 8,
      property: fc.property(plainCsv, fc.array(fc.nat(60), { maxLength: 6 }), (content, places) => {
        expect(cutAt(content, places)).toEqual(cutAt(content, []));
      }),
    },
  ];
}

function cutAt(content: string, places: number[]) {
  const splitter = new Splitter(PLAIN);
  const ends = [...new Set(places.map((at) => at % (content.length + 1)))].sort((a, b) => a - b);
  const cuts = [];
  let from = 0;
  for (const end of [...ends, content.length]) {
    cuts.push(...splitter.push(content.slice(from, end), end === content.length));
    from = end;
  }
  return cuts;
}
