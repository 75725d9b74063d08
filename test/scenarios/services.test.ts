import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunView } from '../../src/index.js';
import { runKeys } from '../../src/redis/keys.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

test('two services on one data dir, the one at work on a run killed with -9: the other takes the run over and ends it', async () => {
  const world = await World.open({ sandbox: { latencyMs: 5 } });
  const rows = people(4_000);
  // Among what is in doubt when it dies: contacts that were there before.
  await world.seed(people(400, 1_001).map(({ email, external_id }) => ({ email, external_id })));
  const services = [world.start('start'), world.start('start')];
  await Promise.all(services.map((service) => service.says(/service started/)));
  const enqueued = await world.start('enqueue', world.csv(rows), '--rate', 'none').finished;
  const run = enqueued.stdout.trim();
  await world.holds(1_300);

  const redis = new Redis(world.env.REDIS_URL!.replace('unix://', ''));
  const runner = await redis.hget(runKeys(world.env.ROWFERRY_PREFIX!, run).state, 'runner');
  await redis.quit();
  const { pid } = JSON.parse(runner!) as { pid: number };
  const [killed, other] = services[0]!.child.pid === pid ? services : services.toReversed();
  expect(killed!.child.pid).toBe(pid);
  killed!.kill('SIGKILL');
  await killed!.finished;
  const status = () => {
    const path = join(world.dataDir, 'runs', run, 'status.json');
    return JSON.parse(readFileSync(path, 'utf8')) as { state: string; epoch: number };
  };
  expect(status()).toMatchObject({ state: 'running', epoch: 1 });

  await other!.says(/run ended/);
  expect(status()).toMatchObject({ state: 'finished', epoch: 2 });
  const { stdout } = await world.start('runs', 'show', run, '--json').finished;
  const { summary } = JSON.parse(stdout) as RunView;
  expectAgreement(summary!.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ state: 'finished', created: 3_600, skipped: 400, failed: 0 });
  other!.kill();
  expect((await other!.finished).code).toBe(143);
});
