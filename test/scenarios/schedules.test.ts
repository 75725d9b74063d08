import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunView, ScheduleView, Summary } from '../../src/index.js';
import { listRuns, loadPlan, loadStatus } from '../../src/run.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, type Row } from '../helpers/csv.js';
import { openSite } from '../helpers/site.js';
import { type Process, until, World } from '../helpers/world.js';

/** Writes `rowferry.yaml` into the working directory of the world's processes; `$` is written as `§`. */
function configure(world: World, syncs: string): void {
  const crm = 'crm: { kind: sendmator, api_key: "§{SENDMATOR_API_KEY}", rate: none }';
  const text = `destinations:\n  ${crm}\nsyncs:\n${syncs}`;
  writeFileSync(join(world.dir, 'rowferry.yaml'), text.replaceAll('§', '$'), { mode: 0o600 });
}

function csvOf(rows: readonly Row[]): string {
  return `email,external_id\n${rows.map(({ email, external_id }) => `${email},${external_id}\n`).join('')}`;
}

/** What the log of a service says of occasions: due → run, or why there is none. */
function occasions(...services: Process[]): { due: string; run?: string; why?: string }[] {
  const lines = services.flatMap(({ stderr }) => stderr.split('\n'));
  return lines.filter((line) => line.includes('"due":')).map((line) => JSON.parse(line) as { due: string });
}

/** Runs that sent something, as they began and ended, in this order. */
function periods(world: World) {
  return listRuns(world.dataDir)
    .filter((run) => loadPlan(world.dataDir, run).noChange === undefined)
    .map((run) => ({ run, ...loadStatus(world.dataDir, run) }))
    .sort((a, b) => ((a.startedAt ?? '9') < (b.startedAt ?? '9') ? -1 : 1));
}

const ended = (world: World) => periods(world).filter(({ state }) => state === 'finished').length;

async function stop(service: Process): Promise<void> {
  service.kill();
  expect((await service.finished).code).toBe(143);
}

test('cron every second with runs of three: no overlap, also over a kill in the middle of one, which is resumed', async () => {
  const world = await World.open();
  const files: Row[][] = [];
  const site = await openSite((_request, response) => {
    files.push(people(31, 1 + files.length * 31));
    response.end(csvOf(files.at(-1)!));
  });
  configure(
    world,
    `  often: { source: { url: "${site.url}/people.csv" }, to: crm, rate: 10/s, schedule: { cron: '* * * * * *' } }`,
  );
  const first = world.start('start');
  await until(() => ended(world) >= 2);
  world.sandbox.state.outage = true; // the run that meets it cannot end before it is killed
  await until(() => (world.sandbox.state.counters.by_status['503'] ?? 0) > 0);
  first.kill('SIGKILL');
  await first.finished;
  world.sandbox.state.outage = false;
  const cut = periods(world).at(-1)!;
  expect(cut.state).toBe('running');

  const second = world.start('start');
  await until(() => ended(world) >= 5);
  await stop(second);
  expect(loadStatus(world.dataDir, cut.run)).toMatchObject({ state: 'finished', epoch: 2 });
  const all = periods(world).filter(({ startedAt }) => startedAt !== undefined);
  for (const [i, { startedAt }] of all.slice(1).entries()) {
    expect(all[i]!.state).toBe('finished');
    expect(Date.parse(startedAt!)).toBeGreaterThanOrEqual(Date.parse(all[i]!.finishedAt!));
  }
  // Occasions while a run was under way were left out, and say so.
  const seen = occasions(first, second);
  expect(seen.filter(({ why }) => /^Run .* is (running|queued)\.$/.test(why ?? '')).length).toBeGreaterThan(
    3,
  );
  expect(new Set(seen.map(({ run }) => run).filter(Boolean)).size).toBe(listRuns(world.dataDir).length);
  // Every run that ended sent its own file, each row once.
  const ledger = world.ledger().map((line) => ({ ...line, api: 'crm' as typeof line.api }));
  for (const { run } of all.filter(({ state }) => state === 'finished')) {
    const plan = loadPlan(world.dataDir, run);
    const rows = files.find((file) => csvOf(file) === readFileSync(plan.source.path, 'utf8'))!;
    const mine = new Set(rows.map(({ email }) => email));
    const own = ledger.filter(({ email }) => mine.has(email));
    expect(own).toHaveLength(31);
  }
});

