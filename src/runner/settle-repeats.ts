/** Settles the rows that repeat others, once all first rows are settled: most of them unsent, the rest in one more pass. */
import { pause } from '../clock.js';
import type { Contact } from '../contact.js';
import { BATCH_BYTES, Batcher } from '../ingest/batch.js';
import { openIngest } from '../ingest/ingest.js';
import { CODE, codeOf, type Outcome } from '../outcome.js';
import type { RunRecord } from '../outcomes/settle.js';
import { Chains } from './chains.js';
import { type Passing, sendBatch } from './pass.js';
import { decide } from './repeats.js';
import type { Session } from './session.js';

const REPEATS_AT_ONCE = 500;
/** Contacts in hand that wait for rows they repeat; beyond that, reading waits for them. */
const MOST_HELD = 8_000;
const MOST_HELD_BYTES = 16_000_000;
const LOOK_AGAIN_MS = 200;

export type Repeating = Passing & Pick<Session, 'repeats'> & { record: Pick<RunRecord, 'codes'> };

export async function settleRepeats(session: Repeating): Promise<void> {
  await settleUnsent(session);
  if (session.repeats.size > 0 && !session.signal.aborted) await sendInTurn(session);
  await session.window.empty(session.signal);
}

/** Settles the repeats of what is in the destination, or may be. Those that may have to be sent remain in `repeats`. */
async function settleUnsent(session: Repeating): Promise<void> {
  const { repeats, window, signal } = session;
  let left = 0;
  /** Groups of the rows that are left. A row behind one of these does not know yet what it waits for. */
  const open = new Set<number>();
  for (let from = 0; from < repeats.size; from += REPEATS_AT_ONCE) {
    const rows = repeats.slice(from, from + REPEATS_AT_ONCE);
    const codes = new Map<number, number>();
    await readCodes(
      session,
      rows.flatMap(({ row, by }) => [row, ...by.map(({ head }) => head)]),
      codes,
    );
    const outcomes: Outcome[] = [];
    for (const [i, candidate] of rows.entries()) {
      const code = codes.get(candidate.row)!;
      const inDoubt = code === CODE.attempted;
      // Heads move while the slice is walked, so they are looked up anew.
      const current = { ...repeats.current(candidate), inDoubt };
      const behindOpen = current.by.some(({ group }) => open.has(group));
      if (code > CODE.attempted) {
        // Sent in an earlier life of this run: what repeats it looks at it. Behind an open row it was not sent, and
        // must not be taken for the head of that one, which comes before it.
        if (code !== CODE.skippedHere && !behindOpen) repeats.sent(current);
        continue;
      }
      const decision = decide(current, (row) => codes.get(row) ?? CODE.unsettled);
      // Unconfirmed is for rows of which all that comes before is known: the open one may yet be created.
      if (decision.do === 'settle' && (decision.outcome.status === 'skipped' || !behindOpen)) {
        outcomes.push(decision.outcome);
        codes.set(candidate.row, codeOf(decision.outcome));
      } else {
        repeats.move(from + i, left++, inDoubt);
        for (const { group } of current.by) open.add(group);
      }
    }
    await session.settle(outcomes);
    await window.room(signal);
    if (signal.aborted) return;
  }
  repeats.cut(left);
}

/**
 * One pass over the source for all repeats that are left. A row whose turn has not come is held in memory; as it waits
 * for earlier rows alone, those held always come to their end without reading on.
 */
async function sendInTurn(session: Repeating): Promise<void> {
  const { plan, account, repeats, window, signal } = session;
  const chains = new Chains(repeats);
  /** As JSON: a contact's strings would keep the pieces of the file they were cut from. */
  const contacts = new Map<number, string>();
  let bytes = 0;
  let journaled: number[] = [];
  window.left = (row) => void journaled.push(row);
  try {
    await read();
    await lookUntil(() => chains.size === 0);
  } finally {
    window.left = undefined;
  }

  async function read(): Promise<void> {
    const { rows } = await openIngest(plan, account);
    let next = 0;
    for await (const group of rows) {
      const arrived: number[] = [];
      for (const { row, contact } of group) {
        if (row !== repeats.rowAt(next)) continue;
        chains.add(repeats.at(next++));
        hold(row, JSON.stringify(contact));
        arrived.push(row);
      }
      await look([...woken(), ...arrived]);
      await lookUntil(() => chains.size < MOST_HELD && bytes < MOST_HELD_BYTES);
      if (signal.aborted || next >= repeats.size) return;
    }
  }

  async function lookUntil(enough: () => boolean): Promise<void> {
    while (!enough() && !signal.aborted) {
      const rows = woken();
      if (rows.length > 0) await look(rows);
      else if (window.size > 0) await window.change(signal);
      else {
        // Nothing is under way that could wake anyone: Redis had forgotten something when it was asked.
        await look(chains.rows());
        if (window.size === 0) await pause(LOOK_AGAIN_MS, signal);
      }
    }
  }

  /** Held rows that wait for what was journaled since the last look. Ask before codes are read, so that none is missed. */
  function woken(): number[] {
    const rows = new Set(journaled.flatMap((row) => [...chains.waitingFor(row)]));
    journaled = [];
    return [...rows];
  }

  async function look(rows: number[]): Promise<void> {
    const codes = new Map<number, number>();
    const outcomes: Outcome[] = [];
    const send: number[] = [];
    for (let next = rows; next.length > 0; ) {
      await readCodes(
        session,
        chains.heads(next).filter((head) => !codes.has(head)),
        codes,
      );
      const seen = chains.look(next, codes);
      outcomes.push(...seen.outcomes);
      send.push(...seen.send);
      next = seen.unknown;
    }
    for (const { row } of outcomes) letGo(row);
    await session.settle(outcomes);
    await sendHeld(send.sort((a, b) => a - b));
  }

  async function sendHeld(rows: readonly number[]): Promise<void> {
    const batcher = new Batcher({ rows: plan.batchRows, bytes: BATCH_BYTES });
    const held = rows.map((row) => ({ row, contact: JSON.parse(letGo(row)) as Contact }));
    await session.memory?.claim(held);
    for (const { row, contact } of held) {
      const full = batcher.push(row, contact);
      if (full) await sendBatch(session, full, { label: 'd', wait: true });
    }
    await sendBatch(session, batcher.take(), { label: 'd', wait: true });
  }

  function hold(row: number, contact: string): void {
    contacts.set(row, contact);
    bytes += contact.length;
  }

  function letGo(row: number): string {
    const contact = contacts.get(row)!;
    contacts.delete(row);
    bytes -= contact.length;
    return contact;
  }
}

/** Adds the codes of `rows` to `codes`. Not while Redis is being restored: one row may be back there, another not yet. */
async function readCodes(
  session: Repeating,
  rows: readonly number[],
  codes: Map<number, number>,
): Promise<void> {
  const wanted = [...new Set(rows)];
  let found: number[];
  do {
    await session.restoring;
    found = await session.record.codes(wanted);
  } while (session.restoring !== undefined);
  for (const [i, row] of wanted.entries()) codes.set(row, found[i]!);
}
