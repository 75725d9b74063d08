/** What is known of a run, from its files and its record in Redis. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { type AccountState, readAccountState } from '../delivery/pause.js';
import { readTrouble, type TroubleView } from '../delivery/trouble.js';
import { readWaiting, type Waiting } from '../delivery/waiting.js';
import type { Account } from '../destinations/registry.js';
import { toProgress } from '../outcomes/progress.js';
import { RunRecord } from '../outcomes/settle.js';
import type { Summary } from '../report/summary.js';
import { aboutRows, loadPlan, loadStatus, type Rate, type RunPlan, type RunState } from '../run.js';
import { type RunProgress, runnerOf } from './session.js';

/** What is known of a run right now. */
export interface RunView {
  run: string;
  state: RunState;
  destination: string;
  source: string;
  /** The sync it is a run of. */
  sync?: string;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  message?: string;
  /** The run whose rows it sends again. */
  retryOf?: string;
  /** Of the first table of an archive: the runs of the others. */
  tables?: string[];
  /** The run of the first table of the same archive. */
  tableOf?: string;
  progress: RunProgress;
  /** Set once there is a report. */
  summary?: Summary;
  /** Outcomes that arrived after the run was closed. */
  late?: number;
}

export async function viewRun(
  { redis, prefix, dataDir }: { redis: Redis; prefix: string; dataDir: string },
  run: string,
  nowMs: number,
): Promise<RunView> {
  const plan = loadPlan(dataDir, run);
  const status = loadStatus(dataDir, run);
  const record = new RunRecord(redis, prefix, run);
  const [fields, runner, late, summary] = await Promise.all([
    record.fields(),
    runnerOf(record),
    record.addendum(),
    readSummary(plan),
  ]);
  const state = status.state === 'running' && runner === undefined ? 'interrupted' : status.state;
  const waiting =
    state === 'running' ? await readWaiting(redis, prefix, plan.account, plan.destination, nowMs) : undefined;
  const live = fields.state !== undefined && fields.state !== 'closed';
  const progress = live || !summary ? toProgress(fields) : summary;
  const { startedAt, finishedAt, message } = status;
  return {
    run: plan.run,
    state,
    destination: plan.destination,
    source: plan.source.name,
    ...(plan.sync === undefined ? {} : { sync: plan.sync }),
    createdAt: plan.createdAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(message === undefined ? {} : { message }),
    ...(plan.retryOf === undefined ? {} : { retryOf: plan.retryOf }),
    ...(plan.tables === undefined ? {} : { tables: plan.tables }),
    ...(plan.tableOf === undefined ? {} : { tableOf: plan.tableOf }),
    progress: {
      rows: progress.rows,
      created: progress.created,
      updated: progress.updated,
      skipped: progress.skipped,
      failed: progress.failed,
      requests: progress.requests,
      retries: progress.retries,
      throttled: progress.throttled,
      // A report, also of an earlier halt, has counted every row of the source.
      total: summary?.rows ?? Number(fields.total ?? aboutRows(plan.source)),
      readAll: summary !== undefined || fields.read_all === '1',
      ...(waiting === undefined ? {} : { waiting }),
    },
    ...(summary === undefined ? {} : { summary }),
    ...(late.length === 0 ? {} : { late: late.length }),
  };
}

/** How a destination stands with everybody who sends to it. */
export interface DestinationView {
  name: string;
  kind: string;
  account: string;
  /** Requests allowed unless a run says otherwise; null = no limit. */
  rate: Rate | null;
  /** Requests per second that the living runs agreed on; null = no limit; left out: none is alive. */
  perSecond?: number | null;
  /** Ids of living runs that send to it, also of other data dirs. */
  runs: string[];
  circuit: AccountState['circuit'];
  /** Set while it is paused by hand: since when. */
  pausedSince?: string;
  /** Why nothing is sent right now. */
  waiting?: Waiting;
  /** The last errors, each kind once, the latest first; those of all who send to it. */
  errors: TroubleView[];
}

export async function viewDestination(
  { redis, prefix, clock }: { redis: Redis; prefix: string; clock: Clock },
  { id, name, destination, settings }: Account,
): Promise<DestinationView> {
  const now = clock.now();
  const [state, waiting, errors] = await Promise.all([
    readAccountState(redis, prefix, id, now),
    readWaiting(redis, prefix, id, name, now),
    readTrouble(redis, prefix, id),
  ]);
  const { pausedMs, intervalMs, circuit, runs } = state;
  const perSecond = intervalMs === 0 ? null : Math.round(10_000 / (intervalMs ?? 1)) / 10;
  return {
    name,
    kind: destination.kind,
    account: id,
    rate: settings.rate === undefined ? destination.limit : settings.rate,
    ...(intervalMs === undefined ? {} : { perSecond }),
    runs,
    circuit,
    ...(pausedMs === undefined ? {} : { pausedSince: new Date(pausedMs).toISOString() }),
    ...(waiting === undefined ? {} : { waiting }),
    errors,
  };
}

/** The summary of a run's report; undefined while there is none. */
export async function readSummary(plan: RunPlan): Promise<Summary | undefined> {
  try {
    return JSON.parse(await readFile(join(plan.reportDir, plan.run, 'summary.json'), 'utf8')) as Summary;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
