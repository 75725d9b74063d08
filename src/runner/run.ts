/** One run from first byte to report, resumable at any moment. */
import { randomBytes } from 'node:crypto';
import type { Account } from '../destinations/registry.js';
import { EXIT, RowferryError } from '../errors.js';
import { rowsAtOnce } from '../ingest/batch.js';
import type { RepeatFinder } from '../ingest/dedupe.js';
import { type IngestedRow, openRepeatFinder } from '../ingest/ingest.js';
import { CODE } from '../outcome.js';
import { codeAt, RunRecord } from '../outcomes/settle.js';
import { identify } from '../process.js';
import { BatchQueue } from '../queues/batches.js';
import { keepsAll } from '../redis/durable.js';
import { Journal } from '../report/journal.js';
import type { Summary } from '../report/summary.js';
import { checkReportDir } from '../report/write.js';
import { checkSnapshot, loadPlan, loadStatus, type RunPlan, runDir } from '../run.js';
import { settleDoubtful } from './doubt.js';
import { drain, finish } from './finish.js';
import { pass } from './pass.js';
import { keepPulse } from './pulse.js';
import { Remembering } from './remembering.js';
import { Repeats } from './repeats.js';
import { restore, vouch } from './restore.js';
import {
  LEASE_MS,
  mayLive,
  type RunnerEvents,
  runnerOf,
  Session,
  type Surroundings,
  takenOver,
  whereIs,
} from './session.js';
import { type Repeating, settleRepeats } from './settle-repeats.js';
import { keepTail } from './tail.js';
import { finishUnchanged } from './unchanged.js';
import { Window, windowLimits } from './window.js';

export interface RunOptions extends RunnerEvents {
  run: string;
  /** Binds the credentials of the run's destination. */
  account(plan: RunPlan): Promise<Account>;
  /** Aborted: the run is left as it is, to be resumed. */
  signal: AbortSignal;
}

/** The report's summary, or undefined when the run was interrupted (by `signal`, or by another runner). */
export async function executeRun(around: Surroundings, options: RunOptions): Promise<Summary | undefined> {
  const plan = loadPlan(around.dataDir, options.run);
  const { noChange } = plan;
  if (noChange !== undefined) {
    return finishUnchanged(around, { ...plan, noChange }, await options.account(plan));
  }
  const session = await takeRun(around, options);
  // Its own timer: whatever the runner is busy with, as long as it lives nobody else may take the run.
  const lease = setInterval(() => {
    session.record.heartbeat(session.epoch, LEASE_MS).then(
      ({ condition }) => condition === 'stale' && session.lose(),
      () => {}, // the pulse tells of a Redis that does not answer
    );
  }, LEASE_MS / 4);
  const interrupt = () => session.stop('interrupted');
  options.signal.addEventListener('abort', interrupt, { once: true });
  if (options.signal.aborted) interrupt();
  try {
    return await work(session);
  } finally {
    clearInterval(lease);
    options.signal.removeEventListener('abort', interrupt);
    await session.queue.close();
  }
}

/** Claims the run under a new epoch and makes Redis agree with the disk. */
async function takeRun(around: Surroundings, options: RunOptions): Promise<Session> {
  const { redis, prefix, dataDir } = around;
  const plan = loadPlan(dataDir, options.run);
  const record = new RunRecord(redis, prefix, plan.run);
  // First of all: what is wrong just now (a disk that is full) is no reason to give up a run that is worked on.
  const other = await runnerOf(record);
  if (other !== undefined) throw takenOver(plan.run, whereIs(other));
  const status = loadStatus(dataDir, options.run);
  const account = await options.account(plan);
  checkReportDir(plan.reportDir);
  if (status.epoch > 0) await checkSnapshot(plan.source);
  const runner = JSON.stringify({ ...identify(process.pid), nonce: randomBytes(4).toString('hex') });
  let claimed = await record.claim(runner, LEASE_MS, status.epoch);
  if ('refused' in claimed && claimed.refused === 'alive' && !mayLive(claimed.runner)) {
    // Killed on this machine a moment ago: no need to wait until its lease runs out.
    claimed = await record.claim(runner, LEASE_MS, status.epoch, claimed.runner);
  }
  if ('refused' in claimed) {
    if (claimed.refused === 'alive') throw takenOver(plan.run, whereIs(claimed.runner));
    throw new RowferryError('RUN_OVER', `Run ${plan.run} is over; nothing is left to resume.`, EXIT.usage);
  }
  const startedMs = status.startedAt === undefined ? claimed.startedMs : Date.parse(status.startedAt);
  const session = new Session(
    around,
    plan,
    account,
    record,
    new BatchQueue(redis, prefix, account.id, around.spans),
    claimed.epoch,
    runner,
    startedMs,
    new Window(windowLimits(plan.rate, plan.batchRows, rowsAtOnce(account.destination, plan.bulk))),
    new Repeats(),
    options,
    status,
  );
  session.memory = await Remembering.begin(
    { ...around, durable: async () => around.durable || keepsAll(redis) },
    plan,
    account,
  );
  const resumed = status.epoch > 0;
  delete status.message;
  await session.save({
    state: 'running',
    epoch: Number(claimed.epoch),
    startedAt: new Date(startedMs).toISOString(),
  });
  if (resumed) await restore(session);
  else await vouch(session);
  return session;
}

