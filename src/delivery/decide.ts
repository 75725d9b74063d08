/** What to do with a row after an answer. Pure: everything it needs is given. */
import type { Finding } from '../destinations/destination.js';
import type { Outcome } from '../outcome.js';
import type { Verdict } from '../verdict.js';

export interface RowState {
  row: number;
  /** Attempts spent, the one just answered included. */
  attempts: number;
  /** Once sent without an answer: the destination may hold our contact. */
  inDoubt: boolean;
  httpStatus?: number;
}

export interface Rules {
  /** Attempts after which a row is given up. */
  attempts: number;
  canLookUp: boolean;
  /** The API is known to be down: failures are its, not the row's. */
  circuitOpen: boolean;
  /** See {@link Destination.enforcesUniqueness}. */
  enforcesUniqueness: boolean;
}

export type Step =
  | { do: 'settle'; outcome: Outcome }
  /** Ask the destination whether it holds our contact; settle `otherwise` if it does not. */
  | { do: 'look_up'; otherwise: Outcome }
  /** Later, in a batch of its own. */
  | { do: 'retry'; inDoubt: boolean; spent: boolean }
  /** Everybody waits, then this row again; nothing spent. */
  | { do: 'throttle'; waitMs?: number }
  | { do: 'halt'; code: string; message: string };

const MAYBE_OURS = 'an earlier attempt of this row had no answer, so it may be this very contact';

/** After an answer to a create. `duplicate` and `rejected` of a row in doubt are believed only after a look-up. */
export function afterCreate(verdict: Verdict, state: RowState, rules: Rules): Step {
  switch (verdict.kind) {
    case 'created':
    case 'updated': {
      // The way of nearly every row: no spreads.
      const outcome: Outcome = { row: state.row, status: verdict.kind, attempts: state.attempts };
      if (state.httpStatus !== undefined) outcome.httpStatus = state.httpStatus;
      if (verdict.contactId !== undefined) outcome.contactId = verdict.contactId;
      return { do: 'settle', outcome };
    }
    case 'duplicate':
      return believe(duplicateOutcome(verdict, state), state, rules);
    case 'rejected':
      return believe(
        {
          ...base(state),
          status: 'failed',
          reason: 'rejected',
          message: verdict.code === undefined ? verdict.message : `${verdict.code}: ${verdict.message}`,
          ...(verdict.field === undefined ? {} : { field: verdict.field }),
        },
        state,
        rules,
      );
    case 'throttled':
      return { do: 'throttle', ...(verdict.waitMs === undefined ? {} : { waitMs: verdict.waitMs }) };
    case 'refused':
      return { do: 'halt', code: verdict.code, message: verdict.message };
    case 'unreached':
      return { do: 'retry', inDoubt: state.inDoubt, spent: false };
    case 'unavailable':
    case 'unclear':
      return { do: 'retry', inDoubt: true, spent: !rules.circuitOpen };
  }
}

/** Where a row that comes (back) from the queue goes on; undefined = send it. */
export function beforeCreate(state: RowState, rules: Rules): Step | undefined {
  const givenUp = state.attempts >= rules.attempts;
  if (!givenUp && (!state.inDoubt || rules.enforcesUniqueness)) return undefined;
  if (!state.inDoubt) {
    return {
      do: 'settle',
      outcome: {
        ...base(state),
        status: 'failed',
        reason: 'retries_exhausted',
        message: `given up after ${state.attempts} attempts`,
      },
    };
  }
  const unconfirmed: Outcome = {
    ...base(state),
    status: 'failed',
    reason: 'unconfirmed',
    message: givenUp
      ? `${state.attempts} attempts without a clear answer; it may have been created`
      : 'an attempt had no answer and repeating it could create the contact twice',
  };
  return rules.canLookUp ? { do: 'look_up', otherwise: unconfirmed } : { do: 'settle', outcome: unconfirmed };
}

/**
 * After the answer to a look-up. `firstSentMs`: when the row was first sent, in the API's clock. `found` is ours when
 * it holds what we sent and was not there before. Not found: a search may lag behind, so it is asked again while
 * attempts are left.
 */
