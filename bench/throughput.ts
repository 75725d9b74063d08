/**
 * Throughput: rowferry against (a) a hand-written loop without durability and (b) one BullMQ job per row, on the same
 * stub server and the same CSV, 50 requests in flight each. Every contender runs in a process of its own, one at a
 * time, in interleaved rounds whose order rotates; a Redis is new for each. Ratios are medians of the rounds' own
 * ratios, so that a machine that is slow for a while does not bend them. The stub counts what arrives: a contender
 * whose count is not the number of rows fails the benchmark.
 */
import { join } from 'node:path';
import { cleanEnv, end, lineOf, resultOf, startEntry } from './child.js';
import type { Measured, Orders } from './contenders/measure.js';
import { writeCsv } from './data.js';
import { startRedis } from './redis.js';
import { median, table, whole, yesNo } from './table.js';

const CONTENDERS = ['loop', 'job-per-row', 'rowferry'] as const;
type Contender = (typeof CONTENDERS)[number];
const TITLES: Record<Contender, string> = {
  loop: '(a) hand-written loop',
  'job-per-row': '(b) BullMQ job per row',
  rowferry: 'rowferry',
};
const CONCURRENCY = 50;
const WARM_UP_ROWS = 5_000;

/** Of one round. `delivered`: until the last request reached the stub; `whole`: until the contender was through. */
interface Figures {
  deliveredPerSecond: number;
  wholePerSecond: number;
  cpuSeconds: number;
  peakRssMb: number;
  redisCpuSeconds?: number;
  redisPeakMb?: number;
}

export interface Throughput {
  rows: number;
  rounds: Record<Contender, Figures>[];
  /** Medians over the rounds of each contender's rate ÷ the loop's in the same round. */
  ratios: Record<Contender, { delivered: number; whole: number }>;
  /** rowferry ÷ job-per-row, likewise. */
  overJobs: { delivered: number; whole: number };
  redis: string;
}

export async function measureThroughput(
  dir: string,
  rows: number,
  rounds: number,
  say: (line: string) => void,
): Promise<Throughput> {
  const csv = join(dir, 'contacts.csv');
  const warmUp = join(dir, 'warm-up.csv');
  await writeCsv(csv, rows);
  await writeCsv(warmUp, WARM_UP_ROWS);
  const stub = startEntry('./stub.ts', [], cleanEnv());
  const { url } = JSON.parse(await lineOf(stub, 'stdout')) as { url: string };
  let redisVersion = '';

  async function compete(name: Contender, of: { csv: string; rows: number }): Promise<Figures> {
    const redis = name === 'loop' ? undefined : await startRedis();
    const before = await redis?.cost();
    const orders: Orders = { ...of, url, concurrency: CONCURRENCY, dataDir: redis?.dataDir ?? '' };
    try {
      const child = startEntry(`./contenders/${name}.ts`, [JSON.stringify(orders)], cleanEnv());
      const own = (await resultOf(child)) as Measured;
      const { posts, lastMs } = (await (await fetch(`${url}/_stub/take`)).json()) as Record<string, number>;
      if (posts !== of.rows)
        throw new Error(`${name}: ${posts} requests reached the stub for ${of.rows} rows`);
      const after = await redis?.cost();
      if (after) redisVersion = after.version;
      return {
        deliveredPerSecond: of.rows / ((lastMs! - own.startedMs) / 1000),
        wholePerSecond: of.rows / own.wholeSeconds,
        cpuSeconds: own.cpuSeconds,
        peakRssMb: own.peakRssMb,
        ...(after && { redisCpuSeconds: after.cpuSeconds - before!.cpuSeconds, redisPeakMb: after.peakMb }),
      };
    } finally {
      await redis?.close();
    }
  }

  try {
    const results: Record<Contender, Figures>[] = [];
    await compete('loop', { csv: warmUp, rows: WARM_UP_ROWS });
    for (let round = 0; round < rounds; round++) {
      const found: Partial<Record<Contender, Figures>> = {};
      for (let i = 0; i < CONTENDERS.length; i++) {
        const name = CONTENDERS[(round + i) % CONTENDERS.length]!;
        const figures = await compete(name, { csv, rows });
        found[name] = figures;
        const perSecond = `${whole(figures.deliveredPerSecond)} rows/s delivered`;
        say(
          `round ${round + 1}/${rounds}  ${TITLES[name]}: ${perSecond}, ${whole(figures.wholePerSecond)} in all`,
        );
      }
      results.push(found as Record<Contender, Figures>);
    }
    const ratio = (name: Contender, to: Contender) => {
      const of = (which: 'deliveredPerSecond' | 'wholePerSecond') =>
        median(results.map((round) => round[name][which] / round[to][which]));
      return { delivered: of('deliveredPerSecond'), whole: of('wholePerSecond') };
    };
    return {
      rows,
      rounds: results,
      ratios: {
        loop: ratio('loop', 'loop'),
        'job-per-row': ratio('job-per-row', 'loop'),
        rowferry: ratio('rowferry', 'loop'),
      },
      overJobs: ratio('rowferry', 'job-per-row'),
      redis: redisVersion,
    };
  } finally {
    await end(stub);
  }
}

export function showThroughput({ rows, rounds, ratios, overJobs, redis }: Throughput): string {
  const cell = (name: Contender, which: keyof Figures, digits: number) => {
    const values = rounds.map((round) => round[name][which]).filter((value) => value !== undefined);
    return values.length === 0 ? '–' : digits < 0 ? whole(median(values)) : median(values).toFixed(digits);
  };
  const lines = CONTENDERS.map((name) => [
    TITLES[name],
    cell(name, 'deliveredPerSecond', -1),
    ratios[name].delivered.toFixed(2),
    cell(name, 'wholePerSecond', -1),
    ratios[name].whole.toFixed(2),
    cell(name, 'cpuSeconds', 2),
    cell(name, 'peakRssMb', 0),
    cell(name, 'redisCpuSeconds', 2),
    cell(name, 'redisPeakMb', 1),
  ]);
  const head = ['delivered/s', '÷ (a)', 'whole/s', '÷ (a)', 'CPU s', 'RSS MB', 'Redis CPU s', 'Redis MB'];
  const { delivered, whole: withReport } = ratios.rowferry;
  return [
    `Throughput: ${whole(rows)} rows, ${CONCURRENCY} in flight, medians of ${rounds.length} rounds, Redis ${redis}`,
    table([['', ...head], ...lines]),
    'delivered: until the last row reached the API · whole: until the contender was through, rowferry with its report',
    `ahead of (a): ${yesNo(delivered > 1)} (${delivered.toFixed(2)}; with the report ${withReport.toFixed(2)})`,
    `at least 3 × (b): ${yesNo(overJobs.delivered >= 3)} (${overJobs.delivered.toFixed(2)}; with the report ${overJobs.whole.toFixed(2)})`,
  ].join('\n');
}
