import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../src/clock.js';
import { openRowferry } from '../src/index.js';
import { BatchQueue } from '../src/queues/batches.js';
import { expectAgreement } from './helpers/agreement.js';
import { people } from './helpers/csv.js';
import { until, World } from './helpers/world.js';

function socketOf(world: World): string {
  return world.env.REDIS_URL!.replace('unix://', '');
}

test('run, status and report as calls; a run that ended leaves nothing but a tombstone in Redis', async () => {
  const world = await World.open();
  const rows = people(700);
  const rowferry = await world.library();
  const seen: number[] = [];
  const summary = await rowferry.run(world.csv(rows), {
    rate: null,
    progress: ({ created }) => seen.push(created),
  });
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(seen.at(-1)).toBe(700);
  expect(await rowferry.report(summary.run)).toEqual(summary);
  expect(await rowferry.status(summary.run)).toMatchObject({ state: 'finished', progress: { created: 700 } });
  const redis = new Redis(socketOf(world));
  const keys = await redis.keys(`*${summary.run}*`);
  expect(keys.map((key) => key.replace(/.*\}:/, ''))).toEqual(['state']);
  expect(await redis.ttl(keys[0]!)).toBeGreaterThan(0);
  await redis.quit();
});

test('an aborted run rejects with a stable code and is resumable', async () => {
  const world = await World.open();
  const rows = people(300);
  const rowferry = await world.library();
  const stop = new AbortController();
  let id = '';
  const running = rowferry.run(world.csv(rows), {
    rate: { requests: 50, perMs: 1_000 },
    signal: stop.signal,
    started: ({ run }) => {
      id = run;
    },
  });
  const failed = expect(running).rejects.toMatchObject({ code: 'RUN_INTERRUPTED' });
  await world.holds(10);
  stop.abort();
  await failed;
  expect(await rowferry.status(id)).toMatchObject({ state: 'interrupted' });
  expect(await rowferry.unfinished()).toMatchObject({ run: id });
  await expect(rowferry.report(id)).rejects.toMatchObject({ code: 'NO_REPORT' });
  const summary = await rowferry.resume(id);
  expectAgreement(summary.reports.dir, rows, world.ledger());
  await expect(rowferry.resume(id)).rejects.toMatchObject({ code: 'RUN_OVER' });
});

test('a run that is planned again from a source that is gone keeps what it has', async () => {
  const world = await World.open();
  const rowferry = await world.library();
  const run = await rowferry.enqueue(world.csv(people(2)));
  await expect(rowferry.enqueue(join(world.dir, 'gone.csv'), { run })).rejects.toMatchObject({
    code: 'SOURCE_MISSING',
  });
  expect(await rowferry.status(run)).toMatchObject({ run, state: 'queued' });
  await expect(rowferry.enqueue(join(world.dir, 'gone.csv'))).rejects.toThrow();
  expect(readdirSync(join(world.dataDir, 'runs'))).toEqual([run]);
});

test('a mapping with rules and expressions goes with its run through a resume and into a retry', async () => {
  const world = await World.open();
  const rows = people(200).map(({ email, external_id, company }, i) => ({
    User: email!.replace('@example.com', ''),
    Domain: 'EXAMPLE.com',
    Nr: external_id!,
    Score: i === 6 ? 'many' : String(i),
    Company: company!,
  }));
  const rowferry = await world.library();
  const stop = new AbortController();
  let id = '';
  const running = rowferry.run(world.csv(rows), {
    rate: { requests: 100, perMs: 1_000 },
    map: { Score: 'custom_fields.score:integer' },
    mapping: {
      map: {
        email: { columns: ['User', 'Domain'], join: '@' },
        external_id: 'Nr',
        'custom_fields.tier': { jsonata: "$number(Score) >= 100 ? 'gold' : 'basic'" },
        'custom_fields.score': 'Domain',
      },
      unmapped: 'ignore',
    },
    signal: stop.signal,
    started: ({ run }) => {
      id = run;
    },
  });
  const failed = expect(running).rejects.toMatchObject({ code: 'RUN_INTERRUPTED' });
  await world.holds(20);
  stop.abort();
  await failed;
  const summary = await rowferry.resume(id);
  expect(summary).toMatchObject({ rows: 200, created: 199, failed: 1, reasons: { invalid: 1 } });
  const report = readFileSync(summary.reports.outcomes, 'utf8');
  expect(report).toContain('7,8,failed,invalid,custom_fields.score,"not_an_integer: column ""Score"" must');

  const failures = summary.reports.failed;
  writeFileSync(failures, readFileSync(failures, 'utf8').replace('many', '6'));
  expect(await rowferry.retry(id)).toMatchObject({ rows: 1, created: 1 });
  const held = world.ledger().map(({ fields }) => fields);
  expect(held).toHaveLength(200);
  for (const [i, { User, Nr }] of rows.entries()) {
    expect(held.find(({ external_id }) => external_id === Nr)).toMatchObject({
      email: `${User}@example.com`,
      custom_fields: { score: i, tier: i >= 100 ? 'gold' : 'basic' },
    });
  }
});

