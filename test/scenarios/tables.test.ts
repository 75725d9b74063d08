/** Archives with several tables, with real processes: each table is a run of its own, by whatever way it comes. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Check, Summary } from '../../src/index.js';
import { zip } from '../corpus/archive.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, type Row } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

/** An archive of tables, with a file beside them that is none. */
function archive(world: World, tables: Record<string, readonly Row[]>, name = 'export.zip'): string {
  const entries = Object.entries(tables).map(([table, rows]) => ({
    name: table,
    bytes: readFileSync(world.csv(rows, 'table.csv')),
  }));
  const path = join(world.dir, name);
  writeFileSync(path, zip([...entries, { name: 'readme.txt', bytes: Buffer.from('read me\n') }]));
  return path;
}

function events<T = Summary & { event: string }>(stdout: string): T[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** Each report agrees with what the API holds of its table, and the API holds nothing else. */
function expectEachOnce(world: World, dirs: readonly string[], tables: readonly (readonly Row[])[]): void {
  const ledger = world.ledger();
  expect(dirs.length).toBe(tables.length);
  for (const [i, rows] of tables.entries()) {
    const own = ledger.filter((contact) => rows.some(({ email }) => email === contact.email));
    expectAgreement(dirs[i]!, rows, own);
  }
  expect(ledger.length).toBe(tables.flat().filter(({ email }) => email?.includes('@')).length);
}

test('run sends one table after the other, each with a report; the exit code is the worst; check says so before', async () => {
  const world = await World.open();
  const rows = people(40);
  const tables = [rows.slice(0, 20), [...rows.slice(20, 30), { email: 'nobody' }], rows.slice(30)];
  const path = archive(world, { 'a.csv': tables[0]!, 'sub/b.csv': tables[1]!, 'c.csv': tables[2]! });
  const names = ['export.zip/a.csv', 'export.zip/sub/b.csv', 'export.zip/c.csv'];
  const check = await world.start('check', path, '--json').finished;
  expect(check.code).toBe(3);
  const checks = events<Check>(check.stdout);
  expect(checks.map(({ source, created, failed }) => [source.name, created, failed])).toEqual([
    [names[0], 20, 0],
    [names[1], 10, 1],
    [names[2], 10, 0],
  ]);

  const run = await world.start('run', path, '--rate', 'none', '--json').finished;
  expect([run.code, run.stderr]).toEqual([3, '']);
  const told = events(run.stdout).filter(({ event }) => event !== 'progress');
  // The next begins when the one before has been told to its end.
  expect(told.map(({ event }) => event)).toEqual(Array(3).fill(['started', 'result']).flat());
  const summaries = told.filter(({ event }) => event === 'result');
  expect(summaries.map(({ source }) => source.name)).toEqual(names);
  expect(summaries.map(({ created, failed }) => [created, failed])).toEqual([
    [20, 0],
    [10, 1],
    [10, 0],
  ]);
  expectEachOnce(
    world,
    summaries.map(({ reports }) => reports.dir),
    tables,
  );
});

test('a table that cannot be run, and none is; one of them can be named', async () => {
  const world = await World.open();
  const [rows, other] = [people(5), people(5, 6)];
  const path = archive(world, { 'a.csv': rows, 'b.csv': [] as Row[], 'c.csv': other });
  const refused = await world.start('run', path, '--rate', 'none').finished;
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/^rowferry: export\.zip\/b\.csv has no header/);
  expect(readdirSync(join(world.dataDir, 'runs'))).toEqual([]);
  const odd = archive(world, { 'a.csv': rows, 'b.csv': [{ name: 'Ann', city: 'Oslo' }] }, 'odd.zip');
  expect((await world.start('check', odd).finished).stderr).toMatch(/^rowferry: odd\.zip\/b\.csv: No column/);
  const one = await world.start('run', `${path}/c.csv`, '--rate', 'none', '--json').result();
  expect(one.source.name).toBe('export.zip/c.csv');
  expectEachOnce(world, [one.reports.dir], [other]);
});