export function afterLookUp(
  finding: Finding,
  otherwise: Outcome,
  firstSentMs: number,
  state: RowState,
  rules: Rules,
): Step {
  switch (finding.kind) {
    case 'found': {
      const contactId = finding.contactId === undefined ? {} : { contactId: finding.contactId };
      if (finding.same && finding.createdMs !== undefined && finding.createdMs >= firstSentMs) {
        const outcome: Outcome = {
          ...base(state),
          status: 'created',
          reason: 'confirmed_on_retry',
          ...contactId,
        };
        return { do: 'settle', outcome };
      }
      // Only what was there before our first attempt is surely another's (an API may cut `created_at` to seconds).
      const older = finding.createdMs !== undefined && finding.createdMs + 1_000 <= firstSentMs;
      const caveat = older ? {} : { message: MAYBE_OURS };
      if (otherwise.status === 'skipped') {
        return { do: 'settle', outcome: { ...otherwise, ...contactId, ...caveat } };
      }
      // Beside another's contact ours may stand as well, unless the API keeps them unique.
      if (otherwise.reason === 'unconfirmed' && rules.enforcesUniqueness) {
        const outcome: Outcome = {
          ...base(state),
          status: 'skipped',
          reason: 'duplicate_email',
          duplicateOf: 'destination',
          ...contactId,
          ...caveat,
        };
        return { do: 'settle', outcome };
      }
      return { do: 'settle', outcome: otherwise };
    }
    case 'absent':
      if (!lastLookUp(otherwise, state, rules)) {
        if (otherwise.status === 'skipped' || otherwise.reason === 'unconfirmed') {
          return { do: 'retry', inDoubt: true, spent: true };
        }
      }
      if (otherwise.reason === 'unconfirmed' && rules.enforcesUniqueness) {
        const message = `given up after ${rules.attempts} attempts; look-ups did not find it`;
        return {
          do: 'settle',
          outcome: { ...otherwise, reason: 'retries_exhausted', message, attempts: rules.attempts },
        };
      }
      return {
        do: 'settle',
        outcome: otherwise.status === 'skipped' ? { ...otherwise, message: MAYBE_OURS } : otherwise,
      };
    case 'no_answer': {
      const { verdict } = finding;
      if (verdict.kind === 'throttled' || verdict.kind === 'refused') {
        return afterCreate(verdict, state, rules);
      }
      const outage = verdict.kind === 'unreached' || rules.circuitOpen;
      // Asked again as it is: a retry would forget what the API has already said about this row.
      if (outage) return { do: 'look_up', otherwise };
      if (!lastLookUp(otherwise, state, rules)) return { do: 'retry', inDoubt: true, spent: true };
      return {
        do: 'settle',
        outcome: otherwise.status === 'skipped' ? { ...otherwise, message: MAYBE_OURS } : otherwise,
      };
    }
  }
}

/** Look-ups of a row that is given up, before they are believed to find nothing. */
const LOOK_UPS_MORE = 2;

/** Without attempts left a retry would only look up; an answer we had (`duplicate`, `rejected`) then tells more. */
function lastLookUp(otherwise: Outcome, state: RowState, rules: Rules): boolean {
  return state.attempts >= rules.attempts + (otherwise.reason === 'unconfirmed' ? LOOK_UPS_MORE : 0);
}

function believe(outcome: Outcome, state: RowState, rules: Rules): Step {
  if (!state.inDoubt) return { do: 'settle', outcome };
  if (rules.canLookUp) return { do: 'look_up', otherwise: outcome };
  const caveat = outcome.status === 'skipped' ? { message: MAYBE_OURS } : {};
  return { do: 'settle', outcome: { ...outcome, ...caveat } };
}

function duplicateOutcome(verdict: Extract<Verdict, { kind: 'duplicate' }>, state: RowState): Outcome {
  return {
    ...base(state),
    status: 'skipped',
    reason: verdict.key === undefined ? 'duplicate_contact' : `duplicate_${verdict.key}`,
    duplicateOf: 'destination',
    ...(verdict.contactId === undefined ? {} : { contactId: verdict.contactId }),
    ...(verdict.key === undefined ? { message: verdict.message } : { field: verdict.key }),
  };
}

function base(state: RowState): Pick<Outcome, 'row' | 'attempts' | 'httpStatus'> {
  return {
    row: state.row,
    attempts: state.attempts,
    ...(state.httpStatus === undefined ? {} : { httpStatus: state.httpStatus }),
  };
}

/** Exponential backoff with jitter: 1, 2, 4 … 60 s, each shortened by up to half. `random` in [0, 1). */
export function backoffMs(attempts: number, random: number): number {
  return Math.min(60_000, 1_000 * 2 ** Math.max(0, attempts - 1)) * (0.5 + random / 2);
}
