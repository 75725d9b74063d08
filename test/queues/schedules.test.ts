import { type ConnectionOptions, Queue } from 'bullmq';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type DueOccasion, makeSchedules, nextOccasion, ScheduleWorker } from '../../src/queues/schedules.js';
import { queuePrefix } from '../../src/redis/keys.js';
import { openTestRedis } from '../helpers/redis.js';
import { until } from '../helpers/world.js';

const never = { cron: '0 0 1 1 *', timezone: 'UTC' };
const everySecond = { cron: '* * * * * *', timezone: 'UTC' };

function openSchedules() {
  const { redis, prefix } = openTestRedis();
  const options = { connection: redis, prefix, dataDirId: 'here' };
  const look = async () => {
    const queue = new Queue('schedules-here', {
      connection: redis as ConnectionOptions,
      prefix: queuePrefix(prefix),
    });
    const schedulers = await queue.getJobSchedulers(0, -1, true);
    const jobs = await queue.getJobs(['delayed', 'wait', 'active', 'failed', 'completed']);
    await queue.close();
    return {
      schedulers: Object.fromEntries(schedulers.map(({ key, pattern, tz }) => [key, `${pattern} ${tz}`])),
      jobs: jobs.map(({ id }) => id!).sort(),
    };
  };
  const work = async (seen: DueOccasion[], end: () => Promise<'done' | { againMs: number }>) => {
    const worker = new ScheduleWorker(
      options,
      (occasion) => {
        seen.push(occasion);
        return end();
      },
      () => {},
    );
    await worker.ready();
    return worker;
  };
  return { options, look, work, redis };
}

test('cron expressions are read in their zone, over the change to summer time', () => {
  const at = (cron: string, timezone: string, from: string) =>
    new Date(nextOccasion({ cron, timezone }, Date.parse(from))!).toISOString();
  expect(at('0 3 * * *', 'UTC', '2026-01-31T03:00:00Z')).toBe('2026-02-01T03:00:00.000Z');
  expect(at('0 3 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z');
  expect(at('0 3 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z')).toBe('2026-03-28T02:00:00.000Z');
});

test('schedulers become what the file says: changed in place, deleted, and left alone', async () => {
  const { options, look } = openSchedules();
  await makeSchedules(
    options,
    new Map([
      ['kept', never],
      ['changed', never],
      ['deleted', never],
    ]),
  );
  const before = await look();
  expect(before.jobs).toHaveLength(3);
  const changed = { cron: '0 0 2 2 *', timezone: 'Europe/Berlin' };
  await makeSchedules(
    options,
    new Map([
      ['kept', never],
      ['changed', changed],
      ['new', never],
    ]),
  );
  const after = await look();
  expect(after.schedulers).toEqual({
    kept: '0 0 1 1 * UTC',
    changed: '0 0 2 2 * Europe/Berlin',
    new: '0 0 1 1 * UTC',
  });
  // One occasion each, and the one of a schedule that stayed is the one that was there.
  expect(after.jobs.map((id) => id.split(':')[1])).toEqual(['changed', 'kept', 'new']);
  expect(after.jobs).toContain(before.jobs.find((id) => id.includes('kept')));
});

test('a scheduler that lost its occasion gets another', async () => {
  const { options, look, redis } = openSchedules();
  await makeSchedules(options, new Map([['kept', never]]));
  const [id] = (await look()).jobs;
  await redis.del(`{${options.prefix}}:schedules-here:delayed`, `{${options.prefix}}:schedules-here:${id}`);
  expect((await look()).jobs).toEqual([]);
  await makeSchedules(options, new Map([['kept', never]]));
  expect((await look()).jobs).toEqual([id]);
});

test('two workers: each occasion is given to one of them; one that is handed back comes again', async () => {
  const { options, work } = openSchedules();
  const one: DueOccasion[] = [];
  const other: DueOccasion[] = [];
  const all = () => [...one, ...other];
  let handedBack = 0;
  const end = async () => (all().length === 1 && ++handedBack === 1 ? { againMs: 0 } : ('done' as const));
  const workers = [await work(one, end), await work(other, end)];
  await makeSchedules(options, new Map([['busy', everySecond]]));
  await until(() => all().length >= 6);
  await Promise.all(workers.map((worker) => worker.close()));
  const times = all().map(({ atMs }) => atMs);
  expect(times.filter((atMs) => atMs % 1_000 !== 0)).toEqual([]);
  expect(all().filter(({ again }) => again)).toHaveLength(1);
  expect(new Set(times).size).toBe(times.length - handedBack);
});

test('a clock set back by a day: what is due goes by the new time, nothing stays put off; by an hour: nothing is due twice', async () => {
  const { options, redis } = openSchedules();
  const now = Date.now();
  const daily = { cron: `0 ${new Date(now + 43_200_000).getUTCHours()} * * *`, timezone: 'UTC' };
  const hourly = { cron: '0 * * * *', timezone: 'UTC' };
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: now + 86_400_000 });
  onTestFinished(() => void vi.useRealTimers());
  await makeSchedules(options, new Map([['far', daily]]));
  vi.setSystemTime(now + 3_600_000);
  const both = new Map([
    ['far', daily],
    ['little', hourly],
  ]);
  await makeSchedules(options, both);
  const queue = new Queue('schedules-here', {
    connection: redis as ConnectionOptions,
    prefix: queuePrefix(options.prefix),
  });
  onTestFinished(() => queue.close());
  const next = async (sync: string) => (await queue.getJobScheduler(sync))!.next!;
  const little = await next('little');
  const seen: DueOccasion[] = [];
  const errors: Error[] = [];
  const worker = new ScheduleWorker(
    options,
    async (occasion) => {
      seen.push(occasion);
      return seen.length === 1 ? { againMs: 5_000 } : 'done';
    },
    (error) => errors.push(error),
  );
  await worker.ready();
  const id = `repeat:far:${await next('far')}`;
  await (await queue.getJob(id))!.promote();
  await until(async () => seen.length === 1 && (await (await queue.getJob(id))!.isDelayed()));
  expect(await next('far')).toBeGreaterThan(now + 2 * 86_400_000);

  vi.setSystemTime(now);
  await vi.advanceTimersByTimeAsync(10_000);
  await until(() => seen.length === 2);
  expect(seen[1]).toEqual({ ...seen[0], again: true });
  expect(await next('far')).toBeLessThan(now + 86_400_000);
  expect(await next('little')).toBe(little);
  expect(errors).toEqual([]);
  await worker.close();
});