async function work(session: Session): Promise<Summary | undefined> {
  const { around, plan, record, epoch, signal } = session;
  const journal = await Journal.open(runDir(around.dataDir, plan.run), epoch);
  let through = false;
  const fail = (error: unknown) => session.stop(error as Error);
  const pulse = keepPulse(session).catch(fail);
  const tail = keepTail(session, journal, () => through || signal.aborted).catch(fail);
  try {
    await sendFirstRows(session);
    await settleRepeats(session);
  } catch (error) {
    fail(error);
  }
  const stopped = session.stopped;
  const drained = stopped === 'halted' || stopped === 'cancelled' ? await drain(session) : true;
  through = true;
  session.stop('interrupted'); // ends the pulse; `stopped` remembers why
  await pulse;
  await tail;
  if (stopped === 'cancelled') await settleDoubtful(session, journal);
  await journal.close();

  if (stopped instanceof Error) {
    await record.orphan(epoch);
    throw stopped;
  }
  if (stopped === 'taken_over') {
    throw takenOver(plan.run, 'which took it over');
  }
  if (stopped === 'interrupted') {
    await record.orphan(epoch);
    return undefined;
  }
  const summary = await finish(session, stopped).catch(async (error: unknown) => {
    await record.orphan(epoch).catch(() => {}); // who mends the cause need not wait for the lease
    throw error;
  });
  if (drained) await session.memory?.leave();
  return summary;
}

/** What of a session the first pass needs. */
export type FirstRows = Repeating &
  Pick<Session, 'rows' | 'readAll'> & {
    around: Pick<Surroundings, 'dataDir'>;
    record: Pick<RunRecord, 'packedCodes'>;
    /** Told every row, in row order. */
    see?(row: IngestedRow): void;
  };

/** The first pass: every row that repeats no other, as far as it is not settled yet. */
export async function sendFirstRows(session: FirstRows): Promise<void> {
  const { around, plan, account, repeats, window, signal, epoch } = session;
  const finder: RepeatFinder = await openRepeatFinder(around.dataDir, plan, account, signal);
  const settledBefore = epoch === '1' ? undefined : new SettledRows(session);
  try {
    await pass(session, {
      label: '',
      wait: true,
      sound: (row) => finder.sound(row),
      prepare: async (first, last) => settledBefore?.load(first, last),
      take: (ingested) => {
        const { row, contact, invalid } = ingested;
        session.rows = row;
        session.see?.(ingested);
        if (!invalid) {
          const repeat = finder.find(row, account.destination.identity(contact));
          if (repeat) {
            repeats.add(row, repeat);
            return false;
          }
        }
        return !settledBefore?.has(row);
      },
      untouched: (row) => settledBefore?.untouched(row) ?? true,
    });
  } finally {
    finder.close();
  }
  if (!signal.aborted) session.readAll = true;
  await window.empty(signal);
}

/** Statuses of the rows a pass is looking at, fetched in stretches. */
class SettledRows {
  private first = 0;
  private packed: Buffer = Buffer.alloc(0);
  private end = 0;

  constructor(private readonly session: Pick<FirstRows, 'record'>) {}

  async load(first: number, last: number): Promise<void> {
    if (last < this.end && first >= this.first) return;
    this.first = first - (first % 2);
    this.end = Math.max(last + 1, this.first + 65_536);
    this.packed = await this.session.record.packedCodes(this.first, this.end - this.first);
  }

  has(row: number): boolean {
    return codeAt(this.packed, this.first, row) > CODE.attempted;
  }

  untouched(row: number): boolean {
    return codeAt(this.packed, this.first, row) === CODE.unsettled;
  }
}
