/**
 * Cuts regular CSV text into records, several times as fast as a parser that must be ready for anything. Regular is:
 * lines end with LF or CRLF, and a quote only ever opens a cell at its first character and closes it before a
 * delimiter or a line end. Whatever is not is left to that parser, from the record on in which it is met.
 */
export interface Cut {
  line: number;
  cells: string[];
}

/** More text than this without the end of a record: left to the parser, which knows when to give up. */
const MOST_PENDING = 1 << 20;

export class RegularSplitter {
  /** What is not cut yet; starts at a record. */
  rest = '';
  /** Set once `rest` holds something irregular at its first record: give it to the parser. */
  irregular = false;

  constructor(
    private readonly delimiter: string,
    /** Physical line on which `rest` starts. */
    public line = 1,
  ) {}

  /** Takes the next piece of the text and gives the records that end in it. `last`: the text ends with this piece. */
  push(piece: string, last: boolean): Cut[] {
    const cuts: Cut[] = [];
    const text = this.rest === '' ? piece : this.rest + piece;
    let at = 0;
    while (at < text.length && !this.irregular) {
      const next = this.cut(text, at, last, cuts);
      if (next === undefined) break;
      at = next;
    }
    this.rest = text.slice(at);
    if (this.rest.length > MOST_PENDING) this.irregular = true;
    return cuts;
  }

  /** Cuts the record at `at`. Returns where the next one starts; undefined when its end is not there yet, or irregular. */
  private cut(text: string, at: number, last: boolean, cuts: Cut[]): number | undefined {
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd === -1 && !last) return undefined;
    const end = lineEnd === -1 ? text.length : lineEnd;
    const cr = lineEnd !== -1 && text.charCodeAt(end - 1) === CR && end > at ? 1 : 0;
    const line = text.slice(at, end - cr);
    if (line.includes('"')) return this.cutQuoted(text, at, last, cuts);
    if (line.includes('\r')) {
      this.irregular = true;
      return undefined;
    }
    if (line !== '') cuts.push({ line: this.line, cells: line.split(this.delimiter) });
    this.line++;
    return lineEnd === -1 ? text.length : lineEnd + 1;
  }

  private cutQuoted(text: string, start: number, last: boolean, cuts: Cut[]): number | undefined {
    const { delimiter } = this;
    const cells: string[] = [];
    let innerLines = 0;
    let at = start;
    for (;;) {
      let cell: string;
      if (text.charCodeAt(at) === QUOTE) {
        let close = text.indexOf('"', at + 1);
        let doubled = false;
        while (close !== -1 && text.charCodeAt(close + 1) === QUOTE) {
          doubled = true;
          close = text.indexOf('"', close + 2);
        }
        // At the end of a piece the quote may be the first of two.
        if (close === -1 || (close + 1 >= text.length && !last)) return this.unlessAll(last && close === -1);
        cell = text.slice(at + 1, close);
        if (doubled) cell = cell.replaceAll('""', '"');
        if (cell.includes('\n') || cell.includes('\r')) innerLines += cell.match(/\r\n|\n|\r/g)!.length;
        at = close + 1;
      } else {
        let end = at;
        for (; end < text.length; end++) {
          const code = text.charCodeAt(end);
          if (code === LF || code === CR || code === delimiter.charCodeAt(0)) break;
          if (code === QUOTE) return this.unlessAll(true);
        }
        if (end >= text.length && !last) return undefined;
        cell = text.slice(at, end);
        at = end;
      }
      cells.push(cell);
      if (text.startsWith(delimiter, at)) {
        at += delimiter.length;
        continue;
      }
      const crlf = text.charCodeAt(at) === CR;
      if (crlf && at + 1 >= text.length && !last) return undefined;
      if (at < text.length && text.charCodeAt(crlf ? at + 1 : at) !== LF) return this.unlessAll(true);
      cuts.push({ line: this.line, cells });
      this.line += 1 + innerLines;
      return Math.min(text.length, at + (crlf ? 2 : 1));
    }
  }

  private unlessAll(irregular: boolean): undefined {
    if (irregular) this.irregular = true;
    return undefined;
  }
}

const LF = 10;
const CR = 13;
const QUOTE = 34;