test('an archive from a URL, ended in its first table: the others are named, and each is resumed', async () => {
  const world = await World.open();
  const tables = [people(300), people(5, 301), people(5, 306)];
  const bytes = readFileSync(
    archive(world, { 'a.csv': tables[0]!, 'b.csv': tables[1]!, 'c.csv': tables[2]! }),
  );
  const server = createServer((_, answer) => answer.end(bytes)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/export.zip`;
  const run = world.start('run', url, '--rate', '50/s');
  await world.holds(10);
  run.kill('SIGINT');
  const { code, stderr } = await run.finished;
  expect(code).toBe(130);
  const ids = [...stderr.matchAll(/\d{8}-\d{6}-[0-9a-f]{6}/g)].map(([id]) => id);
  const [first, second, third] = [...new Set(ids)] as [string, string, string];
  expect(stderr).toContain(`rowferry runs resume ${first}`);
  expect(stderr).toContain(`to be resumed likewise: ${second}, ${third}.`);
  server.close();
  const dirs: string[] = [];
  for (const id of [first, second, third]) {
    const resumed = await world.start('runs', 'resume', id, '--json').result();
    dirs.push(resumed.reports.dir);
  }
  expectEachOnce(world, dirs, tables);
});

test('dropped into the watched folder, through services that are killed: each table once, then the archive of files', async () => {
  const world = await World.open();
  writeFileSync(
    join(world.dir, 'rowferry.yaml'),
    'folder: { path: drop, settle: 200ms, poll: 100ms }\ndefaults: { rate: 100/s }\n',
  );
  const tables = [people(60), people(60, 61), people(60, 121)];
  const path = archive(world, { 'a.csv': tables[0]!, 'b.csv': tables[1]!, 'c.csv': tables[2]! });
  let service = world.start('start');
  await service.says(/"watching"/);
  renameSync(path, join(world.dir, 'drop', 'inbox', 'export.zip'));
  await until(
    () => existsSync(join(world.dataDir, 'runs')) && readdirSync(join(world.dataDir, 'runs')).length > 0,
  );
  service.killGroup();
  await service.finished;
  service = world.start('start');
  await world.holds(20);
  service.killGroup();
  await service.finished;
  service = world.start('start');
  const archived = () => readdirSync(join(world.dir, 'drop', 'archive'));
  await until(() => archived().some((name) => name.endsWith('-export.zip')));
  service.kill();
  await service.finished;
  expect(archived().length).toBe(4);
  for (const place of ['inbox', 'processing', 'rejected']) {
    const left = readdirSync(join(world.dir, 'drop', place), { withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  }
  const dirs = archived()
    .filter((name) => !name.endsWith('.zip'))
    .map((name) => join(world.dir, 'drop', 'archive', name));
  const nameOf = (dir: string) =>
    (JSON.parse(readFileSync(join(dir, 'summary.json'), 'utf8')) as Summary).source.name;
  dirs.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  expectEachOnce(world, dirs, tables);
});

test('enqueue, here and to a service elsewhere, waits for all tables; sync takes them as one source', async () => {
  const world = await World.open();
  const [rows, elsewhere, synced] = [people(20), people(20, 21), people(20, 41)];
  writeFileSync(
    join(world.dir, 'rowferry.yaml'),
    `syncs:\n  nightly: { source: synced.zip }\ndefaults: { rate: none }\n`,
  );
  const service = world.startWith({ ROWFERRY_DASHBOARD_PORT: '0' }, 'start');
  const [, url] = await service.says(/"url":"(http:[^"]+)"/);
  await service.says(/service started/);
  const halves = (all: readonly Row[]) => ({ 'a.csv': all.slice(0, 10), 'b.csv': all.slice(10) });
  const dirs: string[] = [];
  const here = archive(world, halves(rows));
  const there = archive(world, halves(elsewhere), 'other.zip');
  for (const args of [[here], [there, '--server', url!], [`${there}/a.csv`, '--server', url!]]) {
    const { code, stdout } = await world.start('enqueue', ...args, '--wait', '--json').finished;
    expect(code).toBe(0);
    const enqueued = events<{ event: string; run: string; source: string }>(stdout).filter(
      ({ event }) => event === 'enqueued',
    );
    const summaries = events(stdout).filter(({ event }) => event === 'result');
    expect(summaries.map(({ run }) => run)).toEqual(enqueued.map(({ run }) => run));
    if (args[0] === `${there}/a.csv`) {
      expect(summaries).toMatchObject([{ source: { name: 'a.csv' }, skipped: 10 }]);
      continue;
    }
    expect(enqueued.map(({ source }) => source.replace(/^.*\.zip/, ''))).toEqual(['/a.csv', '/b.csv']);
    dirs.push(...summaries.map(({ run }) => join(world.dataDir, 'reports', run)));
  }
  service.kill();
  await service.finished;
  archive(world, halves(synced), 'synced.zip');
  const first = await world.start('sync', 'nightly', '--json').finished;
  const carried = events(first.stdout).filter(({ event }) => event === 'result');
  expect(carried.map(({ source, created }) => [source.name, created])).toEqual([
    ['synced.zip/a.csv', 10],
    ['synced.zip/b.csv', 10],
  ]);
  dirs.push(...carried.map(({ reports }) => reports.dir));
  const again = await world.start('sync', 'nightly', '--json').result();
  expect(again).toMatchObject({ rows: 0, message: expect.stringMatching(/^No change since run/) as string });
  const halved = [rows, elsewhere, synced].flatMap((all) => Object.values(halves(all)));
  expectEachOnce(world, dirs, halved);
});
