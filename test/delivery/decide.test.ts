import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterCreate,
  afterLookUp,
  backoffMs,
  beforeCreate,
  ofOneThere,
  type RowState,
  type Rules,
  type Step,
} from '../../src/delivery/decide.js';
import type { Finding } from '../../src/destinations/destination.js';
import type { Outcome } from '../../src/outcome.js';
import type { Verdict } from '../../src/verdict.js';

const FRESH: RowState = { row: 7, attempts: 1, inDoubt: false, httpStatus: 200 };
const DOUBT: RowState = { ...FRESH, attempts: 2, inDoubt: true };
const RULES: Rules = { attempts: 5, canLookUp: true, circuitOpen: false, enforcesUniqueness: true };
const BLIND: Rules = { ...RULES, canLookUp: false };
const NOT_UNIQUE: Rules = { ...RULES, enforcesUniqueness: false };
const OUTAGE: Rules = { ...RULES, circuitOpen: true };

const MAYBE = 'an earlier attempt of this row had no answer, so it may be this very contact';

const settled = (step: Step | undefined): Outcome => {
  if (step?.do !== 'settle') throw new Error(`not settled: ${JSON.stringify(step)}`);
  return step.outcome;
};

const VERDICTS: Verdict[] = [
  { kind: 'created', contactId: 'u-1' },
  { kind: 'updated', contactId: 'u-1' },
  { kind: 'duplicate', key: 'email', message: 'taken' },
  { kind: 'duplicate', key: 'external_id', message: 'taken' },
  { kind: 'duplicate', message: 'taken' },
  { kind: 'rejected', field: 'email', code: 'invalid_format', message: 'bad' },
  { kind: 'rejected', message: 'bad' },
  { kind: 'throttled', waitMs: 500, message: 'slow' },
  { kind: 'throttled', message: 'slow' },
  { kind: 'unavailable', message: 'down' },
  { kind: 'unclear', message: 'cut' },
  { kind: 'unreached', message: 'refused' },
  { kind: 'refused', code: 'http_401', message: 'no' },
];

