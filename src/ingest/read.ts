/** Streams the records of a CSV file with their row and line numbers, in flat memory. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type CsvError, type Info, parse } from 'csv-parse';
import { type Dialect, lineEnds, readSample } from './detect.js';

export interface SourceRecord {
  /** 1-based ordinal; the header is row 0. */
  row: number;
  /** Physical line on which the record starts, 1-based. */
  line: number;
  cells: readonly string[];
  /** Why the record could not be read; `cells` is empty then. */
  fault?: { code: 'unclosed_quote' | 'too_long'; message: string };
}

/** A record longer than this is taken for an unclosed quote, so that one quote cannot fill the memory. */
const MAX_RECORD_BYTES = 32 * 1024 * 1024;
const READ_BYTES = 128 * 1024;

/**
 * Yields the records of the first `bytes` bytes of `path` in the groups in which they were parsed, the header first.
 * A quote left open swallows the rest of the file, as CSV has it: that is one record with a fault, never an error.
 */
export async function* readRecords(
  path: string,
  bytes: number,
  dialect: Dialect,
): AsyncGenerator<SourceRecord[], void, void> {
  if (bytes === 0) return;
  let records: SourceRecord[] = [];
  let row = -1;
  let nextLine = 1;
  let emptyLines = 0;
  let lastEndLine = 0;
  let lastEndByte = 0;

  const sample = await readSample(path);
  const parser = parse({
    delimiter: dialect.delimiter,
    bom: true,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    record_delimiter: lineEnds(sample.subarray(0, bytes)),
    on_record: (cells: string[], info: Info & { lines: number; bytes: number }) => {
      const line = startLine(info);
      records.push({ row: ++row, line, cells });
      // Only records over several lines are searched for line ends: lines then rise by more than one.
      nextLine = line + 1 + (info.lines - lastEndLine > 1 ? innerLines(cells) : 0);
      lastEndLine = info.lines;
      lastEndByte = info.bytes;
      return null;
    },
    on_skip: (error: CsvError | undefined) => {
      const line = startLine(parser.info);
      records.push({
        row: ++row,
        line,
        cells: [],
        fault: {
          code: 'unclosed_quote',
          message: `the quote opened in the record that starts on line ${line} is never closed${error ? '' : '.'}`,
        },
      });
    },
  });
  function startLine(info: { empty_lines: number }): number {
    const line = nextLine + info.empty_lines - emptyLines;
    emptyLines = info.empty_lines;
    return line;
  }

  let readBytes = 0;
  const stream = createReadStream(path, { end: bytes - 1, highWaterMark: READ_BYTES });
  try {
    for await (const bytesRead of stream) {
      const piece = bytesRead as Buffer;
      readBytes += piece.length;
      // The parser works synchronously: when write returns, every record that ends in `piece` is in `records`.
      parser.write(piece);
      if (records.length > 0) {
        yield records;
        records = [];
      } else if (readBytes - lastEndByte > MAX_RECORD_BYTES) {
        const line = startLine(parser.info);
        yield [
          {
            row: ++row,
            line,
            cells: [],
            fault: {
              code: 'too_long',
              message: `no record ends within ${MAX_RECORD_BYTES >> 20} MB of line ${line}: a quote is probably left open there; the rest of the file was not read`,
            },
          },
        ];
        return;
      }
    }
    parser.end();
    parser.resume();
    await once(parser, 'end');
    if (records.length > 0) yield records;
  } finally {
    stream.destroy();
    parser.destroy();
  }
}

/** Line ends inside cells, CRLF counted once. */
function innerLines(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) count += cell.match(/\r\n|\n|\r/g)?.length ?? 0;
  return count;
}
