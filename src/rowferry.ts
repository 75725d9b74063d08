/** Everything the command line does, as calls. Nothing here ends the process or writes to stdout. */
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Clock, pause, systemClock } from './clock.js';
import { type LoadedConfig, loadConfig } from './config/file.js';
import { findSync } from './config/sync.js';
import { type Environment, readSettings, type Settings } from './config.js';
import { openDataDir, readDataDirId } from './data-dir.js';
import { pauseAccount, resumeAccount } from './delivery/pause.js';
import { reach } from './delivery/reach.js';
import { Accounts } from './destinations/accounts.js';
import type { Account } from './destinations/registry.js';
import { PLAIN } from './dialect.js';
import { EXIT, RowferryError } from './errors.js';
import { Intake, type Origin, type SourceOptions, sameAs } from './intake.js';
import { type LogLevel, openLog } from './log.js';
import { Metrics } from './metrics.js';
import { Notices } from './notices/notices.js';
import { RunRecord } from './outcomes/settle.js';
import type { ShownQueues } from './queues/board.js';
import { RunQueue } from './queues/runs.js';
import { openSpans, type Spans } from './queues/spans.js';
import { openRedis, type RedisHandle } from './redis/connection.js';
import type { RowQuery, RowsPage } from './report/rows.js';
import type { Summary } from './report/summary.js';
import { createRuns, loadPlan, loadStatus, type RunPlan, runsBeside } from './run.js';
import { readGauges } from './runner/gauges.js';
import { assertUnfinished, handOver, isServed } from './runner/hand-over.js';
import { findUnfinished, viewRuns } from './runner/listing.js';
import { viewRows } from './runner/rows.js';
import { type ScheduleView, viewSchedules } from './runner/schedules.js';
import type { Surroundings } from './runner/session.js';
import { workOnOccasion } from './runner/sync.js';
import { type DestinationView, type RunView, readSummary, viewDestination, viewRun } from './runner/view.js';
import { deliver, type ServicePart, serve } from './service.js';
import { stateOf } from './sources/note.js';
import type { GivenSource } from './sources/source.js';
import { Work, type WorkOptions } from './work.js';

export interface RowferryOptions {
  /** Where runs, reports and the private Redis live. Default: ROWFERRY_DATA_DIR, else `.rowferry`. */
  dataDir?: string;
  /** The configuration file; false: none. Default: ROWFERRY_CONFIG, else `rowferry.yaml` in the working directory. */
  config?: string | false;
  /** Settings and credentials. Default: `process.env`. */
  env?: Environment;
  /** Default `warn`. ROWFERRY_LOG_LEVEL and the configuration file win. */
  logLevel?: LogLevel;
  clock?: Clock;
  /** For services, which may be started together with their Redis: waits so long for one that cannot be reached. Default 0. */
  redisPatienceMs?: number;
}

/** Opens a data dir with its Redis. Close it when done: the private Redis ends with the last who uses it. */
export async function openRowferry(options: RowferryOptions = {}): Promise<Rowferry> {
  const env = options.env ?? process.env;
  const config = loadConfig(options.config, env);
  const settings = readSettings(env, options.dataDir, config.settings);
  const log = openLog(settings.logLevel ?? options.logLevel ?? 'warn');
  const spans = settings.opentelemetry ? await openSpans() : undefined;
  const dataDir = openDataDir(settings.dataDir);
  const clock = options.clock ?? systemClock;
  const handle = await openRedis({
    url: settings.redisUrl,
    binary: settings.redisBinary,
    dataDir,
    patienceMs: options.redisPatienceMs,
    onTrouble: (error) => log.error({ error: error.message }, 'the private Redis cannot be brought back'),
    onWait: (error) => log.warn(`${error.message} Waiting for it.`),
  });
  return new Rowferry(
    { ...settings, dataDir },
    config,
    new Accounts(env, config.destinations, config.defaults),
    handle,
    clock,
    log,
    { ...(options.config === undefined ? {} : { config: options.config }), env },
    spans,
  );
}

export class Rowferry {
  private readonly redis: Redis;
  private readonly runs: RunQueue;
  private readonly dataDirId: string;
  private readonly intake: Intake;
  private readonly counted = new Metrics();
  private readonly notices: Notices;
  private readonly work: Work;

