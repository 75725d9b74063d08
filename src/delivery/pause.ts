/** An account paused by hand: nobody sends to it, whatever asks, until it is resumed. Kept beside its pace in Redis. */
import type { Redis } from 'ioredis';
import { paceKey } from '../redis/keys.js';

/** How an account stands with everybody who sends to it. */
export interface AccountState {
  /** Since when it is paused, ms since the epoch. */
  pausedMs?: number;
  /** `open`: its API does not answer, and one request at a time tries it. */
  circuit: 'closed' | 'open';
  /** Milliseconds between two requests that living runs agreed on; 0: no limit; undefined: none is alive. */
  intervalMs?: number;
  /** Living runs that send to it. */
  runs: string[];
}

/** Pausing what is paused changes nothing. Resolves with since when, ms since the epoch. */
export async function pauseAccount(
  redis: Redis,
  prefix: string,
  account: string,
  nowMs: number,
): Promise<number> {
  const key = paceKey(prefix, account);
  await redis.hsetnx(key, 'paused', nowMs);
  return Number((await redis.hget(key, 'paused')) ?? nowMs);
}

/** Resolves with whether it was paused. */
export async function resumeAccount(redis: Redis, prefix: string, account: string): Promise<boolean> {
  return (await redis.hdel(paceKey(prefix, account), 'paused')) > 0;
}

export async function readAccountState(
  redis: Redis,
  prefix: string,
  account: string,
  nowMs: number,
): Promise<AccountState> {
  const fields = await redis.hgetall(paceKey(prefix, account));
  const asked = Object.entries(fields)
    .filter(([name]) => name.startsWith('r:'))
    .map(([name, value]) => {
      const [intervalUs, untilMs] = value.split(' ').slice(-2).map(Number) as [number, number];
      return { run: name.slice(2), intervalUs, untilMs };
    })
    .filter(({ untilMs }) => untilMs > nowMs);
  return {
    ...(fields.paused === undefined ? {} : { pausedMs: Number(fields.paused) }),
    circuit: fields.open_until === undefined ? 'closed' : 'open',
    ...(asked.length === 0
      ? {}
      : { intervalMs: Math.max(...asked.map(({ intervalUs }) => intervalUs)) / 1000 }),
    runs: asked.map(({ run }) => run),
  };
}

export function sayPaused(destination: string, sinceMs: number): string {
  const since = new Date(sinceMs).toISOString().slice(0, 16);
  return `${destination} is paused by hand since ${since}Z; "rowferry destinations resume ${destination}" lets it go on`;
}
