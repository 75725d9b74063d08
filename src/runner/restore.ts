/** Brings Redis back to what the disk knows of a run: after another server, a restart, a flush, or a runner's death. */
import { CODE, codeOf, decodeOutcome } from '../outcome.js';
import { codeAt } from '../outcomes/settle.js';
import { readJournal } from '../report/journal.js';
import { runDir } from '../run.js';
import { LEASE_MS, type Session } from './session.js';

const ROWS_AT_ONCE = 65_536;

/** Raises statuses to what is journaled. Needed at every take-over: journaled entries may not have been settled here. */
async function restoreJournaled(session: Session): Promise<void> {
  const dir = runDir(session.around.dataDir, session.plan.run);
  const onLast = (last: string) => session.noteJournaled(last);
  session.timeline.forgetReasons();
  for await (const outcomes of readJournal(dir, onLast)) {
    for (const outcome of outcomes) session.timeline.count(decodeOutcome(outcome).reason);
    await session.record.restore(
      session.epoch,
      outcomes.map((outcome) => [outcome[0], codeOf(decodeOutcome(outcome))] as const),
    );
  }
}

/**
 * For a server that may have lost its newest writes: counts every unsettled row that ever was in a batch as attempted,
 * so that no answer of 409 is taken at its word.
 */
async function restoreAll(session: Session): Promise<void> {
  const { record, epoch, status } = session;
  for (let first = 0; first <= status.cursor; first += ROWS_AT_ONCE) {
    const packed = await record.packedCodes(first, ROWS_AT_ONCE);
    const unsettled: [number, number][] = [];
    const end = Math.min(status.cursor + 1, first + ROWS_AT_ONCE);
    for (let row = Math.max(1, first); row < end; row++) {
      if (codeAt(packed, first, row) === CODE.unsettled) unsettled.push([row, CODE.attempted]);
    }
    await record.restore(epoch, unsettled);
  }
}

/** Makes Redis whole for this run, as far as the disk knows, and vouches for it: workers may send again. */
export async function restore(session: Session): Promise<void> {
  const { record, around } = session;
  const { trimmed, server } = await record.fields();
  const sameServer = server !== undefined && server === (await record.serverId());
  await restoreJournaled(session);
  // A durable server that has dropped what we journaled last, or knows the run when nothing was journaled yet, is no
  // older than the journal: it has lost nothing.
  const asJournaled =
    trimmed === undefined ? session.journaled.length === 0 : session.journaled.includes(trimmed);
  const upToDate = around.durable && server !== undefined && asJournaled;
  if (!sameServer && !upToDate) await restoreAll(session);
  await session.memory?.renew();
  await vouch(session);
}

/** Lets workers send: this server knows all that has happened in the run. */
export async function vouch(session: Session): Promise<void> {
  const { record, epoch, runner, startedMs, status } = session;
  if (!(await record.verify(epoch, runner, LEASE_MS, startedMs, status.counts))) session.lose();
}
