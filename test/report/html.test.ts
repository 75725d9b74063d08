import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { encodeOutcome, type Outcome, REASONS, type Reason } from '../../src/outcome.js';
import { ADVICE } from '../../src/report/advice.js';
import { Examples } from '../../src/report/examples.js';
import { renderReport, verdict } from '../../src/report/html.js';
import { Journal } from '../../src/report/journal.js';
import type { Summary } from '../../src/report/summary.js';
import { writeReport } from '../../src/report/write.js';
import { createRun, newRunId, type RunPlan, runDir } from '../../src/run.js';
import type { Moment } from '../../src/timeline.js';
import { scratchDir } from '../helpers/scratch.js';

const NASTY = `"><script>alert(1)</script>&amp;'<b>`;

const SUMMARY: Summary = {
  run: '20260131-235959-1a2b3c',
  destination: 'crm',
  source: { name: 'people.csv', sha256: 'abc', bytes: 1_234_567 },
  dialect: {
    encoding: 'utf-8',
    delimiter: ';',
    quote: '"',
    escape: 'double',
    header: true,
    skip_lines: 0,
    found: [],
  },
  state: 'finished',
  rows: 12_345,
  created: 12_000,
  updated: 0,
  skipped: 300,
  failed: 45,
  unprocessed: 0,
  reasons: { invalid: 45, duplicate_email: 300 },
  requests: 12_010,
  retries: 3,
  throttled: 1,
  started_at: '2026-01-31T23:59:59.000Z',
  finished_at: '2026-02-01T00:01:59.000Z',
  duration_ms: 120_000,
  rows_per_second: 102.9,
  reports: { dir: '', outcomes: '', failed: '', skipped: '', html: '' },
};

function planFor(dataDir: string): RunPlan {
  return {
    run: newRunId(0),
    version: '1.2.3',
    createdAt: new Date(0).toISOString(),
    trigger: 'script',
    destination: 'crm',
    account: 'sendmator-0',
    source: { path: '', name: NASTY, sha256: 'abc', bytes: 10, lines: 3 },
    dialect: {
      ...PLAIN,
      delimiter: ';',
      found: [{ what: 'delimiter', value: NASTY, why: 'all records have 3 cells' }],
    },
    mapping: { map: { email: { column: NASTY } } },
    rate: { requests: 20, perMs: 1_000 },
    batchRows: 500,
    attempts: 5,
    onDuplicate: 'skip',
    bulk: false,
    reportDir: join(dataDir, 'reports'),
  };
}

test('every reason has its advice, under its status', () => {
  for (const [status, reasons] of Object.entries(REASONS)) {
    for (const reason of reasons) expect(ADVICE[reason].status).toBe(status);
  }
});

test.each<[Partial<Summary>, string]>([
  [{}, '45 of 12\u202f345 rows failed; 12\u202f000 created, 300 skipped.'],
  [
    { failed: 0, created: 12_045 },
    'Every one of 12\u202f345 rows is accounted for: 12\u202f045 created, 300 skipped, none failed.',
  ],
  [
    { failed: 0, updated: 5 },
    'Every one of 12\u202f345 rows is accounted for: 12\u202f000 created, 5 updated, 300 skipped, none failed.',
  ],
  [{ state: 'halted', message: 'crm stopped the run: HTTP 401.' }, 'crm stopped the run: HTTP 401.'],
  [
    { state: 'cancelled', unprocessed: 7 },
    'Cancelled: 7 of 12\u202f345 rows were not sent; 12\u202f000 created, 300 skipped, 45 failed.',
  ],
  [
    { rows: 0, failed: 0, message: 'No change since run x; nothing was sent.' },
    'No change since run x; nothing was sent.',
  ],
])('the verdict on %o is one sentence', (some, sentence) => {
  expect(verdict({ ...SUMMARY, ...some })).toBe(sentence);
});

