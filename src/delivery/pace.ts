/** One rate for an account over all processes: reserves the next send slots in Redis. */
import type { ChainableCommander, Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { paceKey, sentKey } from '../redis/keys.js';
import { call, pipe } from '../redis/scripts.js';
import type { Rate } from '../run.js';

/**
 * How far a request may stray from its slot on its way to the server without breaking a strict sliding window: as many
 * slots as are allowed in a window are spread over so much more. For a limit per second it costs 2 % of the rate, for
 * one per hour nothing.
 */
const JITTER_MS = 20;
/**
 * Of that, what is left for what we do not see of the way when slots are made up for. A request that we see begin late
 * (its connection had to be made first), or whose answer comes late, holds up the one a window later.
 */
const UNSEEN_MS = 15;
/** An answer is late when it takes longer than this share of the answers did; the usual time follows by small steps. */
const USUAL_SHARE = 0.75;
const USUAL_STEP = 0.01;
/**
 * The first answers are slow, because this process is cold, or the API: of so many the quickest is the usual one, and
 * those before it turn out to have been late.
 */
const FIRST_ANSWERS = 16;
/** Less than this does a request stray on every way. */
const TOLD_MS = 2;
/** A slot that is this late before its request is begun is given up and reserved anew; a later one is told and counts from then. */
export const LATE_MS = 100;
/** How far ahead slots are reserved; a process that dies wastes no more than this. */
const HORIZON_MS = 40;
/** The last of what was missed that is made up for, when a process or Redis stood still. */
const MADE_UP_MS = 500;
const CLOCK_LOOKS = 8;
/** A wait that is announced as over already must not become a hot loop. */
const LEAST_WAIT_MS = 100;
/** As long as a quota by the month lasts; how long a run waits is its own affair. */
const LONGEST_WAIT_MS = 32 * 86_400_000;
/** Requests that Redis remembers of an account, unless more are allowed in one second. */
const REMEMBERED = 256;
const SHORTEST_WINDOW_MS = 1_000;

/** Leave for one request. */
export interface Slot {
  /** Monotonic ms. */
  atMs: number;
  /** The same in Redis's clock, µs: its name there; 0 where there is no limit. */
  us: number;
  /** Monotonic ms at which its request began to be written. */
  writtenMs?: number;
}

export interface Reservation {
  /** None: ask again in `waitMs`. */
  slots: Slot[];
  waitMs: number;
  /** `open`: the account's API is down; `probe`: the one request that tries it. */
  circuit: 'open' | 'probe' | '';
  /** The circuit is open, but the API lives: slots are for rows that failed before. */
  lives: boolean;
}

/** What Redis is told of a rate; all 0 = no limit. */
interface Budget {
  /** Requests in one window. */
  most: number;
  windowUs: number;
  /** Between two slots. */
  intervalUs: number;
}

/** A long window is kept by keeping each part of it, so that no more than a few hundred requests are remembered. */
export function budgetOf(rate: Rate | null): Budget {
  if (rate === null) return { most: 0, windowUs: 0, intervalUs: 0 };
  const { requests, perMs } = rate;
  const seconds = Math.max(1, Math.floor(perMs / SHORTEST_WINDOW_MS));
  const parts = Math.min(Math.ceil(requests / REMEMBERED), seconds);
  const most = Math.max(1, Math.floor(requests / parts));
  return {
    most,
    windowUs: Math.ceil((perMs / (requests / most) + UNSEEN_MS) * 1000),
    intervalUs: Math.ceil(((perMs + JITTER_MS) * 1000) / requests),
  };
}

export class Pace {
  readonly key: string;
  private readonly sentKey: string;
  private readonly fallback: string;
  /** Redis's clock minus our monotonic one, µs: the most that replies so far prove, as they only ever come late. */
  private ahead = Number.NEGATIVE_INFINITY;
  /** Between two requests, as of the newest reply, ms; 0 = no limit. */
  intervalMs: number;
  /** What the answer to a request takes at {@link USUAL_SHARE} of the time, ms; undefined before the first. */
  private usualMs: number | undefined;
  private readonly first: { slot: Slot; tookMs: number }[] = [];
  /** Slots, each with what Redis is to be told about it: see pace_reserve.lua. */
  private news: number[] = [];

  constructor(
    private readonly redis: Redis,
    private readonly clock: Clock,
    prefix: string,
    account: string,
    limit: Rate | null,
  ) {
    this.key = paceKey(prefix, account);
    this.sentKey = sentKey(prefix, account);
    this.fallback = say(limit);
    this.intervalMs = budgetOf(limit).intervalUs / 1000;
  }

  /** How many slots are worth asking for at once when `places` are free. */
  worthAsking(places: number): number {
    if (this.intervalMs === 0) return places;
    return Math.min(places, Math.floor(HORIZON_MS / this.intervalMs) + 1);
  }

  reserve(pipeline: ChainableCommander, slots: number): void {
    const { key, sentKey, fallback, news } = this;
    this.news = [];
    const [ahead, behind] = [HORIZON_MS * 1000, MADE_UP_MS * 1000];
    pipe(this.redis, pipeline, 'pace_reserve', key, sentKey, slots, ahead, behind, fallback, ...news);
  }

  /** Asks for slots, and waits for the reply. */
  async ask(slots: number): Promise<Reservation> {
    const pipeline = this.redis.pipeline();
    const askedMs = this.clock.monotonic();
    this.reserve(pipeline, slots);
    const [reply] = (await pipeline.exec()) ?? [];
    if (reply === undefined || reply[0]) throw reply?.[0] ?? new Error('no reply');
    return this.read(reply[1], askedMs);
  }

  /** Reads the reply to {@link reserve}, which was asked at `askedMs` (monotonic); call it as soon as the reply is there. */
  read(reply: unknown, askedMs: number): Reservation {
    const [granted, interval, now, wait, circuit, lives, ...at] = reply as [
      number,
      number,
      number,
      number,
      '' | 'open' | 'probe',
      0 | 1,
      ...number[],
    ];
    this.see(now, askedMs);
    this.intervalMs = interval / 1000;
    const slots =
      interval > 0
        ? at.map((us) => ({ us, atMs: (us - this.ahead) / 1000 }))
        : new Array<Slot>(granted).fill({ us: 0, atMs: ((at[0] ?? 0) - this.ahead) / 1000 });
    return { slots, waitMs: wait / 1000, circuit, lives: lives === 1 };
  }

  /** Nothing was sent in `slot`: another request may take its place. */
  free({ us }: Slot): void {
    if (us > 0) this.news.push(us, 0);
  }

  /** The request of `slot` is being written right now; if late, it counts from now on. */
  written(slot: Slot): void {
    slot.writtenMs = this.clock.monotonic();
    this.tell(slot, slot.writtenMs - slot.atMs);
  }

  /** The answer to the request of `slot` is there. One that took long may have begun its way late. */
  answered(slot: Slot): void {
    const { first } = this;
    if (this.intervalMs === 0 || slot.writtenMs === undefined) return;
    const tookMs = this.clock.monotonic() - slot.writtenMs;
    const usualMs = this.usualMs ?? tookMs;
    if (first.length < FIRST_ANSWERS) {
      this.usualMs = Math.min(usualMs, tookMs);
      if (tookMs < usualMs) for (const before of first) this.tellAnswer(before.slot, before.tookMs, tookMs);
      first.push({ slot, tookMs });
    } else this.usualMs = usualMs * (1 + USUAL_STEP * (tookMs > usualMs ? USUAL_SHARE : USUAL_SHARE - 1));
    this.tellAnswer(slot, tookMs, usualMs);
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

  private tellAnswer(slot: Slot, tookMs: number, usualMs: number): void {
    if (tookMs > usualMs + TOLD_MS) this.tell(slot, slot.writtenMs! - slot.atMs + tookMs - usualMs);
  }

  private tell({ us }: Slot, lateMs: number): void {
    if (us > 0 && lateMs > TOLD_MS) this.news.push(us, Math.ceil(us + lateMs * 1000));
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

  /**
   * Nobody sends to the account for `waitMs`, whatever an API (or the code of a destination) says, within bounds; `words`
   * say why (see waiting.ts). `slower`: nor as fast afterwards.
   */
  async push(waitMs: number, words: string, slower = false): Promise<void> {
    const ms = waitMs > LEAST_WAIT_MS ? Math.min(LONGEST_WAIT_MS, waitMs) : LEAST_WAIT_MS; // also for what is no number
    await call(this.redis, 'pace_push', this.key, Math.ceil(ms * 1000), words, slower ? 1 : 0);
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

function say(rate: Rate | null): string {
  const { most, windowUs, intervalUs } = budgetOf(rate);
  return `${most} ${windowUs} ${intervalUs}`;
}

/** Forgets a wait that is longer than `longestMs`: the next request finds out whether it is still asked for. */
export async function forgetWait(
  redis: Redis,
  prefix: string,
  account: string,
  longestMs: number,
): Promise<void> {
  await call(redis, 'pace_forget', paceKey(prefix, account), longestMs * 1000);
}

/** A living run asks for its rate; the lowest wins. Repeat within `leaseMs`. */
export async function askRate(
  redis: Redis,
  prefix: string,
  account: string,
  run: string,
  rate: Rate | null,
  leaseMs: number,
): Promise<void> {
  await call(redis, 'rate_ask', paceKey(prefix, account), run, say(rate), leaseMs);
}

/** The run asks no longer. */
export async function dropRate(redis: Redis, prefix: string, account: string, run: string): Promise<void> {
  await redis.hdel(paceKey(prefix, account), `r:${run}`);
}
