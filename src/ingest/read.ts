/** Streams the records of a CSV file with their row and line numbers, in flat memory. */
import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { Dialect } from '../dialect.js';
import { type Cut, Splitter } from './split.js';

export interface SourceRecord extends Cut {
  /** 1-based ordinal; the header is row 0. */
  row: number;
}

/** Between two records: from here on reading can begin again. */
export interface Place {
  /** Bytes before it. */
  at: number;
  /** Of the record before it. */
  row: number;
  /** Physical line of the record behind it. */
  line: number;
}

export interface ReadOptions {
  /** Where to begin, and how many cells the header has. Default: the start. */
  from?: (Place & { width: number }) | undefined;
  /** Told where a group ends, before it is yielded; not of every group. */
  reached?: ((place: Place) => void) | undefined;
}

/** Few rows are cut at once: those that wait for their turn outlive the collector's first two rounds, which costs more than reading. */
const READ_BYTES = 16 * 1024;

/**
 * Yields the records of the first `bytes` bytes of `path`, which is UTF-8, in the groups in which they were cut; the
 * header first, if there is one. What cannot be read is a record with a fault, and reading goes on behind its line.
 */
export async function* readRecords(
  path: string,
  bytes: number,
  dialect: Omit<Dialect, 'encoding' | 'found'>,
  { from, reached }: ReadOptions = {},
): AsyncGenerator<SourceRecord[], void, void> {
  let read = from?.at ?? 0;
  if (read >= bytes) return;
  const splitter = from
    ? new Splitter(dialect, 0, from.width, from.line)
    : new Splitter(dialect, dialect.skipLines);
  const decoder = new StringDecoder('utf8');
  let row = from?.row ?? (dialect.header ? -1 : 0);
  let decoded = read;
  const stream = createReadStream(path, { start: read, end: bytes - 1, highWaterMark: READ_BYTES });
  try {
    for await (const piece of stream) {
      let text = decoder.write(piece as Buffer);
      if (reached) decoded += Buffer.byteLength(text);
      if (read === 0) text = text.replace(/^\uFEFF/, '');
      read += (piece as Buffer).length;
      const records = splitter.push(text, read === bytes) as SourceRecord[];
      for (const record of records) record.row = ++row;
      if (records.length === 0) continue;
      const { pending, line } = splitter;
      if (reached && pending !== undefined) reached({ at: decoded - Buffer.byteLength(pending), row, line });
      yield records;
    }
  } finally {
    stream.destroy();
  }
}
