import { expect, test } from 'vitest';
import type { Summary } from '../../src/index.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

test.each([
  ['200/s', 5, 4_000],
  // As many at a time as there are lanes: some 800 a second. What is in the window, 8 000 rows, goes first.
  ['none', 20, 30_000],
])(
  '--rate %s: a small file does not wait for the end of a large one to the same destination',
  async (rate, latencyMs, many) => {
    const world = await World.open({ sandbox: { latencyMs } });
    const service = world.start('start');
    await service.says(/service started/);
    const [large, small] = [people(many), people(100, 1_000_001)];
    const first = await world.start('enqueue', world.csv(large, 'large.csv'), '--rate', rate).finished;
    await world.holds(300);
    const second = await world.start(
      'enqueue',
      world.csv(small, 'small.csv'),
      '--rate',
      rate,
      '--wait',
      '--json',
    ).finished;
    // The rate is shared: had it waited in line, everything would be there by now.
    expect(world.sandbox.state.stored).toBeLessThan(many * 0.75);
    expect(second.code, second.stderr).toBe(0);
    const summary = JSON.parse(second.stdout.trim().split('\n').at(-1)!) as Summary;
    const ofLarge = new Set(
      world.ledger().flatMap(({ id, email }) => (/person\d{7}@/.test(email) ? [] : [id])),
    );
    expectAgreement(summary.reports.dir, small, world.ledger(), ofLarge);

    const run = first.stdout.trim();
    await world.start('runs', 'cancel', run).finished;
    service.kill();
    expect((await service.finished).code).toBe(143);
  },
);
