/** The rows behind a number while there is no report: as far as the journal knows of them. */
import { existsSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, decodeOutcome, fold, type Outcome } from '../outcome.js';
import { journalFiles, parseEntry } from './journal.js';
import { type FoundRow, limitOf, type RowQuery, type RowsPage, records } from './rows.js';

/** Bytes of the journal that are gone through for what became of rows that are known. */
const A_JOIN = 256 << 20;

function filesOf(runDir: string): string[] {
  return existsSync(runDir) ? journalFiles(readdirSync(runDir)).map((name) => join(runDir, name)) : [];
}

/**
 * Outcomes in the journal of a run that are `like` what is looked for, as they became known; `stands` tells which of
 * them still hold. `next` is where it ended: asked for again later, there may be more.
 */
export async function findInJournal(
  runDir: string,
  query: RowQuery,
  like: (outcome: Outcome) => boolean,
  stands: (outcomes: readonly Outcome[]) => Promise<readonly boolean[]>,
): Promise<RowsPage> {
  const [nth = 0, at = 0, skip = 0] = (query.from ?? '').split('.').map(Number);
  const paths = filesOf(runDir);
  const page: RowsPage = { rows: [], looked: at, bytes: 0 };
  const path = paths[nth];
  if (path === undefined) return page;
  const found: Outcome[] = [];
  const limit = limitOf(query);
  let next = `${nth}.${at}`;
  const file = await open(path, 'r');
  try {
    page.bytes = (await file.stat()).size;
    let before = at;
    for await (const { record, end } of records(file, at, page.bytes, () => true)) {
      const outcomes = parseEntry(record.toString()) ?? [];
      const from = before === at ? skip : 0;
      for (let i = from; i < outcomes.length && found.length < limit; i++) {
        const outcome = decodeOutcome(outcomes[i]!);
        if (isAsked(outcome, query) && like(outcome)) found.push(outcome);
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
    return nth + 1 < paths.length ? { ...page, next: `${nth + 1}.0` } : page;
  }
  return { ...page, next };
}

/**
 * What stands in the journal of a run about rows, given with the codes they have come to (undefined: nobody knows). Of a
 * journal so long that its whole would hold up others, only what its first part tells.
 */
export async function outcomesInJournal(
  runDir: string,
  rows: ReadonlyMap<number, number | undefined>,
): Promise<Map<number, Outcome>> {
  const found = new Map<number, Outcome>();
  const sought = new Set(rows.keys());
  // Most lines are of other rows: they need not be parsed.
  const mention = new RegExp(`\\[(?:${[...sought].join('|')}),`);
  let left = A_JOIN;
  for (const path of filesOf(runDir)) {
    if (sought.size === 0 || left <= 0) break;
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      for await (const { record } of records(file, 0, size, () => true, left)) {
        left -= record.length;
        if (!mention.test(record.toString('latin1'))) continue;
        for (const encoded of parseEntry(record.toString()) ?? []) {
          const [row] = encoded;
          if (!sought.has(row)) continue;
          const outcome = fold(found.get(row), decodeOutcome(encoded));
          found.set(row, outcome);
          if (codeOf(outcome) === rows.get(row)) sought.delete(row);
        }
        if (sought.size === 0) break;
      }
    } finally {
      await file.close();
    }
  }
  return found;
}

export function isAsked(
  { status, reason }: { status: string; reason?: string | undefined },
  query: RowQuery,
): boolean {
  if (query.status !== undefined && status !== query.status) return false;
  return query.reason === undefined || reason === query.reason;
}

export function toRow(outcome: Omit<Outcome, 'status'> & Pick<FoundRow, 'status'>): FoundRow {
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