  /** @internal use {@link openRowferry} */
  constructor(
    readonly settings: Settings,
    private readonly config: LoadedConfig,
    private readonly accounts: Accounts,
    private readonly handle: RedisHandle,
    private readonly clock: Clock,
    readonly log: Logger,
    /** @internal For who does the same in another process. */
    readonly opened: Pick<RowferryOptions, 'config' | 'env'>,
    private readonly spans?: Spans,
  ) {
    this.redis = handle.connect();
    this.dataDirId = readDataDirId(settings.dataDir);
    this.runs = new RunQueue(this.redis, settings.prefix, this.dataDirId);
    this.intake = new Intake(settings, config, accounts, this.runs, clock);
    const { redis, dataDirId } = this;
    const { prefix, dataDir } = settings;
    const entries = config.notifications;
    this.notices = new Notices({ redis, prefix, dataDir, dataDirId, entries, clock, log });
    this.work = new Work(this.surroundings(), accounts, this.notices);
  }

  /** Sentences a person should read, e.g. about the eviction policy of Redis. */
  get warnings(): readonly string[] {
    return [...this.config.warnings, ...this.handle.warnings];
  }

  /** Which Redis is used, without any password. */
  get redisPlace(): string {
    return this.handle.where;
  }

  /** The account `to` names, or the sync, or the only one with credentials. Throws a sentence when there is none. */
  async account(to?: string, sync?: string): Promise<Account> {
    const target = sync === undefined ? undefined : findSync(this.config.syncs, sync).to;
    return this.accounts.choose(to ?? target);
  }

  /** Runs a source (path, glob of one file, http(s) URL, stream) from start to report in this process; without `source`, that of the sync. */
  async run(
    source: string | Readable | undefined,
    options: SourceOptions & WorkOptions = {},
  ): Promise<Summary> {
    const planned = await this.intake.plan(source, options, reach);
    const [summary] = await this.work.inTurn([planned], options);
    return summary!;
  }

  /** As {@link run}, of a zip archive each of its tables, one after the other; a table that cannot be run, and none is. */
  async runTables(
    source: string | Readable | undefined,
    options: SourceOptions & WorkOptions = {},
  ): Promise<Summary[]> {
    return this.work.inTurn(await this.intake.plans(source, options, reach), options);
  }

  /**
   * Runs a sync now, in this process: what of its source is new since it was run last, by itself or like this. Resolves
   * with one report, of several new files with one for each. Throws SYNC_BUSY while an earlier run of it is not over.
   */
  async sync(name: string, options: WorkOptions = {}): Promise<Summary[]> {
    const atMs = this.clock.now();
    const summaries: Summary[] = [];
    for (let left = 1; left > 0; ) {
      const like = { sync: name, trigger: 'schedule', signal: options.signal } as const;
      const request = await this.intake.request(undefined, like, reach);
      const add = (plans: readonly RunPlan[]) => createRuns(this.settings.dataDir, plans);
      const occasion = { request: { ...request, sync: name }, atMs, most: 1, add };
      const result = await workOnOccasion(this.settings.dataDir, this.clock, occasion);
      for (const fault of result.faults) this.log.warn(fault);
      if (result.plans.length === 0 && result.faults.length > 0) {
        throw new RowferryError('SOURCE_UNREADABLE', result.faults.join('\n'), EXIT.usage);
      }
      const ended = await this.work.inTurn(result.plans, options);
      summaries.push(...ended);
      left = ended.every(({ state }) => state === 'finished') ? result.left : 0; // a later file must not pass by one that waits
    }
    return summaries;
  }

  /**
   * As {@link sync}, by the service of this data dir. Resolves with the runs that were added, and sentences about files
   * that cannot be run.
   */
  async enqueueSync(name: string): Promise<{ runs: string[]; faults: string[] }> {
    const { runs, faults } = await this.intake.addScheduled(
      name,
      this.clock.now(),
      new AbortController().signal,
    );
    return { runs, faults };
  }

  /** The syncs of the configuration file that have a source, scheduled or not: what is next, what was last. */
  async schedules(): Promise<ScheduleView[]> {
    const status = (run: string) => this.status(run);
    return viewSchedules(this.settings.dataDir, this.config.syncs, this.clock.now(), status);
  }

  /** Goes on with a run that was interrupted or halted, in this process. */
  async resume(run: string, options: WorkOptions = {}): Promise<Summary> {
    const plan = loadPlan(this.settings.dataDir, run);
    assertUnfinished(run, loadStatus(this.settings.dataDir, run).state);
    await reach(await this.accounts.rebind(plan));
    options.started?.(plan, []);
    return this.work.toTheEnd(run, options);
  }

  /** A new run, in this process, with the rows that failed in one that ended. */
  async retry(run: string, options: WorkOptions = {}): Promise<Summary> {
    const [failed, asBefore] = await this.failedRows(run);
    return this.run(failed, { ...options, ...asBefore });
  }

  /** As {@link retry}, by the service of this data dir; resolves with the new run's id. */
  async enqueueRetry(run: string, options: Pick<WorkOptions, 'started'> = {}): Promise<string> {
    const [failed, asBefore] = await this.failedRows(run);
    return this.enqueue(failed, { ...options, ...asBefore });
  }

