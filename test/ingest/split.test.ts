import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PLAIN } from '../../src/dialect.js';
import { type Cut, type Form, Splitter } from '../../src/ingest/split.js';

function split(text: string, form: Partial<Form> = {}): Cut[] {
  return new Splitter({ ...PLAIN, ...form }).push(text, true);
}

/** Anything that quotes, delimiters and line ends can be made into. */
const nasty = fc
  .array(
    fc.constantFrom(
      'a',
      'é',
      '😀',
      ' ',
      ',',
      ',',
      '"',
      '""',
      '"a"',
      "'",
      '\\',
      '\\N',
      '\n',
      '\n',
      '\r\n',
      '\r',
      '\0',
    ),
    { maxLength: 40 },
  )
  .map((parts) => `h1,h2\n${parts.join('')}`);
const forms = fc.record({
  delimiter: fc.constantFrom(',', 'é', 'a,', ' '),
  quote: fc.constantFrom<Form['quote']>('"', "'"),
  escape: fc.constantFrom<Form['escape']>('double', 'backslash'),
  lineEnd: fc.constantFrom<Form['lineEnd']>('\n', '\r'),
});

test('where the pieces of the text are cut makes no difference', () => {
  fc.assert(
    fc.property(nasty, forms, fc.array(fc.nat(60), { maxLength: 6 }), (text, form, places) => {
      const pieces = new Splitter({ ...PLAIN, ...form });
      const cuts = [0, ...places.map((at) => Math.min(at, text.length)), text.length].sort((a, b) => a - b);
      const got = cuts
        .slice(1)
        .flatMap((end, i) => pieces.push(text.slice(cuts[i], end), i === cuts.length - 2));
      expect(got).toEqual(split(text, form));
    }),
    { numRuns: 2_000 },
  );
});

test('whatever the text, lines rise, and nothing that was read is lost', () => {
  fc.assert(
    fc.property(nasty, forms, (text, form) => {
      const cuts = split(text, form);
      const lines = cuts.map(({ line }) => line);
      expect(lines).toEqual([...new Set(lines)].sort((a, b) => a - b));
      const letters = (given: string) => given.replace(/[^😀]/gu, '').length;
      if (cuts.every(({ fault }) => fault === undefined)) {
        expect(letters(cuts.map(({ cells }) => cells.join('')).join(''))).toBe(letters(text));
      }
    }),
    { numRuns: 1_000 },
  );
});

/** A row of blanks is a blank line here. */
const cell = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc
    .array(fc.constantFrom('"', ',', '\n', '\r\n', ' ', 'ä', '😀', 'x', '""', ';', '\t'), { maxLength: 6 })
    .map((all) => all.join('')),
);

test('what is written well has the records that csv-parse finds in it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('k', 'l m', '"'), cell, cell), { minLength: 1, maxLength: 12 }),
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      (rows, delimiter, record_delimiter, quoted) => {
        const text = stringify(rows, { delimiter, record_delimiter, quoted, quoted_match: /[\r\n]|^\s/ });
        const expected = parse(text, { delimiter, record_delimiter: ['\n', '\r\n'] }) as string[][];
        expect(split(text, { delimiter }).map(({ cells }) => cells)).toEqual(expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('quotes that stand where none belong are counted', () => {
  const splitter = new Splitter(PLAIN);
  splitter.push('a,b\n"x" y,"say "hi" now"\n5",1\n', true);
  expect(splitter.stray).toBe(3);
});

test('a file of open quotes is read in a time that its length explains', () => {
  const text = `a,b\n${'"x,"" y\n'.repeat(200_000)}`;
  expect(split(text)).toHaveLength(200_001);
});
