/** The passes after the first one: rows that repeat others are skipped, sent, or left unconfirmed. */
import { CODE, type Outcome } from '../outcome.js';
import { pass } from './pass.js';
import { decide } from './repeats.js';
import type { Session } from './session.js';

const REPEATS_AT_ONCE = 500;

/** Further passes for rows that repeat others, until each of them is settled. */
export async function settleRepeats(session: Session): Promise<void> {
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
