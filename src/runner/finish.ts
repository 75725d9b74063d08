/** How a run ends: what is in flight is awaited, the report written, the run closed. */
import { dropRate } from '../delivery/pace.js';
import { EXIT, RowferryError } from '../errors.js';
import { openIngest } from '../ingest/ingest.js';
import { haltWords } from '../notices/compose.js';
import { toProgress } from '../outcomes/progress.js';
import { KindCounter } from '../report/kinds.js';
import { type Summary, writeReport } from '../report/write.js';
import { type Counts, checkSnapshot, runDir } from '../run.js';
import { LEASE_MS, type Session, type Stop } from './session.js';

/** Longest wait for requests in flight when a run is halted or cancelled: a request's own time limits, and some. */
const DRAIN_MS = 60_000;
const DRAIN_CHECK_MS = 200;

/** Waits until no living worker holds rows of the run, of whatever epoch. They drop them as soon as they look. False: it took too long. */
export async function drain(session: Session): Promise<boolean> {
  const { around, queue, plan } = session;
  const deadline = around.clock.monotonic() + DRAIN_MS;
  while (around.clock.monotonic() < deadline) {
    if ((await queue.heldBatches(plan.run)) === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
  }
  return false;
}

/** Report first, then the run is closed: a crash in between repeats the report. */
export async function finish(session: Session, stopped: Stop | undefined): Promise<Summary> {
  const { around, plan, account, record, epoch, startedMs } = session;
  const { redis, prefix, dataDir, clock } = around;
  const fields = await record.fields();
  const state = stopped === 'halted' || stopped === 'cancelled' ? stopped : 'finished';
  const message = state === 'halted' ? haltSentence(session, fields) : undefined;
  const finishedMs = clock.now();
  await confirm();
  // The report is made from the source; another file by the same name would make it a lie.
  await checkSnapshot(plan.source);
  const { header, rows } = await openIngest(plan, account, { validate: false });
  const kinds = new KindCounter();
  const summary = await writeReport({
    dataDir,
    plan,
    destination: account.destination,
    header,
    rows,
    state,
    ...(message === undefined ? {} : { message }),
    counts: atLeast(session.status.counts, toProgress(fields)),
    startedMs,
    finishedMs,
    each: (outcome) => kinds.see(outcome),
    confirm,
  });
  // Before the run is known to be over: a crash in between says it twice, not never.
  await around.notices?.note({
    plan,
    event: state,
    atMs: finishedMs,
    epoch,
    numbers: summary,
    ...(state === 'halted' && {
      message: haltSentence(session, { ...fields, halt_message: haltWords(fields.halt_code) }),
    }),
  });
  await session.save({
    state,
    finishedAt: new Date(finishedMs).toISOString(),
    kinds: kinds.result(),
    ...(message === undefined ? {} : { message }),
  });
  // Also what was put there under an older epoch, and waits for its time: nobody may be left to drop it.
  if (state !== 'finished' || epoch !== '1') await session.queue.removeWaiting(plan.run);
  if (state === 'halted') await record.orphan(epoch);
  else await record.close(epoch);
  await dropRate(redis, prefix, account.id, plan.run);
  around.metrics.runEnded(plan.destination, state, finishedMs - startedMs);
  const total = summary.rows;
  session.events.progress?.({ ...toProgress(fields), rows: total, total, readAll: true });
  return summary;

  /** The run is still ours; and one that is through has an outcome for each row. */
  async function confirm(written?: Summary): Promise<void> {
    const { condition } = await record.heartbeat(epoch, LEASE_MS);
    if (condition === 'stale') session.lose();
    session.assertOurs();
    if (state !== 'finished' || !written?.unprocessed) return;
    throw new RowferryError(
      'JOURNAL_DAMAGED',
      `The journal in ${runDir(dataDir, plan.run)} lacks outcomes of settled rows (${written.unprocessed}) of run ${plan.run}. Put the journal files back as they were and resume.`,
      EXIT.broke,
    );
  }
}

/** Redis may have been emptied since the last pulse. */
function atLeast(known: Counts | undefined, { requests, retries, throttled }: Counts): Counts {
  return {
    requests: Math.max(requests, known?.requests ?? 0),
    retries: Math.max(retries, known?.retries ?? 0),
    throttled: Math.max(throttled, known?.throttled ?? 0),
  };
}

function haltSentence(session: Session, fields: Record<string, string>): string {
  const { plan, account } = session;
  const said = fields.halt_message ?? 'the destination refused';
  const { env, publicOptions = [] } = account.destination;
  const secrets = Object.keys(env).filter((name) => name !== 'baseUrl' && !publicOptions.includes(name));
  const setting = secrets.map((name) => account.setBy[name]).join(' and ') || 'the credentials';
  const mend: Record<string, string> = {
    http_401: `Check ${setting}`,
    http_402: 'Check plan and quota of the account',
    http_403: `Check what ${setting} is allowed to do`,
    rejected_alike: 'Check the header and --map, then run the file again',
  };
  const hint = mend[fields.halt_code ?? ''] ?? 'Mend the cause';
  return `${plan.destination} stopped the run: ${said}. ${hint}, then: rowferry runs resume ${plan.run}`;
}
