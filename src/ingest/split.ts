/**
 * Cuts CSV text into records. A line without quotes is cut at once; any other is gone through cell by cell, and read
 * as a person would: a quote in the wrong place is a character, and one that is left open costs its line and no more.
 */
import type { Dialect } from '../dialect.js';

export interface Cut {
  /** Physical line on which the record starts, 1-based. */
  line: number;
  /** Empty when there is a fault. */
  cells: string[];
  fault?: { code: 'unclosed_quote' | 'too_long'; message: string };
}

export type Form = Pick<Dialect, 'delimiter' | 'quote' | 'escape' | 'lineEnd' | 'sheet'>;

/**
 * A record longer than this, in UTF-16 units, is given up, so that one quote cannot fill the memory: in empty cells,
 * thirty times as many bytes. No API takes a contact of this size.
 */
const MOST_LENGTH = 8 * 1024 * 1024;
/** A record longer than this is looked at again only when twice as much of it is there. */
const LONG = 1 << 20;
const [TAB, LF, CR, SPACE, BACKSLASH] = [9, 10, 13, 32, 92];

export class Splitter {
  /** Quotes that stood where none belongs; each is part of its cell. */
  stray = 0;
  /** What is not cut yet; starts at a record. */
  private rest = '';
  /** Until `rest` is so long, nothing can be cut from it. */
  private enough = 0;
  /** The rest of a line that was given up is passed over. */
  private passing = false;
  private readonly quote: number;
  private readonly backslash: boolean;
  private readonly loneCr: boolean;
  /** Where the cell or the line end that was read last ends. */
  private end = 0;
  /** Line ends inside the record so far. */
  private inner = 0;

  constructor(
    private readonly form: Form,
    /** Physical lines that are no records. */
    private skip = 0,
    /** Cells of the header, where it is known; else those of the first record. */
    private width = 0,
    /** Physical line on which `rest` starts. */
    public line = 1,
  ) {
    this.quote = form.quote.charCodeAt(0);
    this.backslash = form.escape === 'backslash';
    this.loneCr = form.lineEnd === '\r';
  }

  /** What was taken and not cut yet, from the start of a record on; undefined inside a line that is passed over. */
  get pending(): string | undefined {
    return this.passing || this.skip > 0 ? undefined : this.rest;
  }

  /** Takes the next piece of the text and gives the records that end in it. `last`: the text ends with this piece. */
  push(piece: string, last: boolean): Cut[] {
    const cuts: Cut[] = [];
    const text = this.rest === '' ? piece : this.rest + piece;
    if (!last && text.length < Math.min(this.enough, MOST_LENGTH + 1)) {
      this.rest = text;
      return cuts;
    }
    let at = 0;
    while (at < text.length) {
      const next = this.passing || this.skip > 0 ? this.pass(text, at, last) : this.cut(text, at, last, cuts);
      if (next === undefined) break;
      at = next;
    }
    // Of a line that was given up only what may be half of its end is of interest.
    this.rest = text.slice(this.passing ? Math.max(at, text.length - 1) : at);
    if (this.rest.length > MOST_LENGTH) this.giveUp(cuts);
    this.enough = this.rest.length > LONG ? this.rest.length * 2 : 0;
    return cuts;
  }

