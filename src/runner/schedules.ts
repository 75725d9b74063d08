/** What is known of the syncs of a configuration file that can be run: by a schedule, or by hand. */
import type { Sync } from '../config/sync.js';
import { nextOccasion, type Schedule } from '../queues/schedules.js';
import type { RunState } from '../run.js';
import { loadNote, loadSkip, stateOf } from '../sources/note.js';
import type { RunView } from './view.js';

/** Times are ISO 8601 in UTC. Without `cron` it runs by hand alone. */
export interface ScheduleView extends Partial<Schedule> {
  sync: string;
  /** When it is due next, if a service runs then. */
  next?: string;
  /** The latest occasion that was worked on, also by "rowferry sync", and the last of its runs that there is. */
  last?: { at: string; run?: string; state?: RunState };
  /** The latest occasion that added no run, unless a later one did. */
  skipped?: { at: string; why: string };
}

export async function viewSchedules(
  dataDir: string,
  syncs: readonly Sync[],
  nowMs: number,
  status: (run: string) => Promise<RunView>,
): Promise<ScheduleView[]> {
  const views: ScheduleView[] = [];
  for (const { name, schedule, source } of syncs) {
    if (source === undefined) continue;
    const { last } = loadNote(dataDir, name);
    const run = last?.runs.findLast((one) => stateOf(dataDir, one) !== undefined);
    const skip = loadSkip(dataDir, name);
    const nextMs = schedule && nextOccasion(schedule, nowMs);
    views.push({
      sync: name,
      ...schedule,
      ...(nextMs === undefined ? {} : { next: iso(nextMs) }),
      ...(last && { last: { at: iso(last.atMs), ...(run && { run, state: (await status(run)).state }) } }),
      ...(skip && skip.atMs >= (last?.atMs ?? 0) && { skipped: { at: iso(skip.atMs), why: skip.why } }),
    });
  }
  return views;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
