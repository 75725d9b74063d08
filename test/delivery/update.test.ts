import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterCreate,
  afterFind,
  afterLookUp,
  afterUpdate,
  beforeCreate,
  type Errand,
  type RowState,
  type Rules,
  type Step,
} from '../../src/delivery/decide.js';
import type { Finding } from '../../src/destinations/destination.js';
import type { Outcome } from '../../src/outcome.js';
import type { Verdict } from '../../src/verdict.js';

const STATE: RowState = { row: 7, attempts: 1, inDoubt: false };
const BY_ID: Rules = {
  attempts: 5,
  canLookUp: true,
  circuitOpen: false,
  enforcesUniqueness: true,
  update: 'by_id',
};
const BY_ITSELF: Rules = { ...BY_ID, canLookUp: false, update: 'by_itself' };
const NOT_UNIQUE: Rules = { ...BY_ID, enforcesUniqueness: false };
const duplicate: Verdict = { kind: 'duplicate', key: 'external_id', message: 'taken' };
const skipped: Outcome = {
  row: 7,
  attempts: 1,
  status: 'skipped',
  reason: 'duplicate_external_id',
  field: 'external_id',
  duplicateOf: 'destination',
};

describe('a contact that is there already', () => {
  test('is looked up for its id, or updated at once where the API finds it', () => {
    expect(afterCreate(duplicate, STATE, BY_ID)).toEqual({ do: 'look_up', otherwise: skipped });
    expect(afterCreate(duplicate, STATE, BY_ITSELF)).toEqual({ do: 'update', otherwise: skipped });
  });

  test('found, it is updated; a row that is not in doubt never claims to have created it', () => {
    const found: Finding = { kind: 'found', same: true, contactId: 'c-1', createdMs: 5_000 };
    const step = afterLookUp(found, skipped, 1_000, STATE, BY_ID);
    expect(step).toEqual({ do: 'update', contactId: 'c-1', otherwise: skipped });
  });

  test('in doubt it is ours when it was created since, else updated', () => {
    const doubt = { ...STATE, inDoubt: true };
    const found: Finding = { kind: 'found', same: true, contactId: 'c-1', createdMs: 5_000 };
    expect(afterLookUp(found, skipped, 1_000, doubt, BY_ID)).toMatchObject({
      outcome: { status: 'created', reason: 'confirmed_on_retry' },
    });
    expect(afterLookUp(found, skipped, 9_000, doubt, BY_ID)).toMatchObject({
      do: 'update',
      contactId: 'c-1',
    });
  });

  test('not found by its key, or without an id, it stays what the API called it', () => {
    const last = { ...STATE, attempts: 5 };
    expect(afterLookUp({ kind: 'absent' }, skipped, 0, last, BY_ID)).toEqual({
      do: 'settle',
      outcome: skipped,
    });
    expect(afterLookUp({ kind: 'absent' }, skipped, 0, STATE, BY_ID)).toEqual({
      do: 'retry',
      inDoubt: false,
      spent: true,
    });
    expect(afterLookUp({ kind: 'found', same: false }, skipped, 0, STATE, BY_ID)).toMatchObject({
      do: 'settle',
      outcome: { status: 'skipped' },
    });
  });

  test('where nothing is unique it is asked for before it is created', () => {
    expect(beforeCreate({ ...STATE, attempts: 0 }, NOT_UNIQUE)).toEqual({ do: 'find' });
    expect(afterFind({ kind: 'absent' }, STATE, NOT_UNIQUE)).toEqual({ do: 'create' });
    expect(afterFind({ kind: 'found', same: false, contactId: 'c-1' }, STATE, NOT_UNIQUE)).toMatchObject({
      do: 'update',
      contactId: 'c-1',
    });
  });
});

test('where nothing is unique, a row of a crash that is there since before the run is updated, while attempts last', () => {
  const doubt = { ...STATE, inDoubt: true };
  const otherwise: Outcome = { row: 7, attempts: 1, status: 'failed', reason: 'unconfirmed' };
  const older: Finding = { kind: 'found', same: false, contactId: 'c-1', createdMs: 5_000 };
  expect(afterLookUp(older, otherwise, 9_000, doubt, NOT_UNIQUE)).toEqual({
    do: 'update',
    contactId: 'c-1',
    otherwise,
  });
  const settled = { do: 'settle', outcome: otherwise };
  expect(afterLookUp(older, otherwise, 9_000, { ...doubt, attempts: 5 }, NOT_UNIQUE)).toEqual(settled);
  expect(afterLookUp({ ...older, createdMs: 9_500 }, otherwise, 9_000, doubt, NOT_UNIQUE)).toEqual(settled);
  const { update: _, ...skipping } = NOT_UNIQUE;
  expect(afterLookUp(older, otherwise, 9_000, doubt, skipping)).toEqual(settled);
});

