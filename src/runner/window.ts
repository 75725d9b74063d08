/** The rows that are under way: put into batches, not journaled yet. Keeps Redis and memory flat, and says when to go on. */
import type { Outcome } from '../outcome.js';
import type { Rate } from '../run.js';

export interface WindowLimits {
  rows: number;
  bytes: number;
}

const WINDOW_SECONDS = 5;
/** Of a slow rate: rows that wait to be tried again must not hold up all others. */
const FEWEST_ROWS = 30;
const MOST_ROWS = 8_000;
const MOST_BYTES = 16_000_000;

/**
 * At least two batches, at most five seconds of the allowed rate (`atOnce` rows a request): who runs another file to the
 * account waits for no more than that.
 */
export function windowLimits(rate: Rate | null, batchRows: number, atOnce = 1): WindowLimits {
  const wanted = rate === null ? MOST_ROWS : (rate.requests / rate.perMs) * WINDOW_SECONDS * 1000 * atOnce;
  const rows = Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, Math.floor(wanted)));
  return { rows: Math.max(2 * batchRows, rows), bytes: MOST_BYTES };
}

export class Window {
  private readonly rows = new Map<number, number>();
  /** Of rows that the runner settles itself. */
  private readonly outcomes = new Map<number, Outcome>();
  private bytes = 0;
  private moves = 0;
  private waiting: { enough: () => boolean; resolve: () => void }[] = [];
  /** Told of each row that was under way and is journaled now. */
  left: ((row: number) => void) | undefined;

  constructor(private readonly limits: WindowLimits) {}

  add(row: number, bytes: number): void {
    if (this.rows.has(row)) return;
    this.rows.set(row, bytes);
    this.bytes += bytes;
  }

  /** The runner settles `outcome.row` itself: no batch will bring it. */
  addOutcome(outcome: Outcome): void {
    this.add(outcome.row, 0);
    this.outcomes.set(outcome.row, outcome);
  }

  /** What the runner itself said of a row that is under way. */
  outcomeOf(row: number): Outcome | undefined {
    return this.outcomes.get(row);
  }

  /** `row` is journaled. Returns false when it was not under way. */
  done(row: number): boolean {
    const bytes = this.rows.get(row);
    if (bytes === undefined) return false;
    this.rows.delete(row);
    this.outcomes.delete(row);
    this.bytes -= bytes;
    this.left?.(row);
    return true;
  }

  /** Lets those go on who may; call after a group of {@link done}. */
  moved(): void {
    this.moves++;
    this.waiting = this.waiting.filter(({ enough, resolve }) => {
      if (!enough()) return true;
      resolve();
      return false;
    });
  }

  /** Resolves when another batch may be added. */
  room(signal: AbortSignal): Promise<void> {
    return this.until(() => this.rows.size < this.limits.rows && this.bytes < this.limits.bytes, signal);
  }

  /** Resolves when nothing is under way. */
  empty(signal: AbortSignal): Promise<void> {
    return this.until(() => this.rows.size === 0, signal);
  }

  /** Resolves when more rows are journaled. */
  change(signal: AbortSignal): Promise<void> {
    const before = this.moves;
    return this.until(() => this.moves > before, signal);
  }

  outstanding(): number[] {
    return [...this.rows.keys()];
  }

  get size(): number {
    return this.rows.size;
  }

  /** Resolves when `enough` or when `signal` aborts; the caller looks which. */
  private until(enough: () => boolean, signal: AbortSignal): Promise<void> {
    if (enough() || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.waiting.push({ enough: () => signal.aborted || enough(), resolve: done });
    });
  }
}
