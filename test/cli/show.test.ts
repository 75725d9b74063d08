import { expect, test } from 'vitest';
import { runsTable, runText, summaryText } from '../../src/cli/show.js';
import type { RunView, Summary } from '../../src/index.js';

const SUMMARY: Summary = {
  run: '20260131-235959-1a2b3c',
  destination: 'acme',
  source: { name: 'people.csv', sha256: '', bytes: 1 },
  dialect: {
    encoding: 'utf-8',
    delimiter: ',',
    quote: '"',
    escape: 'double',
    header: true,
    skip_lines: 0,
    found: [],
  },
  state: 'finished',
  rows: 20_000,
  created: 19_980,
  updated: 0,
  skipped: 5,
  failed: 15,
  unprocessed: 0,
  reasons: { duplicate_email: 4, duplicate_external_id: 1, invalid: 13, rejected: 2 },
  requests: 20_100,
  retries: 0,
  throttled: 0,
  started_at: '',
  finished_at: '',
  duration_ms: 61_000,
  rows_per_second: 327.9,
  reports: { dir: '/reports/1', outcomes: '', failed: '', skipped: '', html: '' },
};

test('a summary says what failed and what was skipped, as far as it is known', () => {
  const kinds = { failed: { 'invalid email': 10, 'rejected plan': 2 }, repeats: { duplicate_email: 1 } };
  expect(summaryText(SUMMARY, kinds)).toBe(
    [
      'people.csv → acme: finished, 20 000 rows in 1:01 (327.9/s, 20 100 requests)',
      '  created        19 980',
      '  skipped             5   duplicate_email 4 (1 in the file), duplicate_external_id 1',
      '  failed             15   invalid email 10, rejected plan 2, others 3',
      '  report: /reports/1',
      '',
    ].join('\n'),
  );
  expect(summaryText(SUMMARY)).toContain('  failed             15   invalid 13, rejected 2\n');
  expect(summaryText(SUMMARY)).toContain('duplicate_email 4, duplicate_external_id 1\n');
});

test('a run that did not come to its end says how far it came', () => {
  const halted = { ...SUMMARY, state: 'halted', unprocessed: 15_000, message: 'Check the key.' } as const;
  expect(summaryText(halted)).toContain('halted, 5 000 of 20 000 rows in 1:01 (82/s, 20 100 requests)\n');
  const refused = { ...SUMMARY, state: 'halted', unprocessed: 20_000, duration_ms: 0, requests: 1 } as const;
  expect(summaryText(refused)).toContain('halted, 0 of 20 000 rows in 0:01 (0/s, 1 request)\n');
});

test('the summary of a retry names the run it retries', () => {
  expect(summaryText({ ...SUMMARY, retry_of: '20260101-000000-abcdef' })).toContain(
    '  retry of run 20260101-000000-abcdef\n',
  );
});

const VIEW: RunView = {
  run: SUMMARY.run,
  state: 'queued',
  destination: 'acme',
  source: 'people.csv',
  createdAt: '2026-01-31T23:59:59.123Z',
  progress: {
    rows: 0,
    created: 0,
    updated: 0,
    skipped: 0,
    failed: 0,
    requests: 1,
    retries: 1,
    throttled: 0,
    total: 20_000,
    readAll: false,
  },
};

test('a run is shown as it stands', () => {
  expect(runText(VIEW, undefined)).toBe(
    [
      '20260131-235959-1a2b3c  people.csv → acme: queued',
      '  added 2026-01-31T23:59:59Z',
      '  about 20 000 rows; waits for the service of this data dir: rowferry start',
      '',
    ].join('\n'),
  );
  const running = {
    ...VIEW.progress,
    created: 1,
    total: 1,
    readAll: true,
    waiting: { why: 'acme asked to wait' },
  };
  expect(runText({ ...VIEW, state: 'running', progress: running }, undefined)).toBe(
    [
      '20260131-235959-1a2b3c  people.csv → acme: running',
      '  added 2026-01-31T23:59:59Z',
      '  acme asked to wait',
      '  1 of 1 row settled (100 %): 1 created, 0 skipped, 0 failed',
      '  1 request, 1 retry, 0 throttled',
      '',
    ].join('\n'),
  );
  const under = { ...VIEW.progress, created: 5_499 };
  expect(runText({ ...VIEW, state: 'running', progress: under }, undefined)).toContain(
    '5 499 of about 20 000 rows settled (~27 %): 5 499 created',
  );
});

test('what the summary says is not said twice, unless the run has moved on', () => {
  const halted = { ...SUMMARY, state: 'halted', message: 'Check the key.' } as const;
  const view: RunView = { ...VIEW, state: 'halted', message: 'Check the key.', summary: halted };
  const text = runText(view, summaryText(halted));
  expect(text.match(/people\.csv → acme/g)).toHaveLength(1);
  expect(text.match(/Check the key\./g)).toHaveLength(1);
  expect(runText({ ...view, state: 'interrupted' }, summaryText(halted))).toMatch(/acme: interrupted\n/);
});

test('the list tells estimates from counts', () => {
  const exact = { ...VIEW.progress, created: 19_998, updated: 1, failed: 1, readAll: true };
  expect(runsTable([VIEW, { ...VIEW, state: 'finished', progress: exact }])).toBe(
    [
      'RUN                     STATE     ROWS           CREATED  UPDATED  SKIPPED  FAILED  SOURCE',
      '20260131-235959-1a2b3c  queued    0/~20 000      0        0        0        0       people.csv → acme',
      '20260131-235959-1a2b3c  finished  20 000/20 000  19 998   1        0        1       people.csv → acme',
      '',
    ].join('\n'),
  );
  expect(runsTable([VIEW], 90).split('\n')[1]).toBe(
    '20260131-235959-1a2b3c  queued  0/~20 000  0        0        0        0       people.csv …',
  );
});
