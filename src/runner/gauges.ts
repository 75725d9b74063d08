/** What metrics say of the moment: how destinations and queues stand, whichever process works on them. */
import { readBudgetUsed } from '../delivery/budget.js';
import { readAccountState } from '../delivery/pause.js';
import type { Account } from '../destinations/registry.js';
import type { DestinationGauges, Gauges } from '../metrics.js';
import { BatchQueue } from '../queues/batches.js';
import type { RunQueue } from '../queues/runs.js';
import type { Surroundings } from './session.js';

export async function readGauges(
  around: Surroundings,
  accounts: readonly Account[],
  runs: RunQueue,
): Promise<Gauges> {
  const destinations = Promise.all(accounts.map((account) => ofDestination(around, account)));
  return { destinations: await destinations, runs: await runs.counts() };
}

async function ofDestination(
  { redis, prefix, clock }: Surroundings,
  { id, name }: Account,
): Promise<DestinationGauges> {
  const now = clock.now();
  const queue = new BatchQueue(redis, prefix, id);
  try {
    const [state, budgetUsed, { waitingSinceMs, ...batches }] = await Promise.all([
      readAccountState(redis, prefix, id, now),
      readBudgetUsed(redis, prefix, id, now),
      queue.counts(),
    ]);
    const { pausedMs, circuit, intervalMs } = state;
    return {
      destination: name,
      paused: pausedMs !== undefined,
      circuit,
      batches,
      ...(intervalMs === undefined ? {} : { perSecond: intervalMs === 0 ? null : 1000 / intervalMs }),
      ...(budgetUsed === undefined ? {} : { budgetUsed }),
      ...(waitingSinceMs === undefined ? {} : { oldestWaitingSeconds: (now - waitingSinceMs) / 1000 }),
    };
  } finally {
    await queue.close();
  }
}
