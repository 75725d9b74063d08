/**
 * Scale-out: a runner process and 1, 2, 4 worker processes, each with its own requests in flight, without a limit. With
 * answers after 20 ms a worker is bound by its requests in flight, and more of them are worth something until the cores
 * end; with answers at once the cores have ended before. What the one runner can feed at most is its rows per second of
 * its own CPU, since it has but one thread.
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountEnv, type Stub, startStub } from '../api.js';
import { built, CLI, cleanEnv, end, lineOf, start, usageOf } from '../child.js';
import { importDist } from '../dist.js';
import { startRedis } from '../redis.js';
import type { Case, Figures, Scenario } from '../scenario.js';
import { number, percent } from '../table.js';

const WORKERS = [1, 2, 4];
const LATENCIES_MS = [0, 20];
const IN_FLIGHT = 25;
const LOOK_MS = 100;
const title = (workers: number, ms: number) => `${workers} worker${workers > 1 ? 's' : ''}, ${ms} ms`;

export const workers: Scenario = {
  name: 'workers',
  question: 'What is each further worker process worth, and what can one runner feed?',
  columns: [
    { key: 'delivered', title: 'delivered/s', spread: true, ratio: true },
    { key: 'runnerCpu', title: 'runner CPU s', digits: 2 },
    { key: 'workerCpu', title: 'worker CPU s, each', digits: 2 },
    { key: 'redisCpu', title: 'Redis CPU s', digits: 2 },
    { key: 'stubCpu', title: 'stub CPU s', digits: 2 },
    { key: 'runnerRss', title: 'runner MB' },
    { key: 'workerRss', title: 'worker MB, most' },
    { key: 'fed', title: 'rows per runner CPU s', spread: true },
    { key: 'requests', title: 'requests/row', digits: 3 },
  ],
  async open(bench) {
    const rows = bench.rows(50_000, 5_000);
    const csv = await bench.csv(rows);
    const stubs: Stub[] = [];
    const cases: Case[] = [];
    for (const latencyMs of LATENCIES_MS) {
      const stub = await startStub({ latencyMs });
      stubs.push(stub);
      for (const many of WORKERS) {
        const measure = () => scaleOut(stub, csv, rows, many);
        cases.push({ title: title(many, latencyMs), base: title(1, latencyMs), measure });
      }
    }
    return {
      about: `${number(rows)} rows, a runner and workers with ${IN_FLIGHT} requests in flight each`,
      cases,
      close: async () => void (await Promise.all(stubs.map((stub) => stub.close()))),
    };
  },
  conclude(result) {
    const efficiencies = LATENCIES_MS.map((ms) => {
      const each = WORKERS.slice(1).map((many) => {
        const share = result.ratio(title(many, ms), title(1, ms), 'delivered') / many;
        return `${many} workers ${percent(share)}`;
      });
      return `efficiency with answers after ${ms} ms: ${each.join(', ')}`;
    });
    const fed = result.median(title(WORKERS.at(-1)!, 0), 'fed');
    return [...efficiencies, `one runner with a core to itself can feed about ${number(fed)} rows/s`];
  },
};

async function scaleOut(stub: Stub, csv: string, rows: number, many: number): Promise<Figures> {
  const redis = await startRedis();
  const account = accountEnv(stub.url);
  const env = cleanEnv({ ...account, ROWFERRY_DATA_DIR: redis.dataDir });
  const started: ChildProcess[] = [];
  const { openRowferry } = await importDist('index');
  const rowferry = await openRowferry({ dataDir: redis.dataDir, config: false, env: cleanEnv(account) });
  try {
    const runner = start([built('workers/runner.js')], env, redis.dataDir);
    const flags = ['worker', '--concurrency', String(IN_FLIGHT)];
    const delivering = Array.from({ length: many }, () => start([CLI, ...flags], env, redis.dataDir));
    started.push(runner, ...delivering);
    await Promise.all(started.map((child) => lineOf(child, 'stderr', ' started')));
    const usage = () => ({ runner: usageOf(runner.pid!), each: delivering.map(({ pid }) => usageOf(pid!)) });
    await stub.take();
    const [before, redisBefore] = [usage(), await redis.cost()];
    const run = await rowferry.enqueue(csv, { to: 'sendmator', rate: null });
    while ((await rowferry.status(run)).state !== 'finished') await sleep(LOOK_MS);
    const [after, redisAfter, came] = [usage(), await redis.cost(), await stub.take()];
    if (came.posts !== rows) throw new Error(`workers: ${came.posts} requests for ${rows} rows`);
    const runnerCpu = (after.runner?.cpuSeconds ?? NaN) - (before.runner?.cpuSeconds ?? NaN);
    const workerCpu = after.each.map(
      (used, i) => (used?.cpuSeconds ?? NaN) - (before.each[i]?.cpuSeconds ?? NaN),
    );
    return {
      delivered: rows / ((came.lastMs - came.firstMs) / 1000),
      runnerCpu,
      workerCpu: workerCpu.reduce((sum, one) => sum + one, 0) / many,
      redisCpu: redisAfter.cpuSeconds - redisBefore.cpuSeconds,
      stubCpu: came.cpuSeconds,
      runnerRss: after.runner?.peakRssMb,
      workerRss: Math.max(...after.each.map((used) => used?.peakRssMb ?? NaN)),
      fed: rows / runnerCpu,
      requests: (came.posts + came.others) / rows,
    };
  } finally {
    await Promise.all(started.map(end));
    await rowferry.close();
    await redis.close();
  }
}