test('while the service is down occasions pass by: one is caught up on; a changed and a deleted schedule take effect on restart', async () => {
  const world = await World.open();
  world.csv(people(3));
  const often = (name: string, cron = '* * * * * *') =>
    `  ${name}: { source: people.csv, to: crm, schedule: { cron: '${cron}' } }\n`;
  configure(world, often('one'));
  const services = [world.start('start'), world.start('start')];
  await until(() => occasions(...services).length >= 3);
  const dues = occasions(...services).map(({ due }) => due);
  expect(new Set(dues).size).toBe(dues.length); // by one of the two each
  await Promise.all(services.map(stop));
  const downMs = Date.parse(occasions(...services).at(-1)!.due);
  await until(() => Date.now() > downMs + 4_000); // the clock itself is the event

  const upMs = Date.now();
  const third = world.start('start');
  await until(() => occasions(third).filter(({ due }) => Date.parse(due) > upMs + 1_500).length >= 2);
  await stop(third);
  const late = occasions(third).filter(({ due }) => Date.parse(due) <= upMs);
  expect(late).toHaveLength(1);
  expect(late[0]!.run).toBeDefined();

  configure(world, often('one', '0 0 1 1 *') + often('two'));
  const fourth = world.start('start');
  await until(() => occasions(fourth).length >= 3);
  await stop(fourth);
  const names = fourth.stderr.match(/"sync":"\w+","due"/g)!;
  expect(new Set(names)).toEqual(new Set(['"sync":"two","due"']));
  const views = (await world.start('schedules', '--json').finished).stdout.trim().split('\n');
  const [one, two] = views.map((line) => JSON.parse(line) as ScheduleView);
  const run = expect.any(String) as string;
  expect(one).toMatchObject({ sync: 'one', cron: '0 0 1 1 *', timezone: 'UTC', last: { run } });
  expect(one!.next).toMatch(/-01-01T00:00:00.000Z$/);
  expect(two).toMatchObject({ sync: 'two', last: { run } });

  configure(world, often('three', '0 0 1 1 *'));
  const fifth = world.start('start');
  await fifth.says(/"scheduled"/);
  const redis = new Redis(world.env.REDIS_URL!.replace('unix://', ''));
  const keys = await redis.keys(`*${world.env.ROWFERRY_PREFIX}*schedules-*:repeat`);
  expect(await redis.zrange(keys[0]!, 0, -1)).toEqual(['three']);
  await redis.quit();
  await stop(fifth);
});

test('an unchanged source is a run that says so and sends nothing; "sync" runs one by hand', async () => {
  const world = await World.open();
  const rows = people(12);
  const path = world.csv(rows);
  configure(
    world,
    `  nightly: { source: people.csv, to: crm, schedule: { cron: '0 3 * * *', timezone: Europe/Berlin } }`,
  );
  const first = await world.start('sync', 'nightly', '--json').result();
  expectAgreement(
    first.reports.dir,
    rows,
    world.ledger().map((line) => ({ ...line, api: 'crm' as typeof line.api })),
  );
  const posts = world.sandbox.state.counters.posts;
  const again = await world.start('sync', 'nightly').finished;
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).toContain(`No change since run ${first.run}; nothing was sent.`);
  expect(again.stdout).toContain('people.csv → crm: finished, 0 rows');
  expect(world.sandbox.state.counters.posts).toBe(posts);

  const [line, earlier] = (await world.start('runs', 'list', '--json').finished).stdout.trim().split('\n');
  const view = JSON.parse(line!) as RunView;
  expect(view).toMatchObject({
    state: 'finished',
    message: `No change since run ${first.run}; nothing was sent.`,
    progress: { rows: 0, total: 0 },
    summary: { rows: 0, requests: 0, source: { name: 'people.csv', sha256: first.source.sha256 } },
  });
  expect(readFileSync(join(view.summary!.reports.dir, 'outcomes.csv'), 'utf8')).toMatch(
    /^row,line,[^\n]*\n$/,
  );
  expect(JSON.parse(earlier!)).toMatchObject({ run: first.run });
  const shown = await world.start('schedules').finished;
  expect(shown.stdout).toMatch(
    /^SYNC +CRON +NEXT +LAST +RUN\nnightly +0 3 \* \* \* Europe\/Berlin +\S+T0[12]:00:00Z/,
  );
  expect(shown.stdout).toContain(`${view.run} finished`);

  writeFileSync(path, csvOf(people(13)));
  const changed = await world.start('sync', 'nightly', '--json').result();
  expect(changed).toMatchObject({ rows: 13, created: 1, skipped: 12 });
  // A run asked for outright is none of that.
  expect(await world.start('run', '--sync', 'nightly', '--json').result()).toMatchObject({
    rows: 13,
    skipped: 13,
  });
});

