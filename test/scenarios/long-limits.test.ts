import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Pace } from '../../src/delivery/pace.js';
import { bindAccount, findDestination } from '../../src/destinations/registry.js';
import { define } from '../../src/redis/scripts.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { frontOf } from '../helpers/front.js';
import { StrictWindow } from '../helpers/strict-window.js';
import { until, World } from '../helpers/world.js';

test('120/min, while processes join and die by kill -9: no minute, wherever it begins, has a request too many', async () => {
  const world = await World.open();
  const rows = people(136);
  const server = new StrictWindow(120, 60_000);
  world.env.SENDMATOR_BASE_URL = await frontOf(world.sandbox.url, () => {
    server.arrived();
    return undefined;
  });
  const first = world.start('worker');
  const run = world.start('run', world.csv(rows), '--rate', '120/min', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await until(() => server.count >= 10);
  const second = world.start('worker');
  await until(() => server.count >= 20);
  first.kill('SIGKILL');
  await until(() => server.count >= 35);
  run.killGroup();
  await run.finished;
  const resumed = world.start('runs', 'resume', id!, '--json');
  await until(() => server.count >= 60);
  const third = world.start('worker');
  second.kill('SIGKILL');
  const { code, stderr } = await resumed.finished;
  expect(code, stderr).toBe(0);
  const summary = await resumed.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 136, failed: 0 });
  expect(server.judged).toBeGreaterThanOrEqual(16);
  expect(server.violations()).toEqual([]);
  console.info(
    `120/min: ${server.judged} windows, ${(server.used * 100).toFixed(1)} % used with three kills, the server stood still for ${server.longestStallMs.toFixed(0)} ms at the most`,
  );
  third.kill();
  await Promise.all([first, second, third].map((worker) => worker.finished));
});

test('40/h is spread evenly: whoever joins, or comes after a kill -9, finds when the next request may go', async () => {
  const world = await World.open();
  const rows = people(3);
  const begunMs = performance.now();
  const run = world.start('run', world.csv(rows), '--rate', '40/h', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await world.holds(1);
  run.killGroup();
  await run.finished;
  const worker = world.start('worker');
  await worker.says(/worker started/);
  const resumed = world.start('runs', 'resume', id!, '--json');
  await resumed.says(/"event":"progress"/);

  const redis = define(new Redis(world.env.REDIS_URL!.replace('unix://', '')));
  onTestFinished(() => redis.disconnect());
  const account = bindAccount(findDestination('sendmator'), world.env);
  const pace = new Pace(redis, systemClock, world.env.ROWFERRY_PREFIX!, account.id, null);
  const { slots, waitMs } = await pace.ask(1);
  expect(slots).toEqual([]);
  // What has passed since it was sent, and no more, is off the ninety seconds between two requests.
  expect(waitMs).toBeGreaterThan(90_000 - 40 - (performance.now() - begunMs));
  expect(waitMs).toBeLessThan(90_100);
  expect(world.sandbox.state.counters.posts).toBe(1);
  resumed.kill();
  expect((await resumed.finished).code).toBe(143);
  worker.kill();
  await worker.finished;
});

test('a burst is what the API allows: at a high rate 40 of an hour go at once, not one too many is sent, the rest goes on in the next', async () => {
  const world = await World.open();
  const rows = people(50);
  const HOUR_MS = 3_600_000;
  const sent: number[] = [];
  let aheadMs = 0;
  let refused = 0;
  world.env.SENDMATOR_BASE_URL = await frontOf(world.sandbox.url, () => {
    const now = performance.now() + aheadMs;
    const inWindow = sent.filter((atMs) => now - atMs < HOUR_MS);
    const resetS = String(Math.ceil(((inWindow[0] ?? now) + HOUR_MS - now) / 1_000));
    if (inWindow.length >= 40) {
      refused++;
      return { status: 429, headers: { 'retry-after': resetS } };
    }
    sent.push(now);
    const left = String(39 - inWindow.length);
    return { added: { 'x-ratelimit-remaining': left, 'x-ratelimit-reset': resetS } };
  });
  const flags = ['--rate', '50/s', '--max-wait', '30m', '--json'];
  const halted = await world.start('run', world.csv(rows), ...flags).result();
  expect(halted).toMatchObject({ state: 'halted', created: 40, failed: 0, unprocessed: 10 });
  expect(halted.message).toMatch(/it asks to wait until .* UTC, longer than max_wait allows \(30m\)/);
  expect(refused).toBe(0);
  aheadMs = HOUR_MS;
  const resumed = world.start('runs', 'resume', halted.run, '--json');
  const { code, stderr } = await resumed.finished;
  expect(code, stderr).toBe(0);
  const summary = await resumed.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 50, failed: 0 });
  expect(refused).toBe(0);
});
