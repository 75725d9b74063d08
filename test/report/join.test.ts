import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeOutcome, fold, type Outcome } from '../../src/outcome.js';
import { OutcomesByRow } from '../../src/report/join.js';
import { Journal } from '../../src/report/journal.js';
import { scratchDir } from '../helpers/scratch.js';

async function journaled(outcomes: readonly Outcome[]): Promise<string> {
  const dir = scratchDir();
  const journal = await Journal.open(dir, '1');
  await journal.append([`[${outcomes.map(encodeOutcome).join(',')}]`], '1-0');
  await journal.close();
  return dir;
}

test('gives the outcome of every row, over the borders of the ranges', async () => {
  const rows = [40_000, 1, 2_048, 2_047, 100_000, 4_096, 2];
  const dir = await journaled(rows.map((row) => ({ row, status: 'created', contactId: `c${row}` })));
  const outcomes = await OutcomesByRow.sort(dir);
  for (const row of [...rows].sort((a, b) => a - b)) {
    expect(outcomes.of(row)).toEqual({ row, status: 'created', contactId: `c${row}` });
  }
  for (const row of [0, 3, 2_049, 50_000, 1_000_000]) expect(outcomes.of(row)).toBeUndefined();
  outcomes.close();
  expect(existsSync(join(dir, 'ranges'))).toBe(false);
});

test('holds more than is kept in memory', async () => {
  const all = Array.from(
    { length: 20_000 },
    (_, i): Outcome => ({
      row: i + 1,
      status: 'failed',
      reason: 'rejected',
      message: `é${'x'.repeat(i % 50)}`,
    }),
  );
  const dir = await journaled(all.toReversed());
  const outcomes = await OutcomesByRow.sort(dir);
  // A line for each time a range was written out: some were before the journal had ended.
  const ranges = readdirSync(join(dir, 'ranges')).map((name) =>
    readFileSync(join(dir, 'ranges', name), 'utf8'),
  );
  expect(ranges.flatMap((text) => text.trimEnd().split('\n')).length).toBeGreaterThan(ranges.length);
  expect(all.map(({ row }) => outcomes.of(row))).toEqual(all);
});

test('starts anew over what an earlier attempt left behind', async () => {
  const dir = await journaled([{ row: 1, status: 'failed', reason: 'rejected' }]);
  await OutcomesByRow.sort(dir);
  const outcomes = await OutcomesByRow.sort(dir);
  expect(outcomes.of(1)).toEqual({ row: 1, status: 'failed', reason: 'rejected' });
});

test('folds as outcomes do, in whatever order they were journaled', async () => {
  const outcome = fc
    .tuple(
      fc.constantFrom(1, 2, 2_048),
      fc.constantFrom<Omit<Outcome, 'row'>>(
        { status: 'created' },
        { status: 'updated' },
        { status: 'skipped', reason: 'duplicate_email', duplicateOf: 'destination' },
        { status: 'failed', reason: 'unconfirmed' },
        { status: 'failed', reason: 'rejected' },
      ),
      fc.nat(9),
    )
    .map(([row, what, attempts]): Outcome => ({ ...what, row, attempts }));
  await fc.assert(
    fc.asyncProperty(fc.array(outcome, { maxLength: 12 }), async (all) => {
      const outcomes = await OutcomesByRow.sort(await journaled(all));
      for (const row of [1, 2, 2_048]) {
        const expected = all
          .filter((one) => one.row === row)
          .reduce<Outcome | undefined>((first, next) => fold(first, next), undefined);
        expect(outcomes.of(row)).toEqual(expected);
      }
    }),
    { numRuns: 40 },
  );
});
