/** `rowferry check` on files of any size: what a run would do, every row read, mapped and validated, nothing sent. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { CLI, cleanEnv, resultOf, start, watchUsage } from '../child.js';
import type { Scenario } from '../scenario.js';
import { goal, number, times } from '../table.js';

const MOST_MEMORY = 1.35;

export const check: Scenario = {
  name: 'check',
  question: 'How long does `rowferry check` take, and how much memory?',
  columns: [
    { key: 'seconds', title: 's', digits: 1 },
    { key: 'perSecond', title: 'rows/s', spread: true, ratio: true },
    { key: 'rss', title: 'RSS MB', ratio: true },
  ],
  async open(bench) {
    const sizes = bench.quick ? [10_000, 50_000] : [100_000, 1_000_000, 10_000_000];
    const title = (rows: number) => `${number(rows)} rows`;
    const dataDir = await mkdtemp(join(bench.dir, 'check-'));
    const checkFile = async (rows: number) => {
      const csv = await bench.csv(rows);
      const startedMs = performance.now();
      const flags = ['--to', 'sendmator', '--json', '--data-dir', dataDir];
      const child = start([CLI, 'check', csv, ...flags], cleanEnv(), dataDir);
      const usage = watchUsage(child);
      const found = (await resultOf(child)) as { rows: number };
      if (found.rows !== rows) throw new Error(`check: found ${found.rows} rows of ${rows}`);
      const seconds = (performance.now() - startedMs) / 1000;
      return { seconds, perSecond: rows / seconds, rss: usage()?.peakRssMb };
    };
    return {
      about: 'start of the process included',
      mostRounds: 2,
      cases: sizes.map((rows) => ({
        title: title(rows),
        base: title(sizes[0]!),
        measure: () => checkFile(rows),
      })),
    };
  },
  conclude(result) {
    const [small, large] = [result.cases[0]!.title, result.cases.at(-1)!.title];
    const ratio = result.ratio(large, small, 'rss');
    return [goal(`memory at most ${times(MOST_MEMORY)}`, ratio <= MOST_MEMORY, times(ratio))];
  },
};
