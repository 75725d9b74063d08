/** The `deliver-<account>` queue: one BullMQ job is one batch of contacts. With runs.ts the only file that knows BullMQ. */
import { type ConnectionOptions, type Job, Queue, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Contact } from '../contact.js';
import { queuePrefix } from '../redis/keys.js';
import { bringForward } from './put-off.js';
import type { Spans } from './spans.js';

/**
 * One contact of a batch: row, contact, and for one that was tried before: attempts spent, ms when it was first sent
 * without an answer (0 = never). `there`: the destination is remembered to have it.
 */
export type BatchRow = [row: number, contact: Contact, attempts?: number, since?: number, there?: true];

export interface Batch {
  run: string;
  /** Epoch of the runner that enqueued it; batches of an older epoch are dropped. */
  epoch: string;
  /** Requests for one contact before it is given up. */
  attempts: number;
  /** Contacts that are there already are brought up to date. */
  update?: boolean;
  /** Rows may travel together, where the destination takes several in one request. */
  bulk?: boolean;
  rows: BatchRow[];
}

export interface BatchToAdd {
  /** Unique in the queue; a batch id that is there already is not added again. */
  id: string;
  batch: Batch;
  delayMs?: number;
}

/** A batch in a worker's hands. */
export interface HeldBatch {
  id: string;
  batch: Batch;
}

/** How a worker leaves a batch: done, or handed back with the rows that are left. */
export type BatchEnd = { left: 'nothing' } | { left: 'rows'; rows: BatchRow[] };

/**
 * Locks are renewed every 5 s; a worker that is silent for 10 s loses its batches at the next check, 5 s later.
 * Long enough for a busy event loop, short enough that a killed worker's rows are not late.
 */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5_000;
/** Beyond the longest pause between two attempts. */
const LONGEST_DELAY_MS = 90_000;

export function deliverQueueName(account: string): string {
  return `deliver-${account}`;
}

export class BatchQueue {
  private readonly queue: Queue;

  constructor(
    private readonly connection: Redis,
    prefix: string,
    account: string,
    spans?: Spans,
  ) {
    this.queue = new Queue(deliverQueueName(account), {
      ...(spans && { telemetry: spans }),
      connection: connection as ConnectionOptions,
      prefix: queuePrefix(prefix),
      skipVersionCheck: true,
    });
    this.queue.on('error', () => {}); // the connection's owner reports it
  }

  async add(batches: readonly BatchToAdd[]): Promise<void> {
    await this.queue.addBulk(
      batches.map(({ id, batch, delayMs }) => ({
        name: 'batch',
        data: batch,
        opts: {
          jobId: id,
          removeOnComplete: true,
          removeOnFail: true,
          // A failed job would be a batch without outcome; failures are rows' and are counted per row.
          attempts: 1_000_000,
          backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
          ...(delayMs === undefined ? {} : { delay: Math.ceil(delayMs) }),
        },
      })),
    );
  }

  /** Every row of `run` that a batch of `epoch` in the queue still carries. */
  async coveredRows(run: string, epoch: string): Promise<Set<number>> {
    const covered = new Set<number>();
    const jobs = await this.queue.getJobs(['active', 'wait', 'delayed', 'prioritized']);
    for (const job of jobs) {
      const batch = job?.data as Batch | undefined;
      if (batch?.run === run && batch.epoch === epoch) for (const [row] of batch.rows) covered.add(row);
    }
    return covered;
  }

  /**
   * Gives out batches of `run` that are due later than any delay of ours: put there before our clock was set back.
   * `nowMs`: our clock.
   */
  async bringForward(run: string, nowMs: number): Promise<void> {
    await bringForward(
      this.connection,
      this.queue,
      LONGEST_DELAY_MS,
      nowMs,
      (job) => (job.data as Batch).run === run,
    );
  }

  /** How many batches of `run` workers hold; the lock of one that died runs out. */
  async heldBatches(run: string): Promise<number> {
    const jobs = (await this.queue.getJobs(['active'])).filter((job) => job?.data?.run === run);
    if (jobs.length === 0) return 0;
    return this.connection.exists(...jobs.map((job) => this.queue.toKey(`${job.id}:lock`)));
  }

  /** Rows of `run` that were tried and wait to be tried again: attempts spent, and since when they are in doubt (0 = not). */
  async triedRows(run: string): Promise<Map<number, { attempts: number; since: number }>> {
    const tried = new Map<number, { attempts: number; since: number }>();
    for (const job of await this.queue.getJobs(['active', 'wait', 'delayed', 'prioritized'])) {
      const batch = job?.data as Batch | undefined;
      if (batch?.run !== run) continue;
      for (const [row, , attempts = 0, since = 0] of batch.rows) {
        if (attempts > (tried.get(row)?.attempts ?? 0)) tried.set(row, { attempts, since });
      }
    }
    return tried;
  }

  /** Batches by what they are waiting for, and since when the first of them waits to be taken, ms since the epoch. */
  async counts(): Promise<{ waiting: number; active: number; delayed: number; waitingSinceMs?: number }> {
    const [counts, [oldest]] = await Promise.all([
      this.queue.getJobCounts('wait', 'prioritized', 'active', 'delayed'),
      this.queue.getJobs(['wait'], 0, 0, true),
    ]);
    const { wait = 0, prioritized = 0, active = 0, delayed = 0 } = counts;
    const since = oldest === undefined ? {} : { waitingSinceMs: oldest.timestamp };
    return { waiting: wait + prioritized, active, delayed, ...since };
  }

  /** Whether a worker lives that takes batches of this account. */
  async served(): Promise<boolean> {
    // Some managed servers list no clients: then nobody is seen.
    return (await this.queue.getWorkersCount().catch(() => 0)) > 0;
  }

  /** Takes out the batches of `run` that nobody holds. */
  async removeWaiting(run: string): Promise<void> {
    const jobs = await this.queue.getJobs(['wait', 'delayed', 'prioritized']);
    const ours = jobs.filter((job) => job?.data?.run === run);
    await Promise.all(ours.map((job) => job.remove().catch(() => {}))); // taken by a worker meanwhile: it drops it
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}

/** Takes batches of one account and gives them to `handle`, several at a time. */
export class BatchWorker {
  private readonly worker: Worker;

  constructor(
    options: {
      connection: Redis;
      prefix: string;
      account: string;
      batchesAtOnce: number;
      spans?: Spans | undefined;
    },
    handle: (held: HeldBatch) => Promise<BatchEnd>,
    onError: (error: Error) => void,
  ) {
    this.worker = new Worker(
      deliverQueueName(options.account),
      async (job: Job, token) => {
        const end = await handle({ id: job.id!, batch: job.data as Batch });
        if (end.left === 'nothing') return;
        await job.updateData({ ...(job.data as Batch), rows: end.rows });
        await job.moveToWait(token);
        throw new WaitingError();
      },
      {
        connection: options.connection as ConnectionOptions,
        prefix: queuePrefix(options.prefix),
        concurrency: options.batchesAtOnce,
        ...(options.spans && { telemetry: options.spans }),
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_CHECK_MS,
        // A crash is no verdict on a batch: it is given out again for ever; crashes are counted in the run's record.
        maxStalledCount: 1_000_000_000,
        skipVersionCheck: true,
      },
    );
    this.worker.on('error', onError);
    this.worker.on('failed', (_job, error) => onError(error));
  }

  /** Resolves when BullMQ has registered the worker. */
  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  /** Stops taking batches and waits for those in hand; the handler must let go of them. */
  async close(): Promise<void> {
    await this.worker.close();
  }
}
