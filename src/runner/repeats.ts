/**
 * Rows that repeat an earlier row of the file. They wait until all first rows are settled; then each is skipped when
 * a row it repeats has put its key into the destination, unconfirmed when that is not known, and sent when it failed.
 */
import type { Repeat } from '../ingest/dedupe.js';
import { CODE, type Outcome } from '../outcome.js';

const WIDTH = 3;
/** Added to the row of a repeat in doubt. A run's statuses in Redis end at 2^30 rows. */
const DOUBT = 2 ** 31;

export interface RepeatedRow {
  row: number;
  /** Sent in an earlier life of the run, or about to be, and never answered. */
  inDoubt: boolean;
  /** `group`: all rows with this key, named by the first of them. `head`: the one to wait for. */
  by: { kind: 'email' | 'external_id'; group: number; head: number }[];
}

/** Repeated rows in row order, twelve bytes each. */
export class Repeats {
  private words = new Uint32Array(WIDTH * 256);
  private length = 0;
  /** Group → the newest row of it that was sent; a group that is missing: its first row. */
  private readonly heads = new Map<number, number>();

  add(row: number, repeat: Repeat): void {
    if (this.length === this.words.length) {
      const larger = new Uint32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    this.words.set([row, repeat.email, repeat.externalId], this.length);
    this.length += WIDTH;
  }

  get size(): number {
    return this.length / WIDTH;
  }

  /** The number of the row at `index`, undefined beyond the last. */
  rowAt(index: number): number | undefined {
    return index < this.size ? this.words[index * WIDTH]! % DOUBT : undefined;
  }

  /** The repeat at `index` with the rows whose codes {@link decide} needs to know of it. */
  at(index: number): RepeatedRow {
    const [word, email, externalId] = this.words.subarray(
      index * WIDTH,
      index * WIDTH + WIDTH,
    ) as unknown as [number, number, number];
    const by: RepeatedRow['by'] = [];
    if (email > 0) by.push({ kind: 'email', group: email * 2, head: email });
    if (externalId > 0) by.push({ kind: 'external_id', group: externalId * 2 + 1, head: externalId });
    return this.current({ row: word % DOUBT, inDoubt: word >= DOUBT, by });
  }

  /** The repeats `from` … `to - 1`, as {@link at} gives them. */
  slice(from: number, to: number): RepeatedRow[] {
    const rows: RepeatedRow[] = [];
    for (let index = from; index < Math.min(to, this.size); index++) rows.push(this.at(index));
    return rows;
  }

  /** `row` with the heads of its groups as they are now. */
  current(row: RepeatedRow): RepeatedRow {
    return {
      ...row,
      by: row.by.map(({ kind, group }) => ({
        kind,
        group,
        head: this.heads.get(group) ?? Math.floor(group / 2),
      })),
    };
  }

  /** `row` is sent: what repeats it from now on waits for it. */
  sent(row: RepeatedRow): void {
    for (const { group } of row.by) this.heads.set(group, row.row);
  }

  /** Puts the repeat at `from` in the place `to`: those that are not settled close ranks. */
  move(from: number, to: number, inDoubt: boolean): void {
    const row = this.rowAt(from)!;
    this.words.copyWithin(to * WIDTH, from * WIDTH, from * WIDTH + WIDTH);
    this.words[to * WIDTH] = inDoubt ? row + DOUBT : row;
  }

  /** Forgets all but the first `size` repeats. Heads stay as they are. */
  cut(size: number): void {
    this.length = size * WIDTH;
  }
}

export type Decision = { do: 'settle'; outcome: Outcome } | { do: 'send' } | { do: 'wait' };

/** Whether a row with this code has put its `kind` of key into the destination. */
function holds(kind: 'email' | 'external_id', code: number): boolean {
  if (code >= CODE.synced) return true;
  // Skipped because of the other key says nothing about this one: only the destination can tell.
  return kind === 'email' ? code === CODE.skippedEmail : code === CODE.skippedExternalId;
}

/** What to do with a repeated row. `codeOf` gives the code of a head. */
export function decide(row: RepeatedRow, codeOf: (row: number) => number): Decision {
  for (const { kind, head } of row.by) {
    if (!holds(kind, codeOf(head))) continue;
    const reason = kind === 'email' ? 'duplicate_email' : 'duplicate_external_id';
    const outcome: Outcome = {
      row: row.row,
      status: 'skipped',
      reason,
      field: kind,
      duplicateOf: String(head),
    };
    return { do: 'settle', outcome };
  }
  if (row.by.some(({ head }) => codeOf(head) <= CODE.attempted)) return { do: 'wait' };
  const doubtful = row.by.find(({ head }) => codeOf(head) === CODE.unconfirmed);
  // In doubt itself, it may be there: delivery finds out what can be known of that, and what repeats it waits for it.
  if (doubtful && !row.inDoubt) {
    const outcome: Outcome = {
      row: row.row,
      status: 'failed',
      reason: 'unconfirmed',
      message: `repeats row ${doubtful.head}, of which it is not known whether it was created`,
      duplicateOf: String(doubtful.head),
    };
    return { do: 'settle', outcome };
  }
  return { do: 'send' };
}
