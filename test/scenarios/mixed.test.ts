import { expect, test } from 'vitest';
import { expectAgreement } from '../helpers/agreement.js';
import { people, type Row } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

test('5 000 rows with every kind of duplicate and bad address: each outcome agrees with the ledger', async () => {
  const world = await World.open();
  const rows: Row[] = people(5_000);
  // In the API already: by e-mail (also in another case), by external_id, by both.
  await world.seed([
    ...people(50, 101).map(({ email }, i) => ({ email: i % 2 ? email!.toUpperCase() : email })),
    ...people(50, 201).map(({ external_id }, i) => ({ email: `other${i}@example.com`, external_id })),
    ...people(20, 301).map(({ email, external_id }) => ({ email, external_id })),
  ]);
  // In the file: by e-mail, in upper case, by external_id, of a first row that fails, of one that the API knows.
  for (let i = 0; i < 40; i++) {
    rows[1000 + i]!.email = rows[500 + i]!.email!;
    rows[1100 + i]!.email = `  ${rows[600 + i]!.email!.toUpperCase()} `;
    rows[1200 + i]!.external_id = rows[700 + i]!.external_id!;
    rows[1300 + i]!.email = rows[100 + i]!.email!;
    rows[1400 + i]!.email = `reject.${i}@example.com`;
    rows[1500 + i]!.email = `reject.${i}@example.com`;
    // The first of these is refused for its id alone, so its address is free for the second.
    rows[1600 + i]!.email = rows[200 + i]!.email!;
  }
  for (let i = 0; i < 30; i++) {
    rows[2000 + i]!.email = ['', 'nobody', 'a@b@c', '@example.com', 'two words@example.com'][i % 5]!;
  }
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  const { code } = await run.finished;
  const summary = await run.result();
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());

  expect(code).toBe(3);
  expect(summary.state).toBe('finished');
  const reasons = (from: number, count: number) =>
    new Set(outcomes.slice(from, from + count).map((o) => `${o.status} ${o.reason}`));
  expect(reasons(100, 50)).toEqual(new Set(['skipped duplicate_email']));
  expect(reasons(200, 50)).toEqual(new Set(['skipped duplicate_external_id']));
  expect(reasons(1000, 40)).toEqual(new Set(['skipped duplicate_email']));
  expect(outcomes[1000]!.duplicate_of).toBe('501');
  expect(outcomes[1100]!.duplicate_of).toBe('601');
  expect(reasons(1200, 40)).toEqual(new Set(['skipped duplicate_external_id']));
  expect(outcomes[1200]!.duplicate_of).toBe('701');
  expect(outcomes[1300]!.duplicate_of).toBe('101');
  expect(reasons(1400, 40)).toEqual(new Set(['failed rejected']));
  expect(reasons(1500, 40)).toEqual(new Set(['failed rejected']));
  expect(outcomes[1500]!.attempts).toBe('1');
  expect(reasons(1600, 40)).toEqual(new Set(['created ']));
  expect(reasons(2000, 30)).toEqual(new Set(['failed invalid']));
  expect(outcomes[2000]!.field).toBe('email');
});
