/** A connection to the shared Redis with a key prefix of the test's own; what it leaves there goes with it. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';

export function openTestRedis(): { redis: Redis; prefix: string } {
  const redis = new Redis(inject('redisSocket'), { maxRetriesPerRequest: null });
  const prefix = `test-${randomBytes(5).toString('hex')}`;
  onTestFinished(async () => {
    const keys = await redis.keys(`*${prefix}*`);
    if (keys.length > 0) await redis.del(keys);
    await redis.quit();
  });
  return { redis, prefix };
}