test('two processes cannot work on one run', async () => {
  const world = await World.open();
  const first = world.start('run', world.csv(people(100)), '--rate', '10/s', '--json');
  const [, run] = await first.says(/"run":"([^"]+)"/);
  await world.holds(3);
  const rowferry = await world.library();
  await expect(rowferry.resume(run!)).rejects.toMatchObject({ code: 'RUN_ALIVE' });
  // Whatever else is wrong just now: who would take the run away for it takes it from a runner that may yet end it.
  const reports = join(world.dataDir, 'reports');
  rmSync(reports, { recursive: true });
  writeFileSync(reports, '');
  await expect(rowferry.resume(run!)).rejects.toMatchObject({ code: 'RUN_ALIVE' });
  first.kill();
  await first.finished;
});

test('whether a runner lives is told by the clock of Redis: one that let go of its run does not, however late it is here', async () => {
  const world = await World.open();
  world.env.SENDMATOR_API_KEY = 'sk_refused_x';
  const rowferry = await world.library();
  const { run, state } = await rowferry.run(world.csv(people(5)));
  expect(state).toBe('halted');
  const clock = { ...systemClock, now: () => Date.now() - 3_600_000 };
  const behind = await openRowferry({ dataDir: world.dataDir, env: world.env, clock });
  onTestFinished(() => behind.close());
  await behind.handOver(run);
  expect(await behind.status(run)).toMatchObject({ state: 'queued' });
});

test('the key of the account is nowhere: not in Redis, the data dir, the log at trace, the report', async () => {
  const world = await World.open({ sandbox: { latencyMs: 10 } });
  const key = world.env.SENDMATOR_API_KEY!;
  const run = world.startWith(
    { ROWFERRY_LOG_LEVEL: 'trace' },
    'run',
    world.csv(people(600)),
    '--rate',
    '300/s',
  );
  await world.holds(200);
  const redis = new Redis(socketOf(world));
  const said: string[] = [];
  for (const name of await redis.keys('*')) {
    const dump = await redis.dumpBuffer(name);
    // Small values are stored as they are, large ones compressed: read both ways.
    said.push(name, dump?.toString('latin1') ?? '', JSON.stringify(await read(redis, name)));
  }
  await redis.quit();
  const { stdout, stderr } = await run.finished;
  said.push(stdout, stderr, ...filesUnder(world.dataDir));
  expect(said.join('\n')).toContain('person1@example.com');
  expect(said.filter((text) => text.includes(key)).map((text) => text.slice(0, 200))).toEqual([]);
  // Rows stay out of the log.
  expect(stderr).not.toContain('@example.com');
});

async function read(redis: Redis, name: string): Promise<unknown> {
  const type = await redis.type(name);
  if (type === 'hash') return redis.hgetall(name);
  if (type === 'stream') return redis.xrange(name, '-', '+');
  if (type === 'list') return redis.lrange(name, 0, -1);
  if (type === 'zset') return redis.zrange(name, 0, -1);
  return type;
}

function filesUnder(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'));
}

test('only a window of the rows is ever in Redis', async () => {
  const world = await World.open();
  const rows = people(20_000);
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  const { id: account } = await (await world.library()).account();
  const redis = new Redis(socketOf(world), { maxRetriesPerRequest: null });
  const queue = new BatchQueue(redis, world.env.ROWFERRY_PREFIX!, account);
  let most = 0;
  await until(async () => {
    most = Math.max(most, (await queue.coveredRows(id!, '1')).size);
    return run.child.exitCode !== null;
  });
  await queue.close();
  await redis.quit();
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(most).toBeGreaterThan(500);
  // The window, and the batch that was added when there was room for one more.
  expect(most).toBeLessThanOrEqual(8_500);
});
