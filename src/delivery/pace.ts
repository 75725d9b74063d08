/** One rate for an account over all processes: reserves the next send slots in Redis. */
import type { ChainableCommander, Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { paceKey } from '../redis/keys.js';
import { call, pipe } from '../redis/scripts.js';
import type { Rate } from '../run.js';

/**
 * How far a request may stray from its slot on its way to the server without breaking a strict sliding window:
 * every window is planned this much longer. For a limit per second it costs 2 % of the rate, for one per hour nothing.
 */
const JITTER_MS = 20;
/** A slot that is this late is dropped and reserved anew: sending it now would be a burst. */
export const LATE_MS = JITTER_MS / 2;
/** How far ahead slots are reserved; a process that dies wastes no more than this. */
const HORIZON_MS = 40;
const CLOCK_LOOKS = 8;

export interface Reservation {
  /** Slots granted; 0 = ask again in `waitMs`. */
  granted: number;
  /** Monotonic time of the first slot, ms. */
  firstMs: number;
  intervalMs: number;
  waitMs: number;
  /** `open`: the account's API is down; `probe`: the one request that tries it. */
  circuit: 'open' | 'probe' | '';
  /** The circuit is open, but the API lives: slots are for rows that failed before. */
  lives: boolean;
}

/** Microseconds between two requests at `rate`; 0 = no limit. */
export function intervalUs(rate: Rate | null): number {
  return rate === null ? 0 : Math.ceil(((rate.perMs + JITTER_MS) * 1000) / rate.requests);
}

export class Pace {
  readonly key: string;
  /** Redis's clock minus our monotonic one, µs: the most that replies so far prove, as they only ever come late. */
  private ahead = Number.NEGATIVE_INFINITY;
  /** Interval of the newest reply, ms; 0 = no limit. */
  intervalMs: number;

  constructor(
    private readonly redis: Redis,
    private readonly clock: Clock,
    prefix: string,
    account: string,
    private readonly fallback: Rate | null,
  ) {
    this.key = paceKey(prefix, account);
    this.intervalMs = intervalUs(fallback) / 1000;
  }

  /** How many slots are worth asking for at once when `places` are free. */
  worthAsking(places: number): number {
    if (this.intervalMs === 0) return places;
    return Math.min(places, Math.floor(HORIZON_MS / this.intervalMs) + 1);
  }

  reserve(pipeline: ChainableCommander, slots: number): void {
    pipe(this.redis, pipeline, 'pace_reserve', this.key, slots, HORIZON_MS * 1000, intervalUs(this.fallback));
  }

  /** Reads the reply to {@link reserve}, which was asked at `askedMs` (monotonic); call it as soon as the reply is there. */
  read(reply: unknown, askedMs: number): Reservation {
    const [granted, first, interval, now, wait, circuit, lives] = reply as [
      number,
      number,
      number,
      number,
      number,
      '' | 'open' | 'probe',
      0 | 1,
    ];
    this.see(now, askedMs);
    this.intervalMs = interval / 1000;
    return {
      granted,
      firstMs: (first - this.ahead) / 1000,
      intervalMs: this.intervalMs,
      waitMs: wait / 1000,
      circuit,
      lives: lives === 1,
    };
  }

  /**
   * Learns how Redis's clock stands before the first slot is taken: with one reply alone, late by chance, the first
   * requests would be late without our knowing, and the ones after them a burst to whoever counts in a window.
   */
  async meetClock(): Promise<void> {
    for (let i = 0; i < CLOCK_LOOKS; i++) {
      const askedMs = this.clock.monotonic();
      const [seconds, micros] = await this.redis.time();
      this.see(Number(seconds) * 1_000_000 + Number(micros), askedMs);
    }
  }

  /**
   * Redis said, some time between `askedMs` and now, that it was `redisUs`. A reply that comes late (this process or
   * Redis was stopped in between) proves little, and must not set the clock back: what is taken for "since then" decides
   * whether a contact is ours.
   */
  private see(redisUs: number, askedMs: number): void {
    const least = redisUs - this.clock.monotonic() * 1000;
    const most = redisUs - askedMs * 1000;
    this.ahead = Math.min(Math.max(this.ahead, least), most);
  }

  /** Redis's clock now, ms since the epoch; undefined before the first reply. */
  redisNowMs(): number | undefined {
    return Number.isFinite(this.ahead) ? this.clock.monotonic() + this.ahead / 1000 : undefined;
  }

  /** Nobody sends to the account for `waitMs`; `words` say why (see waiting.ts). */
  async push(waitMs: number, words: string): Promise<void> {
    await call(this.redis, 'pace_push', this.key, Math.ceil(waitMs * 1000), words);
  }

  /** Opens the circuit, or lets it stay open; `words` say why. Returns the pause until the next probe, ms. */
  async trip(firstPauseMs: number, longestPauseMs: number, words: string): Promise<number> {
    const pauseUs = await call(
      this.redis,
      'circuit',
      this.key,
      'trip',
      firstPauseMs * 1000,
      longestPauseMs * 1000,
      words,
    );
    return Number(pauseUs) / 1000;
  }

  /**
   * The probe is back, the circuit stays open: the next one comes after `pauseMs`; `words` say what is waited for. The
   * API counts as living for `livesMs`.
   */
  async probeAgain(pauseMs: number, livesMs: number, words: string): Promise<void> {
    await call(this.redis, 'circuit', this.key, 'again', pauseMs * 1000, livesMs * 1000, words);
  }

  /** A look-up was answered: for `livesMs` the API counts as living, though the circuit is open. */
  async noteLife(livesMs: number): Promise<void> {
    await call(this.redis, 'circuit', this.key, 'lives', 0, livesMs * 1000, '');
  }

  async closeCircuit(): Promise<void> {
    await call(this.redis, 'circuit', this.key, 'close', 0, 0);
  }
}

/** A living run asks for its rate; the lowest wins. Repeat within `leaseMs`. */
export async function askRate(
  redis: Redis,
  prefix: string,
  account: string,
  run: string,
  rate: Rate | null,
  expiresMs: number,
): Promise<void> {
  await redis.hset(paceKey(prefix, account), `r:${run}`, `${intervalUs(rate)} ${expiresMs}`);
}

/** The run asks no longer. */
export async function dropRate(redis: Redis, prefix: string, account: string, run: string): Promise<void> {
  await redis.hdel(paceKey(prefix, account), `r:${run}`);
}
