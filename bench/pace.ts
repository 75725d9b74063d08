/**
 * Pace: one file at `--rate 200/s` against the sandbox, which enforces 200 requests in every sliding second, by a
 * `rowferry run` process with one and with three `rowferry worker` processes beside it. In the steady part (the first
 * and last 3 seconds left out) the share of the limit that was used, and over the whole run every 429 the sandbox gave
 * and the most requests it saw in any sliding second. No 429 and at least 98 % is the promise. A 429 makes everybody
 * wait for at least a second. The longest stall is that of this idle process: where it is beyond 20 ms, the sandbox and
 * the workers were stopped as long by other load, and requests bunch whatever their sender does.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI, cleanEnv, end, lineOf, resultOf, start } from './child.js';
import { writeCsv } from './data.js';
import { startRedis } from './redis.js';
import { table, yesNo } from './table.js';

const LIMIT = 200;
const SECONDS = 20;
const LEFT_OUT_MS = 3_000;
const LOOK_MS = 100;

export interface PaceResult {
  limit: number;
  workers: number;
  /** Requests per second in the steady part ÷ the limit. */
  share: number;
  /** 429s. */
  throttled: number;
  /** Seconds after the first request at which a 429 was first seen; several within 100 ms are one. */
  throttledAt: number[];
  mostInWindow: number;
  longestStallMs: number;
  created: number;
}

interface Stats {
  posts: number;
  limited: number;
  contacts: number;
  max_in_window: number;
}

export async function measurePace(dir: string, say: (line: string) => void): Promise<PaceResult[]> {
  const csv = join(dir, 'pace.csv');
  await writeCsv(csv, LIMIT * SECONDS);
  const results: PaceResult[] = [];
  for (const workers of [1, 3]) {
    results.push(await pace(csv, workers));
    const { share, throttled } = results.at(-1)!;
    say(
      `${workers} worker(s) beside the run: ${(share * 100).toFixed(1)} % of the limit, ${throttled} × 429`,
    );
  }
  return results;
}

async function pace(csv: string, workers: number): Promise<PaceResult> {
  const redis = await startRedis();
  const sandbox = start([CLI, 'sandbox', '--limit', `${LIMIT}/s`, '--latency', '20ms', '--json'], cleanEnv());
  try {
    const { url } = JSON.parse(await lineOf(sandbox, 'stdout')) as { url: string };
    const env = cleanEnv({ SENDMATOR_BASE_URL: url, SENDMATOR_API_KEY: 'sk_test_bench' });
    const here = ['--data-dir', redis.dataDir];
    const others = Array.from({ length: workers }, () => start([CLI, 'worker', ...here], env, redis.dataDir));
    await Promise.all(others.map((worker) => lineOf(worker, 'stderr', 'worker started')));
    const run = start([CLI, 'run', csv, '--rate', `${LIMIT}/s`, '--json', ...here], env, redis.dataDir);
    let through = false;
    const result = resultOf(run).finally(() => {
      through = true;
    });
    const looks: { ms: number; posts: number; limited: number }[] = [];
    const look = async () => (await (await fetch(`${url}/_sandbox/stats`)).json()) as Stats;
    const stalls = monitorEventLoopDelay({ resolution: 2 });
    stalls.enable();
    while (!through) {
      const { posts, limited } = await look();
      if (posts > 0) looks.push({ ms: performance.now(), posts, limited });
      await Promise.race([sleep(LOOK_MS), result]);
    }
    await result;
    stalls.disable();
    await Promise.all(others.map(end));
    const { limited, contacts, max_in_window } = await look();
    if (contacts !== LIMIT * SECONDS) throw new Error(`pace: the sandbox holds ${contacts} contacts`);
    const all = looks.at(-1)!.posts;
    const overMs = looks.find(({ posts }) => posts === all)!.ms;
    const steady = looks.filter(({ ms }) => ms > looks[0]!.ms + LEFT_OUT_MS && ms < overMs - LEFT_OUT_MS);
    const [first, last] = [steady[0]!, steady.at(-1)!];
    const share = (last.posts - first.posts) / ((last.ms - first.ms) / 1000) / LIMIT;
    const throttledAt = looks
      .filter((now, i) => now.limited > (looks[i - 1]?.limited ?? 0))
      .map(({ ms }) => (ms - looks[0]!.ms) / 1000);
    return {
      limit: LIMIT,
      workers,
      share,
      throttled: limited,
      throttledAt,
      mostInWindow: max_in_window,
      longestStallMs: stalls.max / 1e6,
      created: contacts,
    };
  } finally {
    await end(sandbox);
    await redis.close();
  }
}

export function showPace(results: readonly PaceResult[]): string {
  const lines = results.map(({ workers, share, throttled, mostInWindow, longestStallMs }) => [
    `run + ${workers} worker${workers > 1 ? 's' : ''}`,
    `${(share * 100).toFixed(1)} %`,
    String(throttled),
    String(mostInWindow),
    longestStallMs.toFixed(0),
  ]);
  const kept = results.every(({ throttled }) => throttled === 0);
  const used = Math.min(...results.map(({ share }) => share));
  return [
    `Pace: --rate ${LIMIT}/s against a strict sliding second of ${LIMIT}, answers after 20 ms`,
    table([['', 'used', '429', 'most in 1 s', 'longest stall ms'], ...lines]),
    `no 429: ${yesNo(kept)} (${results.map(({ throttled }) => throttled).join(', ')})`,
    `at least 98 % of the limit used: ${yesNo(used >= 0.98)} (${(used * 100).toFixed(1)} %)`,
  ].join('\n');
}
