import { expect, test } from 'vitest';
import { inTurns } from '../../src/delivery/turns.js';

const rows = (run: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ hold: { claim: { run } }, row: i + 1 }));
const told = (items: readonly { hold: { claim: { run: string } }; row: number }[]) =>
  items.map(({ hold, row }) => `${hold.claim.run}${row}`).join(' ');

test('runs take turns, each in its order', () => {
  expect(told(inTurns([...rows('a', 5), ...rows('b', 2), ...rows('c', 1)]))).toBe('a1 b1 c1 a2 b2 a3 a4 a5');
  expect(told(inTurns(rows('a', 3)))).toBe('a1 a2 a3');
  expect(inTurns([])).toEqual([]);
});

test('a small run behind a big one is through after as many rows of the big one', () => {
  const ordered = inTurns([...rows('big', 2_000), ...rows('small', 100)]);
  const last = ordered.findLastIndex(({ hold }) => hold.claim.run === 'small');
  expect(last).toBe(199);
});
