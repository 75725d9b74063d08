/** The one way a run comes into being: its plan on disk, then its job in the queue. */
import type { RunQueue } from '../queues/runs.js';
import { createRuns, type RunPlan } from '../run.js';

/** Adds the runs of one source for the service of this data dir. Resolves with their ids once all are on disk and in the queue. */
export async function enqueueRuns(
  queue: RunQueue,
  dataDir: string,
  plans: readonly RunPlan[],
): Promise<string[]> {
  await createRuns(dataDir, plans, true);
  const runs = plans.map(({ run }) => run);
  for (const run of runs) await queue.add(run);
  return runs;
}
