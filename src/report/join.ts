/** Gives outcomes in row order although the journal is not, in bounded memory: sorted into ranges of rows on disk. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeOutcome, type EncodedOutcome, fold, type Outcome } from '../outcome.js';
import { parseEntry, readJournal } from './journal.js';

const ROWS_A_RANGE = 2_048;
/** Of all ranges together: the journal is nearly in row order, so that few of them wait at a time. */
const FLUSH_LENGTH = 512 * 1024;

/** Whether `next` takes the place of what was told of its row before. */
function stands(before: EncodedOutcome, next: EncodedOutcome): boolean {
  const told = decodeOutcome(next);
  return fold(decodeOutcome(before), told) === told;
}

export class OutcomesByRow {
  private range = -1;
  private outcomes = new Map<number, EncodedOutcome>();

  private constructor(private readonly dir: string) {}

  /** Sorts the journal in `runDir` into ranges under `runDir/ranges`. */
  static async sort(runDir: string): Promise<OutcomesByRow> {
    const dir = join(runDir, 'ranges');
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { mode: 0o700 });
    const waiting = new Map<number, string[]>();
    let length = 0;
    const flush = () => {
      for (const [range, list] of waiting)
        appendFileSync(join(dir, String(range)), `[${list.join(',')}]\n`, { mode: 0o600 });
      waiting.clear();
      length = 0;
    };
    for await (const outcomes of readJournal(runDir)) {
      for (const outcome of outcomes) {
        const range = Math.floor(outcome[0] / ROWS_A_RANGE);
        const encoded = JSON.stringify(outcome);
        const list = waiting.get(range);
        if (list) list.push(encoded);
        else waiting.set(range, [encoded]);
        length += encoded.length;
        if (length > FLUSH_LENGTH) flush();
      }
    }
    flush();
    return new OutcomesByRow(dir);
  }

  /** The outcome of `row`; ask in rising order, each range is loaded once. */
  of(row: number): Outcome | undefined {
    const range = Math.floor(row / ROWS_A_RANGE);
    if (range !== this.range) this.load(range);
    const encoded = this.outcomes.get(row);
    return encoded && decodeOutcome(encoded);
  }

  private load(range: number): void {
    this.range = range;
    this.outcomes = new Map();
    const path = join(this.dir, String(range));
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      for (const outcome of parseEntry(line) ?? []) {
        const before = this.outcomes.get(outcome[0]);
        if (before === undefined || stands(before, outcome)) this.outcomes.set(outcome[0], outcome);
      }
    }
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
