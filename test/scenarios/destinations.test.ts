import { describe, expect, test } from 'vitest';
import { expectAgreement } from '../helpers/agreement.js';
import type { Row } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

type Kind = 'sendmator' | 'autosend' | 'cendyn' | 'clemta';

/** A person as the columns of each API's export would have it. */
const PERSON: Record<Kind, (n: number) => Row> = {
  sendmator: (n) => ({
    'E-mail': `person${n}@example.com`,
    'External ID': `P-${n}`,
    'First Name': `First${n}`,
    'custom_fields.score:integer': String(n),
  }),
  autosend: (n) => ({
    'E-mail': `person${n}@example.com`,
    userId: `P-${n}`,
    'First Name': `First${n}`,
    'customFields.score:integer': String(n),
  }),
  cendyn: (n) => ({
    'E-mail': `person${n}@example.com`,
    user_id: `P-${n}`,
    'First Name': `First${n}`,
    language: 'DE',
  }),
  clemta: (n) => ({
    'E-mail': `person${n}@example.com`,
    type: n % 2 === 0 ? 'customer' : 'vendor',
    'Full Name': `First${n} Last${n}`,
    'billing.country': 'Germany',
  }),
};

const KINDS = Object.keys(PERSON) as Kind[];
const FAULTS = { status500: 0.01, throttle: 0.01, reset: 0.01, drop: 0.01, truncated: 0.01 };

/** The column that {@link expectAgreement} knows addresses by. */
const known = (rows: readonly Row[]) => rows.map((row) => ({ ...row, email: row['E-mail'] ?? '' }));

test.each(KINDS)(
  '%s: 1 000 rows with duplicates, invalid rows and faults at 5 in a hundred agree with the ledger',
  async (kind) => {
    const world = await World.open({ kinds: [kind], sandbox: { faults: FAULTS } });
    const person = PERSON[kind];
    const rows = Array.from({ length: 1_000 }, (_, i) => person(i + 1));
    const seeds: Record<Kind, (n: number) => object> = {
      sendmator: (n) => ({ email: `person${n}@example.com` }),
      autosend: (n) => ({ email: `person${n}@example.com` }),
      cendyn: (n) => ({ email: `other${n}@example.com` }),
      clemta: (n) => ({ email: `other${n}@example.com`, type: 'vendor', full_name: 'Other' }),
    };
    await world.seed(Array.from({ length: 50 }, (_, i) => seeds[kind](101 + i)));
    for (let i = 0; i < 40; i++) rows[600 + i] = { ...person(301 + i) };
    for (let i = 0; i < 30; i++) {
      rows[700 + i]!['E-mail'] = ['nobody', 'a@b@c', '@example.com', 'two words@example.com'][i % 4]!;
    }
    const { finished, result } = runOf(world, rows, '--attempts', '10');
    const { code } = await finished;
    const summary = await result();
    expect(summary.state).toBe('finished');
    const { outcomes } = expectAgreement(summary.reports.dir, known(rows), world.ledger());
    const said = (from: number, count: number) =>
      new Set(outcomes.slice(from, from + count).map(({ status, reason }) => `${status} ${reason}`));
    expect(outcomes[600]!.duplicate_of).toBe('301');
    expect(said(700, 30)).toEqual(new Set(['failed invalid']));
    if (kind === 'sendmator' || kind === 'autosend') {
      expect(said(100, 50)).toEqual(new Set(['skipped duplicate_email']));
      expect(said(600, 40)).toEqual(new Set(['skipped duplicate_email']));
      expect(summary.failed).toBe(30);
    } else {
      // What was sent without an answer is not sent again, nor what repeats it: it is listed, or found by a look-up.
      const repeats = ['skipped duplicate_email', 'failed unconfirmed'];
      expect([...said(600, 40)].every((outcome) => repeats.includes(outcome))).toBe(true);
      const unconfirmed = outcomes.filter(({ reason }) => reason === 'unconfirmed').length;
      expect(summary.failed).toBe(30 + unconfirmed);
    }
    expect(code).toBe(3);
  },
);

