/**
 * What is kept of runs that ended, and for how long. Gone with a run: its directory (plan, journal, what was spooled or
 * sent here), its report, and what archives hold of it. Never a run that can still go on, nor what one reads from, nor any
 * file that does not bear the name of a run.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import {
  isRunId,
  isRunThere,
  listRuns,
  loadPlan,
  loadStatus,
  type RunPlan,
  type RunStatus,
  runDir,
} from '../run.js';
import type { Surroundings } from './session.js';

const DAY_MS = 86_400_000;
/** Whoever clears up is through by then; if it died, another may. */
const LOCK_MS = 3_600_000;
/** An upload that was not written to for so long has lost its sender. */
const SILENT_MS = 3_600_000;

export interface Retention {
  /** Since a run has ended; null: for ever. */
  days: number | null;
  /** Directories with files and directories called `<run>` or `<run>-<anything>`. */
  archives: readonly string[];
}

interface KnownRun {
  plan: RunPlan;
  status: RunStatus;
}

/** Clears up now and once a day, unless another process of the service is at it. */
export function startRetention(
  around: Surroundings,
  dataDirId: string,
  retention: Retention,
): { stop(): Promise<void> } {
  let sweeping = Promise.resolve();
  const sweep = () => {
    sweeping = sweeping
      .then(() => sweepAlone(around, dataDirId, retention))
      .catch((error: Error) => around.log.warn({ error: error.message }, 'old runs are not cleared up'));
  };
  sweep();
  const timer = setInterval(sweep, DAY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await sweeping;
    },
  };
}

async function sweepAlone(around: Surroundings, dataDirId: string, retention: Retention): Promise<void> {
  const { redis, prefix, dataDir, clock, log } = around;
  const key = `${prefix}:{${dataDirId}}:retention`;
  const mine = randomUUID();
  if ((await redis.set(key, mine, 'PX', LOCK_MS, 'NX')) === null) return;
  try {
    const removed = await removeOld(dataDir, retention, clock.now());
    if (removed.length > 0)
      log.info({ removed: removed.length, days: retention.days }, 'old runs cleared up');
  } finally {
    if ((await redis.get(key)) === mine) await redis.del(key);
  }
}

/** Resolves with the paths that are gone. */
export async function removeOld(
  dataDir: string,
  { days, archives }: Retention,
  nowMs: number,
): Promise<string[]> {
  const removed: string[] = [];
  const remove = async (path: string) => {
    if (!existsSync(path)) return;
    await rm(path, { recursive: true, force: true });
    removed.push(path);
  };
  for (const path of await brokenUploads(dataDir, nowMs)) await remove(path);
  if (days === null) return removed;

  const beforeMs = nowMs - days * DAY_MS;
  const runs = knownRuns(dataDir);
  const isOld = (run: string) => {
    // Its file is still on its way to the archive: without the run it would be run again.
    const known = runs.get(run);
    const file = known?.plan.tableOf ?? run;
    if (existsSync(join(dataDir, 'claims', `${file}.json`))) return false;
    if (known === undefined) return !existsSync(runDir(dataDir, run)) && bornMs(run) < beforeMs;
    const { state, finishedAt } = known.status;
    const over = state === 'finished' || state === 'cancelled';
    return over && finishedAt !== undefined && Date.parse(finishedAt) < beforeMs;
  };
  const wanted = [...runs.values()]
    .filter(({ plan }) => !isOld(plan.run))
    .map(({ plan }) => plan.source.path);
  const isRead = (path: string) => wanted.some((source) => source === path || source.startsWith(path + sep));

  for (const archive of archives) {
    for (const name of await readdir(archive).catch(() => [])) {
      const run = /^([\d]{8}-\d{6}-[0-9a-f]{6})(?:-|$)/.exec(name)?.[1];
      const path = join(archive, name);
      if (run !== undefined && isOld(run) && !isRead(path)) await remove(path);
    }
  }
  for (const { plan } of runs.values()) {
    const [dir, report] = [runDir(dataDir, plan.run), join(plan.reportDir, plan.run)];
    if (!isOld(plan.run) || isRead(dir) || isRead(report)) continue;
    // The run last: if this is cut short, the next finds it again.
    await remove(report);
    await remove(dir);
  }
  return removed;
}

/** Damaged ones are left to a person. */
function knownRuns(dataDir: string): Map<string, KnownRun> {
  const known = new Map<string, KnownRun>();
  for (const run of listRuns(dataDir)) {
    try {
      known.set(run, { plan: loadPlan(dataDir, run), status: loadStatus(dataDir, run) });
    } catch {
      // Its directory is there: it counts as one that goes on.
    }
  }
  return known;
}

/** What a process that was killed left of a file that was sent to it. */
async function brokenUploads(dataDir: string, nowMs: number): Promise<string[]> {
  const runs = join(dataDir, 'runs');
  const broken: string[] = [];
  for (const name of await readdir(runs).catch(() => [])) {
    const dir = join(runs, name);
    // With a key and without a plan: killed between becoming a run's directory and becoming a run.
    const half = isRunId(name) && existsSync(join(dir, 'upload.key')) && !isRunThere(dataDir, name);
    if (!half && !(name.endsWith('.part') && isRunId(name.split('.')[0]!))) continue;
    const files = await readdir(join(dir, 'upload')).catch(() => []);
    const times = await Promise.all([dir, ...files.map((file) => join(dir, 'upload', file))].map(writtenMs));
    if (Math.max(...times) < nowMs - SILENT_MS) broken.push(dir);
  }
  return broken;
}

/** Gone meanwhile: it has become a run, or nothing. */
async function writtenMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
}

/** `20260131-235959-1a2b3c` → that moment */
function bornMs(run: string): number {
  const [, date, time] = /^(\d{8})-(\d{6})/.exec(run)!;
  const [y, mo, d] = [date!.slice(0, 4), date!.slice(4, 6), date!.slice(6)];
  return Date.parse(`${y}-${mo}-${d}T${time!.slice(0, 2)}:${time!.slice(2, 4)}:${time!.slice(4)}Z`);
}
