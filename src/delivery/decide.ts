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
  /** How a contact that is there already is brought up to date (see {@link Destination.update}); undefined: it is not. */
  update?: 'by_id' | 'by_itself';
}

export type Step =
  | { do: 'settle'; outcome: Outcome }
  | Errand
  /** Later, in a batch of its own. */
  | { do: 'retry'; inDoubt: boolean; spent: boolean }
  /** Everybody waits, then this row again; nothing spent. */
  | { do: 'throttle'; waitMs?: number }
  | { do: 'halt'; code: string; message: string };

/** What the next request of a row is about, when it is not simply to be created. */
export type Errand =
  /**
   * Ask the destination whether it holds our contact; settle `otherwise` if it does not. `proof`: asked only to see
   * whether the API lives; a row that is not found goes on where it was.
   */
  | { do: 'look_up'; otherwise: Outcome; proof?: boolean }
  /** Ask whether it is there already, before it is created: the API itself would not say. */
  | { do: 'find' }
  /** Asked, and it is not there. */
  | { do: 'create' }
  /** It is there, as `contactId` where the API needs to be told; `otherwise`: what the row is without the update. */
  | { do: 'update'; contactId?: string; otherwise: Outcome };

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
    case 'duplicate': {
      const skipped = duplicateOutcome(verdict, state);
      // In doubt it may be ours: that is found out first.
      if (rules.update === undefined || state.inDoubt) return believe(skipped, state, rules);
      return rules.update === 'by_id'
        ? { do: 'look_up', otherwise: skipped }
        : { do: 'update', otherwise: skipped };
    }
    case 'rejected':
      return believe(rejectedOutcome(verdict, state), state, rules);
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

/** How a row begins that is remembered to be there: to be created it would only be refused. */
export function ofOneThere(state: RowState, rules: Rules): Errand | undefined {
  if (state.inDoubt || state.attempts > 0 || !rules.enforcesUniqueness) return undefined;
  const otherwise: Outcome = {
    row: state.row,
    status: 'skipped',
    reason: 'duplicate_email',
    field: 'email',
    duplicateOf: 'destination',
  };
  if (rules.update === 'by_itself') return { do: 'update', otherwise };
  return rules.update === 'by_id' && rules.canLookUp ? { do: 'look_up', otherwise } : undefined;
}

/** Where a row that comes (back) from the queue goes on; undefined = send it. */
export function beforeCreate(state: RowState, rules: Rules): Step | undefined {
  const givenUp = state.attempts >= rules.attempts;
  if (!givenUp && (!state.inDoubt || rules.enforcesUniqueness)) {
    const findFirst = rules.update !== undefined && !rules.enforcesUniqueness && rules.canLookUp;
    return findFirst ? { do: 'find' } : undefined;
  }
  if (!state.inDoubt) {
    return {
      do: 'settle',
      outcome: {
        ...base(state),
        status: 'failed',
        reason: 'retries_exhausted',
        message: `given up after ${attemptsText(state.attempts)}`,
      },
    };
  }
  const unconfirmed: Outcome = {
    ...base(state),
    status: 'failed',
    reason: 'unconfirmed',
    message: givenUp
      ? `${attemptsText(state.attempts)} without a clear answer; it may have been created`
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
      const since = finding.createdMs !== undefined && finding.createdMs >= firstSentMs;
      if (state.inDoubt && finding.same && since) {
        const outcome: Outcome = {
          ...base(state),
          status: 'created',
          reason: 'confirmed_on_retry',
          ...contactId,
        };
        return { do: 'settle', outcome };
      }
      if (otherwise.status === 'skipped' && rules.update === 'by_itself') return { do: 'update', otherwise };
      if (otherwise.status === 'skipped' && rules.update === 'by_id' && finding.contactId !== undefined) {
        return { do: 'update', ...contactId, otherwise };
      }
      // Only what was there before our first attempt is surely another's (an API may cut `created_at` to seconds).
      const older = finding.createdMs !== undefined && finding.createdMs + 1_000 <= firstSentMs;
      const caveat = older ? {} : { message: MAYBE_OURS };
      if (otherwise.status === 'skipped') {
        return { do: 'settle', outcome: { ...otherwise, ...contactId, ...caveat } };
      }
      // Who updates asks before he creates: beside a contact of that age nothing of ours was sent.
      const another = older && !rules.enforcesUniqueness && otherwise.reason === 'unconfirmed';
      if (another && state.attempts < rules.attempts) {
        if (rules.update === 'by_itself') return { do: 'update', otherwise };
        if (rules.update === 'by_id' && finding.contactId !== undefined) {
          return { do: 'update', ...contactId, otherwise };
        }
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
          return { do: 'retry', inDoubt: state.inDoubt, spent: true };
        }
      }
      if (otherwise.reason === 'unconfirmed' && rules.enforcesUniqueness) {
        const message = `given up after ${attemptsText(rules.attempts)}; look-ups did not find it`;
        return {
          do: 'settle',
          outcome: { ...otherwise, reason: 'retries_exhausted', message, attempts: rules.attempts },
        };
      }
      return { do: 'settle', outcome: withCaveat(otherwise, state) };
    case 'no_answer': {
      const { verdict } = finding;
      if (verdict.kind === 'throttled' || verdict.kind === 'refused') {
        return afterCreate(verdict, state, rules);
      }
      const outage = verdict.kind === 'unreached' || rules.circuitOpen;
      // Asked again as it is: a retry would forget what the API has already said about this row.
      if (outage) return { do: 'look_up', otherwise };
      if (!lastLookUp(otherwise, state, rules)) {
        return { do: 'retry', inDoubt: state.inDoubt, spent: true };
      }
      return { do: 'settle', outcome: withCaveat(otherwise, state) };
    }
  }
}

