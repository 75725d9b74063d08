/** Streams the records of a CSV file with their row and line numbers, in flat memory. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type Info, parse } from 'csv-parse';
import { type Dialect, lineEnds, readSample } from './detect.js';
import { RegularSplitter } from './split.js';

export interface SourceRecord {
  /** 1-based ordinal; the header is row 0. */
  row: number;
  /** Physical line on which the record starts, 1-based. */
  line: number;
  cells: readonly string[];
  /** Why the record could not be read; `cells` is empty then. */
  fault?: { code: 'unclosed_quote' | 'too_long'; message: string };
}

/**
 * A record longer than this is taken for an unclosed quote, so that one quote cannot fill the memory: in empty cells,
 * thirty times as many bytes. No API takes a contact of this size.
 */
const MAX_RECORD_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 128 * 1024;

/** Every open quote is searched for its end up to the end of the file: after so many the rest is given up. */
const MOST_OPEN_QUOTES = 50;

/**
 * Yields the records of the first `bytes` bytes of `path` in the groups in which they were parsed, the header first.
 * A quote left open would swallow the rest of the file; only the line it stands on is lost to it: that is one record
 * with a fault, and reading goes on behind that line.
 */
export async function* readRecords(
  path: string,
  bytes: number,
  dialect: Dialect,
): AsyncGenerator<SourceRecord[], void, void> {
  if (bytes === 0) return;
  const sample = (await readSample(path)).subarray(0, bytes);
  const ends = lineEnds(sample);
  // Another encoding than UTF-8, or lone CRs: the parser's business from the start.
  const regular = !isUtf16(sample) && !ends.includes('\r');
  let row = -1;
  let from = { byte: 0, line: 1 };
  for (let open = 1; ; open++) {
    let broken: Broken | undefined;
    for await (const found of readStretch(path, from, bytes, dialect.delimiter, ends, regular)) {
      broken = found.broken;
      yield found.records.map((record) => ({ row: ++row, ...record }));
    }
    if (broken === undefined || !regular) return;
    const byte = await nextLineStart(path, broken.byte, bytes);
    if (byte === undefined) return;
    from = { byte, line: broken.line + 1 };
    if (open < MOST_OPEN_QUOTES) continue;
    const message = `${open} quotes are left open above; the rest of the file, from line ${from.line} on, was not read`;
    yield [{ row: ++row, line: from.line, cells: [], fault: { code: 'unclosed_quote', message } }];
    return;
  }
}

/** Where the record with the open quote starts. */
interface Broken {
  byte: number;
  line: number;
}

/** Reads from the start of a record to the end of the file, or to a record that does not end. */
async function* readStretch(
  path: string,
  from: { byte: number; line: number },
  bytes: number,
  delimiter: string,
  ends: string[],
  regular: boolean,
): AsyncGenerator<{ records: Found[]; broken?: Broken }, void, void> {
  const splitter = regular ? new RegularSplitter(delimiter, from.line) : undefined;
  const parser = new AnyParser(delimiter, ends);
  let at = from.byte;
  /** Bytes of a character that the end of a piece has cut in two. */
  let tail: Buffer = Buffer.alloc(0);
  let parserStart = from.byte;

  const stream = createReadStream(path, { start: from.byte, end: bytes - 1, highWaterMark: READ_BYTES });
  try {
    for await (const read of stream) {
      at += (read as Buffer).length;
      let found: Found[];
      if (splitter === undefined || splitter.irregular) found = parser.push(read as Buffer);
      else {
        const piece = tail.length === 0 ? (read as Buffer) : Buffer.concat([tail, read as Buffer]);
        const whole = at === bytes ? piece.length : wholeCharacters(piece);
        const text = piece.toString('utf8', 0, whole);
        tail = piece.subarray(whole);
        const first = splitter.line === 1 && splitter.rest === '';
        const cuts = splitter.push(first ? text.replace(/^\uFEFF/, '') : text, at === bytes);
        if (cuts.length > 0) yield { records: cuts };
        if (!splitter.irregular) continue;
        const rest = Buffer.concat([Buffer.from(splitter.rest), tail]);
        // Bytes that are no characters grow when they are read as some.
        parserStart = Math.max(from.byte, at - rest.length);
        parser.startAt(splitter.line);
        found = parser.push(rest);
      }
      if (found.length > 0) yield told(found);
      if (found.at(-1)?.fault) return;
    }
    if (splitter !== undefined && !splitter.irregular) return;
    const found = await parser.end();
    if (found.length > 0) yield told(found);
  } finally {
    stream.destroy();
    parser.destroy();
  }

  function told(records: Found[]): { records: Found[]; broken?: Broken } {
    const last = records.at(-1)!;
    if (last.fault === undefined) return { records };
    return { records, broken: { byte: parserStart + parser.lastRecordEnd, line: last.line } };
  }
}

