import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvLine } from '../../src/report/csv.js';

test('whatever is in the cells, a parser reads the same cells', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', ' ', '\uFEFF', "'", ';', '\t') }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1 }), (lines) => {
      const text = lines.map(csvLine).join('');
      expect(parse(text, { relax_column_count: true, bom: false, record_delimiter: '\n' })).toEqual(lines);
    }),
  );
});

test('quotes only what needs it', () => {
  expect(csvLine(['a', 'b c', '', 'd,e', 'f"g', 'h\ni'])).toBe('a,b c,,"d,e","f""g","h\ni"\n');
});
