/** A batch in this process's hands, until each of its rows is settled, put off, or handed back. */
import { randomBytes } from 'node:crypto';
import { pause } from '../clock.js';
import type { Contact } from '../contact.js';
import type { Outcome } from '../outcome.js';
import type { BatchClaim, RunRecord, Tally } from '../outcomes/settle.js';
import type { Batch, BatchRow, BatchToAdd } from '../queues/batches.js';
import { backoffMs, type Errand } from './decide.js';

/** One row on its way. */
export interface Item {
  hold: Hold;
  row: number;
  contact: Contact;
  /** Attempts spent before the one under way. */
  attempts: number;
  /** Redis's clock when it was first sent without an answer, ms; 0 = it never was. */
  since: number;
  /** Marked as attempted by this hold, and nothing was sent since that may have created it. */
  marked: boolean;
  /** Remembered to be there. */
  there?: true;
  /** What the next request is about; undefined: to create it. */
  errand?: Errand;
  /** Travels in a request of its own from now on. */
  alone?: boolean;
  /** Sent to try whether the API is back. */
  probe?: boolean;
}

/** Outcomes are settled in groups of this many, or when the oldest has waited this long. */
const GROUP = 100;
const GROUP_WAIT_MS = 50;
/** For a minute; then the rows stay in doubt and their batch is given out again. */
const RETRY_MS = 500;
const RETRIES = 120;

export class Hold {
  readonly items: Item[];
  /** Set once rows of the run must not be sent any more; those not sent yet are dropped, the runner adds them again. */
  dropped = false;
  private open: number;
  private outcomes: Outcome[] = [];
  private unmark: number[] = [];
  private tally: Tally = { requests: 0, retries: 0, throttled: 0 };
  private later: BatchRow[] = [];
  private back: BatchRow[] = [];
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private finish!: () => void;
  readonly finished: Promise<void>;

  constructor(
    readonly record: RunRecord,
    readonly claim: BatchClaim,
    readonly batch: Batch,
    private readonly startedMs: number,
  ) {
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.items = batch.rows.map(([row, contact, attempts = 0, since = 0, there]) => ({
      hold: this,
      row,
      contact,
      attempts,
      since,
      marked: false,
      ...(there ? { there } : {}),
    }));
    this.open = this.items.length;
    if (this.open === 0) this.finish();
  }

  /** A request was sent. */
  count(what: keyof Tally): void {
    this.tally[what]++;
  }

  settle(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.schedule();
    this.closeOne();
  }

  /** Another holder, or the time before a crash, has settled the row already. */
  alreadySettled(): void {
    this.closeOne();
  }

  /** The row is tried again later, in a batch of its own. */
  putOff(item: Item): void {
    this.unmarkUnlessInDoubt(item);
    this.later.push([item.row, item.contact, item.attempts, item.since]);
    this.closeOne();
  }

  /** The row goes back to the queue as it is. */
  handBack(item: Item): void {
    this.unmarkUnlessInDoubt(item);
    this.back.push([item.row, item.contact, item.attempts, item.since]);
    this.closeOne();
  }

  /** The row was marked by somebody who never told what came of it: no earlier than the start of the run. */
  doubt(item: Item): void {
    if (item.since === 0) item.since = this.startedMs;
    // Decided on before this was known: what is not found need not be absent any more.
    if (item.errand?.do === 'find' || item.errand?.do === 'create') delete item.errand;
  }

  /** Rows put off, grouped by attempts, as batches with their delay. */
  leftovers(random: () => number): BatchToAdd[] {
    const byAttempts = new Map<number, BatchRow[]>();
    for (const row of this.later) {
      const group = byAttempts.get(row[2] ?? 0) ?? [];
      group.push(row);
      byAttempts.set(row[2] ?? 0, group);
    }
    return [...byAttempts].map(([attempts, rows]) => ({
      id: `${this.batch.run}-${rows[0]![0]}-${this.batch.epoch}-r${attempts}-${randomBytes(4).toString('hex')}`,
      batch: { ...this.batch, rows },
      delayMs: backoffMs(attempts, random()),
    }));
  }

  get handedBack(): BatchRow[] {
    return this.back;
  }

  /** Settles what is known so far. Resolves when Redis has it; rejects when it would not take it for a minute. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing = this.flushing.then(async () => {
      const { outcomes, unmark, tally } = this;
      if (outcomes.length + unmark.length + tally.requests + tally.throttled === 0) return;
      this.outcomes = [];
      this.unmark = [];
      this.tally = { requests: 0, retries: 0, throttled: 0 };
      for (let i = 0; ; i++) {
        try {
          const reply = await this.record.settle(outcomes, this.claim, tally, unmark);
          if (reply !== 'gone' || i >= RETRIES) return;
        } catch (error) {
          // Full or read-only for a moment: what was answered must not be forgotten for that.
          if (i >= RETRIES) throw error;
        }
        await pause(RETRY_MS);
      }
    });
    return this.flushing;
  }

  private unmarkUnlessInDoubt(item: Item): void {
    if (item.marked && item.since === 0) this.unmark.push(item.row);
    item.marked = false;
  }

  private schedule(): void {
    // A failure is not lost here: the last flush of the batch ends with it.
    const flush = () => void this.flush().catch(() => {});
    if (this.outcomes.length >= GROUP) flush();
    else this.timer ??= setTimeout(flush, GROUP_WAIT_MS);
  }

  private closeOne(): void {
    if (--this.open === 0) this.finish();
  }
}
