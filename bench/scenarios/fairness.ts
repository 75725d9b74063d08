/**
 * Fairness: a file of 100 rows run while a large one is being sent to the same account, at 200/s and without a limit:
 * the seconds from its start to its end beside those it takes alone, start of the process and report included, and how
 * many rows of the large file went meanwhile. Half of the budget is the small file's share.
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountEnv, startSandbox } from '../api.js';
import { CLI, cleanEnv, end, resultOf, start } from '../child.js';
import { startRedis } from '../redis.js';
import type { Scenario } from '../scenario.js';
import { number } from '../table.js';

const SMALL = 100;
/** Rows of the large file that are through before the small one comes. */
const BEFORE = 2_000;
const LOOK_MS = 100;

export const fairness: Scenario = {
  name: 'fairness',
  question: 'How long does a small file take beside a large one to the same account?',
  columns: [
    { key: 'alone', title: 'alone s', digits: 1 },
    { key: 'beside', title: 'beside s', digits: 1, spread: true },
    { key: 'share', title: '÷', digits: 1 },
    { key: 'others', title: 'rows of the other' },
  ],
  async open(bench) {
    const rows = bench.rows(100_000, 20_000);
    const [small, large] = [await bench.csv(SMALL), await bench.csv(rows)];
    return {
      about: `${SMALL} rows beside ${number(rows)}, from start to report`,
      mostRounds: 3,
      cases: ['200/s', 'none'].map((rate) => ({ title: rate, measure: () => beside(small, large, rate) })),
    };
  },
};

async function beside(small: string, large: string, rate: string) {
  const redis = await startRedis();
  const sandbox = await startSandbox('--latency', '5ms');
  const others: ChildProcess[] = [];
  try {
    const posts = async () => (await sandbox.stats()).posts;
    const run = (csv: string, key: string) => {
      const flags = ['--rate', rate, '--json', '--data-dir', redis.dataDir];
      return start([CLI, 'run', csv, ...flags], cleanEnv(accountEnv(sandbox.url, key)), redis.dataDir);
    };
    const seconds = async (key: string) => {
      const startedMs = performance.now();
      await resultOf(run(small, key));
      return (performance.now() - startedMs) / 1000;
    };
    const alone = await seconds('alone');
    others.push(run(large, 'beside'));
    while ((await posts()) < SMALL + BEFORE) await sleep(LOOK_MS);
    const before = await posts();
    const besideSeconds = await seconds('beside');
    const sent = (await posts()) - before - SMALL;
    return { alone, beside: besideSeconds, share: besideSeconds / alone, others: sent };
  } finally {
    await Promise.all(others.map(end));
    await sandbox.close();
    await redis.close();
  }
}
