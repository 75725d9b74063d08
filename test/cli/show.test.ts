import { expect, test } from 'vitest';
import { summaryText } from '../../src/cli/show.js';
import type { Summary } from '../../src/index.js';

const SUMMARY: Summary = {
  run: '20260131-235959-1a2b3c',
  destination: 'acme',
  source: { name: 'people.csv', sha256: '', bytes: 1 },
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
  reports: { dir: '/reports/1', outcomes: '', failed: '', skipped: '' },
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
