/** Who is told what became of runs: by real processes, over their death, without secrets anywhere. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Notice } from '../../src/notices/notice.js';
import { listRuns, loadStatus } from '../../src/run.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { openMailbox } from '../helpers/smtp.js';
import { until, World } from '../helpers/world.js';
import { openHook, waiting } from '../notices/helpers.js';

const SECRETS = ['hook-path-4711', 'signing secret 4711', 'smtp-pass-4711'];

/** `§` stands for `$`. */
function configure(world: World, notifications: string): void {
  const text = `destinations:\n  sendmator: { kind: sendmator, api_key: "§{SENDMATOR_API_KEY}", rate: none }\nnotifications:\n${notifications}`;
  writeFileSync(join(world.dir, 'rowferry.yaml'), text.replaceAll('§', '$'), { mode: 0o600 });
}

function textsUnder(dir: string): string {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}

test('a run tells its end before its process ends, but to who does not take it; the next run goes on with that; no secret is kept', async () => {
  const world = await World.open();
  const good = await openHook();
  let broken = true;
  const bad = await openHook(() => (broken ? 500 : 200));
  const box = await openMailbox();
  Object.assign(world.env, {
    GOOD: `${good.url}/${SECRETS[0]}`,
    BAD: `${bad.url}/${SECRETS[0]}`,
    SIGN: SECRETS[1],
    SMTP: `smtp://me:${SECRETS[2]}@127.0.0.1:${box.port}`,
  });
  configure(
    world,
    `  good: { webhook: "§{GOOD}", secret: "§{SIGN}" }
  bad: { webhook: "§{BAD}" }
  mail: { email: ops@example.com, from: sync@example.com, smtp: "§{SMTP}", on: [], failed_share: 10% }
`,
  );
  const rows = people(9);
  const file = world.csv([...rows, { ...rows[0]!, email: 'not-an-address', external_id: 'x' }]);
  const first = await world.start('run', file).finished;
  expect(first.code).toBe(3);
  const [run] = listRuns(world.dataDir) as [string];
  expectAgreement(
    join(world.dataDir, 'reports', run),
    [...rows, { ...rows[0]!, email: 'not-an-address', external_id: 'x' }],
    world.ledger(),
  );
  expect(good.got).toHaveLength(1);
  const notice = JSON.parse(good.got[0]!.body) as Notice;
  expect(notice).toMatchObject({ id: `${run}-finished`, rows: 10, created: 9, failed: 1 });
  expect(notice.text).toBe('people.csv → sendmator finished: 9 created, 1 failed (10 %: 1 invalid)');
  expect(good.got[0]!.headers['rowferry-signature']).toMatch(/^t=\d+,v1=/);
  expect(box.mails).toEqual([]);
  expect(first.stderr.match(/not taken yet/g)).toHaveLength(1);
  expect(first.stderr).toContain('1 notice is not taken yet (bad: HTTP 500)');
  expect(bad.got).toHaveLength(3);
  const left = waiting(world.dataDir);
  expect(left).toEqual([`${run}-finished.bad.json`]);
  expect(statSync(join(world.dataDir, 'notices', left[0]!)).mode & 0o777).toBe(0o600);

  const redis = new Redis(world.env.REDIS_URL!.replace('unix://', ''));
  const keys = await redis.keys(`*${world.env.ROWFERRY_PREFIX}*`);
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  await redis.quit();
  const kept = [textsUnder(world.dataDir), first.stderr, first.stdout, ...dumps.map(String)].join('\n');
  for (const secret of SECRETS) expect(kept).not.toContain(secret);
  expect(readFileSync(join(world.dataDir, 'notices', left[0]!), 'utf8')).not.toMatch(/@/);

  broken = false;
  const second = await world.start('run', world.csv(people(3, 100), 'more.csv')).finished;
  expect(second.code).toBe(0);
  expect(bad.got.slice(3).map(({ headers }) => headers['rowferry-notice-id'])).toEqual([
    `${run}-finished`,
    `${listRuns(world.dataDir)[0]}-finished`,
  ]);
  expect(waiting(world.dataDir)).toEqual([]);
});

