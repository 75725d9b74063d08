import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guardFormula, unguardFormula } from '../src/formula.js';

const ACTIVE = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/** Strings that are mostly apostrophes and active characters, where mistakes would be. */
const nasty = fc.array(fc.constantFrom("'", 'a', ' ', ...ACTIVE)).map((parts) => parts.join(''));
const cells = fc.oneof(nasty, fc.string({ unit: 'binary' }));

test('what was guarded comes back as it was', () => {
  fc.assert(fc.property(cells, (cell) => unguardFormula(guardFormula(cell)) === cell));
});

test('what was guarded any number of times comes back as it was', () => {
  fc.assert(
    fc.property(cells, (cell) => unguardFormula(unguardFormula(guardFormula(guardFormula(cell)))) === cell),
  );
});

test('no guarded cell starts with an active character', () => {
  fc.assert(fc.property(cells, (cell) => !ACTIVE.includes(guardFormula(cell).charAt(0))));
});

test.each(ACTIVE)('%j at the start is guarded', (character) => {
  expect(guardFormula(`${character}1`)).toBe(`'${character}1`);
});

test.each(['', 'Ann', "O'Neil", "'quoted'", '1-2', 'a=b', ' '])('%j stays as it is', (cell) => {
  expect(guardFormula(cell)).toBe(cell);
  expect(unguardFormula(cell)).toBe(cell);
});
