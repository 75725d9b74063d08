/** Counts the failed and skipped rows of a report by what they have in common, for its summary on a terminal. */
import type { Outcome } from '../outcome.js';
import type { Kinds } from '../run.js';

/** Fields can have any name: so many kinds are told apart while counting, the rest by their reason alone. */
const MOST_COUNTED = 200;
const MOST_TOLD = 4;

/** A field as people name it; anything else that an API calls a field does not belong on a terminal. */
const FIELD = /^[\p{L}\p{N}_.[\] -]{1,40}$/u;
/** `too_many_cells: …`, `VALIDATION_FAILED: …`; a plain word before a colon may be anything, a cell's text too. */
const CODE = /^([a-z0-9]+(?:_[a-z0-9]+)+|[A-Z0-9]+(?:_[A-Z0-9]+)+)(?=:|$)/;

export class KindCounter {
  private readonly failed = new Map<string, number>();
  private readonly repeats = new Map<string, number>();

  see({ status, reason = 'rejected', field, message, duplicateOf }: Outcome): void {
    if (status === 'failed') {
      const about = field !== undefined && FIELD.test(field) ? field : CODE.exec(message ?? '')?.[1];
      const kind = about === undefined ? reason : `${reason} ${about}`;
      add(this.failed, this.failed.has(kind) || this.failed.size < MOST_COUNTED ? kind : reason);
    } else if (status === 'skipped' && duplicateOf !== undefined && duplicateOf !== 'destination') {
      add(this.repeats, reason);
    }
  }

  result(): Kinds {
    const failed = [...this.failed].sort(([, a], [, b]) => b - a).slice(0, MOST_TOLD);
    return { failed: Object.fromEntries(failed), repeats: Object.fromEntries(this.repeats) };
  }
}

function add(counts: Map<string, number>, kind: string): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}