describe('after a create', () => {
  test.each(['created', 'updated'] as const)('%s settles, in doubt or not', (kind) => {
    for (const state of [FRESH, DOUBT]) {
      for (const rules of [RULES, BLIND, NOT_UNIQUE, OUTAGE]) {
        expect(afterCreate({ kind, contactId: 'u-1' }, state, rules)).toEqual({
          do: 'settle',
          outcome: { row: 7, attempts: state.attempts, httpStatus: 200, status: kind, contactId: 'u-1' },
        });
      }
    }
    expect(settled(afterCreate({ kind }, { row: 7, attempts: 1, inDoubt: false }, RULES))).toEqual({
      row: 7,
      attempts: 1,
      status: kind,
    });
  });

  test('a duplicate whose id the answer tells keeps it', () => {
    const verdict: Verdict = { kind: 'duplicate', key: 'email', contactId: 'u-7', message: 'taken' };
    expect(settled(afterCreate(verdict, FRESH, RULES))).toMatchObject({
      status: 'skipped',
      contactId: 'u-7',
    });
  });

  test.each([
    ['email', { reason: 'duplicate_email', field: 'email' }],
    ['external_id', { reason: 'duplicate_external_id', field: 'external_id' }],
    [undefined, { reason: 'duplicate_contact', message: 'taken' }],
  ] as const)('a duplicate by %s is skipped', (key, words) => {
    const verdict: Verdict = { kind: 'duplicate', ...(key && { key }), message: 'taken' };
    const outcome = { row: 7, httpStatus: 200, status: 'skipped', duplicateOf: 'destination', ...words };
    expect(afterCreate(verdict, FRESH, RULES)).toEqual({
      do: 'settle',
      outcome: { ...outcome, attempts: 1 },
    });
    expect(afterCreate(verdict, DOUBT, RULES)).toEqual({
      do: 'look_up',
      otherwise: { ...outcome, attempts: 2 },
    });
    expect(settled(afterCreate(verdict, DOUBT, BLIND))).toEqual({ ...outcome, attempts: 2, message: MAYBE });
  });

  test('a rejection is failed; in doubt it is looked up first', () => {
    const verdict: Verdict = { kind: 'rejected', field: 'email', code: 'invalid_format', message: 'bad' };
    const outcome = {
      row: 7,
      attempts: 1,
      httpStatus: 200,
      status: 'failed',
      reason: 'rejected',
      field: 'email',
      message: 'invalid_format: bad',
    };
    expect(afterCreate(verdict, FRESH, RULES)).toEqual({ do: 'settle', outcome });
    expect(afterCreate(verdict, DOUBT, RULES)).toEqual({
      do: 'look_up',
      otherwise: { ...outcome, attempts: 2 },
    });
    expect(settled(afterCreate({ kind: 'rejected', message: 'bad' }, FRESH, RULES))).toMatchObject({
      message: 'bad',
    });
  });

  test('a throttled row waits and spends nothing', () => {
    for (const state of [FRESH, DOUBT]) {
      expect(afterCreate({ kind: 'throttled', waitMs: 500, message: '' }, state, RULES)).toEqual({
        do: 'throttle',
        waitMs: 500,
      });
      expect(afterCreate({ kind: 'throttled', message: '' }, state, RULES)).toEqual({ do: 'throttle' });
    }
  });

  test('a refusal halts and settles nothing', () => {
    for (const state of [FRESH, DOUBT]) {
      expect(afterCreate({ kind: 'refused', code: 'http_401', message: 'no' }, state, RULES)).toEqual({
        do: 'halt',
        code: 'http_401',
        message: 'no',
      });
    }
  });

  test.each(['unavailable', 'unclear'] as const)('%s puts in doubt; an outage spends nothing', (kind) => {
    for (const state of [FRESH, DOUBT]) {
      const verdict: Verdict = { kind, message: '' };
      expect(afterCreate(verdict, state, RULES)).toEqual({ do: 'retry', inDoubt: true, spent: true });
      expect(afterCreate(verdict, state, OUTAGE)).toEqual({ do: 'retry', inDoubt: true, spent: false });
    }
  });

  test('unreached spends nothing and leaves the doubt there was', () => {
    const verdict: Verdict = { kind: 'unreached', message: '' };
    expect(afterCreate(verdict, FRESH, RULES)).toEqual({ do: 'retry', inDoubt: false, spent: false });
    expect(afterCreate(verdict, DOUBT, RULES)).toEqual({ do: 'retry', inDoubt: true, spent: false });
  });
});

describe('before a create', () => {
  test('a row with attempts left is sent; in doubt only where the API keeps contacts unique', () => {
    expect(beforeCreate({ ...FRESH, attempts: 0 }, RULES)).toBeUndefined();
    expect(beforeCreate({ ...FRESH, attempts: 4 }, NOT_UNIQUE)).toBeUndefined();
    expect(beforeCreate({ ...DOUBT, attempts: 4 }, RULES)).toBeUndefined();
    expect(beforeCreate({ ...DOUBT, attempts: 4 }, BLIND)).toBeUndefined();
  });

  test('a row without attempts left is given up', () => {
    expect(settled(beforeCreate({ row: 7, attempts: 5, inDoubt: false }, RULES))).toEqual({
      row: 7,
      attempts: 5,
      status: 'failed',
      reason: 'retries_exhausted',
      message: 'given up after 5 attempts',
    });
  });

  test('a row in doubt is looked up before it is given up, and unconfirmed when it cannot be', () => {
    const state = { row: 7, attempts: 5, inDoubt: true };
    const otherwise = {
      row: 7,
      attempts: 5,
      status: 'failed',
      reason: 'unconfirmed',
      message: '5 attempts without a clear answer; it may have been created',
    };
    expect(beforeCreate(state, RULES)).toEqual({ do: 'look_up', otherwise });
    expect(beforeCreate(state, BLIND)).toEqual({ do: 'settle', outcome: otherwise });
  });

  test('a row in doubt is never sent again where the API may hold it twice', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.integer({ min: 1, max: 10 }),
        fc.boolean(),
        fc.boolean(),
        (spent, most, look, open) => {
          const rules = { attempts: most, canLookUp: look, circuitOpen: open, enforcesUniqueness: false };
          const step = beforeCreate({ row: 7, attempts: spent, inDoubt: true }, rules);
          expect(step?.do).toBe(look ? 'look_up' : 'settle');
          expect(step?.do === 'look_up' ? step.otherwise : settled(step)).toMatchObject({
            reason: 'unconfirmed',
          });
        },
      ),
    );
  });
});

