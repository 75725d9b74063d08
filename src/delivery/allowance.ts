/** What the API itself says is left of its limit, which may be another than the one we keep: used up, nothing is sent in vain. */
import type { ApiAnswer } from '../destinations/destination.js';
import { announcedAllowance } from '../destinations/wait-hints.js';

/** Headers tell whole seconds: sooner than this the pace and its interval know better. */
const WORTH_MS = 3_000;
/** Two answers that tell ends no further apart mean the same window. */
const SAME_MS = 2_000;

export class Allowance {
  private left = Number.POSITIVE_INFINITY;
  /** When its window ends, monotonic ms. */
  private untilMs = 0;

  /** Learns from an answer; returns for how long nobody should send, 0: no need. `nowMs`: monotonic. */
  read(answer: ApiAnswer, nowMs: number): number {
    const told = announcedAllowance(answer);
    if (told === undefined || told.resetMs < WORTH_MS) return 0;
    const untilMs = nowMs + told.resetMs;
    // Answers overtake each other: within one window what is left becomes less.
    const same = nowMs < this.untilMs && Math.abs(untilMs - this.untilMs) < SAME_MS;
    this.left = same ? Math.min(this.left, told.remaining) : told.remaining;
    this.untilMs = untilMs;
    return told.remaining === 0 ? told.resetMs : 0;
  }

  /** Nothing is left until its window ends. */
  spent(nowMs: number): boolean {
    return this.left === 0 && nowMs < this.untilMs;
  }

  /** Requests in flight at the most: near the end of what is left no more than that, and one in any case. */
  places(concurrency: number, nowMs: number): number {
    return nowMs < this.untilMs ? Math.max(1, Math.min(concurrency, this.left)) : concurrency;
  }
}
