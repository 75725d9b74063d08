/** A pass over the source that puts rows into batches. A run is one pass, more when rows repeat each other or batches get lost. */
import { BATCH_BYTES, Batcher, type FullBatch } from '../ingest/batch.js';
import { type IngestedRow, openIngest } from '../ingest/ingest.js';
import type { Outcome } from '../outcome.js';
import type { BatchQueue } from '../queues/batches.js';
import type { Session } from './session.js';

/** What of a session a pass needs; a rehearsal has no more. */
export type Passing = Pick<
  Session,
  'plan' | 'account' | 'epoch' | 'signal' | 'window' | 'memory' | 'restoring' | 'reach' | 'settle'
> & { queue: Pick<BatchQueue, 'add'> };

export interface PassOptions {
  /** Which rows to take: those that are not settled yet, say. Called in row order. */
  take(row: IngestedRow): boolean;
  /** Whether nothing was ever sent for a row: only such a row can be told from memory. Default: no row. */
  untouched?(row: number): boolean;
  /** Which rows are known to have no fault. Default: none. */
  sound?(row: number): boolean;
  /** Called before a group of rows is looked at, with its first and last row. */
  prepare?(first: number, last: number): Promise<void>;
  /** Tells the batches of this pass from others that begin with the same row. */
  label: string;
  /** False: the rows are in the window already and are added whatever its size. */
  wait: boolean;
  /** Stop after this row. */
  last?: number;
}

/** Takes rows from the source in order: invalid ones and those delivered before are settled, the others travel in batches, window by window. */
export async function pass(session: Passing, options: PassOptions): Promise<void> {
  const { plan, account, window, signal } = session;
  const { rows } = await openIngest(plan, account, { sound: options.sound });
  const batcher = new Batcher({ rows: plan.batchRows, bytes: BATCH_BYTES });
  let unsent: Outcome[] = [];

  for await (const group of atLeast(plan.batchRows, rows)) {
    await options.prepare?.(group[0]!.row, group.at(-1)!.row);
    const due: IngestedRow[] = [];
    for (const row of group) {
      if (options.last !== undefined && row.row > options.last) break;
      if (!options.take(row)) continue;
      if (row.invalid) unsent.push(row.invalid);
      else due.push(row);
    }
    const known = await recall(due);
    for (const { row, contact } of due) {
      const told = known?.get(row);
      if (told !== undefined && told !== 'changed') unsent.push(told);
      else {
        const full = batcher.push(row, contact, told === 'changed');
        if (full) {
          await sendBatch(session, full, options);
          // Before the next rows are read, for the same reason as they are read in small pieces (ingest/read.ts).
          if (options.wait) await window.room(signal);
        }
      }
      if (signal.aborted) return;
    }
    if (unsent.length > 0) await settleUnsent();
    if (signal.aborted || (options.last !== undefined && group.at(-1)!.row >= options.last)) break;
  }
  if (!signal.aborted) await sendBatch(session, batcher.take(), options);

  /** Notes in the account's memory that these are going to be sent, but for those that need not be. */
  async function recall(
    due: readonly IngestedRow[],
  ): Promise<ReadonlyMap<number, Outcome | 'changed'> | undefined> {
    const { memory } = session;
    if (memory?.generation === undefined) return undefined;
    const untouched = due.filter(({ row }) => options.untouched?.(row));
    const known = await memory.recall(untouched);
    if (untouched.length < due.length) await memory.claim(due.filter(({ row }) => !options.untouched?.(row)));
    return known;
  }

  async function settleUnsent(): Promise<void> {
    const outcomes = unsent;
    unsent = [];
    if (options.wait) await window.room(signal);
    await session.settle(outcomes);
  }
}

/** Larger groups of the same rows: what Redis is asked about one costs a round trip. */
async function* atLeast(
  many: number,
  groups: AsyncIterable<IngestedRow[]>,
): AsyncGenerator<IngestedRow[], void, void> {
  let gathered: IngestedRow[] = [];
  for await (const group of groups) {
    gathered = gathered.concat(group);
    if (gathered.length < many) continue;
    yield gathered;
    gathered = [];
  }
  if (gathered.length > 0) yield gathered;
}

/** Puts a batch into the queue, when the window has room for it. */
export async function sendBatch(
  session: Passing,
  { rows: contacts, bytes }: FullBatch,
  { label, wait }: Pick<PassOptions, 'label' | 'wait'>,
): Promise<void> {
  if (contacts.length === 0) return;
  const { plan, window, signal, epoch } = session;
  if (wait) await window.room(signal);
  await session.restoring;
  if (signal.aborted) return;
  await session.reach(contacts.at(-1)![0]);
  for (const [row] of contacts) window.add(row, bytes / contacts.length);
  const id = `${plan.run}-${contacts[0]![0]}-${epoch}${label}`;
  const { run, attempts, onDuplicate, bulk } = plan;
  const update = onDuplicate === 'update';
  await session.queue.add([{ id, batch: { run, epoch, attempts, update, bulk, rows: contacts } }]);
}
