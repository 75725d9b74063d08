/** Adds the runs of syncs that are due by their schedules. What is due, and once for all processes, BullMQ knows. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { RowferryError } from '../errors.js';
import {
  type DueOccasion,
  makeSchedules,
  type OccasionEnd,
  type Schedule,
  ScheduleWorker,
} from '../queues/schedules.js';
import { saveSkip } from '../sources/note.js';

const HELD_AGAIN_MS = 5_000;
/** What is not done by then when the process ends, e.g. a slow download, is left for the next one. */
const GRACE_MS = 5_000;

export interface ScheduleSurroundings {
  redis: Redis;
  prefix: string;
  dataDir: string;
  dataDirId: string;
  log: Logger;
}

/** Plans and adds the runs of an occasion; throws SYNC_BUSY or SYNC_HELD when it is to be left out. */
export type AddRuns = (
  sync: string,
  atMs: number,
  signal: AbortSignal,
) => Promise<{ runs: string[]; faults: string[]; left: number }>;

/** Takes the schedules over as they are now, and works on what is due until it is stopped. */
export async function startSchedules(
  around: ScheduleSurroundings,
  schedules: ReadonlyMap<string, Schedule>,
  add: AddRuns,
): Promise<{ stop(): Promise<void> }> {
  const { redis, prefix, dataDirId, log } = around;
  const options = { connection: redis, prefix, dataDirId };
  await makeSchedules(options, schedules);
  if (schedules.size === 0) return { stop: async () => {} };
  const ending = new AbortController();
  const worker = new ScheduleWorker(
    options,
    (occasion) => workOn(around, occasion, add, ending.signal),
    (error) => log.error({ error: error.message }, 'schedules queue'),
  );
  await worker.ready();
  for (const [sync, { cron, timezone }] of schedules) log.info({ sync, cron, timezone }, 'scheduled');
  return {
    stop: async () => {
      const timer = setTimeout(() => ending.abort(), GRACE_MS);
      await worker.close();
      clearTimeout(timer);
    },
  };
}

async function workOn(
  { dataDir, log }: ScheduleSurroundings,
  { sync, atMs, again }: DueOccasion,
  add: AddRuns,
  signal: AbortSignal,
): Promise<OccasionEnd> {
  const due = new Date(atMs).toISOString();
  try {
    const { runs, faults, left } = await add(sync, atMs, signal);
    for (const run of runs) log.info({ sync, due, run }, 'run added');
    if (left > 0) log.info({ sync, due, left }, 'files left for the next time');
    if (faults.length > 0) await skip(faults.join(' '));
    return 'done';
  } catch (error) {
    if (signal.aborted) return { againMs: 0 }; // for who comes next
    const { code, message } = error as RowferryError;
    if (code === 'SYNC_HELD' && again) return { againMs: HELD_AGAIN_MS }; // perhaps by who died with it in hand
    await skip(message);
    if (error instanceof RowferryError && code !== 'SOURCE_UNREACHABLE') return 'done';
    throw error; // may be better in a minute
  }

  async function skip(why: string): Promise<void> {
    log.warn({ sync, due, why }, 'occasion skipped');
    await saveSkip(dataDir, sync, { atMs, why }).catch(() => {}); // another occasion writes it right now
  }
}
