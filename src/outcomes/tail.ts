/** Reads settled outcomes as they arrive. */
import type { Redis } from 'ioredis';
import { runKeys } from '../redis/keys.js';
import { call } from '../redis/scripts.js';

export interface Arrivals {
  /** Stream id of the newest entry. */
  last: string;
  /** JSON arrays of encoded outcomes, one an entry. */
  entries: string[];
}

/**
 * Waits up to `blockMs` for outcomes of `run`. Always reads from the start of the stream: what is there is exactly
 * what has not been journaled and trimmed yet, also after Redis came back with an older state.
 * `redis` blocks meanwhile: give it a connection of its own.
 */
export async function readOutcomes(
  redis: Redis,
  prefix: string,
  run: string,
  blockMs: number,
): Promise<Arrivals | undefined> {
  const key = runKeys(prefix, run).stream;
  const reply = await redis.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', key, '0');
  const entries = reply?.[0]?.[1];
  if (!entries || entries.length === 0) return undefined;
  return { last: entries.at(-1)![0], entries: entries.map(([, fields]) => fields[1]!) };
}

/** Whether every outcome that was settled is journaled. */
export async function isDrained(redis: Redis, prefix: string, run: string): Promise<boolean> {
  return (await redis.xlen(runKeys(prefix, run).stream)) === 0;
}

/** Drops journaled entries up to `last`. Returns false when another runner has taken over. */
export async function trimOutcomes(
  redis: Redis,
  prefix: string,
  run: string,
  epoch: string,
  last: string,
): Promise<boolean> {
  const keys = runKeys(prefix, run);
  return (await call(redis, 'trim', keys.state, keys.stream, epoch, last)) !== -1;
}