const SINCE = 1_000_000;
const SKIPPED: Outcome = {
  row: 7,
  status: 'skipped',
  reason: 'duplicate_external_id',
  field: 'external_id',
  duplicateOf: 'destination',
};
const UNCONFIRMED: Outcome = { row: 7, status: 'failed', reason: 'unconfirmed', message: 'perhaps' };
const REJECTED: Outcome = { row: 7, status: 'failed', reason: 'rejected', message: 'bad' };
const OTHERWISE = [SKIPPED, UNCONFIRMED, REJECTED];

describe('after a look-up that found', () => {
  const stepAfter = (
    finding: Partial<Extract<Finding, { kind: 'found' }>>,
    otherwise: Outcome,
    rules = RULES,
  ) =>
    settled(
      afterLookUp(
        { kind: 'found', same: true, contactId: 'u-9', ...finding },
        otherwise,
        SINCE,
        DOUBT,
        rules,
      ),
    );

  test('what was sent, created since: ours', () => {
    for (const rules of [RULES, NOT_UNIQUE, OUTAGE]) {
      for (const otherwise of OTHERWISE) {
        for (const createdMs of [SINCE, SINCE + 1]) {
          expect(stepAfter({ createdMs }, otherwise, rules)).toEqual({
            row: 7,
            attempts: 2,
            httpStatus: 200,
            status: 'created',
            reason: 'confirmed_on_retry',
            contactId: 'u-9',
          });
        }
      }
    }
  });

  const noProof: [string, Partial<Extract<Finding, { kind: 'found' }>>, boolean][] = [
    ['the same, surely created before', { createdMs: SINCE - 1_000 }, false],
    ['the same, created before by less than a second', { createdMs: SINCE - 1 }, true],
    ['the same, nobody knows when', {}, true],
    ['another content, created since', { same: false, createdMs: SINCE + 1 }, true],
    ['another content, nobody knows when', { same: false }, true],
    ['another content, created before', { same: false, createdMs: SINCE - 1_000 }, false],
  ];

  test.each(noProof)('%s: no proof, so a duplicate is skipped', (_, finding, maybe) => {
    expect(stepAfter(finding, SKIPPED)).toEqual({
      ...SKIPPED,
      contactId: 'u-9',
      ...(maybe && { message: MAYBE }),
    });
  });

  test.each(noProof)('%s: no proof, so a row in doubt is a duplicate', (_, finding, maybe) => {
    expect(stepAfter(finding, UNCONFIRMED)).toEqual({
      row: 7,
      attempts: 2,
      httpStatus: 200,
      status: 'skipped',
      reason: 'duplicate_email',
      duplicateOf: 'destination',
      contactId: 'u-9',
      ...(maybe && { message: MAYBE }),
    });
  });

  test.each(noProof)('%s: no proof, and ours may stand beside it where nothing is unique', (_, finding) => {
    expect(stepAfter(finding, UNCONFIRMED, NOT_UNIQUE)).toEqual(UNCONFIRMED);
  });

  test.each(noProof)('%s: no proof, so a rejection stays one', (_, finding) => {
    expect(stepAfter(finding, REJECTED)).toEqual(REJECTED);
  });
});

