import { expect, test } from 'vitest';
import { haltWords, noticeOf, type RunEnd } from '../../src/notices/compose.js';
import { entryFor } from './helpers.js';

const run = '20260131-020000-1a2b3c';

function endOf(more: Partial<RunEnd> = {}, failed = 5, name = 'contacts.csv'): RunEnd {
  return {
    plan: {
      run,
      sync: 'nightly',
      destination: 'sendmator',
      source: { name, path: `/in/${name}`, sha256: '', bytes: 1, lines: 1 },
    },
    event: 'finished',
    atMs: Date.UTC(2026, 0, 31, 2, 8),
    epoch: 2,
    numbers: {
      rows: 5_000,
      created: 4_985 - failed,
      updated: 0,
      skipped: 15,
      failed,
      unprocessed: 0,
      reasons: { duplicate_email: 15, invalid: 3, rejected: failed - 3 },
      started_at: '2026-01-31T02:00:00.000Z',
      finished_at: '2026-01-31T02:08:00.000Z',
      duration_ms: 480_000,
      reports: { dir: `/data/reports/${run}` },
    },
    ...more,
  };
}

test('a run that finished, in words and in numbers', () => {
  const { reports, ...numbers } = endOf().numbers!;
  expect(noticeOf(endOf(), entryFor(''))).toEqual({
    id: `${run}-finished`,
    event: 'finished',
    at: '2026-01-31T02:08:00.000Z',
    text: 'contacts.csv → sendmator finished: 4 980 created, 15 skipped, 5 failed (0.1 %: 3 invalid, 2 rejected)',
    next: `rowferry runs retry ${run}`,
    run,
    sync: 'nightly',
    destination: 'sendmator',
    source: 'contacts.csv',
    ...numbers,
    report_dir: reports.dir,
  });
});

test('a share of failed rows beyond the threshold is an event of its own, whatever else is asked for', () => {
  const entry = entryFor('', { on: [], failedShare: 0.05 });
  expect(noticeOf(endOf({}, 250), entry)).toBeUndefined();
  expect(noticeOf(endOf({}, 251), entry)).toMatchObject({
    event: 'failed_share',
    id: `${run}-failed_share`,
    text: expect.stringContaining('finished with more than 5 % failed: 4 734 created'),
  });
  expect(noticeOf(endOf({ event: 'cancelled' }, 251), entry)).toBeUndefined();
  const both = entryFor('', { failedShare: 0.05 });
  expect([noticeOf(endOf({}, 250), both), noticeOf(endOf({}, 251), both)]).toMatchObject([
    { event: 'finished' },
    { event: 'failed_share' },
  ]);
});

test('only the syncs and the ends that are asked for', () => {
  expect(noticeOf(endOf(), entryFor('', { syncs: ['weekly'] }))).toBeUndefined();
  expect(noticeOf(endOf(), entryFor('', { syncs: ['nightly'] }))).toBeDefined();
  expect(noticeOf(endOf({ event: 'cancelled' }), entryFor(''))).toBeUndefined();
});

test('why a run halted or broke: how to go on, no address of anybody; each halt is another notice', () => {
  const message = `crm stopped the run: ${haltWords('http_401')}. Check CRM_KEY, then: rowferry runs resume ${run}`;
  const halted = endOf({ event: 'halted', message }, 5, 'for ann@example.com.csv');
  const notice = noticeOf(halted, entryFor(''))!;
  expect(notice).toMatchObject({ id: `${run}-halted-2`, next: `rowferry runs resume ${run}` });
  expect(notice.text).toBe(
    `for *** → sendmator halted after 5 000 of 5 000 rows: crm stopped the run: it refused the credentials (HTTP 401). Check CRM_KEY, then: rowferry runs resume ${run}`,
  );
  const { numbers: _, ...unknown } = endOf({
    event: 'failed',
    message: 'no\nplace for <Bob.B+x@example.com>',
  });
  expect(noticeOf(unknown, entryFor(''))!.text).toBe('contacts.csv → sendmator failed: no place for <***>');
  expect(haltWords('a contact: ann')).toBe('it refused');
});
