/** What keeps a record from being a contact, whatever its values are. */
import type { SourceRecord } from './read.js';
import type { Fault } from './validate.js';

/** `marked`: the columns that are sent, of a file with signs in it that nothing can be read from; undefined: it has none. */
export function recordFault(
  { cells, fault }: SourceRecord,
  width: number,
  marked: ReadonlySet<number> | undefined,
): Fault | undefined {
  if (fault) return { field: '', ...fault };
  // Short rows lack their last, empty cells; long ones are broken unless what is too much is empty.
  if (cells.length > width && cells.slice(width).some((cell) => cell.trim() !== '')) {
    const message = `the row has ${cells.length} cells, the header ${width}`;
    return { field: '', code: 'too_many_cells', message };
  }
  if (marked === undefined) return undefined;
  const column = cells.findIndex((cell, i) => marked.has(i) && UNREADABLE.test(cell));
  if (column === -1) return undefined;
  const message = `column ${column + 1} holds bytes that cannot be read (shown as \uFFFD)`;
  return { field: '', code: 'encoding', message };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const UNREADABLE = /[\uFFFD\u0000]/;

const TOTAL =
  /^(?:(?:grand |sub)?totals?|sums?|summe|gesamt(?:summe)?|total g[ée]n[ée]ral|totale|suma|count|anzahl|records?|rows?)\b[\s:]*[\d.,]*$|^\(?\d+ (?:rows?|records?|contacts?|entries)(?: affected| selected)?\)?\.?$/i;

/** Of a record that is no contact: whether it is the line of totals that exports end with. */
export function totalFault({ cells }: SourceRecord): Fault | undefined {
  const first = cells.find((cell) => cell.trim() !== '')?.trim() ?? '';
  if (!TOTAL.test(first) || cells.some((cell) => cell.includes('@'))) return undefined;
  return { field: '', code: 'total_line', message: 'it looks like a line of totals, not like a contact' };
}
