import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openRowferry } from '../../src/index.js';
import { openLog } from '../../src/log.js';
import {
  createRun,
  loadPlan,
  loadStatus,
  newRunId,
  type RunPlan,
  type RunState,
  runDir,
  saveStatus,
} from '../../src/run.js';
import { removeOld, startRetention } from '../../src/runner/retention.js';
import type { Surroundings } from '../../src/runner/session.js';
import { people } from '../helpers/csv.js';
import { openTestRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';
import { until, World } from '../helpers/world.js';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 5, 1);

function place() {
  const dir = scratchDir();
  const [dataDir, archive, reportDir] = ['data', 'archive', 'reports'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(archive);
  /** A run with a report, an archived file and its report there, that ended so many days ago. */
  const run = async (daysAgo: number, state: RunState, source = join(dir, 'mine.csv')) => {
    const id = newRunId(NOW - (daysAgo + 1) * DAY_MS);
    const plan = { run: id, reportDir, source: { path: source } } as RunPlan;
    await createRun(dataDir, plan);
    const finishedAt = new Date(NOW - daysAgo * DAY_MS).toISOString();
    await saveStatus(dataDir, id, { state: state as 'queued', epoch: 1, cursor: 0, finishedAt });
    const report = join(reportDir, id);
    mkdirSync(report, { recursive: true });
    writeFileSync(join(report, 'failed.csv'), 'email\n');
    mkdirSync(join(archive, id));
    writeFileSync(join(archive, `${id}-people.csv`), 'email\n');
    const all = [runDir(dataDir, id), report, join(archive, id), join(archive, `${id}-people.csv`)];
    return { id, report, all };
  };
  const sweep = (days: number | null) =>
    removeOld(dataDir, { days, archives: [archive, join(dir, 'none')] }, NOW);
  return { dir, dataDir, archive, run, sweep };
}

const kept = (paths: string[]) => paths.map((path) => existsSync(path));
const ALL = [true, true, true, true];
const NONE = [false, false, false, false];

test('what is left of a run goes when it ended long ago, all of it; the source and other files stay', async () => {
  const { dir, archive, run, sweep } = place();
  writeFileSync(join(dir, 'mine.csv'), 'email\n');
  writeFileSync(join(archive, 'notes.txt'), 'mine');
  const [old, cancelled, young] = [
    await run(31, 'finished'),
    await run(31, 'cancelled'),
    await run(29, 'finished'),
  ];
  const going = await Promise.all(
    (['queued', 'running', 'halted', 'failed'] as const).map((state) => run(400, state)),
  );
  const removed = await sweep(30);
  expect(kept(old.all)).toEqual(NONE);
  expect(kept(cancelled.all)).toEqual(NONE);
  expect(removed.sort()).toEqual([...old.all, ...cancelled.all].sort());
  for (const one of [young, ...going]) expect(kept(one.all)).toEqual(ALL);
  expect(kept([join(dir, 'mine.csv'), join(archive, 'notes.txt')])).toEqual([true, true]);
  expect(await sweep(30)).toEqual([]);
});

test('what a run that can go on reads from stays, wherever it is', async () => {
  const { run, sweep, archive } = place();
  const first = await run(50, 'finished');
  const second = await run(50, 'finished');
  await run(40, 'halted', join(first.report, 'failed.csv')); // a retry of it
  await run(40, 'halted', join(archive, `${second.id}-people.csv`));
  await sweep(30);
  expect(kept(first.all).slice(0, 2)).toEqual([true, true]);
  expect(kept(second.all)).toEqual([false, false, false, true]);
});

test('a run whose file is on its way to the archive stays: without it the file would be run again', async () => {
  const { dataDir, run, sweep } = place();
  const old = await run(40, 'finished');
  const claim = join(dataDir, 'claims', `${old.id}.json`);
  mkdirSync(join(dataDir, 'claims'));
  writeFileSync(claim, '{}');
  expect(await sweep(30)).toEqual([]);
  rmSync(claim);
  await sweep(30);
  expect(kept(old.all)).toEqual(NONE);
});

test('so do the runs of the other tables of an archive', async () => {
  const { dataDir, run, sweep } = place();
  const file = await run(40, 'finished');
  const table = await run(40, 'finished');
  const path = join(runDir(dataDir, table.id), 'plan.json');
  writeFileSync(path, JSON.stringify({ ...loadPlan(dataDir, table.id), tableOf: file.id }));
  mkdirSync(join(dataDir, 'claims'));
  writeFileSync(join(dataDir, 'claims', `${file.id}.json`), '{}');
  expect(await sweep(30)).toEqual([]);
});

test('for ever means for ever; a run whose directory is gone is judged by its id; a damaged one is left', async () => {
  const { run, sweep, archive, dataDir } = place();
  const old = await run(4_000, 'finished');
  expect(await sweep(null)).toEqual([]);
  const lost = newRunId(NOW - 40 * DAY_MS);
  const recent = newRunId(NOW - 20 * DAY_MS);
  for (const id of [lost, recent]) writeFileSync(join(archive, `${id}-people.csv`), '');
  const damaged = await run(40, 'finished');
  writeFileSync(join(runDir(dataDir, damaged.id), 'status.json'), '{');
  await sweep(30);
  expect(kept(old.all)).toEqual(NONE);
  expect(kept([join(archive, `${lost}-people.csv`), join(archive, `${recent}-people.csv`)])).toEqual([
    false,
    true,
  ]);
  expect(kept(damaged.all)).toEqual(ALL);
});

test('half a file that nobody sends any more goes, also when all is kept for ever', async () => {
  const { dataDir, sweep } = place();
  const [dead, alive] = [newRunId(NOW), newRunId(NOW)].map((id) =>
    join(dataDir, 'runs', `${id}.aabbccdd.part`),
  ) as [string, string];
  // Killed right before it was a run.
  const half = join(dataDir, 'runs', newRunId(NOW));
  for (const dir of [dead, alive, half]) {
    mkdirSync(join(dir, 'upload'), { recursive: true });
    writeFileSync(join(dir, 'upload', 'people.csv'), 'email');
    utimesSync(dir, NOW / 1000 - 7_200, NOW / 1000 - 7_200);
  }
  utimesSync(join(dead, 'upload', 'people.csv'), NOW / 1000 - 7_200, NOW / 1000 - 7_200);
  utimesSync(join(alive, 'upload', 'people.csv'), NOW / 1000 - 60, NOW / 1000 - 60);
  utimesSync(join(half, 'upload', 'people.csv'), NOW / 1000 - 7_200, NOW / 1000 - 7_200);
  expect(await sweep(null)).toEqual([dead]);
  writeFileSync(join(half, 'upload.key'), 'key');
  utimesSync(half, NOW / 1000 - 60, NOW / 1000 - 60);
  expect(await sweep(null)).toEqual([]);
  utimesSync(half, NOW / 1000 - 7_200, NOW / 1000 - 7_200);
  expect(await sweep(null)).toEqual([half]);
});

test('of several processes one clears up at a time', async () => {
  const { dataDir, archive, run } = place();
  const old = await run(31, 'finished');
  const { redis, prefix } = openTestRedis();
  const clock = { ...systemClock, now: () => NOW };
  const around = { redis, prefix, dataDir, clock, log: openLog('silent') } as Surroundings;
  const sweep = () => startRetention(around, 'dir', { days: 30, archives: [archive] }).stop();
  const lock = `${prefix}:{dir}:retention`;
  await redis.set(lock, 'another');
  await sweep();
  expect(kept(old.all)).toEqual(ALL);
  expect(await redis.get(lock)).toBe('another');
  await redis.del(lock);
  await sweep();
  expect(kept(old.all)).toEqual(NONE);
  expect(await redis.exists(lock)).toBe(0);
});

test('the service clears up when it starts', async () => {
  const world = await World.open();
  const rowferry = await world.library();
  const { run } = await rowferry.run(world.csv(people(3)), { rate: null });
  const aged = { ...loadStatus(world.dataDir, run), finishedAt: '2020-01-01T00:00:00.000Z' };
  await saveStatus(world.dataDir, run, aged);
  const serve = async (env: object, through: () => Promise<void>) => {
    const options = {
      dataDir: world.dataDir,
      env: { ...world.env, ...env },
      config: false,
      logLevel: 'silent',
    } as const;
    const service = await openRowferry(options);
    const ending = new AbortController();
    const serving = service.serve(ending.signal);
    await through();
    ending.abort();
    await serving;
    await service.close();
  };
  await serve({ ROWFERRY_RETENTION: 'forever' }, async () => {});
  expect(existsSync(runDir(world.dataDir, run))).toBe(true);
  await serve({}, () => until(() => !existsSync(runDir(world.dataDir, run))));
  expect(await rowferry.list()).toEqual([]);
});
