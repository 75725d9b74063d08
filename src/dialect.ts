/** How the text of a source is written. Found out once, before a run, and frozen in its plan. */
export interface Dialect {
  /** What the text is written in, e.g. `utf-8`, `windows-1252`. Anything else than UTF-8 is turned into UTF-8 before it is read. */
  encoding: string;
  /** What stands between two cells; one character, or a few. */
  delimiter: string;
  /** What stands around a cell that holds a delimiter or a line end. */
  quote: Quote;
  /** What stands before a quote that belongs to a cell: the quote itself once more, or a backslash. */
  escape: Escape;
  /** What ends a line: `\n` stands for LF, CRLF and any mixture, `\r` for files that know CR alone. */
  lineEnd: '\n' | '\r';
  /** Physical lines before the header, or before the first row where there is no header: titles, notes, `sep=;`. */
  skipLines: number;
  /** Whether there is a line with the names of the columns. Without one they are called by their number: `1`, `2`, … */
  header: boolean;
  /** Name of the sheet, of a spreadsheet; its rows are what lines are elsewhere. */
  sheet?: string;
  /** What was found out, and why, in the order in which people want to read it. */
  found: Finding[];
}

export type Quote = '"' | "'";
export type Escape = 'double' | 'backslash';

/** One thing that was found out about how a source is written. */
export interface Finding {
  what:
    | 'packing'
    | 'sheet'
    | 'encoding'
    | 'delimiter'
    | 'quote'
    | 'escape'
    | 'line ends'
    | 'skip lines'
    | 'header';
  /** In words: `windows-1252`, `semicolon`, `line 4`. */
  value: string;
  /** Why: `26 of 26 records have 7 cells`; `given` when somebody said so. */
  why: string;
  /** It may well be otherwise: a person should look. */
  unsure?: true;
}

/** How our own reports are written. */
export const PLAIN: Dialect = {
  encoding: 'utf-8',
  delimiter: ',',
  quote: '"',
  escape: 'double',
  lineEnd: '\n',
  skipLines: 0,
  header: true,
  found: [],
};

/** What somebody says of it; the rest is found out. */
export interface DialectOptions {
  encoding?: string | undefined;
  delimiter?: string | undefined;
  quote?: Quote | undefined;
  escape?: Escape | undefined;
  /** Physical lines to leave out at the start. */
  skipLines?: number | undefined;
  header?: boolean | undefined;
  /** Name of a sheet, or its number from 1. Default: the first. */
  sheet?: string | undefined;
}

/** Of several options, those about the dialect. */
export function dialectOptions(options: DialectOptions): DialectOptions {
  const { encoding, delimiter, quote, escape: before, skipLines, header, sheet } = options;
  return { encoding, delimiter, quote, escape: before, skipLines, header, sheet };
}

/** `read as windows-1252, delimiter semicolon, header line 4`; undefined for what everybody expects. */
export function readAs({ found }: Dialect): string | undefined {
  const usual = ['encoding utf-8', 'delimiter comma', 'header line 1'];
  const told = found.map(({ what, value }) => `${what} ${value}`).filter((text) => !usual.includes(text));
  return told.length === 0 ? undefined : `read as: ${told.join(', ')}`;
}