/** The start of the line behind the first one that is not blank, from `byte` on; undefined when there is none. */
async function nextLineStart(path: string, byte: number, bytes: number): Promise<number | undefined> {
  let at = byte;
  let filled = false;
  for await (const read of createReadStream(path, { start: byte, end: bytes - 1 })) {
    for (const code of read as Buffer) {
      at++;
      if (code !== LF && code !== CR) filled = true;
      else if (code === LF && filled) return at < bytes ? at : undefined;
    }
  }
  return undefined;
}

const LF = 10;
const CR = 13;

function isUtf16(sample: Buffer): boolean {
  const mark = sample.length < 2 ? 0 : sample.readUInt16BE(0);
  return mark === 0xfffe || mark === 0xfeff;
}

/** How many bytes of `piece` are whole UTF-8 characters. */
function wholeCharacters(piece: Buffer): number {
  for (let back = 1; back <= Math.min(3, piece.length); back++) {
    const byte = piece[piece.length - back]!;
    if ((byte & 0xc0) === 0x80) continue; // inside a character
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? piece.length - back : piece.length;
  }
  return piece.length;
}

type Found = Omit<SourceRecord, 'row'>;

/** csv-parse, for whatever is not regular; counts lines, survives an open quote, gives up on endless records. */
class AnyParser {
  private found: Found[] = [];
  private parser: ReturnType<typeof parse> | undefined;
  private nextLine = 1;
  private emptyLines = 0;
  private lastEndLine = 0;
  private lastEndByte = 0;
  /** Bytes pushed up to the end of the newest record. */
  lastRecordEnd = 0;
  private pushedBytes = 0;
  private blankLines = 0;

  constructor(
    private readonly delimiter: string,
    private readonly lineEnds: string[],
  ) {}

  /** The text begins on this line of the file. */
  startAt(line: number): void {
    this.nextLine = line;
  }

  /** The parser works synchronously: every record that ends in `piece` is in what is returned. */
  push(piece: Buffer): Found[] {
    this.parser ??= this.open();
    this.pushedBytes += piece.length;
    this.parser.write(piece);
    // Blank lines are no record, and no part of an endless one.
    if (this.parser.info.empty_lines > this.blankLines) this.lastEndByte = this.pushedBytes;
    this.blankLines = this.parser.info.empty_lines;
    if (this.found.length === 0 && this.pushedBytes - this.lastEndByte > MAX_RECORD_BYTES) {
      const line = this.startLine(this.parser.info);
      const message = `no record ends within ${MAX_RECORD_BYTES >> 20} MB of line ${line}: a quote is probably left open there`;
      return [{ line, cells: [], fault: { code: 'too_long', message } }];
    }
    return this.take();
  }

  async end(): Promise<Found[]> {
    this.parser ??= this.open();
    this.parser.end();
    this.parser.resume();
    await once(this.parser, 'end');
    return this.take();
  }

  destroy(): void {
    this.parser?.destroy();
  }

  private take(): Found[] {
    const { found } = this;
    this.found = [];
    return found;
  }

  private open(): ReturnType<typeof parse> {
    const parser = parse({
      delimiter: this.delimiter,
      bom: this.nextLine === 1,
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      record_delimiter: this.lineEnds,
      on_record: (cells: string[], info: Info & { lines: number; bytes: number }) => {
        const line = this.startLine(info);
        this.found.push({ line, cells });
        // Only records over several lines are searched for line ends: lines then rise by more than one.
        this.nextLine = line + 1 + (info.lines - this.lastEndLine > 1 ? innerLines(cells) : 0);
        this.lastEndLine = info.lines;
        this.lastEndByte = info.bytes;
        this.lastRecordEnd = info.bytes;
        return null;
      },
      on_skip: () => {
        const line = this.startLine(parser.info);
        const message = `the quote opened in the record that starts on line ${line} is never closed`;
        this.found.push({ line, cells: [], fault: { code: 'unclosed_quote', message } });
      },
    });
    return parser;
  }

  private startLine(info: { empty_lines: number }): number {
    const line = this.nextLine + info.empty_lines - this.emptyLines;
    this.emptyLines = info.empty_lines;
    return line;
  }
}

/** Line ends inside cells, CRLF counted once. */
function innerLines(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) count += cell.match(/\r\n|\n|\r/g)?.length ?? 0;
  return count;
}
