/** Delivery: takes batches of one account from its queue, sends their rows, hands back what is left. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import type { Account } from '../destinations/registry.js';
import type { DeliveryMeter } from '../metrics.js';
import type { Outcome } from '../outcome.js';
import { type BatchClaim, RunRecord } from '../outcomes/settle.js';
import { type BatchEnd, BatchQueue, BatchWorker, type HeldBatch } from '../queues/batches.js';
import type { Spans } from '../queues/spans.js';
import { Circuit } from './circuit.js';
import { Hold } from './hold.js';
import { Lanes } from './lanes.js';
import { Pace } from './pace.js';
import { makeSender } from './send.js';
import { Trouble } from './trouble.js';

export interface DeliveryOptions {
  /** Makes a connection; whoever made them closes them. */
  connect(): Redis;
  prefix: string;
  account: Account;
  clock: Clock;
  /** Requests in flight of this process at the most. */
  concurrency: number;
  /** Silence after which a request counts as unanswered, ms. */
  timeoutMs: number;
  meter: DeliveryMeter;
  spans?: Spans | undefined;
  onError(error: Error): void;
}

export interface Delivery {
  /** Stops taking rows, lets requests in flight end (up to `graceMs`), settles them and hands the rest back. */
  stop(graceMs?: number): Promise<void>;
}

/** Batches in hand at once: enough that the next is there when one ends. */
const BATCHES_AT_ONCE = 4;
/** After so many deaths of its workers a batch is split, so that the row that kills them is found. */
const CRASHES_BEFORE_SPLIT = 3;
const CRASHES_BEFORE_GIVING_UP = 5;
const SPLIT_INTO = 8;
const GRACE_MS = 8_000;

export async function startDelivery(options: DeliveryOptions): Promise<Delivery> {
  const { connect, prefix, account, clock, concurrency, timeoutMs, meter, spans, onError } = options;
  const redis = connect();
  // BullMQ defines its scripts on the connection it is given, and every pipeline copies all there are.
  const bullmq = connect();
  const pace = new Pace(redis, clock, prefix, account.id, account.destination.limit);
  await pace.meetClock();
  const trouble = new Trouble({ redis, clock, prefix, account, onError });
  const circuit = new Circuit(pace, trouble);
  const sender = makeSender({ baseUrl: account.options.baseUrl, timeoutMs });
  const lanes = new Lanes({ redis, clock, account, pace, circuit, sender, concurrency, meter, onError });
  const queue = new BatchQueue(bullmq, prefix, account.id, spans);
  const worker = new BatchWorker(
    { connection: bullmq, prefix, account: account.id, batchesAtOnce: BATCHES_AT_ONCE, spans },
    deliverBatch,
    onError,
  );

  async function deliverBatch({ id, batch }: HeldBatch): Promise<BatchEnd> {
    const record = new RunRecord(redis, prefix, batch.run);
    const claim: BatchClaim = {
      run: batch.run,
      batch: id,
      epoch: batch.epoch,
      token: randomBytes(8).toString('hex'),
    };
    const { condition, crashes } = await claimWhenWhole(record, claim);
    // A batch of a run that is over, halted, without a runner or under a new one: the runner adds what it still needs.
    if (condition !== 'ok') return { left: 'nothing' };
    if (crashes >= CRASHES_BEFORE_SPLIT && batch.rows.length > 1) return split(record, claim, batch);
    if (crashes >= CRASHES_BEFORE_GIVING_UP) {
      await record.settle(
        batch.rows.map(([row]) => killer(row, crashes)),
        claim,
      );
      await record.releaseBatch(claim, true);
      return { left: 'nothing' };
    }
    const hold = new Hold(record, claim, batch, await startedMs(record));
    lanes.add(hold);
    await hold.finished;
    await hold.flush();
    if (!hold.dropped) await queue.add(hold.leftovers(clock.random));
    const rows = hold.dropped ? [] : hold.handedBack;
    await record.releaseBatch(claim, rows.length === 0);
    return rows.length === 0 ? { left: 'nothing' } : { left: 'rows', rows };
  }

  /** Claims the batch; while Redis has lost something the runner is about to restore, waits for it. */
  async function claimWhenWhole(record: RunRecord, claim: BatchClaim) {
    for (let tries = 0; ; tries++) {
      const claimed = await record.claimBatch(claim);
      const restorable = claimed.condition === 'gone' || claimed.condition === 'unverified';
      if (!restorable || tries >= 10 || stopping.signal.aborted) return claimed;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async function split(record: RunRecord, claim: BatchClaim, batch: HeldBatch['batch']): Promise<BatchEnd> {
    const size = Math.ceil(batch.rows.length / SPLIT_INTO);
    const parts = [];
    for (let i = 0; i < batch.rows.length; i += size) {
      const rows = batch.rows.slice(i, i + size);
      parts.push({ id: `${claim.batch}-s${rows[0]![0]}`, batch: { ...batch, rows } });
    }
    await queue.add(parts);
    await record.releaseBatch(claim, true);
    return { left: 'nothing' };
  }

  const stopping = new AbortController();
  await worker.ready();

  return {
    async stop(graceMs = GRACE_MS) {
      stopping.abort();
      lanes.stop();
      const closed = worker.close();
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([closed, deadline]);
      clearTimeout(timer);
      // Requests that are still unanswered end as unclear now; their rows stay in doubt and go back.
      await trouble.close();
      await sender.destroy();
      await closed;
      await queue.close();
    },
  };
}

async function startedMs(record: RunRecord): Promise<number> {
  return Number((await record.fields()).started ?? 0);
}

function killer(row: number, crashes: number): Outcome {
  return {
    row,
    status: 'failed',
    reason: 'unconfirmed',
    message: `its worker died ${crashes} times while it held this row; it may have been created`,
  };
}
