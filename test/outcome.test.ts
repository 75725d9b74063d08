import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CODE,
  codeOf,
  decodeOutcome,
  type EncodedOutcome,
  encodeOutcome,
  fold,
  type Outcome,
  REASONS,
  type Reason,
} from '../src/outcome.js';

type Settled = Outcome['status'];

const STATUSES: readonly Settled[] = ['created', 'updated', 'skipped', 'failed'];

const anyOutcome: fc.Arbitrary<Outcome> = fc.constantFrom(...STATUSES).chain((status) =>
  fc.record(
    {
      row: fc.integer({ min: 1, max: 20_000_000 }),
      status: fc.constant(status),
      reason: fc.constantFrom<Reason>(...(REASONS[status].length > 0 ? REASONS[status] : REASONS.created)),
      field: fc.string(),
      message: fc.string({ unit: 'binary' }),
      contactId: fc.uuid(),
      duplicateOf: fc.oneof(fc.constant('destination'), fc.integer({ min: 1 }).map(String)),
      httpStatus: fc.integer({ min: 100, max: 599 }),
      attempts: fc.integer({ min: 0, max: 99 }),
    },
    { requiredKeys: ['row', 'status'] },
  ),
);

describe('encodeOutcome', () => {
  test('is undone by decodeOutcome', () => {
    fc.assert(
      fc.property(anyOutcome, (outcome) => {
        const cells = JSON.parse(encodeOutcome(outcome)) as EncodedOutcome;
        expect(decodeOutcome(cells)).toEqual(outcome);
      }),
    );
  });

  test('is one line, and short when there is little to say', () => {
    expect(encodeOutcome({ row: 7, status: 'created' })).toBe('[7,0]');
    expect(encodeOutcome({ row: 7, status: 'failed', message: 'a\nb' })).not.toContain('\n');
  });

  test('keeps an empty text and a zero apart from nothing', () => {
    const outcome: Outcome = { row: 1, status: 'failed', message: '', attempts: 0 };
    expect(decodeOutcome(JSON.parse(encodeOutcome(outcome)) as EncodedOutcome)).toEqual(outcome);
  });
});

describe('codeOf', () => {
  const cases: [Pick<Outcome, 'status' | 'reason' | 'duplicateOf'>, number][] = [
    [{ status: 'created' }, CODE.created],
    [{ status: 'created', reason: 'confirmed_on_retry' }, CODE.created],
    [{ status: 'updated' }, CODE.updated],
    [{ status: 'skipped', reason: 'duplicate_email', duplicateOf: 'destination' }, CODE.skippedEmail],
    [
      { status: 'skipped', reason: 'duplicate_external_id', duplicateOf: 'destination' },
      CODE.skippedExternalId,
    ],
    [{ status: 'skipped', reason: 'duplicate_contact', duplicateOf: 'destination' }, CODE.skippedContact],
    [{ status: 'skipped', reason: 'duplicate_email', duplicateOf: '3' }, CODE.skippedHere],
    [{ status: 'skipped', reason: 'duplicate_external_id', duplicateOf: '3' }, CODE.skippedHere],
    [{ status: 'skipped', reason: 'already_synced' }, CODE.synced],
    [{ status: 'failed', reason: 'invalid' }, CODE.failed],
    [{ status: 'failed', reason: 'rejected' }, CODE.failed],
    [{ status: 'failed', reason: 'retries_exhausted' }, CODE.failed],
    [{ status: 'failed', reason: 'unconfirmed' }, CODE.unconfirmed],
  ];

  test.each(cases)('%o → %i', (outcome, code) => {
    expect(codeOf(outcome)).toBe(code);
  });

  test('has been asked about every reason of a settled row', () => {
    const asked = new Set(cases.map(([{ status, reason }]) => `${status} ${reason}`));
    for (const status of STATUSES) {
      for (const reason of REASONS[status]) expect(asked).toContain(`${status} ${reason}`);
    }
  });

  test('gives four bits, above the unsettled codes', () => {
    fc.assert(
      fc.property(anyOutcome, (outcome) => {
        const code = codeOf(outcome);
        expect(code).toBeGreaterThan(CODE.attempted);
        expect(code).toBeLessThan(16);
      }),
    );
  });

  test('ranks created > updated > skipped > failed > unsettled', () => {
    const skips = [
      CODE.skippedContact,
      CODE.skippedExternalId,
      CODE.skippedEmail,
      CODE.skippedHere,
      CODE.synced,
    ];
    expect(CODE.created).toBeGreaterThan(CODE.updated);
    expect(CODE.updated).toBeGreaterThan(Math.max(...skips));
    expect(Math.min(...skips)).toBeGreaterThan(CODE.unconfirmed);
    expect(CODE.unconfirmed).toBeGreaterThan(CODE.failed);
    expect(CODE.failed).toBeGreaterThan(CODE.attempted);
    expect(CODE.attempted).toBeGreaterThan(CODE.unsettled);
  });
});

describe('fold', () => {
  test('takes what there is', () => {
    expect(fold(undefined, { row: 1, status: 'failed' })).toEqual({ row: 1, status: 'failed' });
  });

  test('ends with the same code in whatever order outcomes arrive', () => {
    fc.assert(
      fc.property(anyOutcome, anyOutcome, (a, b) => {
        expect(codeOf(fold(a, b))).toBe(codeOf(fold(b, a)));
        expect(codeOf(fold(a, b))).toBe(Math.max(codeOf(a), codeOf(b)));
      }),
    );
  });

  test('ends with the same outcome however they are grouped', () => {
    fc.assert(
      fc.property(anyOutcome, anyOutcome, anyOutcome, (a, b, c) => {
        expect(fold(fold(a, b), c)).toBe(fold(a, fold(b, c)));
      }),
    );
  });

  test('keeps the first of two equals', () => {
    const first: Outcome = { row: 1, status: 'created', contactId: 'a' };
    expect(fold(first, { row: 1, status: 'created', contactId: 'b' })).toBe(first);
  });
});

test('the reasons are the documented ones', () => {
  expect(REASONS).toEqual({
    created: ['confirmed_on_retry'],
    updated: [],
    skipped: ['duplicate_email', 'duplicate_external_id', 'duplicate_contact', 'already_synced'],
    failed: ['invalid', 'rejected', 'retries_exhausted', 'unconfirmed'],
    unprocessed: ['cancelled', 'halted'],
  });
});
