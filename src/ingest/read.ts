/** Streams the records of a CSV file with their row and line numbers, in flat memory. */
import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { Dialect } from '../dialect.js';
import { type Cut, Splitter } from './split.js';

export interface SourceRecord extends Cut {
  /** 1-based ordinal; the header is row 0. */
  row: number;
}

const READ_BYTES = 128 * 1024;

/**
 * Yields the records of the first `bytes` bytes of `path`, which is UTF-8, in the groups in which they were cut; the
 * header first, if there is one. What cannot be read is a record with a fault, and reading goes on behind its line.
 */
export async function* readRecords(
  path: string,
  bytes: number,
  dialect: Omit<Dialect, 'encoding' | 'found'>,
): AsyncGenerator<SourceRecord[], void, void> {
  if (bytes === 0) return;
  const splitter = new Splitter(dialect, dialect.skipLines);
  const decoder = new StringDecoder('utf8');
  let row = dialect.header ? -1 : 0;
  let read = 0;
  const stream = createReadStream(path, { end: bytes - 1, highWaterMark: READ_BYTES });
  try {
    for await (const piece of stream) {
      let text = decoder.write(piece as Buffer);
      if (read === 0) text = text.replace(/^\uFEFF/, '');
      read += (piece as Buffer).length;
      const records = splitter.push(text, read === bytes) as SourceRecord[];
      for (const record of records) record.row = ++row;
      if (records.length > 0) yield records;
    }
  } finally {
    stream.destroy();
  }
}
