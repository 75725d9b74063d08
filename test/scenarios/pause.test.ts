import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DestinationView, RunView } from '../../src/index.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

test('a destination is paused while a run goes on: nothing is sent, also by a service started anew, until it is resumed', async () => {
  const world = await World.open();
  const json = async <T>(...args: string[]): Promise<T> => {
    const { stdout, stderr, code } = await world.start(...args, '--json').finished;
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as T;
  };
  const first = world.start('start');
  await first.says(/service started/);
  const rows = people(150);
  const enqueued = await world.start('enqueue', world.csv(rows), '--rate', '10/s').finished;
  const run = enqueued.stdout.trim();
  await world.holds(10);
  const paused = await json<DestinationView>('destinations', 'pause', 'sendmator');
  expect(paused.pausedSince).toMatch(/^2\d{3}-/);
  await first.says(/run waits.*|paused by hand/);
  const waits = async () => (await json<RunView>('runs', 'show', run)).progress.waiting?.why ?? '';
  await until(async () => /paused by hand since/.test(await waits()));
  expect(await json<DestinationView>('destinations', 'list')).toMatchObject({
    name: 'sendmator',
    runs: [run],
  });
  const held = world.sandbox.state.stored;
  expect(held).toBeLessThan(150);

  first.kill('SIGKILL');
  await first.finished;
  const second = world.start('start');
  await second.says(/paused by hand/); // it has taken the run over, and asked
  expect(world.sandbox.state.stored).toBe(held);
  const { stdout: table } = await world.start('destinations').finished;
  expect(table).toMatch(/sendmator +sendmator-\w+ +10000\/h +.*paused by hand since/);

  await json('destinations', 'resume', 'sendmator');
  await second.says(/run ended/);
  const { summary } = await json<RunView>('runs', 'show', run);
  expect(summary).toMatchObject({ state: 'finished', created: 150, retries: 0, throttled: 0 });
  expectAgreement(join(world.dataDir, 'reports', run), rows, world.ledger());
  second.kill();
  expect((await second.finished).code).toBe(143);
  expect((await world.start('destinations', 'pause', 'sendmatr').finished).stderr).toMatch(
    /Did you mean|sendmator/,
  );
});
