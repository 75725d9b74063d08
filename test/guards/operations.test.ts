/**
 * What is asked of Redis for a group of rows, one operation at a time: commands, those inside of scripts included, and
 * bytes. No number here depends on time or on the machine; who needs more raises it and says what for.
 */
import type { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Hold } from '../../src/delivery/hold.js';
import { askLeave } from '../../src/delivery/leave.js';
import { Pace } from '../../src/delivery/pace.js';
import type { Outcome } from '../../src/outcome.js';
import { RunRecord } from '../../src/outcomes/settle.js';
import { readOutcomes, trimOutcomes } from '../../src/outcomes/tail.js';
import { type Batch, BatchQueue, BatchWorker } from '../../src/queues/batches.js';
import { define } from '../../src/redis/scripts.js';
import { person } from '../helpers/csv.js';
import { type CountedRedis, countedRedis, total } from './redis.js';

const PREFIX = 'guard';
const RUN = '20260131-000000-000000';
const ACCOUNT = 'sendmator-guard';
const BATCH_ROWS = 500;
const LEASE_MS = 3_600_000;

/** A run with one batch of {@link BATCH_ROWS} rows in a worker's hands. */
async function heldBatch() {
  const redis = await countedRedis();
  const connection = define(redis.connect());
  const record = new RunRecord(connection, PREFIX, RUN);
  const claimed = await record.claim('guard', LEASE_MS, 0);
  if ('refused' in claimed) throw new Error('refused');
  await record.verify(claimed.epoch, 'guard', LEASE_MS, claimed.startedMs);
  const claim = { run: RUN, batch: 'batch-1', token: '0123456789abcdef', epoch: claimed.epoch };
  await record.claimBatch(claim);
  const rows: Batch['rows'] = Array.from({ length: BATCH_ROWS }, (_, i) => {
    const { tags, company, ...contact } = person(i + 1);
    return [i + 1, { ...contact, tags: tags!.split(','), custom_fields: { company } }];
  });
  const batch: Batch = { run: RUN, epoch: claimed.epoch, attempts: 5, rows };
  return { redis, connection, record, claim, batch, hold: new Hold(record, claim, batch, claimed.startedMs) };
}

function created(row: number): Outcome {
  const contactId = `0b8e2c54-7d1f-4c7e-9a43-${String(row).padStart(12, '0')}`;
  return { row, status: 'created', contactId, httpStatus: 201, attempts: 1 };
}

/** Rows `first` … `first + many - 1`, in one group. */
async function settle(hold: Hold, first: number, many: number): Promise<void> {
  for (let row = first; row < first + many; row++) {
    hold.count('requests');
    hold.settle(created(row));
  }
  await hold.flush();
}

async function bytesOf(connection: Redis, ...keys: string[]): Promise<number> {
  const sizes = await Promise.all(keys.map((key) => connection.memory('USAGE', key, 'SAMPLES', 0)));
  return sizes.reduce<number>((sum, size) => sum + Number(size ?? 0), 0);
}

test('a group of outcomes is settled by one script of eight commands, however many they are', async () => {
  const { redis, hold } = await heldBatch();
  await settle(hold, 1, 1); // brings the text of the script
  const few = await redis.during(() => settle(hold, 2, 2));
  const many = await redis.during(() => settle(hold, 4, 100));
  expect(many.get('evalsha')).toBe(1);
  expect(total(many)).toBeLessThanOrEqual(8);
  expect(total(many)).toBe(total(few));
});

test('outcomes that come one by one are settled in groups of a hundred', async () => {
  const { redis, connection, record, hold } = await heldBatch();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // a group that waits too long is settled before it is full
  onTestFinished(() => void vi.useRealTimers());
  const calls = await redis.during(async () => {
    for (let row = 1; row <= BATCH_ROWS; row++) {
      hold.settle(created(row));
      await connection.ping(); // what was begun is through
    }
    await hold.flush();
  });
  expect((await record.fields()).created).toBe(String(BATCH_ROWS));
  expect(calls.get('xadd')).toBe(BATCH_ROWS / 100);
});

test('leave to send costs one round trip of two scripts, however many rows are asked for', async () => {
  const { redis, connection, hold } = await heldBatch();
  const pace = new Pace(connection, systemClock, PREFIX, ACCOUNT, null);
  const options = { redis: connection, pace, clock: systemClock };
  const ask = (first: number, many: number) => async () => {
    const requests = hold.items.slice(first, first + many).map((item) => [item]);
    const { marked } = await askLeave(options, requests, new Set());
    expect(marked.size).toBe(many);
  };
  await ask(0, 1)(); // brings the texts of the scripts
  const few = total(await redis.during(ask(1, 10)));
  const many = total(await redis.during(ask(11, 200)));
  expect(few).toBeLessThanOrEqual(13);
  expect(many).toBe(few);
});

test('what was settled is read and trimmed by a few commands, and leaves half a byte per row', async () => {
  const { redis, connection, record, hold } = await heldBatch();
  const { status, stream, batches } = record.keys;
  for (let first = 1; first < BATCH_ROWS; first += 100) await settle(hold, first, 100);
  const journaled = await bytesOf(connection, stream);
  expect(journaled / BATCH_ROWS).toBeLessThan(92); // until the runner has it on its disk

  const calls = await redis.during(async () => {
    const arrivals = await readOutcomes(connection, PREFIX, RUN, 1);
    expect(arrivals!.entries).toHaveLength(5);
    await trimOutcomes(connection, PREFIX, RUN, hold.claim.epoch, arrivals!.last);
  });
  expect(total(calls)).toBeLessThanOrEqual(5);
  await record.releaseBatch(hold.claim, true);
  expect(await connection.xlen(stream)).toBe(0);
  expect(await connection.strlen(status)).toBeLessThanOrEqual(BATCH_ROWS / 2 + 1);
  expect(await connection.exists(batches)).toBe(0);
});

test('a batch is one job: few commands from being added to being done, and its rows once in memory', async () => {
  const { redis, connection, batch } = await heldBatch();
  const queue = new BatchQueue(redis.connect(), PREFIX, ACCOUNT);
  const many = 10;
  const ids = Array.from({ length: many }, (_, i) => `${RUN}-${i * BATCH_ROWS + 1}-1`);
  const added = await redis.during(() => queue.add(ids.map((id) => ({ id, batch }))));
  expect(total(added) / many).toBeLessThanOrEqual(12);
  const json = JSON.stringify(batch).length;
  const held = (await bytesOf(connection, ...(await connection.keys(`{${PREFIX}}:*`)))) / many;
  expect(held / json).toBeLessThan(1.25);
  expect(json / BATCH_ROWS).toBeLessThan(180);

  const taken = await redis.during(() => takeAll(redis, many));
  await queue.close();
  expect(total(taken) / many).toBeLessThanOrEqual(32);
});

async function takeAll(redis: CountedRedis, many: number): Promise<void> {
  let left = many;
  let over!: () => void;
  const done = new Promise<void>((resolve) => {
    over = resolve;
  });
  const options = { connection: redis.connect(), prefix: PREFIX, account: ACCOUNT, batchesAtOnce: 4 };
  const worker = new BatchWorker(
    options,
    async () => {
      if (--left === 0) over();
      return { left: 'nothing' };
    },
    () => {},
  );
  await done;
  await worker.close();
}
