/** The runner's pulse: shows that it lives, watches over what Redis and the batches may lose, tells how far it is. */
import { askRate } from '../delivery/pace.js';
import { readWaiting } from '../delivery/waiting.js';
import { CODE } from '../outcome.js';
import { toProgress } from '../outcomes/progress.js';
import { isDrained } from '../outcomes/tail.js';
import { aboutRows } from '../run.js';
import { pass } from './pass.js';
import { Patience } from './patience.js';
import { restore } from './restore.js';
import { LEASE_MS, type Session } from './session.js';
import { Teller } from './tell.js';

const BEAT_MS = 1_000;
/** Without any progress for so long, batches are looked for. */
const QUIET_BEATS = 5;

/** Beats until the session ends. A Redis that takes no writes for a while is waited out. */
export async function keepPulse(session: Session): Promise<void> {
  const { record, epoch, around, plan, account, window } = session;
  const teller = new Teller(session);
  const patience = new Patience(session);
  let quiet = 0;
  let before = '';
  let suspected: Set<number> | undefined;
  let restored = false;

  while (!session.signal.aborted) {
    const pulse = await teller.patiently(record.heartbeat(epoch, LEASE_MS)).catch((error: Error) => {
      around.log.warn({ run: plan.run, error: error.message }, 'Redis does not take the pulse');
      teller.wait({ why: `Redis refuses commands: ${error.message.split(' ', 1)[0]}` });
      return undefined;
    });
    if (pulse === undefined) {
      await beat(session.signal);
      continue;
    }
    const { condition, fields } = pulse;
    if (session.signal.aborted) return;
    if (condition === 'stale' || fields.state === 'closed') return session.lose();
    if (condition === 'gone' || condition === 'unverified') {
      around.log.warn(
        { run: plan.run, condition },
        'Redis was restarted; restoring the run from its journal',
      );
      teller.wait({ why: 'Redis was restarted; what it may have lost is being restored' });
      session.restoring = restore(session);
      await session.restoring;
      session.restoring = undefined;
      restored = true;
      continue;
    }
    if (fields.state === 'halted') return session.stop('halted');
    if (fields.state === 'cancelling') return session.stop('cancelled');
    const { redis, prefix, clock } = around;
    const now = clock.now();
    // On their way together: one round trip.
    const [waiting] = await teller.patiently(
      Promise.all([
        readWaiting(redis, prefix, account.id, plan.destination, now),
        askRate(redis, prefix, account.id, plan.run, plan.rate, LEASE_MS),
      ]),
    );

    await teller.patiently(patience.see(waiting, now));
    await teller.patiently(session.memory?.show() ?? Promise.resolve());
    const progress = toProgress({ ...fields, rows: String(session.rows) });
    await session.noteCounts(progress);
    await session.timeline.note(now, progress);
    const total = session.readAll ? session.rows : Math.max(session.rows, aboutRows(plan.source));
    await teller.patiently(record.noteRows(session.rows, total, session.readAll));
    teller.tell({
      ...progress,
      total,
      readAll: session.readAll,
      ...(waiting === undefined ? {} : { waiting }),
    });

    const counts = JSON.stringify(progress);
    quiet = counts === before ? quiet + 1 : 0;
    before = counts;
    if (window.size > 0 && (restored || condition === 'lapsed' || suspected || quiet >= QUIET_BEATS)) {
      await session.queue.bringForward(plan.run, clock.now());
      suspected = await addMissing(session, suspected);
      restored = false;
      quiet = 0;
    }
    await beat(session.signal);
  }
}

/**
 * Rows under way that no batch carries: lost by Redis, or by an addBulk that dropped a job. Reading the queue is no
 * single step, so only rows that were missing at two looks in a row are added again.
 */
async function addMissing(
  session: Session,
  suspected: Set<number> | undefined,
): Promise<Set<number> | undefined> {
  const { queue, plan, epoch, window, around } = session;
  const covered = await queue.coveredRows(plan.run, epoch);
  const missing = new Set(window.outstanding().filter((row) => !covered.has(row)));
  if (missing.size === 0) return undefined;
  const again = new Set([...missing].filter((row) => suspected?.has(row)));
  if (again.size === 0) return missing;
  around.log.warn({ run: plan.run, rows: again.size }, 'rows without a batch; adding them again');
  // What the runner said itself is said again: a row that repeats another must not be sent for that.
  const own = [...again].flatMap((row) => window.outcomeOf(row) ?? []);
  for (const { row } of own) again.delete(row);
  await session.settle(own);
  for (const row of await settledAlready(session, [...again])) again.delete(row);
  if (again.size === 0) return undefined;
  await pass(session, {
    take: ({ row }) => again.has(row),
    label: `m${around.clock.now()}`,
    wait: false,
    last: Math.max(...again),
  });
  return undefined;
}

/**
 * Those of `rows` that a late worker of an earlier epoch settled in the moment in which they were put into a batch: no
 * batch brings their outcome again. Where it is journaled they leave the window; else it is on its way.
 */
async function settledAlready(session: Session, rows: readonly number[]): Promise<number[]> {
  const { record, window, around, plan } = session;
  const codes = await record.codes(rows);
  const settled = rows.filter((_, i) => codes[i]! > CODE.attempted);
  if (settled.length > 0 && (await isDrained(around.redis, around.prefix, plan.run))) {
    for (const row of settled) window.done(row);
    window.moved();
  }
  return settled;
}

function beat(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, BEAT_MS);
    signal.addEventListener('abort', done, { once: true });
  });
}