describe('after a look-up that found nothing', () => {
  const stepAfter = (otherwise: Outcome, attempts: number, rules = RULES) =>
    afterLookUp({ kind: 'absent' }, otherwise, SINCE, { ...DOUBT, attempts }, rules);
  const retry = { do: 'retry', inDoubt: true, spent: true };

  test('a duplicate is tried again while attempts are left, then believed', () => {
    expect(stepAfter(SKIPPED, 4)).toEqual(retry);
    for (const attempts of [5, 6, 7]) {
      expect(stepAfter(SKIPPED, attempts)).toEqual({ do: 'settle', outcome: { ...SKIPPED, message: MAYBE } });
    }
  });

  test('a row in doubt is looked up twice more before it is given up', () => {
    expect(stepAfter(UNCONFIRMED, 5)).toEqual(retry);
    expect(stepAfter(UNCONFIRMED, 6)).toEqual(retry);
    expect(settled(stepAfter(UNCONFIRMED, 7))).toEqual({
      row: 7,
      status: 'failed',
      reason: 'retries_exhausted',
      message: 'given up after 5 attempts; look-ups did not find it',
      attempts: 5,
    });
    expect(settled(stepAfter(UNCONFIRMED, 7, NOT_UNIQUE))).toEqual(UNCONFIRMED);
  });

  test('a row that may not be sent again waits for a search that lags, not for all its attempts', () => {
    expect(stepAfter(UNCONFIRMED, 3, NOT_UNIQUE)).toEqual(retry);
    expect(settled(stepAfter(UNCONFIRMED, 4, NOT_UNIQUE))).toEqual(UNCONFIRMED);
  });

  test('a rejection stands', () => {
    expect(stepAfter(REJECTED, 2)).toEqual({ do: 'settle', outcome: REJECTED });
  });
});

describe('after a look-up without an answer', () => {
  const stepAfter = (verdict: Verdict, otherwise: Outcome, attempts = 2, rules = RULES) =>
    afterLookUp({ kind: 'no_answer', verdict }, otherwise, SINCE, { ...DOUBT, attempts }, rules);
  const unclear: Verdict = { kind: 'unclear', message: '' };

  test('everybody waits, or the run halts, as after a create', () => {
    for (const otherwise of OTHERWISE) {
      expect(stepAfter({ kind: 'throttled', waitMs: 9, message: '' }, otherwise)).toEqual({
        do: 'throttle',
        waitMs: 9,
      });
      expect(stepAfter({ kind: 'refused', code: 'c', message: 'm' }, otherwise, 9)).toEqual({
        do: 'halt',
        code: 'c',
        message: 'm',
      });
    }
  });

  test('an outage spends nothing and forgets nothing, however many attempts are spent', () => {
    for (const otherwise of OTHERWISE) {
      for (const attempts of [2, 5, 9]) {
        expect(stepAfter({ kind: 'unreached', message: '' }, otherwise, attempts)).toEqual({
          do: 'look_up',
          otherwise,
        });
        expect(stepAfter(unclear, otherwise, attempts, OUTAGE)).toEqual({ do: 'look_up', otherwise });
      }
    }
  });

  test('the row is tried again while that can tell more, then what is known stands', () => {
    for (const otherwise of OTHERWISE) {
      expect(stepAfter(unclear, otherwise, 4)).toEqual({ do: 'retry', inDoubt: true, spent: true });
    }
    expect(settled(stepAfter(unclear, SKIPPED, 5))).toEqual({ ...SKIPPED, message: MAYBE });
    expect(settled(stepAfter(unclear, REJECTED, 5))).toEqual(REJECTED);
    expect(stepAfter(unclear, UNCONFIRMED, 6)).toMatchObject({ do: 'retry' });
    expect(settled(stepAfter(unclear, UNCONFIRMED, 7))).toEqual(UNCONFIRMED);
  });
});

/**
 * A row's whole life at a destination that answers as it likes, as the lanes lead it. `created` says that the
 * destination then holds our contact, and how often it was asked to create it.
 */
const anyVerdict = fc.constantFrom(...VERDICTS);
const anyFinding: fc.Arbitrary<Finding> = fc.oneof(
  fc.constant<Finding>({ kind: 'absent' }),
  fc.record({
    kind: fc.constant('found' as const),
    same: fc.boolean(),
    createdMs: fc.constantFrom(SINCE - 5_000, SINCE),
  }),
  fc.record({ kind: fc.constant('found' as const), same: fc.boolean() }),
  anyVerdict
    .filter(({ kind }) => kind !== 'created' && kind !== 'updated' && kind !== 'duplicate')
    .map((verdict): Finding => ({ kind: 'no_answer', verdict })),
);

