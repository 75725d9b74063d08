/** What hostile input is made of, for all fuzzers. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { RowferryError } from '../../src/errors.js';

export interface Fuzzer {
  name: string;
  /** Of the inputs of a whole campaign, how many are for this one. */
  share: number;
  property: fc.IRawProperty<unknown>;
}

/** Any text: odd characters, halves of them, and what is dear to parsers. */
export const text = fc.oneof(
  fc.constantFrom('', ' ', '\0', '\uFEFF', '\u2028', '"', "'", '\\', '\r', '\n', '=1+1', '＝1', '__proto__'),
  fc.constantFrom('constructor', 'toString', 'null', '1e999', '-0', 'NaN', '$HOME', '../../etc/passwd'),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);

export const json = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1e308, 2 ** 53, '', 'x', 'ann@example.com'),
    text,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(text, tie('node'), { maxKeys: 4 }),
  ),
})).node as fc.Arbitrary<unknown>;

/** A sentence for a person, of those that are meant to be read: it says something, and is no stack. */
export function expectSentence(error: unknown): void {
  if (!(error instanceof RowferryError)) throw error;
  expect(error.code).toMatch(/^[A-Z0-9_]+$/);
  expect(error.message).toMatch(/\S{2}/);
  expect(error.message).not.toMatch(/\n {4}at |undefined|\[object /);
}

/** `text` with something cut out, put in, doubled or turned over. */
export function mangled(given: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const cut = fc.record({
    at: fc.nat(10_000),
    length: fc.nat(8),
    put: fc.oneof(
      fc.constant(''),
      text,
      fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '- ', '&a ', '*a'),
    ),
  });
  return fc.tuple(given, fc.array(cut, { maxLength: 4 })).map(([whole, cuts]) =>
    cuts.reduce((left, { at, length, put }) => {
      const place = at % (left.length + 1);
      return left.slice(0, place) + put + left.slice(place + length);
    }, whole),
  );
}

/** Half a character can neither be written nor handed over. */
export function whole(given: string): string {
  return Buffer.from(given).toString();
}
