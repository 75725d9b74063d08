import { expect, test } from 'vitest';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { frontOf } from '../helpers/front.js';
import { until, World } from '../helpers/world.js';

const CONCURRENCY = 16;

test('an API that is down is asked less than once a second, spends no row, and is gone on with when it is back', async () => {
  const world = await World.open();
  const rows = people(600);
  let down = false;
  const asked: number[] = [];
  const url = await frontOf(world.sandbox.url, () => {
    if (!down) return undefined;
    asked.push(performance.now());
    return { status: 503, body: '<h1>maintenance</h1>' };
  });
  world.env.SENDMATOR_BASE_URL = url;
  const flags = ['--rate', 'none', '--attempts', '3', '--concurrency', String(CONCURRENCY), '--json'];
  // A second process: what is asked is asked by both together.
  const worker = world.start('worker', '--concurrency', String(CONCURRENCY));
  await worker.says(/worker started/);
  const run = world.start('run', world.csv(rows), ...flags);
  await world.holds(100);
  down = true;
  // Of each process: a request in each place, one more for each failure that was read before the last success, and
  // the ten failures that it takes; and a few that try it.
  const first = 2 * (2 * CONCURRENCY + 10);
  const probes = 10;
  await run.says(/does not answer: HTTP 503/);
  const known = asked.length;
  expect(known).toBeLessThanOrEqual(first + probes);
  // A stall may have held up what was sent before: the first two may be such.
  await until(() => asked.length >= known + 5);
  const tries = asked.slice(known + 2, known + 5);
  const pauses = tries.slice(1).map((at, i) => at - tries[i]!);
  // Stalls make them longer, never shorter.
  for (const pause of pauses) expect(pause).toBeGreaterThan(900);
  down = false;
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 600, failed: 0 });
  worker.kill();
  await worker.finished;
});
