/** From the start of the process to the first request: modules, Redis, the plan (which reads the whole file once), the first batch. */
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { accountEnv, startStub } from '../api.js';
import { CLI, cleanEnv, resultOf, start } from '../child.js';
import { startRedis } from '../redis.js';
import type { Scenario } from '../scenario.js';
import { number } from '../table.js';

export const startUp: Scenario = {
  name: 'start-up',
  question: 'How long is it from `rowferry run` to the first request?',
  columns: [
    { key: 'first', title: 'first request ms', spread: true },
    { key: 'ended', title: 'ended ms' },
  ],
  async open(bench) {
    const rows = bench.rows(300_000, 20_000);
    const stub = await startStub();

    const run = async (csv: string, redisIsThere: boolean) => {
      if (!redisIsThere) return timeRun(csv, await mkdtemp(join(bench.dir, 'start-')));
      const redis = await startRedis();
      return timeRun(csv, redis.dataDir).finally(redis.close);
    };
    const timeRun = async (csv: string, dataDir: string) => {
      await stub.take();
      const startedMs = Date.now();
      const flags = ['--rate', 'none', '--json', '--data-dir', dataDir];
      await resultOf(start([CLI, 'run', csv, ...flags], cleanEnv(accountEnv(stub.url)), bench.dir));
      const ended = Date.now() - startedMs;
      return { first: (await stub.take()).firstMs - startedMs, ended };
    };
    const nodeAlone = async () => {
      const startedMs = Date.now();
      await once(start(['-e', '0'], cleanEnv()), 'exit');
      return { ended: Date.now() - startedMs };
    };
    const [one, large] = [await bench.csv(1), await bench.csv(rows)];
    return {
      about: 'answers at once; node alone: a process that does nothing',
      cases: [
        { title: 'node alone', measure: nodeAlone },
        { title: '1 row, starts its Redis', measure: () => run(one, false) },
        { title: '1 row, Redis is there', measure: () => run(one, true) },
        { title: `${number(rows)} rows, Redis is there`, measure: () => run(large, true) },
      ],
      close: stub.close,
    };
  },
};
