/**
 * Reading: rows per second of our reader, and of reading, mapping and validating together, beside csv-parse alone on the
 * same file; each in a process of its own, in turns, the median of the rounds. Then the peak memory for a file twenty
 * times larger.
 */
import { join } from 'node:path';
import { cleanEnv, resultOf, startEntry } from './child.js';
import { writeCsv } from './data.js';
import { median, table, whole, yesNo } from './table.js';

const ROWS = 300_000;
const SMALL = 50_000;
const LARGE = 1_000_000;
const LEAST_RATIO = 0.5;
const MOST_MEMORY = 1.35;
const CONTENDERS = ['csv-parse', 'reader', 'contacts'] as const;

type Contender = (typeof CONTENDERS)[number];

export interface ReadResult {
  rowsPerSecond: Record<Contender, number>;
  peakRssMb: { small: number; large: number };
}

interface Told {
  rows: number;
  ms: number;
  peakRssMb: number;
}

export async function measureReading(
  dir: string,
  rounds: number,
  say: (line: string) => void,
): Promise<ReadResult> {
  const path = join(dir, 'read.csv');
  await writeCsv(path, ROWS);
  const speeds = new Map<Contender, number[]>(CONTENDERS.map((which) => [which, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const which of CONTENDERS) {
      const { rows, ms } = await read(which, path, ROWS);
      speeds.get(which)!.push((rows / ms) * 1000);
      say(`round ${round}: ${which} ${whole((rows / ms) * 1000)} rows/s`);
    }
  }
  const peaks: number[] = [];
  for (const rows of [SMALL, LARGE]) {
    await writeCsv(path, rows);
    const { peakRssMb } = await read('contacts', path, rows);
    peaks.push(peakRssMb);
    say(`${whole(rows)} rows: ${peakRssMb.toFixed(0)} MB`);
  }
  const rowsPerSecond = Object.fromEntries(CONTENDERS.map((which) => [which, median(speeds.get(which)!)]));
  return {
    rowsPerSecond: rowsPerSecond as Record<Contender, number>,
    peakRssMb: { small: peaks[0]!, large: peaks[1]! },
  };
}

async function read(which: Contender, path: string, rows: number): Promise<Told> {
  const told = (await resultOf(startEntry('./contenders/reader.ts', [which, path], cleanEnv()))) as Told;
  if (told.rows !== rows) throw new Error(`read: ${which} found ${told.rows} rows of ${rows}`);
  return told;
}

export function showReading({ rowsPerSecond, peakRssMb }: ReadResult): string {
  const alone = rowsPerSecond['csv-parse'];
  const lines = CONTENDERS.map((which) => [
    which === 'contacts' ? 'read, mapped, validated' : which,
    whole(rowsPerSecond[which]),
    (rowsPerSecond[which] / alone).toFixed(2),
  ]);
  const ratio = rowsPerSecond.contacts / alone;
  const memory = peakRssMb.large / peakRssMb.small;
  return [
    'Reading: rows per second, and beside csv-parse alone',
    table([['', 'rows/s', 'ratio'], ...lines]),
    `at least ${LEAST_RATIO} × csv-parse: ${yesNo(ratio >= LEAST_RATIO)} (${ratio.toFixed(2)})`,
    `memory at most ${MOST_MEMORY} × for ${LARGE / SMALL} × the rows: ${yesNo(memory <= MOST_MEMORY)} (${memory.toFixed(2)}, ${peakRssMb.large.toFixed(0)} MB)`,
  ].join('\n');
}
