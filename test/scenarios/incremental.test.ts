import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Summary } from '../../src/index.js';
import { expectAgreement, readReport } from '../helpers/agreement.js';
import { people, type Row } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

/** One incremental run over `rows`; `requests`: what the API counted meanwhile. */
async function sync(world: World, rows: readonly Row[], ...flags: string[]) {
  const before = world.sandbox.state.counters.requests;
  const run = world.start('run', world.csv(rows), '--incremental', '--rate', 'none', '--json', ...flags);
  const summary: Summary = await run.result();
  const requests = world.sandbox.state.counters.requests - before;
  expect(summary.requests).toBe(requests);
  return { summary, requests };
}

const changed = (rows: readonly Row[], count: number): Row[] =>
  rows.map((row, i) => (i < count ? { ...row, last_name: `New${i}` } : row));

test('an unchanged export costs no request; a changed row one', async () => {
  const world = await World.open();
  const rows = people(10_000);
  expect((await sync(world, rows)).summary.created).toBe(10_000);

  const again = await sync(world, rows);
  expect(again.requests).toBe(0);
  expect(again.summary).toMatchObject({ skipped: 10_000, reasons: { already_synced: 10_000 } });
  expectAgreement(again.summary.reports.dir, rows, world.ledger(), everybody(world));

  const third = await sync(world, changed(rows, 100));
  expect(third.requests).toBe(100);
  expect(third.summary).toMatchObject({ reasons: { already_synced: 9_900, duplicate_email: 100 } });
  // The API has been told, and has decided: that is remembered, too.
  expect((await sync(world, changed(rows, 100))).requests).toBe(0);
  expect((await sync(world, rows)).requests).toBe(100);

  const shown = await world.start('runs', 'show', again.summary.run).finished;
  expect(shown.stdout).toContain('already_synced 10 000');
});

test('killed with -9 in the middle and resumed: the next run sends what is not known for sure, the one after it nothing', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(12_000);
  const file = world.csv(rows);
  const first = world.start('run', file, '--incremental', '--rate', 'none');
  await world.holds(3_000);
  first.killGroup();
  await first.finished;
  const second = world.start('runs', 'resume', '--json');
  await world.holds(6_000);
  process.kill(await world.redisPid(), 'SIGKILL');
  const { code, stderr } = await second.finished;
  expect(code, stderr).toBe(0);
  const resumed = await second.result();
  expectAgreement(resumed.reports.dir, rows, world.ledger());
  expect(resumed).toMatchObject({ created: 12_000, failed: 0 });

  const next = await sync(world, rows);
  expectAgreement(next.summary.reports.dir, rows, world.ledger(), everybody(world));
  expect(next.summary.skipped).toBe(12_000);
  // Bounded by what a runner has under way; the private server forgets nothing.
  expect(next.requests).toBeLessThan(9_000);
  expect((await sync(world, rows)).requests).toBe(0);
});

test.each([
  ['autosend', 1],
  ['sendmator', 2], // it updates by its own id, which has to be looked up
] as const)('%s: a changed contact is brought up to date by %i request(s)', async (kind, each) => {
  const world = await World.open({ kinds: [kind] });
  const rows = people(300);
  await sync(world, rows, '--on-duplicate', 'update');
  const other = changed(rows, 100);
  const { summary, requests } = await sync(world, other, '--on-duplicate', 'update');
  expect(summary).toMatchObject({ updated: 100, skipped: 200, reasons: { already_synced: 200 } });
  expect(requests).toBe(each * 100);
  expectAgreement(summary.reports.dir, other, world.ledger(), everybody(world), ({ last_name }) =>
    kind === 'sendmator' ? { last_name } : { lastName: last_name },
  );
  expect((await sync(world, other, '--on-duplicate', 'update')).requests).toBe(0);
  const back = await sync(world, rows, '--on-duplicate', 'update');
  expect(back.summary.updated).toBe(100);
});

test('--resend sends everything and refreshes the memory; a plain run has none, and leaves that of others right', async () => {
  const world = await World.open();
  const rows = people(200);
  const run = async (...flags: string[]) =>
    world.start('run', world.csv(rows), '--rate', 'none', '--json', ...flags).result();
  expect((await run()).created).toBe(200);
  expect((await run()).requests).toBe(200);
  // The first that is incremental finds no memory: the API tells what it has.
  expect((await sync(world, rows)).summary.reasons).toEqual({ duplicate_email: 200 });
  expect((await sync(world, rows)).requests).toBe(0);
  expect((await run('--resend')).requests).toBe(200);
  expect((await run()).requests).toBe(200);
  expect((await sync(world, rows)).requests).toBe(0);
  const both = await world.start('run', world.csv(rows), '--resend', '--incremental').finished;
  expect(both.code).toBe(2);
  expect(both.stderr).toContain('--incremental and --resend');
});

test('rows that repeat one that was left out are repeats of it, not sent', async () => {
  const world = await World.open();
  const rows = people(100);
  // By its address, by its id, and one whose address only the first sync finds rejected.
  rows.push({ ...rows[4]!, external_id: 'other' }, { ...rows[5]!, email: 'other@example.com' });
  rows.push({ ...rows[6]!, email: 'reject.1@example.com', external_id: 'r1' });
  const first = await sync(world, rows);
  expect(first.summary).toMatchObject({ created: 100, skipped: 2, failed: 1 });
  const again = await sync(world, rows);
  expect(again.requests).toBe(1); // the rejected one has another try
  const { outcomes } = readReport(again.summary.reports.dir);
  expect(outcomes[100]).toMatchObject({ reason: 'duplicate_email', duplicate_of: '5' });
  expect(outcomes[101]).toMatchObject({ reason: 'duplicate_external_id', duplicate_of: '6' });
});

test('a repeat by the key that the API never had is sent', async () => {
  const world = await World.open();
  await world.seed([{ email: 'old@example.com', external_id: 'P-1' }]);
  const rows = people(1);
  // The API has P-1 under another address: person1@example.com is free.
  const first = await sync(world, rows);
  expect(first.summary.reasons).toEqual({ duplicate_external_id: 1 });
  const more = [...rows, { ...rows[0]!, external_id: 'P-2' }];
  const { summary } = await sync(world, more);
  expect(summary).toMatchObject({ created: 1, reasons: { already_synced: 1 } });
  expectAgreement(summary.reports.dir, more, world.ledger(), everybody(world));
});

test('incremental: true of a destination in rowferry.yaml', async () => {
  const world = await World.open();
  writeFileSync(
    join(world.dir, 'rowferry.yaml'),
    'destinations:\n  crm:\n    kind: sendmator\n    incremental: true\n    rate: none\n',
  );
  const file = world.csv(people(20));
  const run = (...flags: string[]) => world.start('run', file, '--to', 'crm', '--json', ...flags).result();
  await run();
  expect((await run()).requests).toBe(0);
  expect((await run('--resend')).requests).toBe(20);
});

function everybody(world: World): ReadonlySet<string> {
  return new Set(world.ledger().map(({ id }) => id));
}
