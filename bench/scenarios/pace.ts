/**
 * Pace: one file at `--rate 200/s` against the sandbox, which enforces 200 requests in every sliding second, by a
 * `rowferry run` process with one and with three `rowferry worker` processes beside it. In the steady part (the first
 * and last 3 seconds left out) the share of the limit that was used, and over the whole run every 429 the sandbox gave
 * and the most requests it saw in any sliding second. No 429 and at least 98 % is the promise. A 429 makes everybody
 * wait for at least a second. The longest stall is that of this idle process: where it is beyond 20 ms, the sandbox and
 * the workers were stopped as long by other load, and requests bunch whatever their sender does.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountEnv, startSandbox } from '../api.js';
import { CLI, cleanEnv, end, lineOf, resultOf, start } from '../child.js';
import { startRedis } from '../redis.js';
import type { Figures, Result, Scenario } from '../scenario.js';
import { goal, number, percent } from '../table.js';

const LIMIT = 200;
const LEFT_OUT_MS = 3_000;
const LOOK_MS = 100;
const LEAST_SHARE = 0.98;

export const pace: Scenario = {
  name: 'pace',
  question: 'How much of a rate limit is used, and is it ever exceeded?',
  columns: [
    { key: 'used', title: '% used', digits: 1, spread: true },
    { key: 'throttled', title: '429' },
    { key: 'firstThrottled', title: 'first at s', digits: 1 },
    { key: 'mostInWindow', title: 'most in 1 s' },
    { key: 'longestStallMs', title: 'longest stall ms' },
  ],
  async open(bench) {
    const rows = LIMIT * (bench.quick ? 10 : 20);
    const csv = await bench.csv(rows);
    return {
      about: `${number(rows)} rows at --rate ${LIMIT}/s against a strict sliding second of ${LIMIT}, answers after 20 ms`,
      mostRounds: 3,
      cases: [1, 3].map((workers) => ({
        title: `run + ${workers} worker${workers > 1 ? 's' : ''}`,
        measure: () => keepPace(csv, rows, workers),
      })),
    };
  },
  conclude(result) {
    const throttled = all(result, 'throttled').reduce((sum, one) => sum + one, 0);
    const used = Math.min(...result.cases.map(({ title }) => result.median(title, 'used'))) / 100;
    return [
      goal('no 429', throttled === 0, number(throttled)),
      goal(`at least ${percent(LEAST_SHARE)} of the limit used`, used >= LEAST_SHARE, percent(used)),
    ];
  },
};

function all(result: Result, key: string): number[] {
  return result.cases.flatMap(({ title }) => result.values(title, key));
}

async function keepPace(csv: string, rows: number, workers: number): Promise<Figures> {
  const redis = await startRedis();
  const sandbox = await startSandbox('--limit', `${LIMIT}/s`, '--latency', '20ms');
  try {
    const env = cleanEnv(accountEnv(sandbox.url));
    const here = ['--data-dir', redis.dataDir];
    const others = Array.from({ length: workers }, () => start([CLI, 'worker', ...here], env, redis.dataDir));
    await Promise.all(others.map((worker) => lineOf(worker, 'stderr', 'worker started')));
    const run = start([CLI, 'run', csv, '--rate', `${LIMIT}/s`, '--json', ...here], env, redis.dataDir);
    let through = false;
    const result = resultOf(run).finally(() => {
      through = true;
    });
    const looks: { ms: number; posts: number; limited: number }[] = [];
    const stalls = monitorEventLoopDelay({ resolution: 2 });
    stalls.enable();
    while (!through) {
      const { posts, limited } = await sandbox.stats();
      if (posts > 0) looks.push({ ms: performance.now(), posts, limited });
      await Promise.race([sleep(LOOK_MS), result]);
    }
    await result;
    stalls.disable();
    await Promise.all(others.map(end));
    const { limited, contacts, max_in_window } = await sandbox.stats();
    if (contacts !== rows) throw new Error(`pace: the sandbox holds ${contacts} contacts`);
    const sent = looks.at(-1)!.posts;
    const overMs = looks.find(({ posts }) => posts === sent)!.ms;
    const steady = looks.filter(({ ms }) => ms > looks[0]!.ms + LEFT_OUT_MS && ms < overMs - LEFT_OUT_MS);
    const [first, last] = [steady[0]!, steady.at(-1)!];
    const perSecond = (last.posts - first.posts) / ((last.ms - first.ms) / 1000);
    const throttledMs = looks.find((look) => look.limited > 0)?.ms;
    return {
      used: (perSecond / LIMIT) * 100,
      throttled: limited,
      firstThrottled: throttledMs === undefined ? undefined : (throttledMs - looks[0]!.ms) / 1000,
      mostInWindow: max_in_window,
      longestStallMs: stalls.max / 1e6,
    };
  } finally {
    await sandbox.close();
    await redis.close();
  }
}
