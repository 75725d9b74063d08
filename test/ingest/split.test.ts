import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineEnds } from '../../src/ingest/detect.js';
import { readRecords } from '../../src/ingest/read.js';
import { RegularSplitter } from '../../src/ingest/split.js';
import { scratchDir } from '../helpers/scratch.js';

/** Anything that quotes, delimiters and line ends can be made into. */
const nasty = fc
  .array(fc.constantFrom('a', 'é', '😀', ' ', ',', ',', '"', '""', '"a"', '\n', '\n', '\r\n', '\r'), {
    maxLength: 40,
  })
  .map((parts) => `h1,h2\n${parts.join('')}`);

test('whatever the text, the records are those of csv-parse', async () => {
  const dir = scratchDir();
  let n = 0;
  await fc.assert(
    fc.asyncProperty(nasty, async (text) => {
      const path = join(dir, `${n++}.csv`);
      const bytes = Buffer.from(text);
      writeFileSync(path, bytes);
      const expected = parse(bytes, {
        relax_quotes: true,
        relax_column_count: true,
        skip_empty_lines: true,
        skip_records_with_error: true,
        record_delimiter: lineEnds(bytes),
      }) as string[][];
      const got: (readonly string[])[] = [];
      let open = false;
      for await (const group of readRecords(path, bytes.length, { delimiter: ',' })) {
        for (const { cells, fault } of group) {
          open ||= fault !== undefined; // csv-parse ends here, we go on behind the line
          if (!open) got.push(cells);
        }
      }
      expect(got).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

test('where the pieces of the text are cut makes no difference', () => {
  fc.assert(
    fc.property(nasty, fc.array(fc.nat(60), { maxLength: 6 }), (text, places) => {
      const whole = new RegularSplitter(',');
      const expected = whole.push(text, true);
      const pieces = new RegularSplitter(',');
      const cuts = [0, ...places.map((at) => Math.min(at, text.length)), text.length].sort((a, b) => a - b);
      const got = cuts.slice(1).flatMap((end, i) => {
        if (pieces.irregular) return [];
        return pieces.push(text.slice(cuts[i], end), i === cuts.length - 2);
      });
      // A piece may end before it shows that a record is irregular, never after it was cut.
      expect(got).toEqual(expected);
      expect(pieces.irregular).toBe(whole.irregular);
      expect(pieces.line).toBe(whole.line);
    }),
    { numRuns: 5_000 },
  );
});
