/** Brings settled outcomes from Redis into the journal, and the window forward. */
import { decodeOutcome, type EncodedOutcome, kindOf } from '../outcome.js';
import { readOutcomes, trimOutcomes } from '../outcomes/tail.js';
import { type Journal, parseEntry } from '../report/journal.js';
import type { Session } from './session.js';

const BLOCK_MS = 1_000;
/** With nothing under way the end may be near, and must not wait for a read that blocks. */
const IDLE_BLOCK_MS = 50;
/** So many rows rejected alike from the very start mean a wrong mapping: the rest of the file is not burned on it. */
const REJECTED_ALIKE = 50;

/** Append → fsync → trim, until `enough()`; then once more for what is there. */
export async function keepTail(session: Session, journal: Journal, enough: () => boolean): Promise<void> {
  const { around, plan, epoch, window } = session;
  const alike = new RejectedAlike(session);
  const count = around.metrics.ofRun(plan.destination);
  const redis = around.connect();
  try {
    for (;;) {
      const last = enough();
      const arrivals = await readOutcomes(
        redis,
        around.prefix,
        plan.run,
        last ? 1 : window.size > 0 ? BLOCK_MS : IDLE_BLOCK_MS,
      );
      if (arrivals === undefined) {
        if (last) return;
        continue;
      }
      await journal.append(arrivals.entries, arrivals.last);
      session.noteJournaled(arrivals.last);
      if (!(await trimOutcomes(around.redis, around.prefix, plan.run, epoch, arrivals.last))) {
        // Another epoch, or a server that has forgotten ours: the pulse finds out which. Nothing is lost either way.
        if (last) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const outcomes = arrivals.entries.flatMap((entry) => parseEntry(entry) ?? []);
      // Before they leave the window: a row that repeats one of them must not meet it under way.
      await session.memory?.remember(outcomes);
      for (const outcome of outcomes) {
        if (!window.done(outcome[0])) continue;
        count(...kindOf(outcome));
        if (alike.possible) await alike.see(outcome);
      }
      window.moved();
    }
  } finally {
    redis.disconnect();
  }
}

class RejectedAlike {
  private like: string | undefined;
  private seen = 0;

  constructor(private readonly session: Session) {}

  /** False once a row was not like the others. */
  get possible(): boolean {
    return this.seen >= 0;
  }

  async see(outcome: EncodedOutcome): Promise<void> {
    const { status, reason, field, message } = decodeOutcome(outcome);
    if (reason === 'invalid') return;
    // What the API says about a value may quote it; the rest of the sentence is what is alike.
    const like = `${status} ${reason} ${field} ${message?.replace(/\S*[@\d]\S*/g, '')}`;
    this.like ??= like;
    if (reason !== 'rejected' || like !== this.like) {
      this.seen = -1;
      return;
    }
    if (++this.seen < REJECTED_ALIKE) return;
    this.seen = -1;
    await this.session.record.setState('halted', ['running'], {
      halt_code: 'rejected_alike',
      halt_message: `the first ${REJECTED_ALIKE} rows were all rejected alike (${field ? `${field}: ` : ''}${message ?? ''}); the mapping is probably wrong`,
    });
  }
}