/** After the answer to the question whether the contact is there already. */
export function afterFind(finding: Finding, state: RowState, rules: Rules): Step {
  switch (finding.kind) {
    case 'absent':
      return { do: 'create' };
    case 'found': {
      const contactId = finding.contactId === undefined ? {} : { contactId: finding.contactId };
      const otherwise: Outcome = {
        ...base(state),
        status: 'skipped',
        reason: 'duplicate_email',
        field: 'email',
        duplicateOf: 'destination',
        ...contactId,
      };
      if (rules.update === 'by_id' && finding.contactId === undefined) {
        return { do: 'settle', outcome: { ...otherwise, message: 'the look-up told no id to update' } };
      }
      return { do: 'update', ...contactId, otherwise };
    }
    case 'no_answer':
      return afterUpdate(finding.verdict, { do: 'find' }, state, rules);
  }
}

/** After the answer to an update, which may always be repeated: it changes nothing a second time. */
export function afterUpdate(
  verdict: Verdict,
  errand: Extract<Errand, { do: 'update' | 'find' }>,
  state: RowState,
  rules: Rules,
): Step {
  switch (verdict.kind) {
    case 'created':
    case 'updated': {
      const contactId = verdict.contactId ?? ('contactId' in errand ? errand.contactId : undefined);
      const found = contactId === undefined ? {} : { contactId };
      return { do: 'settle', outcome: { ...base(state), status: 'updated', ...found } };
    }
    // Of the keys that it would get one is another contact's.
    case 'duplicate':
      return { do: 'settle', outcome: duplicateOutcome(verdict, state) };
    case 'rejected':
      return { do: 'settle', outcome: rejectedOutcome(verdict, state) };
    case 'unreached':
      return { do: 'retry', inDoubt: state.inDoubt, spent: false };
    case 'unavailable':
    case 'unclear':
      return { do: 'retry', inDoubt: state.inDoubt, spent: !rules.circuitOpen };
    default:
      return afterCreate(verdict, state, rules);
  }
}

/** Look-ups of a row that is given up, before they are believed to find nothing. */
const LOOK_UPS_MORE = 2;

/** Without attempts left a retry would only look up; an answer we had (`duplicate`, `rejected`) then tells more. */
function lastLookUp(otherwise: Outcome, state: RowState, rules: Rules): boolean {
  // A row that may not be sent again anyway need not wait for as long as one that may.
  const attempts = rules.enforcesUniqueness ? rules.attempts : Math.min(rules.attempts, 2);
  return state.attempts >= attempts + (otherwise.reason === 'unconfirmed' ? LOOK_UPS_MORE : 0);
}

function believe(outcome: Outcome, state: RowState, rules: Rules): Step {
  if (!state.inDoubt) return { do: 'settle', outcome };
  if (rules.canLookUp) return { do: 'look_up', otherwise: outcome };
  return { do: 'settle', outcome: withCaveat(outcome, state) };
}

function withCaveat(outcome: Outcome, state: RowState): Outcome {
  return outcome.status === 'skipped' && state.inDoubt ? { ...outcome, message: MAYBE_OURS } : outcome;
}

function rejectedOutcome(verdict: Extract<Verdict, { kind: 'rejected' }>, state: RowState): Outcome {
  return {
    ...base(state),
    status: 'failed',
    reason: 'rejected',
    message: verdict.code === undefined ? verdict.message : `${verdict.code}: ${verdict.message}`,
    ...(verdict.field === undefined ? {} : { field: verdict.field }),
  };
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

export function attemptsText(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`;
}

/** Exponential backoff with jitter: 1, 2, 4 … 60 s, each shortened by up to half. `random` in [0, 1). */
export function backoffMs(attempts: number, random: number): number {
  return Math.min(60_000, 1_000 * 2 ** Math.max(0, attempts - 1)) * (0.5 + random / 2);
}