test('killed with -9 between the end of a run and the delivery of its notice: the next service delivers it, and no other', async () => {
  const world = await World.open();
  let silent = true;
  const hook = await openHook(() => (silent ? undefined : 200));
  world.env.HOOK = hook.url;
  configure(world, '  ops: { webhook: "§{HOOK}" }\n');
  const rows = people(5);
  const killed = world.start('run', world.csv(rows));
  await until(() => hook.got.length === 1);
  killed.kill('SIGKILL');
  await killed.finished;
  const [run] = listRuns(world.dataDir) as [string];
  await until(() => loadStatus(world.dataDir, run).state === 'finished');
  expect(waiting(world.dataDir)).toEqual([`${run}-finished.ops.json`]);

  silent = false;
  const services = [world.start('start'), world.start('start')];
  await until(() => waiting(world.dataDir).length === 0);
  expect(hook.got).toHaveLength(2);
  expect(hook.got[1]).toMatchObject({ body: hook.got[0]!.body });
  expect(hook.got[1]!.headers['rowferry-notice-id']).toBe(`${run}-finished`);
  for (const service of services) service.kill();
  await Promise.all(services.map(({ finished }) => finished));
  expectAgreement(join(world.dataDir, 'reports', run), rows, world.ledger());
});

test('a service tells a halt with the way out, and a run that broke; whoever cancels a run tells that', async () => {
  const world = await World.open();
  const hook = await openHook();
  world.env.HOOK = hook.url;
  configure(world, '  ops: { webhook: "§{HOOK}", on: [failed, halted, cancelled] }\n');
  const rows = people(5);
  const key = world.env.SENDMATOR_API_KEY!;
  world.env.SENDMATOR_API_KEY = 'wrong';
  const service = world.start('start');
  await service.says(/service started/);
  const halted = (await world.start('enqueue', world.csv(rows)).finished).stdout.trim();
  await until(() => hook.got.length === 1);
  const notice = (n: number) => JSON.parse(hook.got[n]!.body) as Notice;
  expect(notice(0)).toMatchObject({ event: 'halted', run: halted, next: `rowferry runs resume ${halted}` });
  expect(notice(0).text).toMatch(
    /^people\.csv → sendmator halted after 0 of 5 rows: sendmator stopped the run: it refused the credentials \(HTTP 401\)\. Check .*, then: rowferry runs resume/,
  );
  await service.says(/run ended/);
  service.kill();
  await service.finished;
  const cancelled = await world.start('runs', 'cancel', halted).finished;
  expect(cancelled.code, cancelled.stderr).toBe(0);
  expect(hook.got).toHaveLength(2);
  expect(notice(1)).toMatchObject({ event: 'cancelled', run: halted, unprocessed: 5 });

  world.env.SENDMATOR_API_KEY = key;
  const file = world.csv(rows, 'soon-gone.csv');
  const lost = (await world.start('enqueue', file).finished).stdout.trim();
  const status = join(world.dataDir, 'runs', lost, 'status.json');
  const epoch1 = { ...(JSON.parse(readFileSync(status, 'utf8')) as object), epoch: 1, state: 'running' };
  writeFileSync(status, JSON.stringify(epoch1));
  writeFileSync(file, 'email\nother@example.com\n');
  const next = world.start('start');
  await until(() => hook.got.length === 3);
  expect(notice(2)).toMatchObject({ event: 'failed', run: lost, next: `rowferry runs resume ${lost}` });
  expect(notice(2).text).toMatch(
    /^soon-gone\.csv → sendmator failed: .*has changed since the run was started/,
  );
  next.kill();
  await next.finished;
  expect(world.ledger()).toEqual([]);
});

test('a test tells of each entry whether it can be reached', async () => {
  const world = await World.open();
  const hook = await openHook((n) => (n === 1 ? 200 : 404));
  world.env.HOOK = hook.url;
  configure(world, '  ops: { webhook: "§{HOOK}" }\n  team: { slack: "§{SLACK}" }\n');
  const one = await world.start('notifications', 'test', 'ops').finished;
  expect([one.code, one.stdout]).toEqual([0, 'ops: taken\n']);
  expect(JSON.parse(hook.got[0]!.body)).toMatchObject({ event: 'test' });
  const all = await world.start('notifications', 'test').finished;
  expect(all.code).toBe(1);
  expect(all.stdout).toMatch(
    /^ops: not taken: HTTP 404\nteam: not taken: rowferry\.yaml:.* the environment variable SLACK is not set\n$/,
  );
  const none = await world.start('notifications', 'test', 'opps').finished;
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('There is no entry "opps" in notifications. There are: ops, team.');
});
