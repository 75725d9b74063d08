/** Finds out how the text of a source is written, from its beginning. What somebody says of it is taken as said. */
import { open } from 'node:fs/promises';
import type { Dialect, DialectOptions, Escape, Finding, Quote } from '../dialect.js';
import { findHeader } from './header.js';
import { type Cut, type Form, Splitter } from './split.js';

const CANDIDATES = [',', ';', '\t', '|', ':', '^', '~', '||', '¦', '§', '\u001f', '\u0001'];
/** Stands in times and addresses, too. */
const WEAK = [':'];
const SAMPLE_BYTES = 64 * 1024;

/** What is known before the text is looked at. */
export interface Source {
  path: string;
  /** What people call it. */
  name: string;
  encoding?: string;
  sheet?: string | undefined;
  found?: Finding[];
}

/** Throws a sentence for what has no header to go by. */
export async function detectDialect(source: Source, given: DialectOptions = {}): Promise<Dialect> {
  const { text, cutOff } = await readSample(source.path);
  const of = source.sheet === undefined ? given : { delimiter: ',', quote: '"', escape: 'double', ...given };
  const { form, records, found } = detectForm(text, cutOff, of as DialectOptions, source.sheet);
  const header = findHeader(records, source.name, { ...given, atLeast: separatorLine(text)?.lines ?? 0 });
  return {
    encoding: source.encoding ?? 'utf-8',
    ...form,
    skipLines: header.skipLines,
    header: header.header,
    found: [...(source.found ?? []), ...found, ...header.found],
  };
}

/** The first bytes of the file, enough to tell how it is written; whole lines, unless there are none. */
async function readSample(path: string): Promise<{ text: string; cutOff: boolean }> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
    return { text, cutOff: bytesRead === SAMPLE_BYTES };
  } finally {
    await file.close();
  }
}

interface Reading {
  form: Form;
  records: Cut[];
  score: number;
  /** Cells of most records. */
  width: number;
  /** Records that have so many. */
  count: number;
}

/** `cutOff`: the text goes on behind the sample, whose last record is then not to be trusted. */
export function detectForm(
  text: string,
  cutOff: boolean,
  given: DialectOptions = {},
  sheet?: string,
): { form: Form; records: Cut[]; found: Finding[] } {
  const lineEnd = detectLineEnd(text);
  const separator = separatorLine(text);
  const delimiters = given.delimiter ?? separator?.delimiter;
  const readings: Reading[] = [];
  for (const delimiter of delimiters === undefined ? CANDIDATES : [delimiters]) {
    if (delimiters === undefined && !text.includes(delimiter)) continue;
    for (const quote of quotesIn(text, given.quote)) {
      for (const way of escapesIn(text, given.escape)) {
        const form = { delimiter, quote, escape: way, lineEnd, ...(sheet === undefined ? {} : { sheet }) };
        readings.push(readAs(form, text, cutOff, separator?.lines ?? 0));
      }
    }
  }
  readings.sort((a, b) => b.score - a.score);
  const best = readings[0]?.score
    ? readings[0]
    : readAs(
        {
          delimiter: delimiters ?? ',',
          quote: given.quote ?? '"',
          escape: given.escape ?? 'double',
          lineEnd,
          ...(sheet === undefined ? {} : { sheet }),
        },
        text,
        cutOff,
        separator?.lines ?? 0,
      );
  const rival = readings.find(({ form }) => form.delimiter !== best.form.delimiter);
  const found = sheet === undefined ? tell(best, rival, given, separator !== undefined, text) : [];
  return { form: best.form, records: best.records, found };
}

