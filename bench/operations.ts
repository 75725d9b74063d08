/** What is asked of Redis for the rows of a run, one kind of it at a time. */
import type { Redis } from 'ioredis';
import type { Outcome } from '../src/outcome.js';
import type { BatchRow } from '../src/queues/batches.js';
import { importDist } from './dist.js';
import type { BenchRedis } from './redis.js';

const PREFIX = 'bench';
const RUN = '20260131-000000-000000';
const ACCOUNT = 'sendmator-bench';
const LEASE_MS = 3_600_000;
const BATCH_ROWS = 500;
/** As a worker has them without a limit, and as many workers have them that share a rate. */
const GROUPS = [100, 5];

/** Makes ready for `rows` rows, unmeasured, and resolves with what is measured. */
export type Operation = (redis: BenchRedis, rows: number) => Promise<() => Promise<void>>;

async function openRecord(connection: Redis) {
  const { RunRecord } = await importDist('outcomes/settle');
  const record = new RunRecord(connection, PREFIX, RUN);
  const claimed = await record.claim('bench', LEASE_MS, 0);
  if ('refused' in claimed) throw new Error(`the run is ${claimed.refused}`);
  const { epoch } = claimed;
  await record.verify(epoch, 'bench', LEASE_MS, Date.now());
  const claim = { run: RUN, batch: `${RUN}-1-1`, epoch, token: '0123456789abcdef' };
  await record.claimBatch(claim);
  return { record, claim };
}

function* groups(rows: number, size: number): Generator<number[]> {
  for (let first = 1; first <= rows; first += size) {
    yield Array.from({ length: Math.min(size, rows - first + 1) }, (_, i) => first + i);
  }
}

const created = (row: number): Outcome => ({
  row,
  status: 'created',
  contactId: `0b8e2c54-7d1f-4c7e-9a43-${String(row).padStart(12, '0')}`,
  httpStatus: 201,
  attempts: 1,
});

/** A batch is added, taken, claimed, released and done with. */
const batches: Operation = async ({ connection, dataDir }, rows) => {
  const { BatchQueue, BatchWorker } = await importDist('queues/batches');
  const { openRedis } = await importDist('redis/connection');
  const handle = await openRedis({ dataDir, binary: process.env.ROWFERRY_REDIS_BIN });
  const { record, claim } = await openRecord(connection);
  const queue = new BatchQueue(handle.connect(), PREFIX, ACCOUNT);
  let left = rows;
  let over!: () => void;
  const done = new Promise<void>((resolve) => {
    over = resolve;
  });
  const options = { connection: handle.connect(), prefix: PREFIX, account: ACCOUNT, batchesAtOnce: 4 };
  const worker = new BatchWorker(
    options,
    async ({ id, batch }) => {
      const mine = { ...claim, batch: id };
      await record.claimBatch(mine);
      await record.releaseBatch(mine, true);
      left -= batch.rows.length;
      if (left === 0) over();
      return { left: 'nothing' };
    },
    (error) => {
      throw error;
    },
  );
  await worker.ready();
  return async () => {
    for (const group of groups(rows, BATCH_ROWS)) {
      const batch = { run: RUN, epoch: claim.epoch, attempts: 5, rows: group.map(batchRow) };
      await queue.add([{ id: `${RUN}-${group[0]}-1`, batch }]);
    }
    await done;
    await worker.close();
    await queue.close();
    await handle.close();
  };
};

function batchRow(row: number): BatchRow {
  const contact = {
    email: `person${row}@mail${row % 1000}.example.com`,
    external_id: `CRM-${1_000_000 + row}`,
    first_name: 'Grace',
    last_name: 'Hopper',
    tags: ['customer', 'vip'],
    custom_fields: { plan: 'pro', city: 'Berlin' },
  };
  return [row, contact];
}

/** Leave to send: marks and slots, in one round trip. */
const leave =
  (atOnce: number): Operation =>
  async ({ connection }, rows) => {
    const [{ Pace }, { systemClock }] = [await importDist('delivery/pace'), await importDist('clock')];
    const { pipe, define } = await importDist('redis/scripts');
    const { record, claim } = await openRecord(connection);
    const { state, status, batches } = record.keys;
    const pace = new Pace(connection, systemClock, PREFIX, ACCOUNT, null);
    define(connection);
    return async () => {
      for (const group of groups(rows, atOnce)) {
        const pipeline = connection.pipeline();
        pace.reserve(pipeline, group.length);
        const held = [claim.epoch, claim.batch, claim.token] as const;
        pipe(connection, pipeline, 'mark', state, status, batches, pace.key, ...held, JSON.stringify(group));
        const [, marked] = (await pipeline.exec()) ?? [];
        if ((marked?.[1] as string[] | undefined)?.[0] !== 'ok')
          throw new Error(`no leave: ${String(marked)}`);
      }
    };
  };

/** Outcomes are settled: status, counters, stream. */
const settle =
  (atOnce: number): Operation =>
  async ({ connection }, rows) => {
    const { record, claim } = await openRecord(connection);
    return async () => {
      for (const group of groups(rows, atOnce)) {
        const tally = { requests: group.length, retries: 0, throttled: 0 };
        const said = await record.settle(group.map(created), claim, tally);
        if (said !== 'ok') throw new Error(`not settled: ${said}`);
      }
    };
  };

/** The runner reads what was settled, and trims it once it is on its disk. */
const tail: Operation = async (redis, rows) => {
  const { readOutcomes, trimOutcomes } = await importDist('outcomes/tail');
  await (await settle(100)(redis, rows))();
  const { connection } = redis;
  return async () => {
    for (;;) {
      const arrivals = await readOutcomes(connection, PREFIX, RUN, 1);
      if (arrivals === undefined) return;
      await trimOutcomes(connection, PREFIX, RUN, '1', arrivals.last);
    }
  };
};

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  [`batch of ${BATCH_ROWS}: added, claimed, done`, batches],
  ...GROUPS.map((atOnce) => [`leave to send, ${atOnce} a call`, leave(atOnce)] as const),
  ...GROUPS.map((atOnce) => [`settled, ${atOnce} a call`, settle(atOnce)] as const),
  ['read and trimmed by the runner', tail],
]);
