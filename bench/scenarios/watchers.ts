/**
 * Watchers: what open pages cost a run. One `rowferry start` with its dashboard sends the same file to the stub again and
 * again, in turn without and with 20 connections of server-sent events.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountEnv, startStub } from '../api.js';
import { CLI, cleanEnv, cpuSecondsOf, end, lineOf, resultOf, start, startEntry } from '../child.js';
import { startRedis } from '../redis.js';
import type { Figures, Scenario } from '../scenario.js';
import { goal, number, percent } from '../table.js';

const WARM_UP_ROWS = 20_000;
const WATCHERS = 20;
/** Of five pages so many are of the run; the others are of the list and of the destinations. */
const PAGES = ['run', 'run', 'run', 'runs', 'destinations'] as const;
const [ALONE, WATCHED] = ['nobody watches', `${WATCHERS} watch`];
const MOST_COST = 0.05;
const LOOK_MS = 250;

export const watchers: Scenario = {
  name: 'watchers',
  question: `What do ${WATCHERS} open pages cost a run?`,
  columns: [
    { key: 'rate', title: 'rows/s', ratio: true, spread: true },
    { key: 'cpu', title: 'service CPU s', digits: 2, ratio: true, spread: true },
    { key: 'redisCpu', title: 'Redis CPU s', digits: 2, ratio: true },
    { key: 'events', title: 'events told' },
    { key: 'kilobytes', title: 'kB told' },
  ],
  async open(bench) {
    const rows = bench.rows(100_000, 20_000);
    const [csv, warmUp] = [await bench.csv(rows), await bench.csv(WARM_UP_ROWS)];
    const [stub, redis] = [await startStub(), await startRedis()];
    const env = cleanEnv({ ...accountEnv(stub.url), ROWFERRY_DASHBOARD_PORT: '0' });
    const flags = ['--concurrency', '50', '--data-dir', redis.dataDir];
    const service = start([CLI, 'start', ...flags], env, redis.dataDir);
    service.stdout!.resume();
    const { url } = JSON.parse(await lineOf(service, 'stderr', 'dashboard listens')) as { url: string };

    async function watched(file: string, pages: number): Promise<Figures> {
      const cpuBefore = cpuSecondsOf(service.pid!) ?? Number.NaN;
      const redisBefore = await redis.cost();
      const added = await fetch(`${url}/api/runs?rate=none`, { method: 'POST', body: await readFile(file) });
      const { run } = (await added.json()) as { run: string };
      const told = watch(url, run, pages);
      const rate = await endOf(url, run);
      const cpu = (cpuSecondsOf(service.pid!) ?? Number.NaN) - cpuBefore;
      const redisCpu = (await redis.cost()).cpuSeconds - redisBefore.cpuSeconds;
      const { events, bytes } = await told();
      return { rate, cpu, redisCpu, events, kilobytes: bytes / 1000 };
    }

    await watched(warmUp, 0);
    return {
      about: `${number(rows)} rows by the service, of each five pages three of the run, one of all runs, one of the destinations`,
      cases: [
        { title: ALONE, base: ALONE, measure: () => watched(csv, 0) },
        { title: WATCHED, base: ALONE, measure: () => watched(csv, WATCHERS) },
      ],
      async close() {
        await end(service);
        await stub.close();
        await redis.close();
      },
    };
  },
  conclude(result) {
    const cpu = result.ratio(WATCHED, ALONE, 'cpu') - 1;
    const slower = 1 - result.ratio(WATCHED, ALONE, 'rate');
    return [
      goal(`less than ${percent(MOST_COST)} of CPU`, cpu < MOST_COST, percent(cpu)),
      goal(`less than ${percent(MOST_COST)} of the rows per second`, slower < MOST_COST, percent(slower)),
    ];
  },
};

/** Opens so many pages; call what it returns to close them: what they were told. Throws when one was told nothing. */
function watch(url: string, run: string, pages: number) {
  if (pages === 0) return async () => ({ events: 0, bytes: 0 });
  const of = Array.from({ length: pages }, (_, i) => PAGES[i % PAGES.length]!);
  const urls = of.map((page) => `${url}/api/events/${page === 'run' ? `runs/${run}` : page}`);
  const browsers = startEntry('./watcher.ts', [JSON.stringify(urls)], cleanEnv());
  const heard = resultOf(browsers);
  heard.catch(() => {}); // awaited below
  return async () => {
    await end(browsers);
    const told = (await heard) as { events: number; bytes: number };
    if (!(told.events >= 2 * pages)) throw new Error(`${pages} watchers were told ${told.events} events`);
    return told;
  };
}

/** Rows per second of the run, once it has ended well. */
async function endOf(url: string, run: string): Promise<number> {
  for (;;) {
    const { state, summary, message } = (await (await fetch(`${url}/api/runs/${run}`)).json()) as {
      state: string;
      summary?: { created: number; rows: number; rows_per_second: number };
      message?: string;
    };
    if (state === 'failed' || state === 'halted') throw new Error(`the run ${state}: ${message}`);
    if (state === 'finished' && summary) {
      if (summary.created === summary.rows) return summary.rows_per_second;
      throw new Error(`created ${summary.created} of ${summary.rows}`);
    }
    await sleep(LOOK_MS);
  }
}
