import { expect, test } from 'vitest';
import type { Outcome } from '../../src/outcome.js';
import { KindCounter } from '../../src/report/kinds.js';

function count(outcomes: Omit<Outcome, 'row'>[]) {
  const counter = new KindCounter();
  for (const [i, outcome] of outcomes.entries()) counter.see({ row: i + 1, ...outcome });
  return counter.result();
}

const rejected = (more: Partial<Outcome>) => ({ status: 'failed', reason: 'rejected', ...more }) as const;
const invalid = (more: Partial<Outcome>) => ({ status: 'failed', reason: 'invalid', ...more }) as const;

test('failed rows are told apart by field, else by code; the most frequent are told', () => {
  expect(
    count([
      { status: 'created' },
      invalid({ message: 'too_many_cells: the row has 5 cells, the header 4' }),
      invalid({ field: 'email', message: 'required' }),
      invalid({ field: 'email', message: 'invalid_format' }),
      rejected({ field: 'plan', message: 'unknown: plan' }),
      rejected({ field: 'plan', message: 'unknown: plan' }),
      rejected({ field: 'plan' }),
      { status: 'failed', reason: 'retries_exhausted', message: 'given up after 5 attempts' },
      { status: 'failed', reason: 'unconfirmed' },
      { status: 'failed', reason: 'unconfirmed' },
    ]).failed,
  ).toEqual({ 'rejected plan': 3, 'invalid email': 2, unconfirmed: 2, 'invalid too_many_cells': 1 });
});

test('what an API calls a field or says is no word for a terminal unless it looks like one', () => {
  expect(
    count([
      rejected({ message: 'Ann: not accepted' }),
      rejected({ message: 'ann@example.com is not accepted' }),
      rejected({ field: '\u001b[2Jemail' }),
      rejected({ field: 'x'.repeat(100) }),
      rejected({ message: 'VALIDATION_FAILED: ann@example.com' }),
    ]).failed,
  ).toEqual({ rejected: 4, 'rejected VALIDATION_FAILED': 1 });
});

test('any number of fields takes no more memory than a few', () => {
  const outcomes = Array.from({ length: 10_000 }, (_, i) => rejected({ field: `custom_fields.c${i}` }));
  expect(count(outcomes).failed).toMatchObject({ rejected: 9_800 });
  expect(Object.keys(count(outcomes).failed)).toHaveLength(4);
});

test('skipped rows that repeat a row of the file are told from those that meet the destination', () => {
  expect(
    count([
      { status: 'skipped', reason: 'duplicate_email', duplicateOf: 'destination' },
      { status: 'skipped', reason: 'duplicate_email', duplicateOf: '1' },
      { status: 'skipped', reason: 'duplicate_external_id', duplicateOf: '4' },
      { status: 'skipped', reason: 'already_synced' },
    ]).repeats,
  ).toEqual({ duplicate_email: 1, duplicate_external_id: 1 });
});
