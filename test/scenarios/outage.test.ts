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
  let back = false;
  const asked: number[] = [];
  const after: number[] = [];
  const url = await frontOf(world.sandbox.url, () => {
    if (back) after.push(performance.now());
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
  back = true;
  const backMs = performance.now();
  const missing = 600 - world.sandbox.state.stored;
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 600, failed: 0 });
  // The first request that is answered ends it: from then on there is one for each row, and those look-ups that were
  // about to find out whether the API lives.
  expect(after.length - missing).toBeLessThanOrEqual(probes);
  const [downS, sinceS] = [backMs - asked[0]!, after[0]! - backMs].map((ms) => (ms / 1000).toFixed(1));
  const [most, rest] = [known, asked.length - known];
  console.info(
    `down for ${downS} s: ${most} requests until it was known, then ${rest}; asked ${sinceS} s after`,
  );
  worker.kill();
  await worker.finished;
});
