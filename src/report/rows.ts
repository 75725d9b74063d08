/**
 * The rows behind a number: those of a report or, while there is none, of the journal; a page at a time, and never more
 * of a large file than a look takes. What is found so far comes back at once, with where to go on.
 */
import { existsSync, readdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { decodeOutcome, type Outcome, type Reason, type Status } from '../outcome.js';
import { journalFiles, parseEntry } from './journal.js';

export interface RowQuery {
  status?: Status | undefined;
  reason?: Reason | undefined;
  /** A row's number, or a part of its e-mail address or external id (while there is no report: of its contact id). */
  find?: string | undefined;
  /** `next` of the page before. */
  from?: string | undefined;
  /** Rows at the most; default 50. */
  limit?: number | undefined;
}

/** A row as the report has it; `email`, `external_id` and `line` only there. */
export interface FoundRow {
  row: number;
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
}

export const MOST_ROWS = 500;
const USUAL_ROWS = 50;
/** Bytes that are looked through for one page. */
const A_LOOK = 16 << 20;
const A_READ = 256 << 10;

/** Reads whole records that begin at `at`, a stretch of the file at a time; stops after a look's worth. */
async function* records(
  file: FileHandle,
  at: number,
  size: number,
  isEnd: (record: Buffer) => boolean,
): AsyncGenerator<{ record: Buffer; end: number }, void, void> {
  const last = Math.min(size, at + A_LOOK);
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
    const wanted = query.find?.trim().toLowerCase() ?? '';
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

function isFound({ row, email = '', external_id = '' }: FoundRow, wanted: string): boolean {
  return (
    String(row) === wanted ||
    email.toLowerCase().includes(wanted) ||
    external_id.toLowerCase().includes(wanted)
  );
}

/**
 * Outcomes in the journal of a run, as they became known; `stands` tells which of them still hold. `next` is where it
 * ended: asked for again later, there may be more.
 */
export async function findInJournal(
  runDir: string,
  query: RowQuery,
  stands: (outcomes: readonly Outcome[]) => Promise<readonly boolean[]>,
): Promise<RowsPage> {
  const [nth = 0, at = 0, skip = 0] = (query.from ?? '').split('.').map(Number);
  const names = existsSync(runDir) ? journalFiles(readdirSync(runDir)) : [];
  const page: RowsPage = { rows: [], looked: at, bytes: 0 };
  const name = names[nth];
  if (name === undefined) return page;
  const found: Outcome[] = [];
  const limit = limitOf(query);
  let next = `${nth}.${at}`;
  const file = await open(join(runDir, name), 'r');
  try {
    page.bytes = (await file.stat()).size;
    let before = at;
    for await (const { record, end } of records(file, at, page.bytes, () => true)) {
      const outcomes = parseEntry(record.toString()) ?? [];
      const from = before === at ? skip : 0;
      for (let i = from; i < outcomes.length && found.length < limit; i++) {
        const outcome = decodeOutcome(outcomes[i]!);
        if (isAsked(outcome, query)) found.push(outcome);
        if (found.length === limit) next = `${nth}.${before}.${i + 1}`;
      }
      if (found.length === limit) break;
      before = end;
      next = `${nth}.${end}`;
    }
    page.looked = before;
  } finally {
    await file.close();
  }
  const standing = await stands(found);
  page.rows = found.filter((_, i) => standing[i]).map(toRow);
  if (found.length < limit && page.looked === page.bytes) {
    return nth + 1 < names.length ? { ...page, next: `${nth + 1}.0` } : page;
  }
  return { ...page, next };
}

function isAsked(outcome: Outcome, { status, reason, find }: RowQuery): boolean {
  if (status !== undefined && outcome.status !== status) return false;
  if (reason !== undefined && outcome.reason !== reason) return false;
  const wanted = find?.trim() ?? '';
  return wanted === '' || String(outcome.row) === wanted || outcome.contactId === wanted;
}

function toRow(outcome: Outcome): FoundRow {
  return {
    row: outcome.row,
    status: outcome.status,
    reason: outcome.reason ?? '',
    field: outcome.field ?? '',
    message: outcome.message ?? '',
    contact_id: outcome.contactId ?? '',
    duplicate_of: outcome.duplicateOf ?? '',
    http_status: String(outcome.httpStatus ?? ''),
    attempts: String(outcome.attempts ?? ''),
  };
}

function limitOf({ limit = USUAL_ROWS }: RowQuery): number {
  return Math.min(Math.max(1, limit), MOST_ROWS);
}