describe('on_duplicate: update', () => {
  const UPDATES: Record<'sendmator' | 'autosend' | 'clemta', { seed(n: number): object; kept: string }> = {
    sendmator: { seed: (n) => ({ email: `person${n}@example.com`, last_name: 'Kept' }), kept: 'last_name' },
    autosend: { seed: (n) => ({ email: `person${n}@example.com`, lastName: 'Kept' }), kept: 'lastName' },
    clemta: {
      seed: (n) => ({
        email: `person${n}@example.com`,
        type: n % 2 === 0 ? 'customer' : 'vendor',
        full_name: 'Old',
        description: 'Kept',
      }),
      kept: 'description',
    },
  };

  test.each(Object.keys(UPDATES) as (keyof typeof UPDATES)[])(
    '%s: contacts that are there are brought up to date under faults, and nothing is erased',
    async (kind) => {
      const world = await World.open({ kinds: [kind], sandbox: { faults: FAULTS } });
      const rows = Array.from({ length: 300 }, (_, i) => PERSON[kind](i + 1));
      await world.seed(Array.from({ length: 100 }, (_, i) => UPDATES[kind].seed(101 + i)));
      const { finished, result } = runOf(world, rows, '--on-duplicate', 'update', '--attempts', '10');
      const { code } = await finished;
      const summary = await result();
      const { outcomes } = expectAgreement(summary.reports.dir, known(rows), world.ledger());
      const statuses = new Set(outcomes.slice(100, 200).map(({ status }) => status));
      if (kind === 'clemta') {
        // A lost answer to a create leaves doubt; to an update it does not.
        expect([...statuses].every((status) => status === 'updated')).toBe(true);
      } else {
        expect(summary).toMatchObject({ created: 200, updated: 100, failed: 0 });
        expect(statuses).toEqual(new Set(['updated']));
        expect(code).toBe(0);
      }
      const updated = world.ledger().filter(({ seeded }) => seeded);
      expect(updated).toHaveLength(100);
      for (const { fields } of updated) {
        expect(fields[UPDATES[kind].kept]).toBe('Kept');
        expect(JSON.stringify(fields)).toContain('First');
      }
    },
  );

  test('killed with -9 while it creates where nothing is unique: what it created is not taken for another’s', async () => {
    const world = await World.open({ kinds: ['clemta'] });
    const rows = Array.from({ length: 8 }, (_, i) => PERSON.clemta(i + 1));
    for (let i = 0; i < 4; i++) rows[i]!['E-mail'] = `hang-after-accept.${i}@example.com`;
    await world.seed(rows.slice(4, 6).map((row) => ({ ...UPDATES.clemta.seed(0), email: row['E-mail'] })));
    const flags = ['--rate', 'none', '--on-duplicate', 'update'];
    const first = world.start('run', world.csv(rows), ...flags);
    await until(() => world.sandbox.state.counters.faults['hang-after-accept'] === 4);
    first.killGroup();
    await first.finished;
    const second = world.start('runs', 'resume', '--json');
    await second.finished;
    const { outcomes } = expectAgreement((await second.result()).reports.dir, known(rows), world.ledger());
    for (const outcome of outcomes.slice(0, 4)) {
      expect(outcome).toMatchObject({ status: 'created', reason: 'confirmed_on_retry' });
    }
  });

  test('by external_id: the contact that holds the id gets the new address', async () => {
    const world = await World.open();
    await world.seed([{ email: 'old@example.com', external_id: 'P-1' }]);
    const rows = [PERSON.sendmator(1)];
    const { finished, result } = runOf(world, rows, '--on-duplicate', 'update');
    expect((await finished).code).toBe(0);
    const summary = await result();
    expect(summary).toMatchObject({ updated: 1 });
    expectAgreement(summary.reports.dir, known(rows), world.ledger());
    expect(world.ledger().map(({ email }) => email)).toEqual(['person1@example.com']);
  });
});

test('bulk: a hundred contacts to a request, in one slot of the rate', async () => {
  const world = await World.open({ sandbox: { limit: { requests: 10, windowMs: 1_000 } } });
  const rows = Array.from({ length: 1_000 }, (_, i) => PERSON.sendmator(i + 1));
  const run = world.start('run', world.csv(rows), '--rate', '10/s', '--json', '--bulk');
  expect((await run.finished).code).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, known(rows), world.ledger());
  expect(summary.requests).toBeLessThanOrEqual(14);
  expect(summary.throttled).toBe(0);
});

test('bulk: the same outcomes with a fraction of the requests, also when answers get lost', async () => {
  const world = await World.open();
  const person = PERSON.sendmator;
  const rows = Array.from({ length: 2_000 }, (_, i) => person(i + 1));
  await world.seed(Array.from({ length: 60 }, (_, i) => ({ email: `person${101 + i}@example.com` })));
  for (let i = 0; i < 10; i++) rows[500 + i]!['E-mail'] = `reject.${i}@example.com`;
  for (const [i, fault] of [
    'drop-after-accept',
    'error-once',
    'throttle-once',
    'error-after-accept',
  ].entries()) {
    rows[700 + 150 * i]!['E-mail'] = `${fault}.${i}@example.com`;
  }
  const { finished, result } = runOf(world, rows, '--bulk');
  const { code } = await finished;
  const summary = await result();
  expect(code).toBe(3);
  expectAgreement(summary.reports.dir, known(rows), world.ledger());
  expect(summary).toMatchObject({ skipped: 60, failed: 10, created: 1_930 });
  // The rows of the three requests without an answer go by themselves afterwards, those in doubt after a look-up.
  expect(summary.requests).toBeLessThan(2_000 / 3);
});

function runOf(world: World, rows: readonly Row[], ...flags: string[]) {
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json', ...flags);
  return { finished: run.finished, result: () => run.result() };
}
