/** The rows of a cancelled run that were sent and never answered: looked up where that can be, else unconfirmed. */
import { pause } from '../clock.js';
import type { Contact } from '../contact.js';
import { afterLookUp } from '../delivery/decide.js';
import { LookUps } from '../delivery/look-up.js';
import { askRate } from '../delivery/pace.js';
import { limitsOf } from '../destinations/registry.js';
import { EXIT, RowferryError } from '../errors.js';
import { openIngest } from '../ingest/ingest.js';
import { CODE, decodeOutcome, type Outcome } from '../outcome.js';
import { codeAt, type Tally } from '../outcomes/settle.js';
import { type Journal, readJournal } from '../report/journal.js';
import { runDir } from '../run.js';
import type { Session } from './session.js';
import { keepTail } from './tail.js';

/** Nobody waits longer for look-ups than this when he cancels. */
const LOOK_UP_MS = 60_000;
const AT_ONCE = 8;
/** A search may lag behind: what it does not find is asked for again so much later. */
const SECOND_LOOK_MS = 2_000;
const ROWS_AT_ONCE = 65_536;
const SETTLE_AT_ONCE = 250;

interface Doubtful {
  row: number;
  contact: Contact;
}

/** A cancelled run is final: what can be known of its rows in doubt is found out now. */
export async function settleDoubtful(session: Session, journal: Journal): Promise<void> {
  const { lookup } = session.account.destination;
  if (lookup !== undefined && !(await doubtfulRows(session).next()).done) {
    const found = await lookUp(session);
    // What workers settled last is read, too: a contact is claimed by one row alone.
    await keepTail(session, journal, () => true);
    await settle(session, await withoutClaimed(session, found));
  }
  let unconfirmed: Outcome[] = [];
  for await (const row of doubtfulRows(session)) {
    const message = 'sent, and the run was cancelled before an answer came; it may have been created';
    unconfirmed.push({ row, status: 'failed', reason: 'unconfirmed', message });
    if (unconfirmed.length < SETTLE_AT_ONCE) continue;
    await settle(session, unconfirmed);
    unconfirmed = [];
  }
  await settle(session, unconfirmed);
  await keepTail(session, journal, () => true);
}

/** Rows that are marked as attempted, and not settled. */
async function* doubtfulRows({ record, status }: Session): AsyncGenerator<number, void, void> {
  for (let first = 0; first <= status.cursor; first += ROWS_AT_ONCE) {
    const packed = await record.packedCodes(first, ROWS_AT_ONCE);
    for (let row = Math.max(1, first); row < first + ROWS_AT_ONCE; row++) {
      if (codeAt(packed, first, row) === CODE.attempted) yield row;
    }
  }
}

