import { appendFileSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { queuePrefix } from '../../src/redis/keys.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

test('429, 500, resets and lost answers at 3 % each: no disagreement, nothing given up', async () => {
  const world = await World.open({
    sandbox: {
      faults: { status500: 0.03, throttle: 0.005, reset: 0.03, drop: 0.03, truncated: 0.02 },
      seed: 7,
    },
  });
  const rows = people(3_000);
  await world.seed(people(60, 1_001).map(({ email, external_id }) => ({ email, external_id })));
  const run = world.start('run', world.csv(rows), '--rate', '600/s', '--attempts', '8', '--json');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 2_940, skipped: 60, failed: 0 });
  // Lost answers whose contact had landed are told from contacts that were there before.
  expect(summary.reasons.confirmed_on_retry).toBeGreaterThan(0);
  expect(outcomes.slice(1_000, 1_060).every(({ reason }) => reason === 'duplicate_email')).toBe(true);
});

test('every fault that data can ask for ends in the right outcome', async () => {
  const world = await World.open();
  const faults = {
    'throttle-once': 'created ',
    'throttle-twice': 'created ',
    'throttle-date': 'created ',
    'throttle-body': 'created ',
    'throttle-silent': 'created ',
    'throttle-reset': 'created ',
    'throttle-draft': 'created ',
    'throttle-structured': 'created ',
    'throttle-milliseconds': 'created ',
    'throttle-field': 'created ',
    'error-once': 'created ',
    'error-twice': 'created ',
    'error-always': 'failed retries_exhausted',
    'error-after-accept': 'created confirmed_on_retry',
    reject: 'failed rejected',
    'reset-once': 'created ',
    'drop-after-accept': 'created confirmed_on_retry',
    'truncate-after-accept': 'created confirmed_on_retry',
    'stall-after-accept': 'created confirmed_on_retry',
    trickle: 'created ',
    close: 'created ',
    hang: 'created ',
    'hang-after-accept': 'created confirmed_on_retry',
    html: 'created ',
    empty: 'created ',
    slow: 'created ',
  };
  const rows = Object.keys(faults).map((name, i) => ({ ...person(i + 1), email: `${name}.1@example.com` }));
  const run = world.startWith(
    { ROWFERRY_TIMEOUT: '2s' },
    'run',
    world.csv(rows),
    '--rate',
    '100/s',
    '--attempts',
    '4',
    '--json',
  );
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(3);
  const summary = await run.result();
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  const told = outcomes.map(({ email, status, reason }) => [
    email!.replace('.1@example.com', ''),
    `${status} ${reason}`,
  ]);
  expect(Object.fromEntries(told)).toEqual(faults);
  // A throttled row spends no attempt.
  expect(outcomes.find(({ email }) => email!.startsWith('throttle-twice'))!.attempts).toBe('1');
});

test('a batch whose worker dies five times still ends, right', async () => {
  const world = await World.open({ ownRedis: true, sandbox: { latencyMs: 300 } });
  const rows = people(40);
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--concurrency', '1', '--json');
  await run.says(/started/);
  for (let death = 1; death <= 5; death++) {
    // Every time in the middle of a request.
    const before = world.sandbox.state.counters.posts;
    const holder = world.start('worker', '--concurrency', '4');
    await holder.says(/worker started/);
    await until(() => world.sandbox.state.counters.posts > before + 2 || run.child.exitCode !== null);
    holder.kill('SIGKILL');
    await holder.finished;
  }
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 40, failed: 0 });
});

test('jobs that vanish from the queue are noticed and added again', async () => {
  const world = await World.open({ sandbox: { latencyMs: 5 } });
  const rows = people(6_000);
  const redis = new Redis(world.env.REDIS_URL!.replace('unix://', ''));
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  await world.holds(500);
  // As addBulk does when one of its scripts is refused: the job's keys and its place in the queue are simply not there.
  const prefix = `${queuePrefix(world.env.ROWFERRY_PREFIX!)}:deliver-`;
  const [wait] = (await redis.keys(`${prefix}*:wait`)) as [string];
  const lost = await redis.lpop(wait, 3);
  expect(lost).toHaveLength(3);
  await redis.del(...lost!.map((id) => wait.replace(/wait$/, id)));
  await redis.quit();
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('rows without a batch');
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 6_000, failed: 0 });
});

