/** The service: adds runs by its triggers, works on them and delivers their batches, until it is told to end. */
import { setMaxListeners } from 'node:events';
import { type Delivery, startDelivery } from './delivery/deliver.js';
import type { Accounts } from './destinations/accounts.js';
import { type Account, limitsOf } from './destinations/registry.js';
import { RowferryError } from './errors.js';
import { RunWorker } from './queues/runs.js';
import type { Schedule } from './queues/schedules.js';
import { loadPlan, loadStatus, saveStatus } from './run.js';
import { startReminder } from './runner/reminder.js';
import { type Retention, startRetention } from './runner/retention.js';
import { executeRun } from './runner/run.js';
import type { Surroundings } from './runner/session.js';
import { stateOf } from './sources/note.js';
import { type FolderOptions, startFolder } from './triggers/folder/folder.js';
import { type AddRuns, startSchedules } from './triggers/schedule.js';

const RUNS_AT_ONCE = 32;
const LOOK_AGAIN_MS = 3_000;

/** What a process of the service does; several processes may do the same. */
export type ServicePart = 'triggers' | 'runner' | 'delivery';

/** Something that goes on until it is told to stop. */
export interface Running {
  stop(): Promise<void>;
}

export interface ServiceOptions {
  accounts: Accounts;
  dataDirId: string;
  /** Requests in flight of this process at the most, per account; undefined: each account's own. */
  concurrency?: number | undefined;
  schedules: ReadonlyMap<string, Schedule>;
  /** Adds the runs of an occasion of a schedule. */
  addScheduled: AddRuns;
  /** What becomes of ended runs; the runner's part sees to it. */
  retention: Retention;
  /** Default: all of them. */
  parts?: readonly ServicePart[] | undefined;
  /** The watched folder, and how its files become runs. */
  folder: Pick<FolderOptions, 'settings' | 'targets' | 'adder'>;
}

/** Delivers batches of every account whose credentials are there, until `signal` aborts. */
export async function deliver(
  around: Surroundings,
  { accounts, concurrency }: Pick<ServiceOptions, 'accounts' | 'concurrency'>,
  signal: AbortSignal,
): Promise<void> {
  const deliveries = await deliverAll(around, accounts, concurrency);
  await aborted(signal);
  await stopAll(deliveries);
}

export async function serve(
  around: Surroundings,
  options: ServiceOptions,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, dataDirId, parts = ['triggers', 'runner', 'delivery'], concurrency } = options;
  await accounts.all(); // a service without any would fail run by run
  const running: Running[] = [];
  if (parts.includes('delivery')) running.push(...(await deliverAll(around, accounts, concurrency)));
  if (parts.includes('runner')) running.push(await startRunner(around, accounts, dataDirId, signal));
  if (parts.includes('runner')) running.push(await startReminder(around, dataDirId));
  if (parts.includes('runner')) running.push(startRetention(around, dataDirId, options.retention));
  if (parts.includes('runner') && around.notices) running.push(around.notices.start());
  if (parts.includes('triggers')) {
    running.push(await startSchedules({ ...around, dataDirId }, options.schedules, options.addScheduled));
    running.push(await startFolder({ ...around, dataDirId, ...options.folder }));
  }
  await aborted(signal);
  await stopAll(running);
}

async function stopAll(running: readonly Running[]): Promise<void> {
  await Promise.all(running.map((one) => one.stop()));
}

/** Works on the runs of this data dir; `signal` makes it let go of them. */
async function startRunner(
  around: Surroundings,
  accounts: Accounts,
  dataDirId: string,
  signal: AbortSignal,
): Promise<Running> {
  setMaxListeners(2 * RUNS_AT_ONCE, signal); // each run listens to it
  const worker = new RunWorker(
    {
      connection: around.redis,
      prefix: around.prefix,
      dataDirId,
      runsAtOnce: RUNS_AT_ONCE,
      againMs: LOOK_AGAIN_MS,
    },
    async (run) => {
      if (waitsForAnother(around.dataDir, run)) return false;
      try {
        const summary = await executeRun(around, { run, account: (plan) => accounts.rebind(plan), signal });
        if (summary) around.log.info({ run, state: summary.state, rows: summary.rows }, 'run ended');
        return summary !== undefined;
      } catch (error) {
        if (error instanceof RowferryError && error.code === 'RUN_ALIVE') return false;
        await giveUp(around, run, error as Error);
        return true;
      }
    },
    (error) => around.log.error({ error: error.message }, 'runs queue'),
  );
  await worker.ready();
  return { stop: () => worker.close() };
}

/** A run that comes after another of its sync. One that failed does not hold it up: nobody may ever mend that. */
function waitsForAnother(dataDir: string, run: string): boolean {
  const { after } = loadPlan(dataDir, run);
  const state = after === undefined ? undefined : stateOf(dataDir, after);
  return state === 'queued' || state === 'running' || state === 'halted';
}

/** A run that cannot be worked on must not be given out for ever; it stays resumable by hand. */
async function giveUp({ dataDir, log, notices }: Surroundings, run: string, error: Error): Promise<void> {
  const status = loadStatus(dataDir, run);
  if (status.state === 'finished' || status.state === 'cancelled') return; // resumed by hand meanwhile
  log.error({ run, error: error.message }, 'run not worked on');
  await notices?.noteFailure(run, error);
  await saveStatus(dataDir, run, { ...status, state: 'failed', message: error.message });
}

async function deliverAll(
  around: Surroundings,
  accounts: Accounts,
  concurrency: number | undefined,
): Promise<Delivery[]> {
  for (const sentence of accounts.unset) around.log.warn(`not delivered to: ${sentence}`);
  const all = await accounts.all();
  return Promise.all(all.map((account) => deliverTo(around, account, concurrency)));
}

/** Delivery of one account in this process. */
export function deliverTo(
  { connect, prefix, clock, log, timeoutMs, metrics, spans }: Surroundings,
  account: Account,
  concurrency?: number,
): Promise<Delivery> {
  return startDelivery({
    connect,
    prefix,
    account,
    clock,
    meter: metrics.ofDelivery(account.name),
    spans,
    ...limitsOf(account, { concurrency, timeoutMs }),
    onError: (error) => log.warn({ account: account.id, error: error.message }, 'delivery'),
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener('abort', () => done(), { once: true }));
}
