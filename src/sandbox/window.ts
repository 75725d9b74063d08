/** Sliding windows over request times: what the rate limit and the `max_in_window` figure are made of. */

/** `requests` per `windowMs` milliseconds, per key. */
export interface Limit {
  requests: number;
  windowMs: number;
}

/** How one key stands against its limit: `resetAt` in epoch ms is when the oldest counted request leaves. */
export interface Standing {
  allowed: boolean;
  limit: number;
  remaining: number;
  resetAt: number;
}

/**
 * Times (epoch ms) of the requests in the half-open window `(now - windowMs, now]`.
 * A ring of doubles that doubles when full: 8 bytes per request, no allocation per request.
 */
export class SlidingWindow {
  /** Most requests ever counted at once. */
  peak = 0;
  #times = new Float64Array(64);
  #head = 0;
  #size = 0;

  constructor(readonly windowMs: number) {}

  /** Forgets what has left the window and returns how many requests remain in it. */
  trim(now: number): number {
    const mask = this.#times.length - 1;
    while (this.#size > 0 && now - this.#times[this.#head]! >= this.windowMs) {
      this.#head = (this.#head + 1) & mask;
      this.#size -= 1;
    }
    return this.#size;
  }

  add(now: number): void {
    this.trim(now);
    if (this.#size === this.#times.length) this.#grow();
    this.#times[(this.#head + this.#size) & (this.#times.length - 1)] = now;
    this.#size += 1;
    if (this.#size > this.peak) this.peak = this.#size;
  }

  /** Time of the oldest request still counted. */
  get oldest(): number | undefined {
    return this.#size === 0 ? undefined : this.#times[this.#head];
  }

  #grow(): void {
    const larger = new Float64Array(this.#times.length * 2);
    larger.set(this.#times.subarray(this.#head));
    larger.set(this.#times.subarray(0, this.#head), this.#times.length - this.#head);
    this.#times = larger;
    this.#head = 0;
  }
}

/** Counts a request if the limit has room for it. A refused one is not counted: it cost the API nothing. */
export function admit(window: SlidingWindow, limit: Limit, now: number): Standing {
  const allowed = window.trim(now) < limit.requests;
  if (allowed) window.add(now);
  return {
    allowed,
    limit: limit.requests,
    remaining: Math.max(0, limit.requests - window.trim(now)),
    resetAt: (window.oldest ?? now) + window.windowMs,
  };
}

/** The headers that three of the four vendors document; the reset in epoch seconds. */
export function rateLimitHeaders({ limit, remaining, resetAt }: Standing): Record<string, number> {
  return {
    'x-ratelimit-limit': limit,
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': Math.ceil(resetAt / 1000),
  };
}
