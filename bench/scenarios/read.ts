/**
 * Reading: rows per second of our reader, and of reading, mapping and validating together, beside csv-parse alone on the
 * same file, each in a process of its own.
 */
import { cleanEnv, resultOf, startEntry } from '../child.js';
import type { Scenario } from '../scenario.js';
import { goal, number, times } from '../table.js';

const READERS = ['csv-parse', 'reader', 'contacts'] as const;
const LEAST_RATIO = 0.5;
const MOST_MEMORY = 1.35;
const TITLES = { 'csv-parse': 'csv-parse', reader: 'our reader', contacts: 'read, mapped, validated' };
const LARGE = 'the same, larger file';

export const read: Scenario = {
  name: 'read',
  question: 'How fast are rows read, mapped and validated?',
  columns: [
    { key: 'perSecond', title: 'rows/s', spread: true, ratio: true },
    { key: 'rss', title: 'RSS MB' },
  ],
  async open(bench) {
    const rows = bench.rows(300_000, 50_000);
    const large = rows * 4;
    const readFile = (which: (typeof READERS)[number], many: number) => async () => {
      const args = [which, await bench.csv(many)];
      const told = (await resultOf(startEntry('./contenders/reader.ts', args, cleanEnv()))) as {
        rows: number;
        ms: number;
        peakRssMb: number;
      };
      if (told.rows !== many) throw new Error(`read: ${which} found ${told.rows} rows of ${many}`);
      return { perSecond: (many / told.ms) * 1000, rss: told.peakRssMb };
    };
    return {
      about: `${number(rows)} rows; the larger file has ${number(large)}`,
      cases: [
        ...READERS.map((which) => ({
          title: TITLES[which],
          base: TITLES['csv-parse'],
          measure: readFile(which, rows),
        })),
        { title: LARGE, base: TITLES['csv-parse'], measure: readFile('contacts', large) },
      ],
    };
  },
  conclude(result) {
    const ratio = result.ratio(TITLES.contacts, TITLES['csv-parse'], 'perSecond');
    const memory = result.ratio(LARGE, TITLES.contacts, 'rss');
    return [
      goal(`at least ${times(LEAST_RATIO)} of csv-parse`, ratio >= LEAST_RATIO, times(ratio)),
      goal(`memory for 4 × the rows at most ${times(MOST_MEMORY)}`, memory <= MOST_MEMORY, times(memory)),
    ];
  },
};