  /** Cuts the record at `at`. Returns where the next one starts; undefined when its end is not there yet. */
  private cut(text: string, at: number, last: boolean, cuts: Cut[]): number | undefined {
    if (this.loneCr) return this.cutCells(text, at, last, cuts);
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd === -1 && !last) return undefined;
    let end = lineEnd === -1 ? text.length : lineEnd;
    if (lineEnd > at && text.charCodeAt(end - 1) === CR) end--;
    const line = text.slice(at, end);
    if (line.includes(this.form.quote) || line.includes('\r') || (this.backslash && line.includes('\\'))) {
      return this.cutCells(text, at, last, cuts);
    }
    if (line !== '') this.take(line.split(this.form.delimiter), cuts);
    this.line++;
    return lineEnd === -1 ? text.length : lineEnd + 1;
  }

  /** What holds nothing but blanks is a blank line, with or without delimiters: spreadsheets leave such behind. */
  private take(cells: string[], cuts: Cut[]): void {
    if (isBlank(cells[0]!) && cells.every(isBlank)) return;
    if (this.width === 0) this.width = cells.length;
    cuts.push({ line: this.line, cells });
  }

  private cutCells(text: string, start: number, last: boolean, cuts: Cut[]): number | undefined {
    const { delimiter } = this.form;
    const cells: string[] = [];
    this.inner = 0;
    for (let at = start; ; ) {
      const open = this.quoteAt(text, at);
      if (open === text.length && !last) return undefined;
      const quoted = open === -1 || open === text.length ? 'none' : this.quoted(text, open, last);
      if (quoted === 'more') return undefined;
      if (quoted === 'open') return this.leaveOpen(text, open, cuts);
      const cell = quoted === 'none' ? this.plain(text, at, last, cells.length + 1) : quoted.text;
      if (cell === undefined) return undefined;
      cells.push(cell);
      at = this.end;
      if (text.startsWith(delimiter, at)) {
        at += delimiter.length;
        continue;
      }
      const next = this.afterLineEnd(text, at, last);
      if (next === undefined) return undefined;
      this.take(cells, cuts);
      this.line += 1 + (this.form.sheet === undefined ? this.inner : 0);
      return next;
    }
  }

  /** Where the quote is with which the cell at `at` begins, maybe behind blanks; -1: with none; the text's end: not known yet. */
  private quoteAt(text: string, at: number): number {
    let open = at;
    while (this.isBlank(text, open)) open++;
    if (open >= text.length) return text.length;
    return text.charCodeAt(open) === this.quote ? open : -1;
  }

  private isBlank(text: string, at: number): boolean {
    const code = text.charCodeAt(at);
    return (code === SPACE || code === TAB) && !text.startsWith(this.form.delimiter, at);
  }

  /** The cell whose quote is at `open`. `none`: that quote is a character. `open`: it has no end. */
  private quoted(text: string, open: number, last: boolean): { text: string } | 'none' | 'more' | 'open' {
    let escaped = false;
    let strays = 0;
    for (let at = open + 1; ; ) {
      let close = text.indexOf(this.form.quote, at);
      if (this.backslash) {
        const slash = text.indexOf('\\', at);
        if (slash !== -1 && (close === -1 || slash < close)) {
          escaped = true;
          at = slash + 2;
          continue;
        }
      }
      if (strays > 0 && hasLineEnd(text, open, close === -1 ? text.length : close)) return this.noQuote();
      if (close === -1) {
        if (!last) return 'more';
        return strays > 0 ? this.noQuote() : 'open';
      }
      if (close + 1 >= text.length && !last) return 'more'; // it may be the first of two
      if (text.charCodeAt(close + 1) === this.quote) {
        escaped = true;
        at = close + 2;
        continue;
      }
      const end = close;
      do close++;
      while (this.isBlank(text, close));
      if (close >= text.length && !last) return 'more';
      if (close >= text.length || this.endsCell(text, close)) {
        this.stray += strays;
        this.end = close;
        const raw = text.slice(open + 1, end);
        if (raw.includes('\n') || raw.includes('\r')) this.inner += raw.match(LINE_END)!.length;
        return { text: escaped ? this.unescaped(raw) : raw };
      }
      // Goes on behind the quote: inside one line a person sees what is meant, over several the quote was left open.
      if (hasLineEnd(text, open, end)) return 'open';
      if (this.opensCell(text, end)) return this.noQuote();
      strays++;
      at = end + 1;
    }
  }

  private noQuote(): 'none' {
    this.stray++;
    return 'none';
  }

  /** Whether the quote at `at` stands where a cell begins. */
  private opensCell(text: string, at: number): boolean {
    let before = at;
    while (this.isBlank(text, before - 1)) before--;
    return text.startsWith(this.form.delimiter, before - this.form.delimiter.length);
  }

  private endsCell(text: string, at: number): boolean {
    const code = text.charCodeAt(at);
    return code === LF || code === CR || text.startsWith(this.form.delimiter, at);
  }

  private unescaped(raw: string): string {
    const { quote } = this.form;
    if (!this.backslash) return raw.replaceAll(quote + quote, quote);
    return raw.replace(/\\(.)|(["'])\2/gs, (all, character: string | undefined, twice: string) => {
      if (character === undefined) return twice === quote ? quote : all;
      return character === '\\' || character === '"' || character === "'" ? character : all;
    });
  }

  /** The cell at `at`, which is in no quotes; the `nth` of its record. */
  private plain(text: string, at: number, last: boolean, nth: number): string | undefined {
    const first = this.form.delimiter.charCodeAt(0);
    let escaped = false;
    let end = at;
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code === LF) break;
      if (code === first && text.startsWith(this.form.delimiter, end)) break;
      if (code === BACKSLASH && this.backslash && end + 1 < text.length) {
        escaped = true;
        end++;
      } else if (code === CR) {
        const behind = behindCrs(text, end);
        if (behind === text.length && !last) return undefined;
        if (this.loneCr || nth === this.width || behind === text.length) break;
        if (text.charCodeAt(behind) === LF) break;
      }
    }
    if (end >= text.length && !last) return undefined;
    this.end = Math.min(end, text.length);
    const raw = text.slice(at, this.end);
    if (!escaped) return raw;
    return raw === '\\N' ? '' : raw.replace(/\\([^A-Za-z0-9])/gs, '$1');
  }

  /** Behind the line end at `at`; undefined when not all of it may be there yet. */
  private afterLineEnd(text: string, at: number, last: boolean): number | undefined {
    if (at >= text.length) return text.length;
    if (text.charCodeAt(at) === LF) return at + 1;
    const behind = behindCrs(text, at);
    if (behind === text.length && !last) return undefined;
    return text.charCodeAt(behind) === LF ? behind + 1 : at + 1;
  }

  /** Nobody can tell where the record with the quote at `open` ends: that line is not read, the next one is. */
  private leaveOpen(text: string, open: number, cuts: Cut[]): number | undefined {
    const at = this.line + this.inner;
    const message = `the quote opened on line ${at} is never closed`;
    cuts.push({ line: this.line, cells: [], fault: { code: 'unclosed_quote', message } });
    this.line = at;
    this.passing = true;
    return this.pass(text, open, true);
  }

  private giveUp(cuts: Cut[]): void {
    const { line } = this;
    const message = `no record ends within ${MOST_LENGTH >> 20} MB of line ${line}: a quote is probably left open there`;
    cuts.push({ line, cells: [], fault: { code: 'too_long', message } });
    this.passing = true;
    const next = this.pass(this.rest, 0, false);
    this.rest = next === undefined ? '' : this.rest.slice(next);
  }

  /** Passes over the line at `at`. Returns where the next one starts; undefined when that is not there yet. */
  private pass(text: string, at: number, last: boolean): number | undefined {
    for (let end = at; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code !== LF && !(code === CR && this.loneCr)) continue;
      const next = this.afterLineEnd(text, end, last);
      if (next !== undefined) this.passed();
      return next;
    }
    if (last) {
      this.passed();
      return text.length;
    }
    return undefined;
  }

  private passed(): void {
    this.line++;
    if (this.passing) this.passing = false;
    else this.skip--;
  }
}

/** Zeros are what a crash leaves behind the last line. */
function isBlank(cell: string): boolean {
  const code = cell.charCodeAt(0);
  return !(code > 0x20 && code < 0x7f) && /^[\s\0]*$/.test(cell);
}

const LINE_END = /\r\n|\n|\r/g;

function hasLineEnd(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === LF || code === CR) return true;
  }
  return false;
}

function behindCrs(text: string, at: number): number {
  let behind = at;
  while (text.charCodeAt(behind) === CR) behind++;
  return behind;
}