test('the page stands alone, holds no script, and shows what cells hold as text', async () => {
  const examples = new Examples();
  const outcome: Outcome = { row: 7, status: 'failed', reason: 'invalid', field: NASTY, message: NASTY };
  examples.see('invalid', { row: 7, line: 9 }, outcome, { email: NASTY, external_id: NASTY });
  const moments: Moment[] = [1, 2, 3, 4].map((n) => [n * 1_000, n * 10, 0, 0, n, n * 11, 0]);
  const columns = [{ header: NASTY, field: 'email' }, { header: 'Note' }];
  const plan = planFor(scratchDir());
  const page = await renderReport({ summary: SUMMARY, plan, examples, moments, columns });
  expect(page).not.toMatch(/<script|<b>|&amp;'|\son\w+=|(src|href)=|url\(|@import/i);
  expect(page).toContain('&lt;script&gt;');
  expect(page).toContain('7 (9)');
  expect(page).toContain('all records have 3 cells');
  expect(page).toContain('20 requests in 1 s');
  expect(page).toContain('rowferry 1.2.3');
  expect(page).toMatch(/<path class="line" d="M[\d.L ]+"\/>/);
});

test('it stays small whatever the run holds', async () => {
  const examples = new Examples();
  const long = NASTY.repeat(10_000);
  for (const reason of Object.values(REASONS).flat() as Reason[]) {
    for (let row = 1; row < 300; row++) {
      const message = `${'a'.repeat(row)} ${long}`;
      const outcome: Outcome = { row, status: 'failed', reason: 'invalid', field: long, message };
      examples.see(reason, { row, line: row }, outcome, { email: long, external_id: long });
    }
  }
  const moments: Moment[] = Array.from({ length: 400 }, (_, n) => [n * 1e9, n * 1e6, 0, 0, 0, n * 1e6, 0]);
  const columns = Array.from({ length: 10_000 }, () => ({ header: long, field: 'email' }));
  const reasons = Object.fromEntries(
    Object.values(REASONS)
      .flat()
      .map((reason) => [reason, 300]),
  );
  const plan = { ...planFor(scratchDir()), mapping: { map: { email: { column: long } } } };
  const page = await renderReport({ summary: { ...SUMMARY, reasons }, plan, examples, moments, columns });
  expect(Buffer.byteLength(page)).toBeLessThan(1_000_000);
});

test('it lies beside the other files of a report, with a row of each kind', async () => {
  const dataDir = scratchDir();
  const plan = planFor(dataDir);
  await createRun(dataDir, plan);
  const journal = await Journal.open(runDir(dataDir, plan.run), '1');
  const failed = (row: number, message: string): Outcome => ({
    row,
    status: 'failed',
    reason: 'rejected',
    field: 'email',
    message,
  });
  const outcomes = [1, 2, 3, 4].map((row) => failed(row, row < 4 ? `no: a${row}@example.com` : 'quota'));
  await journal.append([`[${outcomes.map(encodeOutcome).join(',')}]`], '1-0');
  await journal.close();
  async function* rows() {
    yield [1, 2, 3, 4].map((row) => ({
      row,
      line: row + 1,
      cells: [],
      contact: { email: `a${row}@example.com` },
    }));
  }
  const summary = await writeReport({
    dataDir,
    plan,
    destination: sendmator,
    header: [],
    rows: rows(),
    state: 'finished',
    counts: { requests: 4, retries: 0, throttled: 0 },
    startedMs: 0,
    finishedMs: 4_000,
  });
  const page = readFileSync(summary.reports.html, 'utf8');
  expect(summary.reports.html).toBe(join(summary.reports.dir, 'report.html'));
  expect(page).toMatch(/<td>1 \(2\)<\/td><td>a1@example\.com<\/td>.*<td class="number">3<\/td>/);
  expect(page).toMatch(/<td>4 \(5\)<\/td>.*quota.*<td class="number">1<\/td>/);
});
