/** When something happened, in three clocks: our monotonic one, Redis's, and the API's. */
import type { Clock } from '../clock.js';
import type { ApiAnswer } from '../destinations/destination.js';
import type { Pace } from './pace.js';

/** An API is many machines: the one that stamps `created_at` and the one that writes the Date header may differ. */
const TOLERANCE_MS = 2_000;

export class ApiClock {
  /** API's clock minus Redis's, ms: the largest seen, as the Date header is cut to seconds. */
  private aheadMs = Number.NEGATIVE_INFINITY;
  private lastDate = '';

  constructor(
    private readonly clock: Clock,
    private readonly pace: Pick<Pace, 'redisNowMs'>,
  ) {}

  /** Learns from the Date header of an answer. */
  read({ headers: { date } }: ApiAnswer): void {
    if (date === undefined || date === this.lastDate) return;
    this.lastDate = date;
    const apiMs = Date.parse(date);
    if (!Number.isNaN(apiMs)) this.aheadMs = Math.max(this.aheadMs, apiMs - this.sentAt(undefined));
  }

  /** A moment of our monotonic clock in Redis's, ms since the epoch; undefined = now. */
  sentAt(monotonicMs: number | undefined): number {
    const now = this.pace.redisNowMs() ?? this.clock.now();
    return Math.floor(monotonicMs === undefined ? now : now - (this.clock.monotonic() - monotonicMs));
  }

  /** A moment of Redis's clock in the API's; never later than it really was there. */
  fromRedis(redisMs: number): number {
    return redisMs + (Number.isFinite(this.aheadMs) ? this.aheadMs : 0) - TOLERANCE_MS;
  }
}
