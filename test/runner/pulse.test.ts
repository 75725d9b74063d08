import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { Metrics } from '../../src/metrics.js';
import type { Outcome } from '../../src/outcome.js';
import { RunRecord } from '../../src/outcomes/settle.js';
import { readOutcomes, trimOutcomes } from '../../src/outcomes/tail.js';
import type { BatchQueue } from '../../src/queues/batches.js';
import { createRun, loadStatus, type RunPlan } from '../../src/run.js';
import { keepPulse } from '../../src/runner/pulse.js';
import { Repeats } from '../../src/runner/repeats.js';
import { LEASE_MS, Session } from '../../src/runner/session.js';
import { Window } from '../../src/runner/window.js';
import { people, writeCsv } from '../helpers/csv.js';
import { openTestRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';

/** A session of a run of three rows that were all put into batches; `sent` is what is put into batches from now on. */
async function setUp() {
  const { redis, prefix } = openTestRedis();
  const dataDir = scratchDir();
  mkdirSync(join(dataDir, 'runs'));
  const run = '20260101-000000-abcdef';
  const path = writeCsv(join(dataDir, 'people.csv'), people(3));
  const plan: RunPlan = {
    run,
    version: '0',
    createdAt: '',
    trigger: 'script',
    destination: 'sendmator',
    account: 'acme-1',
    source: { path, name: 'people.csv', sha256: '', bytes: 1e6, lines: 4 },
    dialect: PLAIN,
    mapping: {},
    rate: null,
    batchRows: 500,
    attempts: 5,
    onDuplicate: 'skip',
    bulk: false,
    reportDir: dataDir,
  };
  await createRun(dataDir, plan);
  const record = new RunRecord(redis, prefix, run);
  const claimed = await record.claim('runner-1', LEASE_MS, 0);
  if ('refused' in claimed) throw new Error('refused');
  const { epoch, startedMs } = claimed;
  await record.verify(epoch, 'runner-1', LEASE_MS, startedMs);
  const sent: number[] = [];
  const queue = {
    coveredRows: async () => new Set(sent),
    bringForward: async () => {},
    add: async (batches: { batch: { rows: [number][] } }[]) => {
      for (const { batch } of batches) sent.push(...batch.rows.map(([row]) => row));
    },
  } as unknown as BatchQueue;
  const window = new Window({ rows: 100, bytes: 1e6 });
  const session = new Session(
    {
      redis,
      connect: () => redis,
      prefix,
      dataDir,
      durable: false,
      clock: systemClock,
      timeoutMs: 1_000,
      log: pino({ level: 'silent' }),
      metrics: new Metrics(),
    },
    plan,
    {
      id: 'acme-1',
      name: 'sendmator',
      destination: sendmator,
      options: { baseUrl: 'http://127.0.0.1:1' },
      setBy: {},
      settings: {},
    },
    record,
    queue,
    epoch,
    'runner-1',
    startedMs,
    window,
    new Repeats(),
    {},
    loadStatus(dataDir, run),
  );
  await session.save({ cursor: 3, epoch: Number(epoch) });
  return { redis, prefix, run, record, session, window, sent, epoch };
}

function beginPulse(session: Session): void {
  const pulse = keepPulse(session);
  onTestFinished(async () => {
    session.stop('interrupted');
    await pulse;
  });
}

test('an outcome of the runner that Redis has lost is said again; its row is not sent for that', async () => {
  const { redis, prefix, run, record, session, window, sent } = await setUp();
  const skipped: Outcome = { row: 3, status: 'skipped', reason: 'duplicate_email', duplicateOf: '1' };
  window.add(2, 100);
  await session.settle([skipped]);
  // Before anybody has read it.
  await redis.del(Object.values(record.keys));
  beginPulse(session);
  for (let told: string[] = []; told.length === 0; ) {
    told = (await readOutcomes(redis, prefix, run, 100))?.entries ?? [];
    if (told.length > 0) expect(told).toEqual(['[[3,2,"duplicate_email",null,null,null,"1"]]']);
  }
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sent).toEqual([2]);
});

test('a row that was settled by who was late, before it was put into a batch, leaves the window unsent', async () => {
  const { redis, prefix, run, record, session, window, sent, epoch } = await setUp();
  const created = (row: number): Outcome => ({ row, status: 'created', contactId: `c${row}`, attempts: 1 });
  const late = { run, batch: 'b', token: 't', epoch: '0' };
  expect(await record.settle([created(1)], late)).toBe('ok');
  const { last } = (await readOutcomes(redis, prefix, run, 100))!;
  await trimOutcomes(redis, prefix, run, epoch, last); // journaled: nobody brings it once more
  for (const row of [1, 2]) window.add(row, 100);
  beginPulse(session);
  while (window.size > 1) await window.change(session.signal);
  expect(window.outstanding()).toEqual([2]);
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sent).toEqual([2]);
});

test('… but not before its outcome is journaled', async () => {
  const { record, session, window, sent, run } = await setUp();
  const late = { run, batch: 'b', token: 't', epoch: '0' };
  expect(await record.settle([{ row: 1, status: 'created', attempts: 1 }], late)).toBe('ok');
  for (const row of [1, 2]) window.add(row, 100);
  beginPulse(session);
  while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sent).toEqual([2]);
  expect(window.outstanding()).toEqual([1, 2]);
});
