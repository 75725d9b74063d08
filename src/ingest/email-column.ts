/** Which column is the e-mail address, when headers alone do not say it, and which surely is not. */
import type { AssignedColumn } from './columns.js';
import { type ColumnContent, contentOf } from './email.js';

/** The first rows of a source, without its header. */
export type Sample = readonly (readonly string[])[];

/** So many of them are looked at. */
export const SAMPLE_ROWS = 100;

/** Columns of addresses that belong to others than the contact. */
const SOMEBODY_ELSE =
  /owner|manag|assist|referr|sender|agent|creat|modif|updat|parent|supervis|invit|sales|\brep\b|\b[bc]?cc\b/i;
/** So many of its cells are addresses in a column of addresses. */
const MOST = 0.8;
/** Fewer cells say nothing about the others. */
const ENOUGH = 3;

/** Of columns that all claim to be the address, in the order of their claims: the first that holds any. */
export function fullest(claiming: readonly AssignedColumn[], sample: Sample): AssignedColumn | undefined {
  return claiming.find(({ index }) => contentOf(sample, index).addresses > 0) ?? claiming[0];
}

export interface FoundByContent {
  /** The one that can be meant. */
  chosen?: AssignedColumn | undefined;
  /** All columns of addresses. */
  found: AssignedColumn[];
}

/** Columns of addresses under other names; chosen is one that is alone, or alone called mail. */
export function findByContent(columns: readonly AssignedColumn[], sample: Sample): FoundByContent {
  const found = columns.filter(({ index }) => {
    const { filled, addresses } = contentOf(sample, index);
    return addresses > 0 && addresses >= MOST * filled;
  });
  const theirs = found.filter(({ name }) => !SOMEBODY_ELSE.test(name));
  const named = theirs.filter(({ name }) => /mail/i.test(name));
  const chosen = theirs.length === 1 ? theirs[0] : named.length === 1 ? named[0] : undefined;
  return { chosen, found };
}

/**
 * Why `column` cannot be the address of anybody: a sentence, or undefined. `others`: the columns of addresses. A column
 * that a rule names is refused for phone numbers alone: of other cells the person who named it may know better.
 */
export function refuseContent(
  column: AssignedColumn,
  others: readonly AssignedColumn[],
  sample: Sample,
): string | undefined {
  const content = contentOf(sample, column.index);
  const what = wrongWith(content, column.used === 'moved');
  if (what === undefined) return undefined;
  const [other] = others.filter(({ index }) => index !== column.index);
  const mend =
    other === undefined
      ? 'Name the right one with --map "<column>=email".'
      : `"${other.header}" holds addresses: --map "${other.header}=email".`;
  return `Column "${column.header}" fills email, and ${what}. ${mend}`;
}

function wrongWith({ filled, addresses, phones }: ColumnContent, byRule: boolean): string | undefined {
  if (filled === 0 || addresses > 0) return undefined;
  const cells = filled === 1 ? 'its first cell' : `its first ${filled} cells`;
  if (phones >= MOST * filled) {
    return filled === 1 ? `${cells} holds a phone number` : `${cells} hold phone numbers, not one address`;
  }
  return byRule || filled < ENOUGH ? undefined : `none of ${cells} is an e-mail address`;
}
