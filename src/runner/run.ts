/** One run from first byte to report, resumable at any moment. */
import { randomBytes } from 'node:crypto';
import { dropRate } from '../delivery/pace.js';
import type { Account } from '../destinations/registry.js';
import { EXIT, RowferryError } from '../errors.js';
import type { RepeatFinder } from '../ingest/dedupe.js';
import { openIngest, openRepeatFinder } from '../ingest/ingest.js';
import { CODE, type Outcome } from '../outcome.js';
import { toProgress } from '../outcomes/progress.js';
import { codeAt, RunRecord } from '../outcomes/settle.js';
import { identify, type ProcessIdentity } from '../process.js';
import { BatchQueue } from '../queues/batches.js';
import { Journal } from '../report/journal.js';
import { checkReportDir, type Summary, writeReport } from '../report/write.js';
import { checkSnapshot, loadPlan, loadStatus, runDir } from '../run.js';
import { pass } from './pass.js';
import { keepPulse } from './pulse.js';
import { decide, Repeats } from './repeats.js';
import { restoreAll, restoreJournaled } from './restore.js';
import {
  LEASE_MS,
  mayLive,
  type RunnerEvents,
  Session,
  type Stop,
  type Surroundings,
  takenOver,
} from './session.js';
import { keepTail } from './tail.js';
import { Window, windowLimits } from './window.js';

export interface RunOptions extends RunnerEvents {
  run: string;
  /** Binds the credentials of the run's destination. */
  account(kind: string): Account;
  /** Aborted: the run is left as it is, to be resumed. */
  signal: AbortSignal;
}

/** The report's summary, or undefined when the run was interrupted (by `signal`, or by another runner). */
export async function executeRun(around: Surroundings, options: RunOptions): Promise<Summary | undefined> {
  const session = await takeRun(around, options);
  const interrupt = () => session.stop('interrupted');
  options.signal.addEventListener('abort', interrupt, { once: true });
  if (options.signal.aborted) interrupt();
  try {
    return await work(session);
  } finally {
    options.signal.removeEventListener('abort', interrupt);
    await session.queue.close();
  }
}

/** Claims the run under a new epoch and makes Redis agree with the disk. */
async function takeRun(around: Surroundings, options: RunOptions): Promise<Session> {
  const { redis, prefix, dataDir } = around;
  const plan = loadPlan(dataDir, options.run);
  const status = loadStatus(dataDir, options.run);
  const account = options.account(plan.destination);
  checkReportDir(plan.reportDir);
  if (status.epoch > 0) await checkSnapshot(plan.source);
  const record = new RunRecord(redis, prefix, plan.run);
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
    new BatchQueue(redis, prefix, account.id),
    claimed.epoch,
    runner,
    startedMs,
    new Window(windowLimits(plan.rate, plan.batchRows)),
    new Repeats(),
    options,
    status,
  );
  const resumed = status.epoch > 0;
  delete status.message;
  await session.save({
    state: 'running',
    epoch: Number(claimed.epoch),
    startedAt: new Date(startedMs).toISOString(),
  });
  if (resumed && !claimed.verified) await restoreAll(session);
  else if (resumed) await restoreJournaled(session);
  return session;
}

function whereIs(runner: string): string {
  const { pid, host } = JSON.parse(runner) as ProcessIdentity;
  return `process ${pid} on ${host}`;
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
  if (stopped === 'halted' || stopped === 'cancelled') await drain(session);
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
  return finish(session, stopped);
}