  /** Where the failed rows of a run are, and how they were sent. */
  private async failedRows(run: string): Promise<[path: string, SourceOptions]> {
    const before = await this.report(run);
    if (before.failed === 0) {
      const rest = before.unprocessed > 0 ? `; ${before.unprocessed} were not sent: run the file again` : '';
      throw new RowferryError('NOTHING_TO_RETRY', `Run ${run} has no failed rows${rest}.`, EXIT.usage);
    }
    const plan = loadPlan(this.settings.dataDir, run);
    await this.accounts.rebind(plan); // the name must still mean what it meant
    return [before.reports.failed, { ...sameAs(plan), ...PLAIN, retryOf: run }];
  }

  /** Adds a run for the service of this data dir, without `source` one of the sync's; resolves with its id. */
  async enqueue(
    source: GivenSource | undefined,
    options: SourceOptions & Origin & Pick<WorkOptions, 'started'> = {},
  ): Promise<string> {
    const [run] = await this.intake.enqueue([await this.intake.plan(source, options)], options);
    return run!;
  }

  /** As {@link enqueue}, of a zip archive each of its tables; all are added, or none. */
  async enqueueTables(
    source: GivenSource | undefined,
    options: SourceOptions & Origin & Pick<WorkOptions, 'started'> = {},
  ): Promise<string[]> {
    return this.intake.enqueue(await this.intake.plans(source, options), options);
  }

  /** Whether a service works on runs of this data dir and delivers to the destination of `run`, as it is set here. */
  async served(run: string): Promise<boolean> {
    const account = await this.accounts.rebind(loadPlan(this.settings.dataDir, run));
    return isServed(this.surroundings(), this.runs, account);
  }

  /** As {@link resume}, by the service of this data dir. */
  async handOver(run: string): Promise<void> {
    await handOver(this.surroundings(), this.runs, run);
  }

  /** Puts the runs of a source into the queue of the service once more, in case Redis never heard of them. */
  async remind(run: string): Promise<string[]> {
    const { dataDir } = this.settings;
    const runs = runsBeside(dataDir, run);
    for (const one of runs) if (stateOf(dataDir, one) === 'queued') await this.runs.add(one);
    return runs;
  }

  /** As {@link cancel}, by the service of this data dir: resolves once no row is begun any more. */
  async enqueueCancel(run: string): Promise<void> {
    const view = await this.beginCancel(run);
    if (view.state !== 'running') await this.runs.addAgain(run);
  }

  /** Whether Redis answers within so many milliseconds. */
  async answers(withinMs: number): Promise<boolean> {
    const late = pause(withinMs).then(() => false);
    return Promise.race([
      late,
      this.redis.ping().then(
        () => true,
        () => false,
      ),
    ]);
  }

  /**
   * Ends a run for good: rows not sent yet become unprocessed · cancelled. Resolves with its report, after two minutes
   * and its writing at the latest; `waits` is told at once what for.
   */
  async cancel(run: string, options: WorkOptions & { waits?(whatFor: string): void } = {}): Promise<Summary> {
    const view = await this.beginCancel(run);
    options.waits?.(
      view.state === 'running'
        ? 'the process that works on it, which ends what is in flight and looks up what was not answered'
        : 'what may still be in flight, and look-ups of rows that were sent and not answered',
    );
    return this.work.endCancelled(run, options, () => this.status(run));
  }

  /** From now on no row of the run is begun. Resolves with the run as it was. */
  private async beginCancel(run: string): Promise<RunView> {
    const view = await this.status(run);
    if (view.state === 'finished' || view.state === 'cancelled') {
      throw new RowferryError('RUN_OVER', `Run ${run} is ${view.state} already.`, EXIT.usage);
    }
    await this.runs.remove(run);
    const record = new RunRecord(this.redis, this.settings.prefix, run);
    await record.setState('cancelling', ['-', 'running', 'halted', 'cancelling']);
    return view;
  }

  /** What is known of a run right now. Throws a sentence for an id that is none. */
  async status(run: string): Promise<RunView> {
    const { dataDir, prefix } = this.settings;
    return viewRun({ redis: this.redis, prefix, dataDir }, run, this.clock.now());
  }

  /** The runs of this data dir, newest first; default: all of them. */
  async list({ limit }: { limit?: number } = {}): Promise<RunView[]> {
    return viewRuns(this.listing, limit);
  }

  /** The summary of a run's report. Throws a sentence while there is none. */
  async report(run: string): Promise<Summary> {
    const summary = await readSummary(loadPlan(this.settings.dataDir, run));
    if (summary) return summary;
    throw new RowferryError('NO_REPORT', `Run ${run} has no report yet; it comes with its end.`, EXIT.usage);
  }