test('no course of answers resends in doubt without uniqueness, claims without proof, or goes on forever', () => {
  const rules = fc.record<Rules>({
    attempts: fc.integer({ min: 1, max: 4 }),
    canLookUp: fc.boolean(),
    circuitOpen: fc.constant(false),
    enforcesUniqueness: fc.boolean(),
  });
  const script = fc.array(fc.tuple(anyVerdict, anyFinding), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(rules, script, (given, answers) => {
      let attempts = 0;
      let inDoubt = false;
      let unspent = 0;
      let otherwise: Outcome | undefined;
      for (const [verdict, finding] of answers) {
        const now = () => ({ row: 7, attempts, inDoubt });
        let step: Step;
        if (otherwise === undefined) {
          const before = beforeCreate(now(), given);
          if (before === undefined) {
            expect(inDoubt && !given.enforcesUniqueness).toBe(false);
            expect(attempts).toBeLessThan(given.attempts);
            step = afterCreate(verdict, { ...now(), attempts: attempts + 1 }, given);
            if (step.do === 'look_up') attempts++;
            if (step.do === 'settle' && step.outcome.status === 'created') {
              expect(verdict.kind).toBe('created');
            }
          } else step = before;
        } else {
          const asked = otherwise;
          otherwise = undefined;
          step = afterLookUp(finding, asked, SINCE, now(), given);
          if (step.do === 'look_up') unspent++;
          if (step.do === 'settle' && step.outcome.status === 'created') {
            expect(finding).toMatchObject({ kind: 'found', same: true, createdMs: SINCE });
            expect(step.outcome.reason).toBe('confirmed_on_retry');
          }
        }
        if (step.do === 'settle') return;
        if (step.do === 'halt') return;
        if (step.do === 'throttle') unspent++;
        if (step.do === 'look_up') {
          otherwise = step.otherwise;
          expect(inDoubt).toBe(true);
        }
        if (step.do === 'retry') {
          // Doubt is sticky.
          expect(step.inDoubt || !inDoubt).toBe(true);
          inDoubt = step.inDoubt;
          if (step.spent) attempts++;
          else unspent++;
        }
        expect(attempts).toBeLessThanOrEqual(given.attempts + 3);
      }
      // Only outages and limits can keep a row so long.
      expect(unspent).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

describe('backoffMs', () => {
  test.each([
    [0, 1_000],
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [6, 32_000],
    [7, 60_000],
    [50, 60_000],
    [5_000, 60_000],
  ])('after %i attempts is at most %i ms and at least half of it', (attempts, most) => {
    expect(backoffMs(attempts, 0)).toBe(most / 2);
    expect(backoffMs(attempts, 1 - Number.EPSILON)).toBeLessThanOrEqual(most);
    expect(backoffMs(attempts, 1 - Number.EPSILON)).toBeGreaterThan(most * 0.999);
  });
});

describe('a row that is remembered to be there', () => {
  const begin = (rules: Rules, state: RowState = { row: 7, attempts: 0, inDoubt: false }) =>
    ofOneThere(state, rules)?.do;

  test('is not created first where it is to be updated', () => {
    expect(begin({ ...RULES, update: 'by_itself' })).toBe('update');
    expect(begin({ ...RULES, update: 'by_id' })).toBe('look_up');
  });

  test('goes the way of every other where nothing is updated, nothing unique, or where it was sent before', () => {
    expect(begin(RULES)).toBeUndefined();
    expect(begin({ ...NOT_UNIQUE, update: 'by_id' })).toBeUndefined();
    expect(begin({ ...BLIND, update: 'by_id' })).toBeUndefined();
    expect(begin({ ...RULES, update: 'by_itself' }, DOUBT)).toBeUndefined();
  });
});
