/** The invariant itself: what agrees passes, and every way to disagree is noticed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LedgerLine } from '../../src/sandbox/ledger.js';
import { expectAgreement } from './agreement.js';
import { type Row, writeCsv } from './csv.js';
import { scratchDir } from './scratch.js';

const EMPTY = { reason: '', email: '', external_id: '', contact_id: '' };

/** A report of these outcomes, and the check of it. */
function check(
  destination: string,
  outcomes: Row[],
  ledger: LedgerLine[],
  source: Row[] = outcomes.map(({ email }) => ({ email: email ?? '' })),
  sent?: (row: Row) => Record<string, unknown>,
) {
  const dir = scratchDir();
  const count = (status: string) => outcomes.filter((outcome) => outcome.status === status).length;
  const counts = ['created', 'updated', 'skipped', 'failed', 'unprocessed'].map((one) => [one, count(one)]);
  const summary = { destination, rows: outcomes.length, ...Object.fromEntries(counts) };
  writeFileSync(join(dir, 'summary.json'), JSON.stringify(summary));
  writeCsv(
    join(dir, 'outcomes.csv'),
    outcomes.map((outcome, i) => ({ row: String(i + 1), ...EMPTY, ...outcome })),
  );
  return () => expectAgreement(dir, source, ledger, new Set(['of another run']), sent);
}

/** The list that the failed assertion shows. */
function objections(checking: () => unknown): string {
  try {
    checking();
  } catch (error) {
    return String((error as { actual: unknown }).actual);
  }
  return '';
}

function line(api: string, id: string, email: string, more: Partial<LedgerLine> = {}): LedgerLine {
  const known = { created_at: '', key_id: '', external_id: null, seeded: false, posts: 1 };
  return { id, api, email, ...known, fields: { email }, ...more };
}

const created = (id: string, email = 'a@x.io'): Row => ({ status: 'created', contact_id: id, email });
const unconfirmed = (email = 'a@x.io'): Row => ({ status: 'failed', reason: 'unconfirmed', email });

describe.each(['sendmator', 'autosend', 'cendyn', 'clemta'])('%s', (api) => {
  test('agrees when each created row has its own contact', () => {
    const ledger = [
      line(api, '1', 'A@x.io'),
      line(api, '2', 'b@x.io'),
      line(api, 'of another run', 'c@x.io'),
    ];
    check(api, [created('1'), created('2', 'b@x.io')], [...ledger, line('other', '3', 'd@x.io')])();
  });

  test.each([
    ['nothing', []],
    ['another address', [line(api, '1', 'b@x.io')]],
    ['somebody else’s', [line(api, '1', 'a@x.io', { seeded: true })]],
    ['a second one', [line(api, '1', 'a@x.io'), line(api, '2', 'a@x.io')]],
  ])('disagrees when the API holds %s', (_, ledger) => {
    expect(check(api, [created('1')], ledger)).toThrow();
  });

  test('disagrees when two rows claim one contact', () => {
    expect(objections(check(api, [created('1'), created('1')], [line(api, '1', 'a@x.io')]))).toContain(
      'claimed twice',
    );
  });

  test('an updated row has a contact, be it seeded or not, named by id or by address', () => {
    const update = { status: 'updated', email: 'a@x.io' };
    for (const seeded of [true, false]) {
      const ledger = [line(api, '1', 'a@x.io', { seeded })];
      check(api, [{ ...update, contact_id: '1' }], ledger)();
      check(api, [update], ledger)();
      expect(check(api, [{ ...update, contact_id: '2' }], ledger)).toThrow();
      expect(check(api, [{ ...update, email: 'b@x.io' }], ledger)).toThrow();
    }
  });

  test('what was sent is what is held', () => {
    const ledger = [line(api, '1', 'a@x.io', { fields: { name: 'Ann', tags: ['x'] } })];
    for (const outcome of [created('1'), { ...created('1'), status: 'updated' }]) {
      const rows = [{ email: 'a@x.io', name: 'Ann' }];
      check(api, [outcome], ledger, rows, ({ name }) => ({ name, tags: ['x'] }))();
      expect(objections(check(api, [outcome], ledger, rows, () => ({ name: 'Bob' })))).toContain(
        'another name',
      );
      expect(objections(check(api, [outcome], ledger, rows, () => ({ none: 1 })))).toContain('another none');
    }
  });

  test('duplicates are of something', () => {
    const skipped = { status: 'skipped', email: 'a@x.io', external_id: 'P' };
    const both = line(api, '1', 'a@x.io', { seeded: true, external_id: 'P' });
    for (const reason of ['duplicate_email', 'duplicate_external_id', 'duplicate_contact']) {
      check(api, [{ ...skipped, reason }], [both])();
      expect(check(api, [{ ...skipped, reason }], [])).toThrow();
    }
  });

  test('an unconfirmed row may have landed, once, where the API could not tell', () => {
    const [first, second] = [line(api, '1', 'a@x.io'), line(api, '2', 'a@x.io')];
    check(api, [unconfirmed()], [])();
    const uncertain = api === 'cendyn' || api === 'clemta';
    if (uncertain) check(api, [unconfirmed()], [first])();
    else expect(objections(check(api, [unconfirmed()], [first]))).toContain('no row is created');
    expect(objections(check(api, [unconfirmed()], [first, second]))).toContain('no row is created');
    expect(objections(check(api, [unconfirmed('b@x.io')], [first]))).toContain('no row is created');
  });
});

test('a contact without an address agrees with a row without one', () => {
  const rows = [{ email: '', phone: '+44' }];
  check('cendyn', [created('1', '')], [line('cendyn', '1', '')], rows)();
  expect(check('cendyn', [created('1', '')], [line('cendyn', '1', 'a@x.io')], rows)).toThrow();
});

test('where the report names no address, the source does', () => {
  const rows = [{ email: ' A@x.io' }];
  check('cendyn', [created('1', '')], [line('cendyn', '1', 'a@x.io')], rows)();
});

test('counts and rows must be those of the source', () => {
  expect(check('sendmator', [created('1')], [line('sendmator', '1', 'a@x.io')], [])).toThrow();
});
