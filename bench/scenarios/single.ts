/** How long a single contact takes from the call that enqueues it to the API, and to its report, through a service at rest. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountEnv, startStub } from '../api.js';
import { built, CLI, cleanEnv, end, lineOf, start } from '../child.js';
import { importDist } from '../dist.js';
import { startRedis } from '../redis.js';
import type { Scenario } from '../scenario.js';
import { number, quantile } from '../table.js';

const LOOK_MS = 5;

export const single: Scenario = {
  name: 'single',
  question: 'How long does a file of one row take from enqueue to created?',
  columns: [
    { key: 'createdP50', title: 'created ms p50', digits: 1, spread: true },
    { key: 'createdP99', title: 'p99', digits: 1, spread: true },
    { key: 'reportP50', title: 'report ms p50', digits: 1 },
    { key: 'reportP99', title: 'p99', digits: 1 },
  ],
  async open(bench) {
    const files = bench.quick ? 20 : 200;
    const stub = await startStub();
    const redis = await startRedis();
    const env = cleanEnv({ ...accountEnv(stub.url), ROWFERRY_DATA_DIR: redis.dataDir });
    const service = [
      start([built('workers/runner.js')], env, redis.dataDir),
      start([CLI, 'worker'], env, redis.dataDir),
    ];
    const { openRowferry } = await importDist('index');
    const rowferry = await openRowferry({ dataDir: redis.dataDir, config: false, env });
    await Promise.all(service.map((child) => lineOf(child, 'stderr', ' started')));
    let written = 0;

    const once = async () => {
      const csv = join(redis.dataDir, `${++written}.csv`);
      await writeFile(csv, `email,external_id\nperson${written}@example.com,P-${written}\n`);
      await stub.take();
      const enqueuedMs = Date.now();
      const run = await rowferry.enqueue(csv, { to: 'sendmator', rate: null });
      while ((await rowferry.status(run)).state !== 'finished') await sleep(LOOK_MS);
      const reportMs = Date.now() - enqueuedMs;
      const { posts, lastMs } = await stub.take();
      if (posts !== 1) throw new Error(`single: ${posts} requests for one row`);
      return { createdMs: lastMs - enqueuedMs, reportMs };
    };
    const measure = async () => {
      const times: Awaited<ReturnType<typeof once>>[] = [];
      while (times.length < files) times.push(await once());
      const [created, report] = [times.map((one) => one.createdMs), times.map((one) => one.reportMs)];
      return {
        createdP50: quantile(created, 0.5),
        createdP99: quantile(created, 0.99),
        reportP50: quantile(report, 0.5),
        reportP99: quantile(report, 0.99),
      };
    };
    await once();
    return {
      about: `${number(files)} files one after the other, runner and worker in processes of their own, answers at once`,
      cases: [{ title: 'one row', measure }],
      async close() {
        await Promise.all(service.map(end));
        await rowferry.close();
        await redis.close();
        await stub.close();
      },
    };
  },
};