test('Redis restarted from an older AOF: the run ends, and no created row becomes a duplicate', async () => {
  const world = await World.open({ ownRedis: true, sandbox: { latencyMs: 5 } });
  const rows = people(6_000);
  await world.seed(people(50, 3_001).map(({ email, external_id }) => ({ email, external_id })));
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  await world.holds(1_000);
  const data = join(world.dataDir, 'redis', 'appendonlydir');
  const old = join(world.dir, 'older');
  // A copy of a live AOF may end in the middle of a command, as after a power cut.
  await cp(data, old, { recursive: true });
  await world.holds(2_500);
  const pid = await world.redisPid();
  process.kill(pid, 'SIGSTOP');
  await cp(old, data, { recursive: true, force: true });
  process.kill(pid, 'SIGKILL');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('Redis was restarted');
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 5_950, skipped: 50, failed: 0 });
});

test('a journal torn in the middle of a line by a crash does no harm', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(4_000);
  const first = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  const [, id] = await first.says(/"run":"([^"]+)"/);
  await world.holds(1_500);
  first.killGroup();
  await first.finished;
  appendFileSync(join(world.dataDir, 'runs', id!, 'journal-1.ndjson'), '[[17,0,null,null,nu');
  const second = world.start('runs', 'resume', id!, '--json');
  const summary = await second.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 4_000, failed: 0 });
});

test('rows that always fail neither stop the others nor stand for an outage of the API', async () => {
  const world = await World.open();
  const rows = [
    ...people(12).map((row, i) => ({ ...row, email: `error-always.${i}@example.com` })),
    ...people(300, 100),
  ];
  const run = world.start('run', world.csv(rows), '--rate', '200/s', '--attempts', '2', '--json');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(3);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 300, failed: 12, reasons: { retries_exhausted: 12 } });
});

test('a tail of rows that always fail spends their attempts, not a second for each of them', async () => {
  const world = await World.open();
  const rows = [
    ...people(20),
    ...people(40, 100).map((row, i) => ({ ...row, email: `error-always.${i}@example.com` })),
  ];
  const run = world.start('run', world.csv(rows), '--rate', '100/s', '--attempts', '3', '--json');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(3);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 20, failed: 40, reasons: { retries_exhausted: 40 } });
  // Each was really tried three times; a look-up that only tries the API is no attempt.
  expect(world.sandbox.state.counters.faults['error-always']).toBeGreaterThanOrEqual(3 * 40);
  // Look-ups a second for each row and attempt would be many more than three a row.
  expect(world.sandbox.state.counters.by_status[200] ?? 0).toBeLessThan(40 * 4.5);
});

test('creating fails while look-ups are answered: few rows are tried, none is lost when it is over', async () => {
  const world = await World.open();
  const rows = people(1_000);
  const run = world.start('run', world.csv(rows), '--rate', '500/s', '--attempts', '8', '--json');
  await world.holds(50);
  world.sandbox.state.rates = { status500: 1 };
  const { counters } = world.sandbox.state;
  const before = counters.posts;
  await until(() => (counters.by_status[200] ?? 0) >= 5);
  expect(counters.posts - before).toBeLessThan(150);
  world.sandbox.state.rates = {};
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 1_000, failed: 0 });
});

test('a key that the API quotes back reaches neither report nor data dir', async () => {
  const world = await World.open();
  const key = 'sk_quoted_0123456789';
  const api = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ statusCode: 400, message: `key ${request.headers['x-api-key']} may not do this` }),
      );
    });
  });
  await new Promise<void>((done) => api.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    api.closeAllConnections();
    api.close();
  });
  const { port } = api.address() as AddressInfo;
  const env = { SENDMATOR_API_KEY: key, SENDMATOR_BASE_URL: `http://127.0.0.1:${port}` };
  const run = world.startWith(env, 'run', world.csv(people(3)), '--rate', '100/s', '--json');
  const { code, stdout, stderr } = await run.finished;
  expect(code, stderr).toBe(3);
  const { reports } = await run.result();
  const report = readFileSync(reports.outcomes, 'utf8');
  expect(report).toContain('key *** may not do this');
  expect(report + stdout + stderr).not.toContain(key);
});
