/**
 * The last errors of an account, for people: when, what in words of ours, how often. Kept in Redis beside its pace, a few
 * different ones, each once; told in small groups, so that an outage costs a command now and then, not one for each row.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { troubleKey } from '../redis/keys.js';
import { call } from '../redis/scripts.js';
import type { Verdict } from '../verdict.js';
import { isFailure } from './circuit.js';
import { sayFailure } from './waiting.js';

/** One kind of error, as often as it came. */
export interface TroubleView {
  /** When it came last, ISO 8601 in UTC. */
  at: string;
  /** When it came first. */
  since: string;
  /** What follows the destination's name; never the API's own words, which may quote a value or a key. */
  says: string;
  httpStatus?: number;
  /** Requests that ended so. */
  times: number;
}

/** Different ones that are kept of an account. */
const MOST = 20;
/** Between two groups at the least. */
const GROUP_MS = 2_000;
/** What nobody has seen for so long is forgotten, all of it after the last error. */
const KEPT_MS = 7 * 86_400_000;

interface Fresh {
  httpStatus: number | undefined;
  sinceMs: number;
  atMs: number;
  times: number;
}

export class Trouble {
  private fresh = new Map<string, Fresh>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly options: {
      redis: Redis;
      clock: Clock;
      prefix: string;
      account: { id: string };
      onError(error: Error): void;
    },
  ) {}

  /** Takes note of what an answer means, if it is an error of the account and not of one contact. */
  note(verdict: Verdict, httpStatus: number | undefined): void {
    const says = sayTrouble(verdict, httpStatus);
    if (says === undefined || this.closed) return;
    const atMs = this.options.clock.now();
    const known = this.fresh.get(says);
    if (known) {
      known.atMs = atMs;
      known.times++;
    } else if (this.fresh.size < MOST) {
      this.fresh.set(says, { httpStatus, sinceMs: atMs, atMs, times: 1 });
    }
    this.timer ??= setTimeout(() => void this.tell(), GROUP_MS);
  }

  /** Takes note of nothing more: what ends from now on we have ended. */
  async close(): Promise<void> {
    this.closed = true;
    await this.tell();
  }

  private async tell(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.fresh.size === 0) return;
    const { redis, prefix, account, onError } = this.options;
    const told = [...this.fresh].flatMap(([says, { httpStatus, sinceMs, atMs, times }]) => [
      says,
      httpStatus ?? 0,
      sinceMs,
      atMs,
      times,
    ]);
    this.fresh = new Map();
    await call(redis, 'trouble', troubleKey(prefix, account.id), MOST, KEPT_MS, ...told).catch(onError);
  }
}

/** undefined: no error, or one of this contact alone. */
function sayTrouble(verdict: Verdict, httpStatus: number | undefined): string | undefined {
  if (isFailure(verdict)) return sayFailure(verdict, httpStatus);
  if (verdict.kind === 'throttled') return `asked us to wait: HTTP ${httpStatus ?? 429}`;
  if (verdict.kind === 'refused') return `refuses every contact: HTTP ${httpStatus}`;
  return undefined;
}

/** The latest first. */
export async function readTrouble(redis: Redis, prefix: string, account: string): Promise<TroubleView[]> {
  const lines = await redis.lrange(troubleKey(prefix, account), 0, MOST - 1);
  return lines.map((line) => {
    const [httpStatus, sinceMs, atMs, times, ...words] = line.split(' ');
    return {
      at: new Date(Number(atMs)).toISOString(),
      since: new Date(Number(sinceMs)).toISOString(),
      says: words.join(' '),
      ...(httpStatus === '0' ? {} : { httpStatus: Number(httpStatus) }),
      times: Number(times),
    };
  });
}
