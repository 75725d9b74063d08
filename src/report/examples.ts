/** Rows to show for each reason: one of each kind, and how many there are of it. Bounded, whatever the rows hold. */
import type { Identity } from '../contact.js';
import type { Outcome, Reason } from '../outcome.js';

export interface Example {
  /** Rows of this kind. */
  rows: number;
  row: number;
  line: number;
  field?: string | undefined;
  message?: string | undefined;
  duplicateOf?: string | undefined;
  email?: string | undefined;
  external_id?: string | undefined;
}

const MOST_KINDS = 6;
const LONGEST_TEXT = 200;

export class Examples {
  private readonly byReason = new Map<Reason, Map<string, Example>>();

  see(
    reason: Reason,
    row: { row: number; line: number },
    outcome: Outcome | undefined,
    keys: Identity,
  ): void {
    const kinds = this.byReason.get(reason) ?? new Map<string, Example>();
    this.byReason.set(reason, kinds);
    const { field, message, duplicateOf } = outcome ?? {};
    // What an API says about a value may quote it; the rest of the sentence is the kind.
    const repeats = duplicateOf === undefined ? '' : duplicateOf === 'destination' ? 'there' : 'here';
    const kind = `${field ?? ''} ${repeats} ${message?.slice(0, LONGEST_TEXT).replace(/\S*[@\d]\S*/g, '') ?? ''}`;
    const known = kinds.get(kind);
    if (known) known.rows++;
    else if (kinds.size < MOST_KINDS) {
      kinds.set(kind, {
        rows: 1,
        row: row.row,
        line: row.line,
        field: cut(field),
        message: cut(message),
        duplicateOf,
        email: cut(keys.email),
        external_id: cut(keys.external_id),
      });
    }
  }

  /** The most frequent kind first. */
  of(reason: Reason): Example[] {
    return [...(this.byReason.get(reason)?.values() ?? [])].sort((a, b) => b.rows - a.rows);
  }
}

export function cut(text: string | undefined, longest = LONGEST_TEXT): string | undefined {
  return text !== undefined && text.length > longest ? `${text.slice(0, longest)}…` : text;
}
