/**
 * Memory: peak RSS of a `rowferry run` process (VmHWM of /proc, so Linux only) and peak memory of its Redis, for a
 * small and a twenty times larger file, without a rate limit and with 50 requests in flight. Flat means that the
 * larger file needs hardly more: at most 1.35 times.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI, cleanEnv, end, lineOf, peakRssMb, resultOf, start, startEntry } from './child.js';
import { writeCsv } from './data.js';
import { startRedis } from './redis.js';
import { table, whole, yesNo } from './table.js';

const SMALL = 20_000;
const LARGE = 400_000;
const MOST_RATIO = 1.35;
const LOOK_MS = 20;

export interface MemoryResult {
  rows: number;
  peakRssMb: number;
  redisPeakMb: number;
  seconds: number;
}

export async function measureMemory(dir: string, say: (line: string) => void): Promise<MemoryResult[]> {
  const stub = startEntry('./stub.ts', [], cleanEnv());
  try {
    const { url } = JSON.parse(await lineOf(stub, 'stdout')) as { url: string };
    const results: MemoryResult[] = [];
    for (const rows of [SMALL, LARGE]) {
      const csv = join(dir, `memory-${rows}.csv`);
      await writeCsv(csv, rows);
      const result = await run(csv, rows, url);
      results.push(result);
      say(
        `${whole(rows)} rows: run ${result.peakRssMb.toFixed(0)} MB, Redis ${result.redisPeakMb.toFixed(1)} MB`,
      );
    }
    return results;
  } finally {
    await end(stub);
  }
}

async function run(csv: string, rows: number, url: string): Promise<MemoryResult> {
  const redis = await startRedis();
  try {
    const env = cleanEnv({ SENDMATOR_BASE_URL: url, SENDMATOR_API_KEY: 'sk_test_bench' });
    const flags = ['--rate', 'none', '--concurrency', '50', '--json', '--data-dir', redis.dataDir];
    const startedMs = performance.now();
    const child = start([CLI, 'run', csv, ...flags], env, redis.dataDir);
    let through = false;
    const result = resultOf(child).finally(() => {
      through = true;
    });
    let peak = 0;
    while (!through) {
      // The kernel keeps the high-water mark; it only has to be read before the process is gone.
      peak = peakRssMb(child.pid!) ?? peak;
      await Promise.race([sleep(LOOK_MS), result]);
    }
    const { created } = (await result) as { created: number };
    if (created !== rows) throw new Error(`memory: created ${created} of ${rows}`);
    if (peak === 0) throw new Error('memory: needs /proc/<pid>/status, which only Linux has');
    const seconds = (performance.now() - startedMs) / 1000;
    return { rows, peakRssMb: peak, redisPeakMb: (await redis.cost()).peakMb, seconds };
  } finally {
    await redis.close();
  }
}

export function showMemory(results: readonly MemoryResult[]): string {
  const [small, large] = [results[0]!, results.at(-1)!];
  const lines = results.map(({ rows, peakRssMb, redisPeakMb }) => [
    `${whole(rows)} rows`,
    peakRssMb.toFixed(0),
    redisPeakMb.toFixed(1),
  ]);
  const [process, redis] = [large.peakRssMb / small.peakRssMb, large.redisPeakMb / small.redisPeakMb];
  return [
    'Memory: rowferry run --rate none --concurrency 50, peaks',
    table([['', 'run MB', 'Redis MB'], ...lines, ['ratio', process.toFixed(2), redis.toFixed(2)]]),
    `run at most ${MOST_RATIO} ×: ${yesNo(process <= MOST_RATIO)} (${process.toFixed(2)})`,
    `Redis at most ${MOST_RATIO} ×: ${yesNo(redis <= MOST_RATIO)} (${redis.toFixed(2)})`,
  ].join('\n');
}
