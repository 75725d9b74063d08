/** The one way a run comes into being: its plan on disk, then its job in the queue. */
import type { RunQueue } from '../queues/runs.js';
import { createRun, type RunPlan } from '../run.js';

/** Adds a run for the service of this data dir. Resolves with its id once it is on disk and in the queue. */
export async function enqueueRun(queue: RunQueue, dataDir: string, plan: RunPlan): Promise<string> {
  await createRun(dataDir, plan);
  await queue.add(plan.run);
  return plan.run;
}
