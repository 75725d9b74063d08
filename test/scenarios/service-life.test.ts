/** The service as processes of its own that outlive their Redis. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRun, loadPlan, loadStatus, newRunId } from '../../src/run.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { TcpRedis } from '../helpers/tcp-redis.js';
import { until, World } from '../helpers/world.js';

test('the parts of the service as processes: they wait for a Redis that is not there yet, outlive one that goes away, and end in order', async () => {
  const world = await World.open();
  const redis = await TcpRedis.prepare();
  const env = { REDIS_URL: redis.url, ROWFERRY_DASHBOARD_PORT: '0' };
  const names = ['triggers', 'runner', 'delivery', 'dashboard'] as const;
  const parts = names.map((name) => world.startWorker(env, name));
  await Promise.all(parts.map((part) => part.says(/refused the connection.*Waiting for it/)));
  await redis.start();
  await Promise.all(parts.map((part, i) => part.says(new RegExp(`${names[i]} started`))));
  const [, url] = await parts[3]!.says(/"url":"(http:[^"]+)"/);

  const rows = people(600);
  const sent = world.startWith(
    { ROWFERRY_SERVER_TOKEN: '' },
    'enqueue',
    world.csv(rows),
    '--server',
    url!,
    '--rate',
    '100/s',
    '--wait',
    '--json',
  );
  await world.holds(100);
  await redis.kill();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const away = await fetch(`${url}/api/runs`);
  expect(away.status).toBe(503);
  expect(await away.json()).toMatchObject({ error: { code: 'REDIS_AWAY' } });
  await redis.start();
  await until(async () => (await fetch(`${url}/readyz`)).status === 200);

  const summary = await sent.result();
  expect(summary).toMatchObject({ state: 'finished', rows: 600, created: 600 });
  expectAgreement(join(world.dataDir, 'reports', summary.run), rows, world.ledger());
  for (const part of parts) part.kill();
  for (const part of parts) expect((await part.finished).code).toBe(143);
});

test('runs that were enqueued are gone on with, though Redis has forgotten that they were', async () => {
  const world = await World.open();
  const redis = await TcpRedis.prepare(['--appendonly', 'no', '--maxmemory-policy', 'noeviction']);
  await redis.start();
  const env = { REDIS_URL: redis.url, ROWFERRY_DASHBOARD_PORT: '0' };
  const rows = people(300);
  const first = world.startWith(env, 'start');
  await first.says(/service started/);
  const enqueue = world.startWith(env, 'enqueue', world.csv(rows), '--rate', '100/s', '--json');
  const [, run] = await enqueue.says(/"run":"([^"]+)"/);
  await enqueue.finished;
  await world.holds(50);
  first.kill('SIGKILL');
  await first.finished;
  // One that its own process was to work on is left to a person.
  const left = newRunId(Date.now());
  await createRun(world.dataDir, { ...loadPlan(world.dataDir, run!), run: left });
  await redis.kill();
  await redis.start();
  const second = world.startWith(env, 'start');
  await until(() => loadStatus(world.dataDir, run!).state === 'finished');
  expectAgreement(join(world.dataDir, 'reports', run!), rows, world.ledger());
  expect(loadStatus(world.dataDir, left).state).toBe('queued');
  // Its end waits for Redis, but not for ever.
  await redis.kill();
  second.kill();
  expect((await second.finished).code).toBe(143);
});

test('a command does not wait for a Redis that is not there', async () => {
  const world = await World.open();
  const redis = await TcpRedis.prepare();
  const listed = await world.startWith({ REDIS_URL: redis.url }, 'runs', 'list').finished;
  expect(listed.code).toBe(69);
});

test('all parts in one process; a setting that is wrong is told in a sentence', async () => {
  const world = await World.open();
  const all = world.startWorker({ ROWFERRY_DASHBOARD_PORT: '0' }, 'all');
  await all.says(/all started/);
  const rows = people(20);
  const run = await world.start('enqueue', world.csv(rows), '--rate', 'none', '--wait', '--json').result();
  expect(run).toMatchObject({ created: 20 });
  all.kill('SIGINT');
  expect((await all.finished).code).toBe(130);
  const wrong = await world.startWorker({ ROWFERRY_DASHBOARD_PORT: 'eighty' }, 'dashboard').finished;
  expect(wrong).toMatchObject({
    code: 2,
    stderr: 'rowferry: ROWFERRY_DASHBOARD_PORT: "eighty" is not a whole number from 0 to 65535.\n',
  });
});
