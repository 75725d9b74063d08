/** One runner's hold on one run: what its parts share while it lasts. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { Waiting } from '../delivery/waiting.js';
import type { Account } from '../destinations/registry.js';
import { RowferryError } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { Notices } from '../notices/notices.js';
import type { Outcome } from '../outcome.js';
import type { Progress } from '../outcomes/progress.js';
import type { RunRecord } from '../outcomes/settle.js';
import { lifeOf, type ProcessIdentity } from '../process.js';
import type { BatchQueue } from '../queues/batches.js';
import type { Spans } from '../queues/spans.js';
import { type Counts, loadStatus, type RunPlan, type RunStatus, runDir, saveStatus } from '../run.js';
import { Timeline } from '../timeline.js';
import type { Remembering } from './remembering.js';
import type { Repeats } from './repeats.js';
import type { Window } from './window.js';

/** Why a runner stops before its run is through. */
export type Stop = 'interrupted' | 'halted' | 'cancelled' | 'taken_over';

export interface Surroundings {
  /** For commands. */
  redis: Redis;
  /** Another connection, for blocking reads. The receiver ends it. */
  connect(): Redis;
  prefix: string;
  dataDir: string;
  /** Redis has every command on disk before it answers, so that a restart alone loses nothing. */
  durable: boolean;
  clock: Clock;
  /** ROWFERRY_TIMEOUT, ms; undefined: each account's own. */
  timeoutMs: number | undefined;
  log: Logger;
  metrics: Metrics;
  /** Set when batches are told to OpenTelemetry. */
  spans?: Spans | undefined;
  /** Where ends of runs are noted for those who are to be told. */
  notices?: Notices;
}

/** How far a run is. */
export interface RunProgress extends Progress {
  /** All rows of the source; an estimate until `readAll`. */
  total: number;
  readAll: boolean;
  /** Why nothing is sent at the moment. */
  waiting?: Waiting;
}

export interface RunnerEvents {
  /** About once a second, and at the end. */
  progress?(progress: RunProgress): void;
}

/** A runner that is silent for so long is taken for dead; its rows are not sent any more. */
export const LEASE_MS = 10_000;

/** False when `runner` (as in a run's state) is surely dead; its lease need not run out then. */
export function mayLive(runner: string): boolean {
  return lifeOf(JSON.parse(runner) as ProcessIdentity) !== 'dead';
}

/** The runner that is working on a run, by the clock in which it shows that it lives: that of Redis. */
export async function runnerOf(record: Pick<RunRecord, 'holder'>): Promise<string | undefined> {
  const holder = await record.holder();
  return holder !== undefined && mayLive(holder) ? holder : undefined;
}

export class Session {
  /** Aborted with a {@link Stop} or an error. */
  readonly ended = new AbortController();
  /** Ids of the newest two groups of outcomes that were journaled, as they are on disk. */
  journaled: string[] = [];
  /** Rows read so far. */
  rows = 0;
  readAll = false;
  /** What the account is remembered to hold. */
  memory: Remembering | undefined;
  /** Set while Redis lacks something that is being restored: nothing may be added. */
  restoring: Promise<void> | undefined;
  readonly timeline: Timeline;
  /** No row above this was ever put into a batch. Kept on disk, in strides. */
  private cursor: number;
  private saving = Promise.resolve();

  constructor(
    readonly around: Surroundings,
    readonly plan: RunPlan,
    readonly account: Account,
    readonly record: RunRecord,
    readonly queue: BatchQueue,
    readonly epoch: string,
    readonly runner: string,
    readonly startedMs: number,
    readonly window: Window,
    readonly repeats: Repeats,
    readonly events: RunnerEvents,
    readonly status: RunStatus,
  ) {
    this.cursor = status.cursor;
    this.timeline = new Timeline(runDir(around.dataDir, plan.run));
  }

  get signal(): AbortSignal {
    return this.ended.signal;
  }

  stop(why: Stop | Error): void {
    if (!this.signal.aborted) this.ended.abort(why);
  }

  /** Set once another runner has taken the run: nothing may be written any more. */
  lost = false;

  lose(): void {
    this.lost = true;
    this.stop('taken_over');
  }

  noteJournaled(last: string): void {
    this.journaled = [...this.journaled.slice(-1), last];
  }

  /** Throws once another runner has taken the run. */
  assertOurs(): void {
    if (this.lost) throw takenOver(this.plan.run, 'which took it over');
  }

  /** Why the session ended; undefined while it goes on, or when the run is through. */
  get stopped(): Stop | Error | undefined {
    return this.signal.aborted ? (this.signal.reason as Stop | Error) : undefined;
  }

  /** Writes one after the other; nothing once a newer runner has written. */
  save(change: Partial<RunStatus>): Promise<void> {
    Object.assign(this.status, change);
    const { around, plan, status } = this;
    const write = async () => {
      if (loadStatus(around.dataDir, plan.run).epoch > status.epoch) this.lose();
      else await saveStatus(around.dataDir, plan.run, status);
    };
    this.saving = this.saving.then(write, write);
    return this.saving;
  }

  /** Keeps on disk what only Redis counts, in case it forgets. */
  async noteCounts({ requests, retries, throttled }: Counts): Promise<void> {
    const { counts } = this.status;
    const same =
      counts?.requests === requests && counts.retries === retries && counts.throttled === throttled;
    if (!same) await this.save({ counts: { requests, retries, throttled } });
  }

  /** Notes on disk, before it happens, that rows up to `row` are put into batches. */
  async reach(row: number): Promise<void> {
    if (row <= this.cursor) return;
    this.cursor = row + CURSOR_STRIDE;
    await this.save({ cursor: this.cursor });
  }

  /** Settles outcomes of the runner's own, waiting while Redis has lost the run. They are under way until journaled. */
  async settle(outcomes: readonly Outcome[]): Promise<void> {
    for (const outcome of outcomes) this.window.addOutcome(outcome);
    for (let i = 0; i < outcomes.length; i += SETTLE_AT_ONCE) {
      const part = outcomes.slice(i, i + SETTLE_AT_ONCE);
      for (;;) {
        const reply = await this.record.settle(part, { epoch: this.epoch });
        if (reply === 'ok') break;
        if (reply === 'stale' || reply === 'closed') return this.lose();
        if (this.signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, GONE_RETRY_MS));
      }
    }
  }
}

const CURSOR_STRIDE = 20_000;
const SETTLE_AT_ONCE = 250;
const GONE_RETRY_MS = 200;

export function takenOver(run: string, by: string): RowferryError {
  return new RowferryError(
    'RUN_ALIVE',
    `Run ${run} is being worked on by another process (${by}); "rowferry runs show ${run}" shows how far it is.`,
    2,
  );
}

/** Who `runner` (as in a run's state) is, in words. */
export function whereIs(runner: string): string {
  const { pid, host } = JSON.parse(runner) as ProcessIdentity;
  return `process ${pid} on ${host}`;
}
