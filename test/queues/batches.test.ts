import type { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BatchQueue } from '../../src/queues/batches.js';
import { openTestRedis } from '../helpers/redis.js';

test('a batch that was put off before the clock was set back is given out, one that is due soon is not', async () => {
  const { redis, prefix } = openTestRedis();
  const queue = new BatchQueue(redis, prefix, 'acme-1');
  onTestFinished(() => queue.close());
  const now = Date.now();
  const batch = (row: number) => ({
    run: 'run',
    epoch: '1',
    attempts: 5,
    rows: [[row, { email: 'a@b.c' }]] as never,
  });
  vi.useFakeTimers({ toFake: ['Date'], now: now + 3_600_000 });
  onTestFinished(() => void vi.useRealTimers());
  await queue.add([{ id: 'late', batch: batch(1), delayMs: 1_000 }]);
  vi.setSystemTime(now);
  await queue.add([{ id: 'soon', batch: batch(2), delayMs: 60_000 }]);
  await queue.bringForward('another', now);
  expect(await waiting()).toEqual([]);
  await queue.bringForward('run', now);
  expect(await waiting()).toEqual(['late']);

  async function waiting(): Promise<string[]> {
    const reader = redis as Redis;
    const [key] = (await reader.keys(`*${prefix}*deliver-acme-1:wait`)) as [string?];
    return key === undefined ? [] : reader.lrange(key, 0, -1);
  }
});