test('a halted run blocks its sync with a sentence, by hand and by schedule, until it is resumed or cancelled', async () => {
  const world = await World.open();
  world.csv(people(3));
  configure(world, `  often: { source: people.csv, to: crm, schedule: { cron: '* * * * * *' } }`);
  const halted = await world.startWith({ SENDMATOR_API_KEY: 'sk_refused_x' }, 'sync', 'often', '--json')
    .finished;
  expect(halted.code, halted.stderr).toBe(4);
  const { run } = JSON.parse(halted.stdout.trim().split('\n').at(-1)!) as Summary;
  const refused = await world.start('sync', 'often').finished;
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`Run ${run} is halted: "rowferry runs resume ${run}" goes on with it`);
  const service = world.start('start');
  await until(() => occasions(service).length >= 2);
  expect(listRuns(world.dataDir)).toEqual([run]);
  const shown = await world.start('schedules').finished;
  expect(shown.stdout).toMatch(new RegExp(`often was skipped at \\S+: Run ${run} is halted`));
  const cancel = await world.start('runs', 'cancel', run).finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  await until(() => ended(world) >= 1); // the file was not carried: it is no "no change"
  expect(world.sandbox.state.stored).toBe(3);
  await stop(service);
});

test('all new files of a glob, packed or not, one after the other, by schedule and by hand; a quoted glob', async () => {
  const world = await World.open();
  const write = (name: string, rows: Row[]) => {
    const text = csvOf(rows);
    writeFileSync(join(world.dir, name), name.endsWith('.gz') ? gzipSync(text) : text);
  };
  const files = (cron: string) =>
    `  files: { source: { glob: 'in-*', pick: all }, to: crm, rate: 20/s, schedule: { cron: '${cron}' } }`;
  configure(world, files('* * * * * *'));
  write('in-1.csv', people(20, 1));
  write('in-2.csv.gz', people(20, 21));
  write('in-3.csv', people(20, 41));
  const service = world.start('start');
  await until(() => ended(world) >= 3);
  await until(() => occasions(service).some(({ run }) => run && loadPlan(world.dataDir, run).noChange));
  await stop(service);
  // What was added last is worked on still, and nothing is added any more.
  configure(world, files('0 0 1 1 *'));
  const rest = world.start('start');
  await rest.says(/"scheduled"/);
  await until(() =>
    listRuns(world.dataDir).every((run) => loadStatus(world.dataDir, run).state === 'finished'),
  );
  await stop(rest);
  const runs = periods(world);
  expect(runs.map(({ run }) => loadPlan(world.dataDir, run).source.name)).toEqual([
    'in-1.csv',
    'in-2.csv.gz',
    'in-3.csv',
  ]);
  for (const [i, { startedAt }] of runs.slice(1).entries()) {
    expect(Date.parse(startedAt!)).toBeGreaterThanOrEqual(Date.parse(runs[i]!.finishedAt!));
  }
  expect(world.ledger()).toHaveLength(60);

  write('in-4.csv', people(2, 61));
  write('in-5.csv', people(2, 63));
  const byHand = await world.start('sync', 'files', '--json').finished;
  expect(byHand.code, byHand.stderr).toBe(0);
  const results = byHand.stdout.split('\n').filter((line) => line.includes('"event":"result"'));
  expect(results.map((line) => (JSON.parse(line) as Summary).source.name)).toEqual(['in-4.csv', 'in-5.csv']);
  expect(world.ledger()).toHaveLength(64);

  const run = await world.start('run', 'in-*.csv').finished;
  expect(run.code).toBe(2);
  expect(run.stderr).toContain('matches 4 files, and a run carries one');
  const enqueue = await world.start('enqueue', 'in-*.csv', '--to', 'crm').finished;
  expect(enqueue.stdout.trim().split('\n')).toHaveLength(4);
});