/** One row's life, as the lanes lead it, at an API that keeps what it is told and loses answers. */
test('whatever gets lost: what the outcome says is what the API holds, and nothing is created twice', () => {
  type Fault = 'none' | 'before' | 'after' | 'throttled' | 'unreached';
  const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'before', 'after', 'throttled', 'unreached');
  const rules = fc.constantFrom(BY_ID, BY_ITSELF, NOT_UNIQUE);
  fc.assert(
    fc.property(
      rules,
      fc.boolean(),
      fc.array(fault, { minLength: 60, maxLength: 60 }),
      (given, there, faults) => {
        const held: { ours: boolean; content: string; createdMs: number }[] = [];
        if (there) held.push({ ours: false, content: 'old', createdMs: 0 });
        const state = { row: 7, attempts: 0, inDoubt: false };
        let errand: Errand | undefined;
        let outcome: Outcome | undefined;

        const carryOut = (): Verdict | Finding => {
          const first = held[0];
          switch (errand?.do) {
            case 'look_up':
            case 'find': {
              // The newest of what there is, as a destination without unique keys would have to choose.
              const one = held.at(-1);
              if (!one) return { kind: 'absent' };
              return {
                kind: 'found',
                same: one.content === 'new',
                contactId: 'c',
                createdMs: one.createdMs,
              };
            }
            case 'update':
              if (first) first.content = 'new';
              return { kind: 'updated', contactId: 'c' };
            default:
              if (given.enforcesUniqueness && first) return { kind: 'duplicate', key: 'email', message: '' };
              held.push({ ours: true, content: 'new', createdMs: 100 });
              return { kind: 'created', contactId: 'c' };
          }
        };

        for (const fault of faults) {
          const before: Step | undefined = errand ? undefined : beforeCreate({ ...state }, given);
          let step = before;
          if (step === undefined) {
            const answer = fault === 'none' || fault === 'after' ? carryOut() : undefined;
            const failure: Verdict | undefined =
              fault === 'throttled'
                ? { kind: 'throttled', message: '' }
                : fault === 'unreached'
                  ? { kind: 'unreached', message: '' }
                  : fault === 'none'
                    ? undefined
                    : { kind: 'unclear', message: '' };
            const asked = errand?.do === 'look_up' || errand?.do === 'find';
            const finding = asked
              ? failure
                ? ({ kind: 'no_answer', verdict: failure } as const)
                : (answer as Finding)
              : undefined;
            const verdict = failure ?? (answer as Verdict);
            const spent = { ...state, attempts: state.attempts + 1 };
            if (errand?.do === 'look_up')
              step = afterLookUp(finding!, errand.otherwise, 50, { ...state }, given);
            else if (errand?.do === 'find') step = afterFind(finding!, spent, given);
            else if (errand?.do === 'update') step = afterUpdate(verdict, errand, spent, given);
            else {
              step = afterCreate(verdict, spent, given);
              if (step.do === 'look_up' || step.do === 'update') state.attempts++;
            }
          }
          if (step.do === 'settle') {
            outcome = step.outcome;
            break;
          }
          if (step.do === 'halt') throw new Error('halted');
          if (step.do === 'retry') {
            errand = undefined;
            state.inDoubt ||= step.inDoubt;
            if (step.spent) state.attempts++;
          } else if (step.do !== 'throttle') errand = step;
        }

        const ours = held.filter((contact) => contact.ours).length;
        expect(ours).toBeLessThanOrEqual(1);
        if (outcome === undefined) return; // the faults never ended
        if (outcome.status === 'created') expect(ours).toBe(1);
        if (outcome.status === 'updated') {
          expect(held.every(({ content }) => content === 'new')).toBe(true);
        }
        if (outcome.status === 'skipped') expect(held.length).toBe(1);
        if (outcome.reason === 'retries_exhausted') expect(ours).toBe(0);
      },
    ),
    { numRuns: 2_000 },
  );
});
