import { expect, onTestFinished, test, vi } from 'vitest';
import { RunQueue, RunWorker } from '../../src/queues/runs.js';
import { openTestRedis } from '../helpers/redis.js';

test('a run that was handed back before the clock was set back is not looked at an hour later', async () => {
  const { redis, prefix } = openTestRedis();
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: now + 3_600_000 });
  onTestFinished(() => void vi.useRealTimers());
  const queue = new RunQueue(redis, prefix, 'here');
  let looks = 0;
  let looked = () => {};
  const errors: Error[] = [];
  const options = { connection: redis, prefix, dataDirId: 'here', runsAtOnce: 1, againMs: 3_000 };
  const worker = new RunWorker(
    options,
    async () => {
      looks++;
      looked();
      return looks > 1;
    },
    (error) => errors.push(error),
  );
  await worker.ready();
  const once = new Promise<void>((done) => {
    looked = done;
  });
  await queue.add('run');
  await once;
  await vi.waitUntil(async () => (await redis.keys(`*${prefix}*:delayed`)).length > 0, { timeout: 60_000 });
  const twice = new Promise<void>((done) => {
    looked = done;
  });
  vi.setSystemTime(now);
  await vi.advanceTimersByTimeAsync(10_000);
  await twice;
  expect(looks).toBe(2);
  await worker.close();
  await queue.close();
});
