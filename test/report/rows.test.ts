import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CODE, encodeOutcome, type Outcome } from '../../src/outcome.js';
import { csvLine } from '../../src/report/csv.js';
import { Journal } from '../../src/report/journal.js';
import { findInJournal, outcomesInJournal } from '../../src/report/journal-rows.js';
import { findInReport, type RowQuery, type RowsPage } from '../../src/report/rows.js';
import { OUTCOME_COLUMNS } from '../../src/report/write.js';
import { scratchDir } from '../helpers/scratch.js';

type Cells = Partial<Record<(typeof OUTCOME_COLUMNS)[number], string>>;

function report(rows: readonly Cells[]): string {
  const path = join(scratchDir(), 'outcomes.csv');
  const lines = rows.map((cells) => csvLine(OUTCOME_COLUMNS.map((name) => cells[name] ?? '')));
  writeFileSync(path, csvLine(OUTCOME_COLUMNS) + lines.join(''));
  return path;
}

/** Page by page, as a browser asks. */
async function all(ask: (query: RowQuery) => Promise<RowsPage>, query: RowQuery = {}) {
  const rows: RowsPage['rows'] = [];
  let looks = 0;
  for (let from: string | undefined; ; ) {
    const page = await ask({ ...query, from });
    looks++;
    rows.push(...page.rows);
    if (page.next === undefined) return { rows, looks, page };
    from = page.next;
  }
}

const ROWS: Cells[] = Array.from({ length: 130 }, (_, i) => ({
  row: String(i + 1),
  line: String(2 * i + 2),
  status: i % 10 === 3 ? 'failed' : 'created',
  reason: i % 10 === 3 ? (i % 20 === 3 ? 'invalid' : 'rejected') : '',
  message: i % 10 === 3 ? 'said "no",\nfailed,invalid,\r\n,, ' : '',
  email: `person${i + 1}@example.com`,
  external_id: `P-${i + 1}`,
  contact_id: `C-00${i + 1}x`,
}));

test('rows of a report come in pages, in row order, also with line feeds inside cells', async () => {
  const path = report(ROWS);
  const { rows, looks, page } = await all((query) => findInReport(path, query));
  expect(rows.map(({ row }) => row)).toEqual(ROWS.map(({ row }) => Number(row)));
  expect(looks).toBe(3);
  expect(page.looked).toBe(page.bytes);
  expect(rows[3]).toMatchObject({ line: 8, message: ROWS[3]!.message, email: 'person4@example.com' });
});

test.each<[RowQuery, number[]]>([
  [{ status: 'failed', reason: 'invalid' }, [4, 24, 44, 64, 84, 104, 124]],
  [{ reason: 'rejected' }, [14, 34, 54, 74, 94, 114]],
  [{ find: '17' }, [17, 117]],
  [{ find: ' PERSON9@example ' }, [9]],
  [{ find: 'c-007x' }, [7]],
  [{ find: 'p-13' }, [13, 130]],
  [{ status: 'failed', find: 'person4@' }, [4]],
  [{ find: 'said "no"' }, []],
  [{ status: 'unprocessed' }, []],
])('%o finds rows %j', async (query, expected) => {
  const path = report(ROWS);
  const { rows } = await all((one) => findInReport(path, { ...one, limit: 2 }), query);
  expect(rows.map(({ row }) => row)).toEqual(expected);
});

test('no look goes through the whole of a large report; a rare row is found all the same', async () => {
  const filler = 'x'.repeat(10_000);
  const path = report(
    Array.from({ length: 4_000 }, (_, i) => ({
      row: String(i + 1),
      line: '2',
      status: 'failed',
      reason: i === 3_900 ? 'unconfirmed' : 'rejected',
      message: filler,
    })),
  );
  const { rows, looks } = await all((query) => findInReport(path, query), { reason: 'unconfirmed' });
  expect(rows.map(({ row }) => row)).toEqual([3_901]);
  expect(looks).toBe(3); // 40 MB
});

test('while there is no report the journal is asked; what was bettered since is left out', async () => {
  const dir = scratchDir();
  const told = (outcomes: Outcome[]) => `[${outcomes.map(encodeOutcome).join(',')}]`;
  const failed = (row: number): Outcome => ({ row, status: 'failed', reason: 'rejected', message: 'no' });
  const created = (row: number): Outcome => ({ row, status: 'created', contactId: `c${row}` });
  const first = await Journal.open(dir, '1');
  await first.append([told([failed(1), created(2), failed(3)]), told([failed(4), failed(5)])], '1-0');
  await first.close();
  const second = await Journal.open(dir, '2');
  await second.append([told([created(3), failed(6)])], '2-0');
  await second.close();
  const stands = async (outcomes: readonly Outcome[]) =>
    outcomes.map(({ row, status }) => row !== 3 || status === 'created');
  const rows = async (query: RowQuery) =>
    (await all((one) => findInJournal(dir, { ...one, limit: 2 }, () => true, stands), query)).rows.map(
      ({ row }) => row,
    );
  expect(await rows({})).toEqual([1, 2, 4, 5, 3, 6]);
  expect(await rows({ reason: 'rejected' })).toEqual([1, 4, 5, 6]);
  const isSecond = ({ contactId }: Outcome) => contactId === 'c2';
  expect((await findInJournal(dir, {}, isSecond, stands)).rows.map(({ row }) => row)).toEqual([2]);
  expect(await findInJournal(join(dir, 'none'), {}, () => true, stands)).toMatchObject({ rows: [] });

  const codes = new Map([1, 3, 5, 6, 7].map((row) => [row, row === 3 ? CODE.created : CODE.failed]));
  const known = await outcomesInJournal(dir, codes);
  expect([...known.values()].map(({ row, status }) => [row, status])).toEqual([
    [1, 'failed'],
    [3, 'created'],
    [5, 'failed'],
    [6, 'failed'],
  ]);
});
