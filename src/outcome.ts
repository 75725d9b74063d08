/** What finally became of a row: the words of the report, and their 4-bit form in Redis. */

export type Status = 'created' | 'updated' | 'skipped' | 'failed' | 'unprocessed';

/** Every reason a report can give, by status. Stable strings: people filter on them. */
export const REASONS = {
  created: ['confirmed_on_retry'],
  updated: [],
  skipped: ['duplicate_email', 'duplicate_external_id', 'duplicate_contact', 'already_synced'],
  failed: ['invalid', 'rejected', 'retries_exhausted', 'unconfirmed'],
  unprocessed: ['cancelled', 'halted'],
} as const satisfies Record<Status, readonly string[]>;

export type Reason = (typeof REASONS)[Status][number];

/**
 * A row's 4-bit status in the run's bitfield. The number is the precedence: a row only ever moves upwards, so it
 * counts once however often it is settled, and a truthful `created` that arrives late wins. Skips are told apart
 * because a repeat of the row must know which of its keys the destination holds.
 */
export const CODE = {
  unsettled: 0,
  /** Sent, or about to be, and not answered yet: whoever finds this mark is in doubt. */
  attempted: 1,
  failed: 2,
  unconfirmed: 3,
  skippedContact: 4,
  skippedExternalId: 5,
  skippedEmail: 6,
  /** Repeats a row of the same file. */
  skippedHere: 7,
  /** Not sent: the destination has it as it is, by an earlier run. */
  synced: 8,
  updated: 9,
  created: 10,
} as const;

export type Code = (typeof CODE)[keyof typeof CODE];

export interface Outcome {
  /** 1-based ordinal of the row, the header not counted. */
  row: number;
  status: Exclude<Status, 'unprocessed'>;
  reason?: Reason;
  field?: string;
  message?: string;
  contactId?: string;
  /** `destination`, or the number of the row of this file that it repeats. */
  duplicateOf?: string;
  httpStatus?: number;
  attempts?: number;
}

export function codeOf(outcome: Pick<Outcome, 'status' | 'reason' | 'duplicateOf' | 'field'>): Code {
  switch (outcome.status) {
    case 'created':
      return CODE.created;
    case 'updated':
      return CODE.updated;
    case 'failed':
      return outcome.reason === 'unconfirmed' ? CODE.unconfirmed : CODE.failed;
    case 'skipped':
      if (outcome.duplicateOf !== 'destination') {
        return outcome.reason === 'already_synced' ? CODE.synced : CODE.skippedHere;
      }
      // What an earlier run was told of, the destination still has by that key alone.
      if (is(outcome, 'email')) return CODE.skippedEmail;
      if (is(outcome, 'external_id')) return CODE.skippedExternalId;
      return CODE.skippedContact;
  }
}

function is({ reason, field }: Pick<Outcome, 'reason' | 'field'>, key: 'email' | 'external_id'): boolean {
  return reason === 'already_synced' ? field === key : reason === `duplicate_${key}`;
}

const FIELDS = ['reason', 'field', 'message', 'contactId', 'duplicateOf', 'httpStatus', 'attempts'] as const;
const STATUSES = ['created', 'updated', 'skipped', 'failed'] as const;

/** The parsed form of {@link encodeOutcome}; the first cell is the row. */
export type EncodedOutcome = readonly [row: number, ...cells: unknown[]];

/** An outcome as it travels and is journaled: a JSON array, positions as in FIELDS, trailing nulls cut. */
export function encodeOutcome(outcome: Outcome): string {
  const cells: unknown[] = [outcome.row, STATUSES.indexOf(outcome.status)];
  for (const field of FIELDS) cells.push(outcome[field] ?? null);
  while (cells.at(-1) === null) cells.pop();
  return JSON.stringify(cells);
}

/** The inverse of {@link encodeOutcome}, given the parsed array. */
export function decodeOutcome(cells: EncodedOutcome): Outcome {
  const outcome: Record<string, unknown> = { row: cells[0], status: STATUSES[cells[1] as number] };
  for (let i = 2; i < cells.length; i++) {
    const cell = cells[i];
    if (cell !== null) outcome[FIELDS[i - 2]!] = cell;
  }
  return outcome as unknown as Outcome;
}

/** Of an encoded outcome, without decoding all of it. */
export function kindOf(cells: EncodedOutcome): [status: Status, reason: Reason | undefined] {
  return [STATUSES[cells[1] as number]!, (cells[2] ?? undefined) as Reason | undefined];
}

/** Which of two outcomes of one row stands: the higher code; of equals, the one told first. */
export function fold(first: Outcome | undefined, next: Outcome): Outcome {
  return first !== undefined && codeOf(first) >= codeOf(next) ? first : next;
}
