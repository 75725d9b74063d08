import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { RunQueue } from '../../src/queues/runs.js';
import { openRedis } from '../../src/redis/connection.js';
import { createRun, newRunId, type RunPlan } from '../../src/run.js';
import { startReminder } from '../../src/runner/reminder.js';
import { scratchDir } from '../helpers/scratch.js';
import { TcpRedis } from '../helpers/tcp-redis.js';
import { until } from '../helpers/world.js';

test('a Redis that was started anew while the service lives is given what was enqueued, and nothing else', async () => {
  const redis = await TcpRedis.prepare(['--appendonly', 'no', '--maxmemory-policy', 'noeviction']);
  await redis.start();
  const dataDir = scratchDir();
  const handle = await openRedis({ url: redis.url, binary: undefined, dataDir });
  onTestFinished(() => handle.close());
  const around = { redis: handle.connect(), prefix: 'rf', dataDir, log: pino({ level: 'silent' }) };
  const queue = new RunQueue(around.redis, 'rf', 'here');
  onTestFinished(() => queue.close());
  const [enqueued, own] = [newRunId(0), newRunId(60_000)];
  await createRun(dataDir, { run: enqueued } as RunPlan, true);
  await createRun(dataDir, { run: own } as RunPlan);
  const reminder = await startReminder(around, 'here', 20);
  onTestFinished(() => reminder.stop());
  expect((await queue.counts()).waiting).toBe(1);
  await redis.kill();
  await redis.start();
  await until(async () => (await queue.counts()).waiting === 1);
});
