/** A process that checks one file for the service: started by checks.ts, gone with it, and last in turn for the CPU. */
import { setPriority } from 'node:os';
import { type Check, type CheckOptions, checkSource, RowferryError } from '../index.js';

/** What it is told, once. */
export interface Order {
  path: string;
  options: Omit<CheckOptions, 'signal' | 'progress' | 'write' | 'clock'>;
}

/** What it tells. */
export type News =
  | { event: 'progress'; rows: number; about: number }
  | { event: 'result'; check: Check }
  | { event: 'refused'; code: string; message: string; exitCode: number }
  | { event: 'broken'; stack: string };

const NICE = 5;
/** Cells are for a look, whatever they hold. */
const LONGEST_CELL = 120;

const ending = new AbortController();
process.once('disconnect', () => ending.abort());
if (!process.connected) ending.abort(); // while this was being read
// What a terminal sends to all of them: the service says when it is over.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.once('message', (order: Order) => {
  void work(order).then((news) => {
    if (process.connected) process.send!(news);
  });
});
try {
  setPriority(NICE);
} catch {
  // Not to be had here: it takes its turn like the others.
}

async function work({ path, options }: Order): Promise<News> {
  try {
    const check = await checkSource(path, {
      ...options,
      signal: ending.signal,
      progress: (rows, about) => {
        if (process.connected) process.send!({ event: 'progress', rows, about } satisfies News);
      },
    });
    return { event: 'result', check: forALook(check) };
  } catch (error) {
    if (!(error instanceof RowferryError)) return { event: 'broken', stack: String((error as Error).stack) };
    const { code, message, exitCode } = error;
    return { event: 'refused', code, message, exitCode };
  }
}

function forALook(check: Check): Check {
  return {
    ...check,
    columns: check.columns.map((column) => ({ ...column, samples: column.samples.map(cut) })),
    remarks: check.remarks.map((remark) => ({ ...remark, examples: remark.examples.map(cut) })),
  };
}

function cut(cell: string): string {
  return cell.length > LONGEST_CELL ? `${cell.slice(0, LONGEST_CELL)}…` : cell;
}
