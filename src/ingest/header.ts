/** Finds the header of a file: behind titles and notes, if there are any. What cannot be one is refused with a sentence. */
import type { Dialect, DialectOptions, Finding } from '../dialect.js';
import { EXIT, RowferryError } from '../errors.js';
import { looksLikeRow, ROW_FOR_HEADER } from './columns.js';
import type { Cut } from './split.js';

/** Lines before a header at the most, of those that are found by themselves. */
const MOST_BEFORE = 40;

interface Given extends Pick<DialectOptions, 'header' | 'skipLines'> {
  /** Lines that are surely no records. */
  atLeast: number;
}

type Found = Pick<Dialect, 'skipLines' | 'header' | 'found'>;

export function findHeader(records: readonly Cut[], name: string, given: Given): Found {
  const header = given.header ?? true;
  const { skipLines, why } = linesBefore(records, given);
  const at = records.findIndex(({ line }) => line > skipLines);
  const first = records[at];
  const found: Finding[] = [];
  if (skipLines > 0) {
    found.push({
      what: 'skip lines',
      value: skipLines === 1 ? 'the first line' : `the first ${skipLines} lines`,
      why,
    });
  }
  if (!header) {
    const value = 'none: the columns are called by their numbers';
    found.push({ what: 'header', value, why: 'given' });
    return { skipLines, header, found };
  }
  if (first !== undefined && given.header === undefined) {
    if (looksLikeRow(first.cells)) throw noHeader(name, first.line);
    refuseSeveral(records, at, name, given.skipLines !== undefined);
  }
  const value = `line ${first?.line ?? skipLines + 1}`;
  const why_ = given.header
    ? 'given'
    : skipLines === 0
      ? 'the first line'
      : 'the first with names for most columns';
  found.push({ what: 'header', value, why: why_ });
  return { skipLines, header, found };
}

function linesBefore(records: readonly Cut[], given: Given): { skipLines: number; why: string } {
  if (given.skipLines !== undefined) return { skipLines: given.skipLines, why: 'given' };
  const none = { skipLines: given.atLeast, why: 'it names the delimiter' };
  const before = records.findIndex((record) => isFilled(record, columnsOf(records)));
  if (before < 1 || before > MOST_BEFORE || records[before]!.line - 1 > 4 * MOST_BEFORE) return none;
  const passed = records.slice(0, before);
  // A short header is a header all the same.
  if (passed.some(({ cells }) => cells.some((cell) => MAIL.test(cell.trim())))) return none;
  if (given.header !== false && looksLikeRow(records[before]!.cells)) return none;
  return {
    skipLines: records[before]!.line - 1,
    why: 'they hold fewer cells than a record: titles or notes',
  };
}

const MAIL = /^(?:primary |contact )?e-?mail(?:[ _-]?address)?$/i;

/** Cells of most records that have several. */
function columnsOf(records: readonly Cut[]): number {
  const counts = new Map<number, number>();
  for (const { cells } of records) {
    if (cells.length > 1) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  }
  let best = 1;
  for (const [width, count] of counts) {
    const most = counts.get(best) ?? 0;
    if (count > most || (count === most && width > best)) best = width;
  }
  return best;
}

function isFilled({ cells, fault }: Cut, columns: number): boolean {
  if (fault !== undefined || columns < 2) return columns < 2;
  const filled = filledOf(cells).length;
  return filled >= Math.max(2, Math.ceil(columns / 2)) && !cells[0]!.startsWith('#');
}

function filledOf(cells: readonly string[]): string[] {
  return cells.map((cell) => cell.trim()).filter((cell) => cell !== '');
}

const UNIT =
  /^(?:\[.*\]|\(.*\)|<.*>|-|n\/a|strings?|text|varchar(?:\(\d+\))?|char|int(?:eger)?|bigint|number|numeric|decimal|float|double|bool(?:ean)?|date|datetime|timestamp|e-?mail|uuid|kg|g|cm|mm|m|km|s|sec|min|h|years?|months?|weeks?|days?|hours?|minutes?|seconds?|percent|inch(?:es)?|ft|lbs?|eur|usd|gbp|chf|€|\$|£|%)$/i;

/** Names in two lines, or units below them: read as they stand they would become columns and contacts of their own. */
function refuseSeveral(records: readonly Cut[], at: number, name: string, told: boolean): void {
  const header = records[at]!;
  const above = records[at - 1];
  const below = records[at + 1];
  const columns = header.cells.length;
  const touches = above?.line === header.line - 1 && !above.cells[0]!.startsWith('#');
  if (!told && above !== undefined && touches && above.cells.length === columns) {
    const groups = filledOf(above.cells);
    if (groups.length >= 2 && !looksLikeRow(above.cells)) throw several(name, above.line, header.line);
  }
  if (below === undefined || below.line !== header.line + 1) return;
  const names = filledOf(below.cells);
  if (
    names.length >= 2 &&
    names.every((cell) => UNIT.test(cell)) &&
    !names.every((cell) => MAIL.test(cell))
  ) {
    throw new RowferryError(
      'HEADER_UNCLEAR',
      `${name}: line ${below.line}, below the header, holds units or types and no contact. Remove that line and run the file again.`,
      EXIT.usage,
    );
  }
  const filled = filledOf(header.cells);
  const repeats = new Set(filled.map((cell) => cell.toLowerCase())).size < filled.length;
  if (told || !(repeats || filled.length < columns)) return;
  const later = records.slice(at + 2, at + 22);
  const mail = later[0]?.cells.findIndex((cell) => looksLikeRow([cell])) ?? -1;
  const isHeader =
    mail !== -1 &&
    names.length >= columns * 0.8 &&
    MAIL.test(below.cells[mail]?.trim() ?? '') &&
    new Set(names).size === names.length;
  if (isHeader) throw several(name, header.line, below.line);
}

function several(name: string, from: number, to: number): RowferryError {
  return new RowferryError(
    'HEADER_UNCLEAR',
    `${name}: the header stands on the lines ${from} and ${to}; rowferry needs it on one. Put it on one line, or leave the first out with --skip-lines ${to - 1}.`,
    EXIT.usage,
  );
}

function noHeader(name: string, line: number): RowferryError {
  const where = line === 1 ? '' : ` (line ${line})`;
  return new RowferryError('NO_HEADER', `${name}${where}: ${ROW_FOR_HEADER}`, EXIT.usage);
}
