import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPlan } from '../../src/run.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { frontOf } from '../helpers/front.js';
import { World } from '../helpers/world.js';

test('a quota that is spent for longer than max_wait halts the run and says until when; resume asks again', async () => {
  const world = await World.open();
  const rows = people(300);
  let left = 100;
  let asked = 0;
  const url = await frontOf(world.sandbox.url, () => {
    asked++;
    if (left-- > 0) return undefined;
    return { status: 429, headers: { 'retry-after': '36000' }, body: '{"message":"daily quota"}' };
  });
  world.env.SENDMATOR_BASE_URL = url;
  const run = world.start('run', world.csv(rows), '--rate', '200/s', '--max-wait', '9h', '--json');
  expect((await run.finished).code).toBe(4);
  const halted = await run.result();
  expect(halted).toMatchObject({ state: 'halted', created: 100, failed: 0, unprocessed: 200 });
  const said =
    /^sendmator stopped the run: it asks to wait until (\d{4}-\d\d-\d\d \d\d:\d\d) UTC, longer than max_wait allows \(9h\)\. Wait until then, then: rowferry runs resume /;
  const until = Date.parse(`${said.exec(halted.message ?? '')?.[1]?.replace(' ', 'T')}Z`);
  const tenHours = Date.parse(halted.started_at) + 36_000_000;
  expect(until, halted.message).toBeGreaterThan(tenHours - 120_000);
  expect(until).toBeLessThan(Date.parse(halted.finished_at) + 36_060_000);

  // Still spent: a few requests find out, and it halts again.
  const before = asked;
  const again = await world.start('runs', 'resume', '--json').result();
  expect(again).toMatchObject({ state: 'halted', created: 100, unprocessed: 200 });
  expect(asked - before).toBeGreaterThan(0);
  expect(asked - before).toBeLessThanOrEqual(16 * 2);

  left = 1_000; // a larger plan was bought
  const resumed = world.start('runs', 'resume', '--json');
  const { code, stderr } = await resumed.finished;
  expect(code, stderr).toBe(0);
  const summary = await resumed.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ state: 'finished', created: 300, failed: 0 });
});

test('a quota whose reset is within max_wait is waited for', async () => {
  const world = await World.open();
  const rows = people(60);
  let left = 30;
  const url = await frontOf(world.sandbox.url, () => {
    if (left-- > 0) return undefined;
    left = 1_000;
    // As one API says it, with a status of its own.
    return { status: 403, headers: { 'retry-after': '1' }, body: '{"message":"quota"}' };
  });
  world.env.SENDMATOR_BASE_URL = url;
  const run = world.start('run', world.csv(rows), '--rate', '100/s', '--max-wait', '1m', '--json');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 60, throttled: 1 });
});

test('a limit that only the headers tell is kept without a single 429', async () => {
  const world = await World.open();
  const rows = people(90);
  const limit = { most: 40, used: 0, closedUntilMs: 0, refused: 0 };
  const url = await frontOf(world.sandbox.url, () => {
    if (performance.now() < limit.closedUntilMs) {
      limit.refused++;
      return { status: 429, headers: { 'retry-after': '1' } };
    }
    if (limit.used === limit.most) limit.used = 0;
    limit.used++;
    const remaining = limit.most - limit.used;
    if (remaining === 0) limit.closedUntilMs = performance.now() + 3_500;
    const reset = remaining === 0 ? '4' : '60';
    return { added: { 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset': reset } };
  });
  world.env.SENDMATOR_BASE_URL = url;
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 90, throttled: 0 });
  expect(limit.refused).toBe(0);
});

test('rejections alike halt after as many as the configuration says, or never', async () => {
  const world = await World.open({ sandbox: { latencyMs: 20 } });
  const config =
    'destinations: { crm: { kind: sendmator, rate: 50/s, halt_after_rejections: 10, max_wait: 24h } }\n';
  writeFileSync(join(world.dir, 'rowferry.yaml'), config);
  const rows = people(150).map((row, i) => ({ ...row, email: `reject.${i}@example.com` }));
  const file = world.csv(rows);
  const run = world.start('run', file, '--to', 'crm', '--json');
  expect((await run.finished).code).toBe(4);
  const halted = await run.result();
  expect(halted.message).toContain('the first 10 rows were all rejected alike');
  expect(halted.failed + halted.unprocessed).toBe(150);
  expect(halted.unprocessed).toBeGreaterThan(0);
  expect(loadPlan(world.dataDir, halted.run)).toMatchObject({
    haltAfterRejections: 10,
    maxWaitMs: 86_400_000,
  });
  await world.start('runs', 'cancel', halted.run).finished;

  const flags = ['--to', 'crm', '--rate', 'none', '--halt-after-rejections', '0', '--json'];
  const never = world.start('run', file, ...flags);
  expect((await never.finished).code).toBe(3);
  expect(await never.result()).toMatchObject({ state: 'finished', failed: 150 });
});

test('a report that cannot be written fails no row: it is told where and why, and made by resume', async () => {
  const world = await World.open();
  const rows = people(200);
  const reports = join(world.dir, 'reports');
  const run = world.start('run', world.csv(rows), '--rate', '200/s', '--report-dir', reports, '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await world.holds(50);
  rmSync(reports, { recursive: true });
  writeFileSync(reports, 'in the way');
  const { code, stderr } = await run.finished;
  expect(code).toBe(1);
  const sentence = `The report of run ${id} cannot be written to ${reports}: a file stands in its way.`;
  expect(stderr).toContain(
    `${sentence} Every outcome is known and kept; mend that, then: rowferry runs resume ${id}`,
  );
  rmSync(reports);
  const resumed = world.start('runs', 'resume', id!, '--json');
  const summary = await resumed.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 200, failed: 0 });
  // Nothing was sent for it.
  expect(world.sandbox.state.counters.posts).toBe(200);
  expect(readFileSync(summary.reports.outcomes, 'utf8')).toContain('person200@example.com');
});
