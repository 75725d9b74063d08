/** How much of an account's rate is used, by all processes together. */
import type { Redis } from 'ioredis';
import { paceKey, sentKey } from '../redis/keys.js';

/**
 * Requests in the newest window of the rate that living runs agreed on ÷ those that are allowed in it; undefined when no
 * run is alive, or without a limit.
 */
export async function readBudgetUsed(
  redis: Redis,
  prefix: string,
  account: string,
  nowMs: number,
): Promise<number | undefined> {
  const fields = await redis.hgetall(paceKey(prefix, account));
  const [slowest] = Object.entries(fields)
    .filter(([name]) => name.startsWith('r:'))
    .map(([, value]) => value.split(' ').map(Number) as [number, number, number, number])
    .filter(([, , , untilMs]) => untilMs > nowMs)
    .sort((one, other) => other[2] - one[2]);
  const [most, windowUs] = slowest ?? [0, 0];
  if (most === 0) return undefined;
  const [seconds, micros] = await redis.time();
  const nowUs = Number(seconds) * 1_000_000 + Number(micros);
  return (await redis.zcount(sentKey(prefix, account), nowUs - windowUs, nowUs)) / most;
}
