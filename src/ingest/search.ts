/** Looks rows up in a source by what became of their cells; never more of a large file than a look takes. */
import type { Clock } from '../clock.js';
import { type IngestedRow, type IngestPlan, openIngest } from './ingest.js';
import type { Recipient } from './map.js';
import type { Place } from './read.js';

export interface Search {
  wanted(row: IngestedRow): boolean;
  /** `next` of the look before. */
  from?: string | undefined;
  /** Rows at the most. */
  limit: number;
}

export interface SearchedRows {
  /** In row order, not validated. */
  rows: IngestedRow[];
  /** Where to go on; undefined: that was all. There may be fewer rows than asked for and more to come. */
  next?: string;
  /** Bytes looked through from the start. */
  looked: number;
}

/** Bytes and milliseconds of a look: whoever asks shares the process with runs. */
const A_LOOK = 16 << 20;
const A_LOOK_MS = 1_000;
const START: Place = { at: 0, row: 0, line: 0 };

export async function searchSource(
  plan: IngestPlan,
  recipient: Recipient,
  { wanted, from, limit }: Search,
  clock: Pick<Clock, 'monotonic'>,
): Promise<SearchedRows> {
  const [start, after] = from === undefined ? [START, 0] : readPlace(from);
  const until = clock.monotonic() + A_LOOK_MS;
  let places: Place[] = [];
  const { rows } = await openIngest(plan, recipient, {
    validate: false,
    from: start.at > 0 ? start : undefined,
    reached: (place) => void places.push(place),
  });
  const found: IngestedRow[] = [];
  let before = start;
  for await (const group of rows) {
    for (const row of group) {
      if (row.row <= after || !wanted(row)) continue;
      found.push(row);
      if (found.length === limit) {
        return { rows: found, next: writePlace(before, row.row), looked: before.at };
      }
    }
    const last = group.at(-1)!.row;
    before = places.find(({ row }) => row === last) ?? before;
    places = places.filter(({ row }) => row > last);
    const enough = before.at - start.at >= A_LOOK || clock.monotonic() > until;
    if (enough && before.at > start.at && before.row === last) {
      return { rows: found, next: writePlace(before, last), looked: before.at };
    }
  }
  return { rows: found, looked: plan.source.bytes };
}

/** `row`: the last that was looked at, in the group behind the place. */
function writePlace({ at, row: before, line }: Place, row: number): string {
  return [at, before, line, row].join('.');
}

function readPlace(text: string): [place: Place, after: number] {
  const [at = 0, row = 0, line = 0, after = 0] = text.split('.').map(Number);
  return [{ at, row, line }, after];
}