/** The first pass: every row that repeats no other, as far as it is not settled yet. */
async function sendFirstRows(session: Session): Promise<void> {
  const { around, plan, account, repeats, window, signal, epoch } = session;
  const finder: RepeatFinder = await openRepeatFinder(around.dataDir, plan, account.destination, signal);
  const settledBefore = epoch === '1' ? undefined : new SettledRows(session);
  try {
    await pass(session, {
      label: '',
      wait: true,
      prepare: async (first, last) => settledBefore?.load(first, last),
      take: ({ row, contact, invalid }) => {
        session.rows = row;
        if (!invalid) {
          const repeat = finder.find(row, account.destination.identity(contact));
          if (repeat) {
            repeats.add(row, repeat);
            return false;
          }
        }
        return !settledBefore?.has(row);
      },
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

  constructor(private readonly session: Session) {}

  async load(first: number, last: number): Promise<void> {
    if (last < this.end && first >= this.first) return;
    this.first = first - (first % 2);
    this.end = Math.max(last + 1, this.first + 65_536);
    this.packed = await this.session.record.packedCodes(this.first, this.end - this.first);
  }

  has(row: number): boolean {
    return codeAt(this.packed, this.first, row) > CODE.attempted;
  }
}

/** Further passes for rows that repeat others, until each of them is settled. */
async function settleRepeats(session: Session): Promise<void> {
  const { repeats, record, window, signal } = session;
  for (let round = 1; !signal.aborted; round++) {
    const send = new Set<number>();
    let waiting = 0;
    for (let from = 0; from < repeats.size && !signal.aborted; from += REPEATS_AT_ONCE) {
      waiting += await decideRepeats(from, send);
    }
    if (send.size > 0) {
      await pass(session, { label: `d${round}`, wait: true, take: ({ row }) => send.has(row) });
    }
    await window.empty(signal);
    if (send.size === 0 && waiting === 0) return;
  }

  async function decideRepeats(from: number, send: Set<number>): Promise<number> {
    const rows = repeats.slice(from, from + REPEATS_AT_ONCE);
    const wanted = [...new Set(rows.flatMap(({ row, by }) => [row, ...by.map(({ head }) => head)]))];
    const found = await record.codes(wanted);
    const codes = new Map(wanted.map((row, i) => [row, found[i]!]));
    const outcomes: Outcome[] = [];
    let waiting = 0;
    for (const candidate of rows) {
      const code = codes.get(candidate.row)!;
      // Heads move while the slice is walked, so they are looked up anew.
      const current = repeats.current(candidate);
      if (code > CODE.attempted) {
        // Sent in an earlier life of this run: what repeats it looks at it.
        if (code !== CODE.skippedHere) repeats.sent(current);
        continue;
      }
      const decision = decide(
        current,
        (row) => codes.get(row) ?? CODE.unsettled,
        (row) => send.has(row),
      );
      if (decision.do === 'settle') {
        outcomes.push(decision.outcome);
        codes.set(candidate.row, decision.outcome.status === 'skipped' ? CODE.skippedHere : CODE.unconfirmed);
      } else if (decision.do === 'send') {
        send.add(candidate.row);
        repeats.sent(current);
      } else waiting++;
    }
    for (const { row } of outcomes) window.add(row, 0);
    await session.settle(outcomes);
    await window.room(signal);
    return waiting;
  }
}

const REPEATS_AT_ONCE = 500;
/** Longest wait for requests in flight when a run is halted or cancelled: a request's own time limits, and some. */
const DRAIN_MS = 60_000;
const DRAIN_CHECK_MS = 200;

/** Waits until no worker holds rows of the run any more. They drop them as soon as they look. */
async function drain(session: Session): Promise<void> {
  const { around, queue, plan, epoch } = session;
  const deadline = around.clock.monotonic() + DRAIN_MS;
  while (around.clock.monotonic() < deadline) {
    if ((await queue.activeBatches(plan.run, epoch)) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
  }
}

/** A cancelled run is final: rows that were sent and never answered are unconfirmed. */
async function settleDoubtful(session: Session, journal: Journal): Promise<void> {
  const { record, status } = session;
  for (let first = 0; first <= status.cursor; first += ROWS_AT_ONCE) {
    const packed = await record.packedCodes(first, ROWS_AT_ONCE);
    const outcomes: Outcome[] = [];
    for (let row = Math.max(1, first); row < first + ROWS_AT_ONCE; row++) {
      if (codeAt(packed, first, row) !== CODE.attempted) continue;
      const message = 'sent, and the run was cancelled before an answer came; it may have been created';
      outcomes.push({ row, status: 'failed', reason: 'unconfirmed', message });
    }
    await session.settle(outcomes);
  }
  await keepTail(session, journal, () => true);
}

const ROWS_AT_ONCE = 65_536;

/** Report first, then the run is closed: a crash in between repeats the report. */
async function finish(session: Session, stopped: Stop | undefined): Promise<Summary> {
  const { around, plan, account, record, epoch, startedMs } = session;
  const { redis, prefix, dataDir, clock } = around;
  const fields = await record.fields();
  const state = stopped === 'halted' || stopped === 'cancelled' ? stopped : 'finished';
  const message = state === 'halted' ? haltSentence(session, fields) : undefined;
  const finishedMs = clock.now();
  await renewLease();
  // The report is made from the source; another file by the same name would make it a lie.
  await checkSnapshot(plan.source);
  const { header, rows } = await openIngest(plan, account.destination);
  const { requests, retries, throttled } = toProgress(fields);
  const renewal = setInterval(() => void renewLease().catch(() => {}), LEASE_MS / 3);
  let summary: Summary;
  try {
    summary = await writeReport({
      dataDir,
      plan,
      destination: account.destination,
      header,
      rows,
      state,
      ...(message === undefined ? {} : { message }),
      counts: { requests, retries, throttled },
      startedMs,
      finishedMs,
    });
  } finally {
    clearInterval(renewal);
  }
  await session.save({
    state,
    finishedAt: new Date(finishedMs).toISOString(),
    ...(message === undefined ? {} : { message }),
  });
  if (state === 'halted') await record.orphan(epoch);
  else await record.close(epoch);
  await dropRate(redis, prefix, account.id, plan.run);
  const total = summary.rows;
  session.events.progress?.({ ...toProgress(fields), rows: total, total, readAll: true });
  return summary;

  async function renewLease(): Promise<void> {
    await record.heartbeat(epoch, LEASE_MS);
  }
}

function haltSentence(session: Session, fields: Record<string, string>): string {
  const { plan, account } = session;
  const said = fields.halt_message ?? 'the destination refused';
  const variable = account.destination.env[account.destination.accountKey] ?? 'the credentials';
  const mend: Record<string, string> = {
    http_401: `Check ${variable}`,
    http_402: 'Check plan and quota of the account',
    http_403: `Check what ${variable} is allowed to do`,
    rejected_alike: 'Check the header and --map, then run the file again',
  };
  const hint = mend[fields.halt_code ?? ''] ?? 'Mend the cause';
  return `${plan.destination} stopped the run: ${said}. ${hint}, then: rowferry runs resume ${plan.run}`;
}
