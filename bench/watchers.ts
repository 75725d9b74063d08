/**
 * Watchers: what 20 open pages cost a run. One `rowferry start` with its dashboard sends the same file to the stub again
 * and again, in turn without and with 20 connections of server-sent events, most of them of the page of that run, the
 * others of the list of runs and of the destinations. The ratio of rows/s and that of the CPU seconds of the service are
 * medians over neighbouring runs; on a machine that is busy with other things the CPU seconds are what to go by.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI, cleanEnv, end, lineOf, resultOf, start, startEntry } from './child.js';
import { writeCsv } from './data.js';
import { startRedis } from './redis.js';
import { median, table, whole, yesNo } from './table.js';

const ROWS = 100_000;
const WARM_UP_ROWS = 50_000;
const WATCHERS = 20;
/** Of five pages so many are of the run; the others are of the list and of the destinations. */
const PAGES = ['run', 'run', 'run', 'runs', 'destinations'] as const;
const MOST_COST = 0.05;
const LOOK_MS = 250;
/** Of /proc/<pid>/stat. */
const TICKS_A_SECOND = 100;

interface Figures {
  rowsPerSecond: number;
  cpuSeconds: number;
  redisCpuSeconds: number;
}

export interface WatchersResult {
  rows: number;
  rounds: { alone: Figures; watched: Figures }[];
  /** Watched ÷ alone, medians of the rounds. */
  rate: number;
  cpu: number;
  redisCpu: number;
  /** What the watchers of all rounds were told. */
  events: number;
  bytes: number;
}

export async function measureWatchers(
  dir: string,
  rounds: number,
  say: (line: string) => void,
): Promise<WatchersResult> {
  const [csv, warmUp] = [join(dir, 'watched.csv'), join(dir, 'watched-warm-up.csv')];
  await writeCsv(csv, ROWS);
  await writeCsv(warmUp, WARM_UP_ROWS, 2);
  const redis = await startRedis();
  const stub = startEntry('./stub.ts', [], cleanEnv());
  const { url: api } = JSON.parse(await lineOf(stub, 'stdout')) as { url: string };
  const env = cleanEnv({
    SENDMATOR_BASE_URL: api,
    SENDMATOR_API_KEY: 'sk_test_bench',
    ROWFERRY_DASHBOARD_PORT: '0',
  });
  const flags = ['--concurrency', '50', '--data-dir', redis.dataDir];
  const service = start([CLI, 'start', ...flags], env, redis.dataDir);
  service.stdout!.resume();
  const told = { events: 0, bytes: 0 };
  try {
    const { url } = JSON.parse(await lineOf(service, 'stderr', 'dashboard listens')) as { url: string };

    const measure = async (file: string, rows: number, watchers: number): Promise<Figures> => {
      const body = await readFile(file);
      const [cpuBefore, redisBefore] = [cpuSecondsOf(service.pid!), await redis.cost()];
      const added = await fetch(`${url}/api/runs?rate=none`, { method: 'POST', body });
      const { run } = (await added.json()) as { run: string };
      const pages = Array.from({ length: watchers }, (_, i) => {
        const page = PAGES[i % PAGES.length]!;
        return `${url}/api/events/${page === 'run' ? `runs/${run}` : page}`;
      });
      const browsers =
        watchers > 0 ? startEntry('./watcher.ts', [JSON.stringify(pages)], cleanEnv()) : undefined;
      const heard = browsers && resultOf(browsers);
      heard?.catch(() => {}); // awaited below
      const summary = await endOf(url, run);
      const [cpuAfter, redisAfter] = [cpuSecondsOf(service.pid!), await redis.cost()];
      if (browsers) {
        await end(browsers);
        const { events, bytes } = (await heard) as typeof told;
        if (!(events >= 2 * watchers)) throw new Error(`${watchers} watchers were told ${events} events`);
        told.events += events;
        told.bytes += bytes;
      }
      if (summary.created !== rows) throw new Error(`watchers: created ${summary.created} of ${rows}`);
      return {
        rowsPerSecond: summary.rows_per_second,
        cpuSeconds: cpuAfter - cpuBefore,
        redisCpuSeconds: redisAfter.cpuSeconds - redisBefore.cpuSeconds,
      };
    };

    await measure(warmUp, WARM_UP_ROWS, 0);
    const results: WatchersResult['rounds'] = [];
    for (let round = 0; round < rounds; round++) {
      const figures: { alone?: Figures; watched?: Figures } = {};
      const order = ['alone', 'watched'] as const;
      for (const which of round % 2 === 0 ? order : order.toReversed()) {
        figures[which] = await measure(csv, ROWS, which === 'alone' ? 0 : WATCHERS);
        const { rowsPerSecond, cpuSeconds } = figures[which];
        say(
          `round ${round + 1}/${rounds}  ${which}: ${whole(rowsPerSecond)} rows/s, ${cpuSeconds.toFixed(2)} s of CPU`,
        );
      }
      results.push(figures as { alone: Figures; watched: Figures });
    }
    const ratio = (of: keyof Figures) => median(results.map(({ alone, watched }) => watched[of] / alone[of]));
    const ratios = {
      rate: ratio('rowsPerSecond'),
      cpu: ratio('cpuSeconds'),
      redisCpu: ratio('redisCpuSeconds'),
    };
    return { rows: ROWS, rounds: results, ...ratios, ...told };
  } finally {
    await end(service);
    await end(stub);
    await redis.close();
  }
}

async function endOf(url: string, run: string): Promise<{ created: number; rows_per_second: number }> {
  for (;;) {
    const { state, summary, message } = (await (await fetch(`${url}/api/runs/${run}`)).json()) as {
      state: string;
      summary?: { created: number; rows_per_second: number };
      message?: string;
    };
    if (state === 'finished' && summary) return summary;
    if (state === 'failed' || state === 'halted') throw new Error(`watchers: the run ${state}: ${message}`);
    await sleep(LOOK_MS);
  }
}

/** User and system time of a process so far, all its threads. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / TICKS_A_SECOND;
}

export function showWatchers({ rows, rounds, rate, cpu, redisCpu, events, bytes }: WatchersResult): string {
  const cell = (which: 'alone' | 'watched', of: keyof Figures, digits: number) => {
    const value = median(rounds.map((round) => round[which][of]));
    return digits === 0 ? whole(value) : value.toFixed(digits);
  };
  const line = (which: 'alone' | 'watched', name: string) => [
    name,
    cell(which, 'rowsPerSecond', 0),
    cell(which, 'cpuSeconds', 2),
    cell(which, 'redisCpuSeconds', 2),
  ];
  return [
    `Watchers: ${whole(rows)} rows by the service, without and with ${WATCHERS} open pages, ${rounds.length} rounds`,
    table([
      ['', 'rows/s', 'CPU s', 'Redis CPU s'],
      line('alone', 'nobody watches'),
      line('watched', `${WATCHERS} watch`),
      ['ratio', rate.toFixed(3), cpu.toFixed(3), redisCpu.toFixed(3)],
    ]),
    `${whole(events)} events, ${whole(bytes / 1000)} kB were told in all`,
    `at most ${MOST_COST * 100} % of CPU more: ${yesNo(cpu <= 1 + MOST_COST)} (${((cpu - 1) * 100).toFixed(1)} %)`,
  ].join('\n');
}
