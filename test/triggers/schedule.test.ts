import { type ConnectionOptions, Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { RowferryError } from '../../src/errors.js';
import { openLog } from '../../src/log.js';
import { queuePrefix } from '../../src/redis/keys.js';
import { loadSkip } from '../../src/sources/note.js';
import { type AddRuns, startSchedules } from '../../src/triggers/schedule.js';
import { openTestRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';
import { until } from '../helpers/world.js';

const everySecond = new Map([['often', { cron: '* * * * * *', timezone: 'UTC' }]]);
const none = { runs: [], faults: [], left: 0 };

/** Schedules whose occasions `add` works on. */
async function start(add: AddRuns) {
  const { redis, prefix } = openTestRedis();
  const dataDir = scratchDir();
  const around = { redis, prefix, dataDir, dataDirId: 'here', log: openLog('silent') };
  const running = await startSchedules(around, everySecond, add);
  const queue = new Queue('schedules-here', {
    connection: redis as ConnectionOptions,
    prefix: queuePrefix(prefix),
  });
  onTestFinished(() => queue.close());
  return { dataDir, running, queue };
}

test('a source that cannot be reached is tried again by the same occasion; what no waiting mends is noted', async () => {
  const times: number[] = [];
  let noticed = 0;
  const add: AddRuns = async (_sync, atMs) => {
    const before = times.push(atMs) - 1;
    await until(() => noticed >= Math.min(before, 3));
    if (before === 0) throw new RowferryError('SOURCE_UNREACHABLE', 'no answer');
    if (before === 1) throw new RowferryError('NO_ROWS', 'no rows');
    if (before === 2) return { ...none, faults: ['bad.csv is empty.'] };
    return none;
  };
  const { dataDir, running, queue } = await start(add);
  const told = async (count: number, why: string) => {
    await until(() => times.length >= count && loadSkip(dataDir, 'often')?.why === why);
    expect(loadSkip(dataDir, 'often')).toEqual({ atMs: times[count - 1], why });
    noticed = count;
  };
  await told(1, 'no answer');
  await told(2, 'no rows');
  await told(3, 'bad.csv is empty.');
  await running.stop();
  const waiting = await queue.getDelayed();
  const again = waiting.find(({ id }) => id === `repeat:often:${times[0]}`);
  expect(again).toMatchObject({ attemptsMade: 1, delay: 30_000 });
  expect(waiting.length).toBe(2); // and the next occasion
});

test('a process that ends leaves what takes long to the next one, under the same occasion', async () => {
  let first = 0;
  const { running, queue } = await start(async (_sync, atMs, signal) => {
    if (first === 0) first = atMs;
    if (atMs === first) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new RowferryError('RUN_INTERRUPTED', 'interrupted');
    }
    return none;
  });
  await until(() => first > 0);
  await running.stop();
  const left = [...(await queue.getDelayed()), ...(await queue.getWaiting())];
  expect(left.map(({ id }) => id)).toContain(`repeat:often:${first}`);
});

test('an occasion that is held by somebody is left out at first, and waited for when it was given out before', async () => {
  const seen: number[] = [];
  const { dataDir, running, queue } = await start(async (_sync, atMs) => {
    seen.push(atMs);
    if (seen.length === 1) throw new RowferryError('SOURCE_UNREACHABLE', 'no answer');
    throw new RowferryError('SYNC_HELD', 'held');
  });
  await until(() => seen.length >= 2);
  await until(() => loadSkip(dataDir, 'often')?.why === 'held');
  const id = `repeat:often:${seen[0]}`;
  await until(async () => (await queue.getDelayed()).some((job) => job.id === id));
  await (await queue.getJob(id))!.promote();
  await until(() => seen.filter((atMs) => atMs === seen[0]).length === 2);
  await until(async () => (await queue.getDelayed()).some((job) => job.id === id));
  expect((await queue.getJob(id))!.delay).toBeLessThanOrEqual(5_000);
  expect(new Set(seen.filter((atMs) => atMs !== seen[0])).size).toBe(seen.length - 2);
  await running.stop();
});
