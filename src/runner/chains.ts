/**
 * Repeated rows that wait for each other, in row order within each key: of the rows with one key the next is sent only
 * when it is known what became of the one before. Pure: codes are given to it, what to do is given back.
 */
import { CODE, codeOf, type Outcome } from '../outcome.js';
import { decide, type RepeatedRow, type Repeats } from './repeats.js';

/** What a look at some rows has led to. */
export interface Seen {
  outcomes: Outcome[];
  /** Rows to be sent now. */
  send: number[];
  /** Rows that cannot be judged without the codes of their {@link Chains.heads}. */
  unknown: number[];
}

export class Chains {
  private readonly held = new Map<number, RepeatedRow>();
  /** Group → its rows that are held, in row order. */
  private readonly queues = new Map<number, number[]>();
  /** Row → the held rows that wait for it. */
  private readonly behind = new Map<number, Set<number>>();

  constructor(private readonly repeats: Repeats) {}

  /** Takes in a row; rows come in row order. From now on {@link waitingFor} tells of it. */
  add(row: RepeatedRow): void {
    for (const { group } of row.by) {
      const queue = this.queues.get(group);
      if (queue) queue.push(row.row);
      else this.queues.set(group, [row.row]);
    }
    this.hold(this.current(row));
  }

  get size(): number {
    return this.held.size;
  }

  rows(): number[] {
    return [...this.held.keys()];
  }

  /** The held rows to look at again when `row` is settled. */
  waitingFor(row: number): Iterable<number> {
    return this.behind.get(row) ?? [];
  }

  /** The rows whose codes it takes to look at `rows`; none of them is held itself. */
  heads(rows: readonly number[]): number[] {
    const heads = new Set<number>();
    for (const row of rows) {
      const held = this.held.get(row);
      if (!held) continue;
      for (const { head } of this.current(held).by) if (!this.held.has(head)) heads.add(head);
    }
    return [...heads];
  }

  /** Looks at held rows and, where one is settled by that, at those behind it. `codes`: of heads, by row; added to. */
  look(rows: readonly number[], codes: Map<number, number>): Seen {
    const seen: Seen = { outcomes: [], send: [], unknown: [] };
    const list = [...rows];
    for (let i = 0; i < list.length; i++) {
      const held = this.held.get(list[i]!);
      if (!held) continue;
      const current = this.current(held);
      if (current.by.some(({ head }) => !this.held.has(head) && !codes.has(head))) {
        seen.unknown.push(current.row);
        continue;
      }
      const decision = decide(current, (row) => codes.get(row) ?? CODE.unsettled);
      if (decision.do === 'wait') {
        this.hold(current);
        continue;
      }
      this.release(held);
      if (decision.do === 'send') {
        this.repeats.sent(current);
        codes.set(current.row, CODE.unsettled);
        seen.send.push(current.row);
      } else {
        codes.set(current.row, codeOf(decision.outcome));
        seen.outcomes.push(decision.outcome);
        list.push(...this.waitingFor(current.row));
      }
    }
    return seen;
  }

  /** `row` with those it waits for: in each group the held row before it, else the newest that was sent. */
  private current(row: RepeatedRow): RepeatedRow {
    const { by } = this.repeats.current(row);
    return {
      ...row,
      by: by.map(({ kind, group, head }) => ({ kind, group, head: this.before(group, row.row) ?? head })),
    };
  }

  private before(group: number, row: number): number | undefined {
    const queue = this.queues.get(group)!;
    return queue[0] === row ? undefined : queue[queue.lastIndexOf(row) - 1];
  }

  private hold(row: RepeatedRow): void {
    this.unwatch(row.row);
    this.held.set(row.row, row);
    for (const { head } of row.by) {
      const waiting = this.behind.get(head);
      if (waiting) waiting.add(row.row);
      else this.behind.set(head, new Set([row.row]));
    }
  }

  private release(row: RepeatedRow): void {
    this.unwatch(row.row);
    this.held.delete(row.row);
    for (const { group } of row.by) {
      const queue = this.queues.get(group)!;
      if (queue[0] === row.row) queue.shift();
      else queue.splice(queue.lastIndexOf(row.row), 1);
      if (queue.length === 0) this.queues.delete(group);
    }
  }

  private unwatch(row: number): void {
    for (const { head } of this.held.get(row)?.by ?? []) {
      const waiting = this.behind.get(head);
      waiting?.delete(row);
      if (waiting?.size === 0) this.behind.delete(head);
    }
  }
}
