/** Runs that the service of this data dir shall work on, not the process that is asked for it. */
import type { Redis } from 'ioredis';
import type { Account } from '../destinations/registry.js';
import { EXIT, RowferryError } from '../errors.js';
import { RunRecord } from '../outcomes/settle.js';
import { BatchQueue } from '../queues/batches.js';
import type { RunQueue } from '../queues/runs.js';
import { loadPlan, loadStatus, saveStatus } from '../run.js';
import { runnerOf, takenOver, whereIs } from './session.js';

interface Around {
  redis: Redis;
  prefix: string;
  dataDir: string;
}

/**
 * Whether a service lives that works on runs of this data dir and delivers to `account`. A key that was changed since
 * the service started is another account, which the service does not know.
 */
export async function isServed(
  { redis, prefix }: Around,
  runs: RunQueue,
  account: Account,
): Promise<boolean> {
  const batches = new BatchQueue(redis, prefix, account.id);
  try {
    return (await runs.served()) && (await batches.served());
  } finally {
    await batches.close();
  }
}

/** Gives a run that was interrupted or halted to the service. Throws a sentence when it is over or at work. */
export async function handOver(around: Around, runs: RunQueue, run: string): Promise<void> {
  const { redis, prefix, dataDir } = around;
  loadPlan(dataDir, run);
  const { message: _, ...status } = loadStatus(dataDir, run);
  assertUnfinished(run, status.state);
  const runner = await runnerOf(new RunRecord(redis, prefix, run));
  if (runner !== undefined) throw takenOver(run, whereIs(runner));
  await saveStatus(dataDir, run, { ...status, state: 'queued', enqueued: true });
  await runs.addAgain(run);
}

export function assertUnfinished(run: string, state: string): void {
  if (state !== 'finished' && state !== 'cancelled') return;
  throw new RowferryError('RUN_OVER', `Run ${run} is ${state}; nothing is left to resume.`, EXIT.usage);
}