test('the secrets of a source stay in memory, and are not needed to resume', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(40);
  const site = await openSite((request, response) => {
    if (request.headers.authorization !== 'Bearer s3cret-of-the-export') response.writeHead(403).end();
    else response.setHeader('etag', '"v1"').end(gzipSync(csvOf(rows)));
  });
  configure(
    world,
    `  web:
    source: { url: "${site.url}/people.csv?token=§{EXPORT_TOKEN}", headers: { authorization: "Bearer §{EXPORT_KEY}" } }
    to: crm
    rate: 20/s
    schedule: { cron: '* * * * * *' }
  late: { source: people.csv, schedule: { cron: '0 0 1 1 *' } }
`,
  );
  const keys = { EXPORT_KEY: 's3cret-of-the-export', EXPORT_TOKEN: 't0ken-of-the-export' };
  world.sandbox.state.outage = true; // the run cannot end before it is killed
  const first = world.startWith({ ...keys, ROWFERRY_LOG_LEVEL: 'trace' }, 'start');
  await until(() => (world.sandbox.state.counters.by_status['503'] ?? 0) > 0);
  first.killGroup();
  await first.finished;
  world.sandbox.state.outage = false;
  expect(site.asked).toHaveLength(1);
  const [run] = listRuns(world.dataDir);
  const resumed = world.startWith({ ROWFERRY_LOG_LEVEL: 'trace' }, 'runs', 'resume', run!, '--json');
  expect(await resumed.result()).toMatchObject({ rows: 40, created: 40 });

  const without = world.startWith({ ROWFERRY_LOG_LEVEL: 'trace' }, 'start');
  await until(() => occasions(without).length >= 1);
  expect(occasions(without)[0]!.why).toMatch(/EXPORT_(KEY|TOKEN) is not set/);
  const wrong = world.startWith({ ...keys, EXPORT_KEY: 's3cret-that-is-wrong' }, 'sync', 'web');
  expect((await wrong.finished).stderr).toContain(`${site.url}/people.csv cannot be read: HTTP 403`);

  const redis = new Redis(await world.redisSocket());
  const held = await everythingIn(redis);
  await redis.quit();
  expect(held).toContain(run);
  await stop(without);
  const said = [first, resumed, without, wrong].map(({ stdout, stderr }) => stdout + stderr).join('');
  for (const text of [held, said, ...filesIn(world.dataDir)]) expect(text).not.toMatch(/s3cret|t0ken/);
});

async function everythingIn(redis: Redis): Promise<string> {
  const values: unknown[] = [];
  for (const key of await redis.keys('*')) {
    values.push(key);
    const type = await redis.type(key);
    if (type === 'string') values.push(await redis.get(key));
    else if (type === 'hash') values.push(await redis.hgetall(key));
    else if (type === 'list') values.push(await redis.lrange(key, 0, -1));
    else if (type === 'set') values.push(await redis.smembers(key));
    else if (type === 'zset') values.push(await redis.zrange(key, 0, -1));
    else values.push(await redis.xrange(key, '-', '+'));
  }
  return JSON.stringify(values);
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    .map((path) => readFileSync(path, 'latin1'));
}
