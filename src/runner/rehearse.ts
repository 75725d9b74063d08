/**
 * What a run would make of its source if the destination were empty and took every valid contact: the run's own passes,
 * with a queue that answers at once. Nothing is sent, and no Redis is needed.
 */
import { mkdir } from 'node:fs/promises';
import type { Account } from '../destinations/registry.js';
import { rowsAtOnce } from '../ingest/batch.js';
import { openIngest } from '../ingest/ingest.js';
import { type Code, codeOf, encodeOutcome, type Outcome } from '../outcome.js';
import type { BatchToAdd } from '../queues/batches.js';
import type { Journal } from '../report/journal.js';
import type { Summary } from '../report/summary.js';
import { writeReport } from '../report/write.js';
import { type RunPlan, runDir } from '../run.js';
import { Repeats } from './repeats.js';
import { type FirstRows, sendFirstRows } from './run.js';
import { settleRepeats } from './settle-repeats.js';
import { Window, windowLimits } from './window.js';

export interface RehearseOptions {
  /** Where the run would have its directory; what is put there may be removed afterwards. */
  dataDir: string;
  plan: RunPlan;
  account: Account;
  signal: AbortSignal;
  /** Told every row, in row order. */
  see?: FirstRows['see'];
  /** Told every outcome: those of first rows in row order, then those of repeats. */
  each?(outcome: Outcome): void;
  /** Where outcomes are kept for {@link report}. */
  journal?: Journal | undefined;
}

const CREATED: Pick<Outcome, 'status'> = { status: 'created' };
const EPOCH = '1';
/** Outcomes in one line of the journal. */
const LINE_OUTCOMES = 1_000;

export class Rehearsal {
  /** Rows of the source. */
  rows = 0;
  /** Requests that a run would make. */
  requests = 0;

  constructor(private readonly options: RehearseOptions) {}

  /** Resolves early when the signal aborts: whoever sent it knows what is then missing. */
  async rehearse(): Promise<void> {
    const { dataDir, plan, account, signal, see } = this.options;
    await mkdir(runDir(dataDir, plan.run), { recursive: true, mode: 0o700 });
    const atOnce = rowsAtOnce(account.destination, plan.bulk);
    const window = new Window(windowLimits(plan.rate, plan.batchRows, atOnce));
    const codes = new Codes();
    const untold: Outcome[] = [];
    const settle = async (outcomes: readonly Outcome[]) => {
      for (const outcome of outcomes) {
        codes.set(outcome.row, codeOf(outcome));
        this.options.each?.(outcome);
        window.done(outcome.row);
      }
      window.moved();
      if (this.options.journal === undefined) return;
      untold.push(...outcomes);
      if (untold.length >= LINE_OUTCOMES) await this.keep(untold.splice(0));
    };
    const session: FirstRows = {
      around: { dataDir },
      plan,
      account,
      epoch: EPOCH,
      signal,
      window,
      repeats: new Repeats(),
      rows: 0,
      readAll: false,
      memory: undefined,
      restoring: undefined,
      ...(see === undefined ? {} : { see }),
      reach: async () => {},
      settle: async (outcomes) => {
        for (const outcome of outcomes) window.addOutcome(outcome);
        await settle(outcomes);
      },
      record: {
        codes: async (rows) => rows.map((row) => codes.of(row)),
        packedCodes: () => Promise.reject(new Error('a rehearsal is not resumed')),
      },
      queue: {
        add: async (batches: readonly BatchToAdd[]) => {
          for (const { batch } of batches) {
            this.requests += requestsFor(batch.rows.length, atOnce, this.options);
            await settle(batch.rows.map(([row]) => ({ row, ...CREATED })));
          }
        },
      },
    };
    await sendFirstRows(session);
    await settleRepeats(session);
    if (untold.length > 0) await this.keep(untold);
    this.rows = session.rows;
  }

  private async keep(outcomes: Outcome[]): Promise<void> {
    await this.options.journal?.append([`[${outcomes.map(encodeOutcome).join(',')}]`], '0-1');
  }

  /** Writes the report that the run would have, from the journal. `message` says that it is none of a run. */
  async report(message: string, startedMs: number, finishedMs: number): Promise<Summary> {
    const { dataDir, plan, account } = this.options;
    const { header, rows, mapping } = await openIngest(plan, account, { validate: false });
    return writeReport({
      dataDir,
      plan,
      destination: account.destination,
      header,
      rows,
      state: 'finished',
      message,
      counts: { requests: 0, retries: 0, throttled: 0 },
      startedMs,
      finishedMs,
      columns: mapping.columns,
    });
  }
}

/** A contact that may be there already is looked up first, where the API itself would take it twice. */
function requestsFor(rows: number, atOnce: number, { plan, account }: RehearseOptions): number {
  const { enforcesUniqueness, lookup } = account.destination;
  const looksUp = plan.onDuplicate === 'update' && !enforcesUniqueness && lookup !== undefined;
  return looksUp ? 2 * rows : Math.ceil(rows / atOnce);
}

/** The codes of rows, a byte each. */
class Codes {
  private bytes = new Uint8Array(1 << 16);

  set(row: number, code: Code): void {
    if (row >= this.bytes.length) {
      const larger = new Uint8Array(Math.max(row + 1, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[row] = code;
  }

  of(row: number): number {
    return this.bytes[row] ?? 0;
  }
}