  /** The rows behind the numbers of a run, a page at a time: of its report, or as far as they are known. */
  async rows(run: string, query: RowQuery = {}): Promise<RowsPage> {
    const { redis, clock, settings } = this;
    const { dataDir, prefix } = settings;
    const account = (plan: RunPlan) => this.accounts.rebind(plan);
    return viewRows({ redis, prefix, dataDir, clock, account }, run, query);
  }

  /** An earlier run over the same content that did not come to its end, if there is one. */
  async unfinished(sha256?: string): Promise<RunView | undefined> {
    return findUnfinished(this.listing, sha256);
  }

  /** Every destination with credentials, and how it stands with all who send to it. */
  async destinations(): Promise<DestinationView[]> {
    const accounts = await this.accounts.all();
    return Promise.all(accounts.map((account) => viewDestination(this.surroundings(), account)));
  }

  /** What this process has counted and how destinations and queues stand, in the text format of Prometheus. */
  async metrics(): Promise<{ text: string; type: string }> {
    const accounts = await this.accounts.all().catch(() => []); // without credentials there is less to see
    return this.counted.expose(await readGauges(this.surroundings(), accounts, this.runs));
  }

  /** Nobody sends to the destination any more, whoever asks, until it is resumed; runs wait. */
  async pauseDestination(name: string): Promise<DestinationView> {
    const account = await this.accounts.choose(name);
    await pauseAccount(this.redis, this.settings.prefix, account.id, this.clock.now());
    return viewDestination(this.surroundings(), account);
  }

  async resumeDestination(name: string): Promise<DestinationView> {
    const account = await this.accounts.choose(name);
    await resumeAccount(this.redis, this.settings.prefix, account.id);
    return viewDestination(this.surroundings(), account);
  }

  /** @internal The queues of this data dir and its accounts, for BullMQ's board. */
  async showQueues(): Promise<ShownQueues> {
    const accounts = await this.accounts.all().catch(() => []); // without credentials there is less to see
    const { showQueues } = await import('./queues/board.js');
    const ids = accounts.map(({ id }) => id);
    return showQueues(this.redis, this.settings.prefix, this.dataDirId, ids);
  }

  /** Sends a test to the notifications of the configuration file, or to one; `why`: it was not taken, or not by all. */
  async testNotifications(name?: string): Promise<{ name: string; why?: string }[]> {
    const entries = this.config.notifications.filter((entry) => name === undefined || entry.name === name);
    if (entries.length === 0) {
      const names = this.config.notifications.map((entry) => entry.name).join(', ') || 'none';
      const sentence = `There is no entry${name === undefined ? '' : ` "${name}"`} in notifications. There are: ${names}.`;
      throw new RowferryError('NOTIFICATION_UNKNOWN', sentence, EXIT.usage);
    }
    const whys = await Promise.all(entries.map((entry) => this.notices.test(entry)));
    return entries.map((entry, i) => ({ name: entry.name, ...(whys[i] && { why: whys[i] }) }));
  }

  /** Delivers batches of every account whose credentials are set, until `signal` aborts. */
  async deliver(signal: AbortSignal, concurrency?: number): Promise<void> {
    await deliver(this.surroundings(), { accounts: this.accounts, concurrency }, signal);
  }

  /** The service: adds runs by its triggers, works on them and delivers their batches, until `signal` aborts. */
  async serve(
    signal: AbortSignal,
    options: { concurrency?: number; parts?: readonly ServicePart[] } = {},
  ): Promise<void> {
    const { accounts, dataDirId, intake, settings } = this;
    const watched = resolve(settings.folder.path ?? settings.dataDir);
    const archives = [join(watched, 'archive'), join(watched, 'rejected')];
    const retention = { days: settings.retentionDays, archives };
    const triggers = await intake.triggers();
    await serve(this.surroundings(), { accounts, dataDirId, retention, ...triggers, ...options }, signal);
  }

  /** Waits a little for notices of runs that ended here; those that nobody takes wait on disk. */
  async close(): Promise<void> {
    await this.notices.sent();
    await this.runs.close();
    await this.handle.close();
  }

  private get listing() {
    const { dataDir } = this.settings;
    return { dataDir, log: this.log, view: (run: string) => this.status(run) };
  }

  private surroundings(): Surroundings {
    const { prefix, dataDir, timeoutMs } = this.settings;
    const { redis, clock, log, handle, counted: metrics, notices, spans } = this;
    const durable = handle.private;
    return {
      redis,
      connect: () => handle.connect(),
      prefix,
      dataDir,
      durable,
      clock,
      timeoutMs,
      log,
      metrics,
      notices,
      spans,
    };
  }
}