/** A cell, by its looks; not `O'Neil` and not `'t Hooft`. */
const BETWEEN_APOSTROPHES = /(?:^|\t|[^\w\s']) *'[^'\r\n]*' *(?:$|\t|[^\w\s'])/m;

function quotesIn(text: string, given: Quote | undefined): Quote[] {
  if (given !== undefined) return [given];
  return BETWEEN_APOSTROPHES.test(text) ? ['"', "'"] : ['"'];
}

function escapesIn(text: string, given: Escape | undefined): Escape[] {
  if (given !== undefined) return [given];
  return text.includes('\\') ? ['double', 'backslash'] : ['double'];
}

/** `sep=;`, as spreadsheets understand it. */
function separatorLine(text: string): { delimiter: string; lines: number } | undefined {
  const delimiter = /^"?sep=([^"\r\n])"?[^\S\t]*(?:\r|\n|$)/i.exec(text)?.[1];
  return delimiter === undefined ? undefined : { delimiter, lines: 1 };
}

/**
 * What ends a line: the first line end outside quotes. Files glued together mix CRLF and LF, and a text-mode writer on
 * Windows makes CR CR LF; only a file that begins with lone CRs means them.
 */
export function detectLineEnd(text: string): '\n' | '\r' {
  if (!text.includes('\n')) return text.includes('\r') ? '\r' : '\n';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    if (quoted || (character !== '\n' && character !== '\r')) continue;
    return /^\r(?!\r*\n)/.test(text.slice(at, at + 4)) ? '\r' : '\n';
  }
  return '\n';
}

/**
 * The better a reading, the more of the records have as many cells as most, the more cells these are, and the fewer of
 * them look torn: with quotes where none belong, or with an e-mail address among other things. Counting characters
 * would be misled by commas inside quotes and in decimal numbers.
 */
function readAs(form: Form, text: string, cutOff: boolean, skip: number): Reading {
  const splitter = new Splitter(form, skip);
  const records = splitter.push(text, true);
  if (cutOff && records.length > 1) records.pop();
  const { width, count, first } = commonWidth(records);
  const alike = count / Math.max(1, records.length - first);
  if (width < 2) return { form, records, score: 0, width, count };
  const cells = records.slice(first).flatMap((record) => record.cells);
  const faults = records.filter(({ fault }) => fault).length;
  const odd = Math.min(1, (splitter.stray + 2 * faults) / records.length);
  const torn = cells.filter((cell) => tornBy(cell, form)).length / cells.length;
  // Half of a delimiter of two characters: every other cell is empty.
  const half =
    width > 2 &&
    cells.length > 2 &&
    records.every((record) => record.cells.every((cell, i) => i % 2 === 0 || cell === ''));
  const weak = WEAK.includes(form.delimiter) ? 0.6 : half ? 0.3 : 1;
  const usual = (form.quote === '"' ? 1 : 0.97) * escapeBonus(form, text);
  const score =
    alike * alike * Math.log2(width + 1) * (1 - odd / 2) * (1 - torn / 2) * (0.5 + addresses(cells) / 2);
  return { form, records, score: score * weak * usual, width, count };
}

/** The width most records have; of those equally frequent the larger one. `first`: the first record of that width. */
function commonWidth(records: readonly Cut[]): { width: number; count: number; first: number } {
  const counts = new Map<number, number>();
  for (const { cells } of records) {
    // Trailing delimiters make no columns.
    const width = cells.length;
    counts.set(width, (counts.get(width) ?? 0) + 1);
  }
  let best = { width: 0, count: 0 };
  for (const [width, count] of counts) {
    if (width < 2) continue;
    if (count > best.count || (count === best.count && width > best.width)) best = { width, count };
  }
  return {
    ...best,
    first: Math.max(
      0,
      records.findIndex(({ cells }) => cells.length === best.width),
    ),
  };
}

function tornBy(cell: string, { quote }: Form): boolean {
  if (cell.split('"').length % 2 === 0) return true;
  // All cells in quotes that were not understood as such.
  return quote === '"' && /^'.*'$/s.test(cell.trim()) && cell.trim().length > 1;
}

/** A null of MySQL tells that its dumps' escapes are meant; elsewhere a backslash is a character. */
function escapeBonus({ escape: way, delimiter }: Form, text: string): number {
  if (way === 'double') return 1;
  const cells = text.split('\n', 200).flatMap((line) => line.trimEnd().split(delimiter));
  return cells.includes('\\N') ? 1.1 : 0.99;
}

const ADDRESS = /^(?:[^<>@]*<)?\s*[^\s@,;|<>"]+@[\p{L}\p{N}.-]+\.[\p{L}\p{N}-]+\s*>?$/u;

/** With a name; whatever is longer is text. */
const LONGEST_ADDRESS = 500;

/** Of the cells with an @, the share that is an address and nothing else. */
function addresses(cells: readonly string[]): number {
  const candidates = cells.filter((cell) => cell.includes('@'));
  if (candidates.length === 0) return 1;
  const whole = candidates.filter((cell) => cell.length <= LONGEST_ADDRESS && ADDRESS.test(cell.trim()));
  return whole.length / candidates.length;
}

const NAMES: Record<string, string> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'pipe',
  ':': 'colon',
  '^': 'caret',
  '~': 'tilde',
  '"': 'double quote',
  "'": 'apostrophe',
  '\u001f': 'unit separator (0x1F)',
  '\u0001': 'SOH (0x01)',
};

/** What people call a delimiter or a quote. */
export function nameOf(character: string): string {
  return NAMES[character] ?? character;
}

function tell(
  best: Reading,
  rival: Reading | undefined,
  given: DialectOptions,
  separated: boolean,
  text: string,
): Finding[] {
  const { form, records, width, count } = best;
  const found: Finding[] = [];
  const unsure = given.delimiter === undefined && !separated && (rival?.score ?? 0) > best.score * 0.85;
  const why =
    given.delimiter !== undefined
      ? 'given'
      : separated
        ? 'the first line says so'
        : best.score === 0
          ? 'the file has one column'
          : `${count} of the first ${records.length} records have ${width} cells`;
  const other = unsure ? `, but it could be ${nameOf(rival!.form.delimiter)}, too` : '';
  found.push({
    what: 'delimiter',
    value: nameOf(form.delimiter),
    why: why + other,
    ...(unsure ? { unsure } : {}),
  });
  if (given.quote !== undefined || form.quote !== '"') {
    found.push({
      what: 'quote',
      value: nameOf(form.quote),
      why: given.quote ? 'given' : 'it stands around cells',
    });
  }
  if (given.escape !== undefined || form.escape !== 'double') {
    const value = form.escape === 'double' ? 'the quote doubled' : 'backslash';
    found.push({ what: 'escape', value, why: given.escape ? 'given' : 'it stands before quotes, or as \\N' });
  }
  const ends = lineEndsIn(text);
  if (ends !== 'LF' && ends !== 'CRLF') {
    found.push({ what: 'line ends', value: ends, why: 'as they are at the start of the file' });
  }
  return found;
}

function lineEndsIn(text: string): string {
  const kinds = new Set(
    text.match(/\r+\n|\n|\r/g)?.map((end) => (end === '\n' ? 'LF' : end === '\r' ? 'CR' : 'CRLF')),
  );
  return kinds.size === 0 ? 'LF' : [...kinds].join(' and ');
}
