/**
 * Fairness: a file of 100 rows run while one of 100 000 is being sent to the same account, at 200/s and without a limit:
 * the seconds from its start to its end beside those it takes alone, start of the process and report included, and how
 * many rows of the large file went meanwhile. Half of the budget is the small file's share.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI, cleanEnv, end, lineOf, resultOf, start } from './child.js';
import { writeCsv } from './data.js';
import { startRedis } from './redis.js';
import { table } from './table.js';

const SMALL = 100;
const LARGE = 100_000;
/** Rows of the large file that are through before the small one comes. */
const BEFORE = 2_000;
const LOOK_MS = 100;

export interface FairnessResult {
  rate: string;
  aloneSeconds: number;
  besideSeconds: number;
  /** Rows of the large file sent while the small one ran. */
  others: number;
}

export async function measureFairness(dir: string, say: (line: string) => void): Promise<FairnessResult[]> {
  const [small, large] = [join(dir, 'small.csv'), join(dir, 'large.csv')];
  await writeCsv(small, SMALL, 2);
  await writeCsv(large, LARGE);
  const results: FairnessResult[] = [];
  for (const rate of ['200/s', 'none']) {
    results.push(await measure(small, large, rate));
    const { aloneSeconds, besideSeconds } = results.at(-1)!;
    say(`${rate}: ${besideSeconds.toFixed(1)} s beside the large file, ${aloneSeconds.toFixed(1)} s alone`);
  }
  return results;
}

async function measure(small: string, large: string, rate: string): Promise<FairnessResult> {
  const redis = await startRedis();
  const sandbox = start([CLI, 'sandbox', '--latency', '5ms', '--json'], cleanEnv());
  const others: ChildProcess[] = [];
  try {
    const { url } = JSON.parse(await lineOf(sandbox, 'stdout')) as { url: string };
    const posts = async () =>
      ((await (await fetch(`${url}/_sandbox/stats`)).json()) as { posts: number }).posts;
    const run = (csv: string, key: string) => {
      const env = cleanEnv({ SENDMATOR_BASE_URL: url, SENDMATOR_API_KEY: `sk_test_${key}` });
      const flags = ['--rate', rate, '--json', '--data-dir', redis.dataDir];
      return start([CLI, 'run', csv, ...flags], env, redis.dataDir);
    };
    const seconds = async (key: string) => {
      const startedMs = performance.now();
      await resultOf(run(small, key));
      return (performance.now() - startedMs) / 1000;
    };
    const aloneSeconds = await seconds('alone');
    others.push(run(large, 'beside'));
    while ((await posts()) < SMALL + BEFORE) await sleep(LOOK_MS);
    const before = await posts();
    const besideSeconds = await seconds('beside');
    const sent = (await posts()) - before - SMALL;
    return { rate, aloneSeconds, besideSeconds, others: sent };
  } finally {
    await Promise.all(others.map(end));
    await end(sandbox);
    await redis.close();
  }
}

export function showFairness(results: readonly FairnessResult[]): string {
  const lines = results.map(({ rate, aloneSeconds, besideSeconds, others }) => [
    rate,
    aloneSeconds.toFixed(1),
    besideSeconds.toFixed(1),
    (besideSeconds / aloneSeconds).toFixed(1),
    String(others),
  ]);
  return [
    `Fairness: ${SMALL} rows run while ${LARGE} are being sent to the same account, from start to report`,
    table([['', 'alone s', 'beside s', 'ratio', 'rows of the other'], ...lines]),
  ].join('\n');
}