/** Asks for rows in doubt, for a bounded time. Gives outcomes of those found; those that are not there lose their mark. */
async function lookUp(session: Session): Promise<Outcome[]> {
  const { around, plan, account, queue, startedMs } = session;
  const { redis, clock, prefix } = around;
  const { destination } = account;
  // The pulse has ended: until the run has, its rate holds for look-ups, too.
  await askRate(redis, prefix, account.id, plan.run, plan.rate, 2 * LOOK_UP_MS);
  const tried = await queue.triedRows(plan.run);
  const lookUps = new LookUps({
    redis,
    clock,
    prefix,
    account,
    timeoutMs: limitsOf(account, around).timeoutMs,
    withinMs: LOOK_UP_MS,
  });
  const outcomes: Outcome[] = [];
  try {
    const doubtful = doubtfulRows(session);
    let next = await doubtful.next();
    const { rows } = await openIngest(plan, account);
    for await (const group of rows) {
      const asked: Doubtful[] = [];
      const absent: number[] = [];
      for (const { row, contact, invalid } of group) {
        if (row !== next.value) continue;
        next = await doubtful.next();
        // Invalid, and marked: by a restored record, which counts every row as attempted that may have been.
        if (invalid) absent.push(row);
        else asked.push({ row, contact });
      }
      absent.push(...(await absentOf(asked)));
      await settle(session, [], absent, lookUps.taken());
      if (next.done || lookUps.ended.aborted) break;
    }
  } finally {
    await lookUps.end();
  }
  return outcomes.sort((a, b) => a.row - b.row);

  /** Those that the destination says twice it does not have. */
  async function absentOf(rows: readonly Doubtful[]): Promise<number[]> {
    const missed = await askAll(rows);
    if (missed.length === 0) return [];
    await pause(SECOND_LOOK_MS, lookUps.ended);
    const absent = (await askAll(missed)).map(({ row }) => row);
    // Where nothing is kept unique nobody may be led to send them again.
    return destination.enforcesUniqueness ? absent : [];
  }

  /** Adds the outcomes of those found; returns those that the destination says it does not have. */
  async function askAll(rows: readonly Doubtful[]): Promise<Doubtful[]> {
    const missed: Doubtful[] = [];
    let at = 0;
    const lane = async () => {
      while (at < rows.length && !lookUps.ended.aborted) {
        const one = rows[at++]!;
        const finding = await lookUps.ask(one.contact);
        if (finding?.kind === 'absent') missed.push(one);
        else if (finding) outcomes.push(judge(one.row, finding));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return missed;
  }

  function judge(row: number, finding: Parameters<typeof afterLookUp>[0]): Outcome {
    const { attempts = 1, since = 0 } = tried.get(row) ?? {};
    const unconfirmed = likeIt(row, attempts);
    // A row whose worker died was sent no earlier than the run was begun.
    const firstSentMs = lookUps.apiMs(since || startedMs);
    const { enforcesUniqueness } = destination;
    const rules = { attempts: 0, canLookUp: true, circuitOpen: false, enforcesUniqueness };
    const step = afterLookUp(finding, unconfirmed, firstSentMs, { row, attempts, inDoubt: true }, rules);
    return step.do === 'settle' ? step.outcome : unconfirmed;
  }
}

function likeIt(row: number, attempts: number): Outcome {
  const message = 'sent, and the run was cancelled before an answer came; the API holds a contact like it';
  return { row, status: 'failed', reason: 'unconfirmed', message, attempts };
}

/**
 * A restored record counts rows as attempted that never were, also ones that repeat another. A contact that another
 * row has been told of is that row's.
 */
async function withoutClaimed({ around, plan }: Session, found: readonly Outcome[]): Promise<Outcome[]> {
  const wanted = new Set(found.flatMap(({ status, contactId }) => (status === 'created' ? [contactId] : [])));
  const claimed = new Map<string, number>();
  for await (const outcomes of readJournal(runDir(around.dataDir, plan.run))) {
    for (const { row, status, contactId } of outcomes.map(decodeOutcome)) {
      if (status === 'created' && contactId !== undefined && wanted.has(contactId))
        claimed.set(contactId, row);
    }
  }
  return found.map((outcome): Outcome => {
    const { row, status, contactId, attempts = 1 } = outcome;
    if (status !== 'created') return outcome;
    if (contactId === undefined) return likeIt(row, attempts);
    const by = claimed.get(contactId);
    if (by === undefined) {
      claimed.set(contactId, row);
      return outcome;
    }
    return { row, status: 'skipped', reason: 'duplicate_email', duplicateOf: String(by), contactId };
  });
}

async function settle(
  session: Session,
  outcomes: readonly Outcome[],
  unmark: readonly number[] = [],
  tally?: Tally,
): Promise<void> {
  const { record, epoch, plan } = session;
  for (let i = 0; i === 0 || i < Math.max(outcomes.length, unmark.length); i += SETTLE_AT_ONCE) {
    const part = outcomes.slice(i, i + SETTLE_AT_ONCE);
    const unmarked = unmark.slice(i, i + SETTLE_AT_ONCE);
    const reply = await record.settle(part, { epoch }, i === 0 ? tally : undefined, unmarked);
    if (reply === 'stale' || reply === 'closed') session.lose();
    if (reply !== 'gone') continue;
    throw new RowferryError(
      'REDIS_LOST_RUN',
      `Redis lost run ${plan.run} while it was being cancelled; what is on disk is whole. Cancel it again: rowferry runs cancel ${plan.run}`,
      EXIT.broke,
    );
  }
}
