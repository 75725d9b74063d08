import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

test('20 000 rows, the process group killed with -9 three times: resumed each time, nothing lost, nothing twice', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(20_000);
  await world.seed(people(100, 5_001).map(({ email, external_id }) => ({ email, external_id })));
  const file = world.csv(rows);
  let current = world.start('run', file, '--rate', 'none');
  for (const held of [3_000, 8_000, 14_000]) {
    await world.holds(held);
    current.killGroup();
    expect((await current.finished).signal).toBe('SIGKILL');
    current = world.start('runs', 'resume', '--json');
  }
  const { code, stderr } = await current.finished;
  expect(code, stderr).toBe(0);
  const summary = await current.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ rows: 20_000, created: 19_900, skipped: 100, failed: 0 });
});

test('Redis itself killed with -9 under a run: the run goes on and ends right', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(12_000);
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  for (const held of [2_000, 6_000]) {
    await world.holds(held);
    process.kill(await world.redisPid(), 'SIGKILL');
  }
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 12_000, failed: 0 });
});

test('Redis and the process group killed together, then resumed', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(8_000);
  const first = world.start('run', world.csv(rows), '--rate', 'none');
  await world.holds(3_000);
  process.kill(await world.redisPid(), 'SIGKILL');
  first.killGroup();
  await first.finished;
  const second = world.start('runs', 'resume', '--json');
  const { code, stderr } = await second.finished;
  expect(code, stderr).toBe(0);
  const summary = await second.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 8_000, failed: 0 });
});

test('two workers of which one is killed with -9: the other takes over its batches', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(10_000);
  const workers = [world.start('worker'), world.start('worker')];
  await Promise.all(workers.map((worker) => worker.says(/worker started/)));
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  await world.holds(3_000);
  workers[0]!.kill('SIGKILL');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 10_000, failed: 0 });
  workers[1]!.kill();
  expect((await workers[1]!.finished).code).toBe(143);
});

test('Redis emptied under a run, and again while nobody works on it: rows agree, counts are not forgotten', async () => {
  const world = await World.open({ ownRedis: true, sandbox: { latencyMs: 5 } });
  const rows = people(4_000);
  // Waiting for each other when it happens: the second chain is sent last.
  for (let i = 0; i < 30; i++) rows[3_900 + i]!.email = 'reject.1@example.com';
  const empty = async () => {
    const redis = new Redis(await world.redisSocket());
    await redis.flushall();
    await redis.quit();
  };
  const first = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  const [, id] = await first.says(/"run":"([^"]+)"/);
  await world.holds(1_000);
  await empty();
  const requests = () =>
    Math.max(0, ...[...first.stdout.matchAll(/"requests":(\d+)/g)].map(([, n]) => Number(n)));
  await world.holds(3_500);
  world.sandbox.state.outage = true; // nothing gets through any more: the run cannot end before it is killed
  await until(() => requests() >= 2_000); // those before the first emptying may be forgotten
  const known = requests();
  first.killGroup();
  await first.finished;
  world.sandbox.state.outage = false;
  await empty();
  const second = world.start('runs', 'resume', id!, '--json');
  const chained = () => world.sandbox.state.counters.faults.reject ?? 0;
  await until(() => chained() >= 10 || second.child.exitCode !== null);
  await empty();
  const { code, stderr } = await second.finished;
  expect(code, stderr).toBe(3);
  const summary = await second.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 3_970, failed: 30, reasons: { rejected: 30 } });
  expect(summary.requests).toBeGreaterThanOrEqual(known);
});

test('the process group killed with requests on their way, and Redis emptied: what had landed is known as ours, what was journaled is not sent again', async () => {
  // A contact is there at once, its answer 150 ms later.
  const world = await World.open({ ownRedis: true, sandbox: { latencyMs: 150 } });
  const rows = people(600);
  const first = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  const [, id] = await first.says(/"run":"([^"]+)"/);
  await first.says(/"created":[2-9]\d\d,/); // and so in the journal, or as good as
  first.killGroup();
  await first.finished;
  const redis = new Redis(await world.redisSocket());
  await redis.flushall();
  await redis.quit();
  const second = world.start('runs', 'resume', id!, '--json');
  const { code, stderr } = await second.finished;
  expect(code, stderr).toBe(0);
  const summary = await second.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 600, skipped: 0, failed: 0 });
  expect(summary.reasons.confirmed_on_retry).toBeGreaterThan(0);
  expect(world.sandbox.state.counters.posts).toBeLessThan(600 + 150);
});

test('rows that repeat rejected ones, the process group killed with -9 among them: each is sent in its turn, once', async () => {
  const world = await World.open({ ownRedis: true, sandbox: { latencyMs: 2 } });
  const rows = people(600);
  // Two chains by e-mail, crossed by one of external_id whose first free row ends it.
  for (let i = 0; i < 120; i++) rows[200 + i]!.email = `reject.${i % 2}@example.com`;
  for (let i = 0; i < 40; i++) rows[250 + i]!.external_id = 'P-shared';
  for (let i = 0; i < 10; i++) rows[400 + i]!.external_id = 'P-shared';
  const file = world.csv(rows);
  let current = world.start('run', file, '--rate', 'none');
  const rejected = () => world.sandbox.state.counters.faults.reject ?? 0;
  for (const chained of [15, 50, 90]) {
    await until(() => rejected() >= chained);
    current.killGroup();
    expect((await current.finished).signal).toBe('SIGKILL');
    current = world.start('runs', 'resume', '--json');
  }
  const { code, stderr } = await current.finished;
  expect(code, stderr).toBe(3);
  const summary = await current.result();
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 471, skipped: 9, failed: 120, reasons: { rejected: 120 } });
  expect(outcomes[401]).toMatchObject({ reason: 'duplicate_external_id', duplicate_of: '401' });
  // Never two of a chain at once: beyond one request a row there is at most one for each kill and each chain.
  expect(rejected()).toBeLessThanOrEqual(120 + 3 * 2);
});
