/** The end of a run that has nothing to send: a report that says so. No Redis, no delivery. */
import type { Account } from '../destinations/registry.js';
import type { Summary } from '../report/summary.js';
import { writeReport } from '../report/write.js';
import { loadStatus, type RunPlan, saveStatus } from '../run.js';
import type { Surroundings } from './session.js';

export async function finishUnchanged(
  { dataDir, clock }: Surroundings,
  plan: RunPlan & { noChange: string },
  { destination }: Account,
): Promise<Summary> {
  const startedMs = Date.parse(plan.createdAt);
  const finishedMs = clock.now();
  const summary = await writeReport({
    dataDir,
    plan,
    destination,
    header: [],
    rows: none(),
    state: 'finished',
    message: plan.noChange,
    counts: { requests: 0, retries: 0, throttled: 0 },
    startedMs,
    finishedMs,
  });
  await saveStatus(dataDir, plan.run, {
    ...loadStatus(dataDir, plan.run),
    state: 'finished',
    startedAt: plan.createdAt,
    finishedAt: new Date(finishedMs).toISOString(),
    message: plan.noChange,
  });
  return summary;
}

async function* none(): AsyncGenerator<never, void, void> {}
