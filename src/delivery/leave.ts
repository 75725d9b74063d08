/** Leave to send: marks for the next rows and slots of the account's pace, in one round trip. */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import type { Condition } from '../outcomes/settle.js';
import { pipe } from '../redis/scripts.js';
import type { Hold, Item } from './hold.js';
import type { Pace, Reservation } from './pace.js';

export interface Leave {
  reserved: Reservation;
  /** Monotonic ms at which the marks were given. */
  markedMs: number;
  /** Rows that may be sent once they have a slot. */
  marked: Set<Item>;
  /** The account is paused, or Redis has lost something that the runner is about to restore: rows to ask for again. */
  unsure: Item[];
  /** Rows of these may not be sent any more. */
  over: Hold[];
}

const MAY_CHANGE: ReadonlySet<Condition> = new Set(['gone', 'unverified', 'paused']);

/**
 * Asks leave for the rows of `requests` (those of one travel together) and for `slots`, and for `others` whether their rows may still
 * be sent. Rows that are settled already are closed. Throws when Redis does not answer: nothing was sent then.
 */
export async function askLeave(
  { redis, pace, clock }: { redis: Redis; pace: Pace; clock: Clock },
  requests: readonly Item[][],
  others: ReadonlySet<Hold>,
  slots = requests.length,
): Promise<Leave> {
  const groups = byHold(requests.flat());
  for (const hold of others) if (!groups.has(hold)) groups.set(hold, []);
  const pipeline = redis.pipeline();
  const askedMs = clock.monotonic();
  pace.reserve(pipeline, slots);
  for (const [hold, group] of groups) {
    const { keys } = hold.record;
    const { epoch, batch, token } = hold.claim;
    const rows = JSON.stringify(group.map((item) => item.row));
    const { state, status, batches } = keys;
    pipe(redis, pipeline, 'mark', state, status, batches, pace.key, epoch, batch, token, rows);
  }
  const [reserved, ...marks] = (await pipeline.exec()) ?? [];
  const markedMs = clock.monotonic();
  const error = reserved?.[0] ?? marks.find(([failed]) => failed)?.[0];
  if (error || reserved === undefined) throw error ?? new Error('no reply');

  const leave: Leave = {
    reserved: pace.read(reserved[1], askedMs),
    markedMs,
    marked: new Set(),
    unsure: [],
    over: [],
  };
  let i = 0;
  for (const [hold, group] of groups) {
    const [condition, ...codes] = marks[i++]![1] as [Condition, ...number[]];
    if (condition === 'ok') {
      for (const [n, item] of group.entries()) {
        const before = codes[n] ?? 0;
        if (before > 1) {
          hold.alreadySettled();
          continue;
        }
        // A mark that is not ours is somebody's who sent the row and never told: a crash, or an earlier attempt.
        if (before === 1 && !item.marked) hold.doubt(item);
        item.marked = true;
        leave.marked.add(item);
      }
    } else if (MAY_CHANGE.has(condition)) leave.unsure.push(...group);
    else leave.over.push(hold);
  }
  return leave;
}

function byHold(items: readonly Item[]): Map<Hold, Item[]> {
  const groups = new Map<Hold, Item[]>();
  for (const item of items) {
    const group = groups.get(item.hold);
    if (group) group.push(item);
    else groups.set(item.hold, [item]);
  }
  return groups;
}
