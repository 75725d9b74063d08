/**
 * The rows behind a number, as a report has them; a page at a time, and never more of a large file than a look takes.
 * What is found so far comes back at once, with where to go on.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { Reason, Status } from '../outcome.js';

export interface RowQuery {
  status?: Status | undefined;
  reason?: Reason | undefined;
  /** A row's number, a part of its e-mail address or external id, or its contact id. */
  find?: string | undefined;
  /** `next` of the page before. */
  from?: string | undefined;
  /** Rows at the most; default 50. */
  limit?: number | undefined;
}

/** A row as the report has it. While there is none, `email`, `external_id` and `line` are known of rows that were looked for. */
export interface FoundRow {
  row: number;
  /** As in the report; while there is none also `unsettled`, and `attempted` of one that was sent, or is about to be. */
  status: string;
  reason: string;
  field: string;
  message: string;
  email?: string;
  external_id?: string;
  line?: number;
  contact_id: string;
  duplicate_of: string;
  http_status: string;
  attempts: string;
}

export interface RowsPage {
  rows: FoundRow[];
  /** Where to go on; undefined: that was all. There may be fewer rows than asked for and more to come. */
  next?: string;
  /** Bytes looked through from the start, and all there are. */
  looked: number;
  bytes: number;
  /** Why e-mail addresses and external ids were not looked through. */
  unsearched?: string;
}

export const MOST_ROWS = 500;
const USUAL_ROWS = 50;
/** Bytes that are looked through for one page. */
const A_LOOK = 16 << 20;
const A_READ = 256 << 10;

/** Reads whole records that begin at `at`, a stretch of the file at a time; stops after `most` bytes. */
export async function* records(
  file: FileHandle,
  at: number,
  size: number,
  isEnd: (record: Buffer) => boolean,
  most = A_LOOK,
): AsyncGenerator<{ record: Buffer; end: number }, void, void> {
  const last = Math.min(size, at + most);
  let rest: Buffer = Buffer.alloc(0);
  let position = at;
  let start = at;
  while (position < size && (start < last || start === at)) {
    const piece = Buffer.alloc(Math.min(A_READ, size - position));
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    const text =
      rest.length > 0 ? Buffer.concat([rest, piece.subarray(0, bytesRead)]) : piece.subarray(0, bytesRead);
    let begin = 0;
    for (let end = text.indexOf(10); end !== -1; end = text.indexOf(10, end + 1)) {
      const record = text.subarray(begin, end);
      if (!isEnd(record)) continue;
      start += end + 1 - begin;
      begin = end + 1;
      yield { record, end: start };
    }
    rest = text.subarray(begin);
  }
}

/** A line feed inside quotes ends no record. */
function isWhole(record: Buffer): boolean {
  let quotes = 0;
  for (let at = record.indexOf(34); at !== -1; at = record.indexOf(34, at + 1)) quotes++;
  return quotes % 2 === 0;
}

/** Rows of the `outcomes.csv` at `path`, in row order. */
export async function findInReport(path: string, query: RowQuery): Promise<RowsPage> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const limit = limitOf(query);
    const wanted = wantedOf(query);
    const page: RowsPage = { rows: [], looked: Number(query.from ?? 0), bytes: size };
    for await (const { record, end } of records(file, page.looked, size, isWhole)) {
      const first = page.looked === 0;
      page.looked = end;
      if (first) continue; // the header
      const line = record.toString();
      const [, status, reason] = /^\d+,\d+,(\w+),(\w*),/.exec(line) ?? [];
      if (query.status !== undefined && status !== query.status) continue;
      if (query.reason !== undefined && reason !== query.reason) continue;
      if (wanted !== '' && !line.toLowerCase().includes(wanted)) continue;
      const row = rowOf(line);
      if (wanted !== '' && !isFound(row, wanted)) continue;
      page.rows.push(row);
      if (page.rows.length === limit) break;
    }
    return page.looked < size ? { ...page, next: String(page.looked) } : page;
  } finally {
    await file.close();
  }
}

function rowOf(line: string): FoundRow {
  const [cells = []] = parse(line) as string[][];
  const [
    row,
    at,
    status,
    reason,
    field,
    message,
    email,
    external_id,
    contact_id,
    duplicate_of,
    http_status,
    attempts,
  ] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const about = { status, reason, field, message, contact_id, duplicate_of, http_status, attempts };
  return { row: Number(row), line: Number(at), email, external_id, ...about };
}

/** Whether a row is what a person looks for; `wanted` is in lower case. */
export function isFound(
  row: Pick<FoundRow, 'row' | 'email' | 'external_id'> & { contact_id?: string },
  wanted: string,
): boolean {
  const { email = '', external_id = '', contact_id = '' } = row;
  return (
    String(row.row) === wanted ||
    email.toLowerCase().includes(wanted) ||
    external_id.toLowerCase().includes(wanted) ||
    contact_id.toLowerCase() === wanted
  );
}

export function limitOf({ limit = USUAL_ROWS }: RowQuery): number {
  return Math.min(Math.max(1, limit), MOST_ROWS);
}

/** What is looked for; empty: all. */
export function wantedOf({ find = '' }: RowQuery): string {
  return find.trim().toLowerCase();
}
