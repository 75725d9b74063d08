import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunView, Summary } from '../../src/index.js';
import { folderKey } from '../../src/redis/keys.js';
import { expectAgreement, readReport } from '../helpers/agreement.js';
import { people, person, type Row, readCsv, writeCsv } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

const QUICK = 'folder: { path: drop, settle: 200ms, poll: 100ms }\ndefaults: { rate: none }\n';

/** The watched folder of a world's services. */
class Drop {
  readonly dir: string;

  constructor(
    readonly world: World,
    config = QUICK,
  ) {
    this.dir = join(world.dir, 'drop');
    writeFileSync(join(world.dir, 'rowferry.yaml'), config);
  }

  async start(dataDir = this.world.dataDir) {
    const service = this.world.start('--data-dir', dataDir, 'start');
    await service.says(/"watching"/);
    return service;
  }

  path(...names: string[]): string {
    return join(this.dir, ...names);
  }

  /** Files, without folders and what is being written. */
  files(place: string): string[] {
    return readdirSync(this.path(place), { withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  }

  /** Name → the folder of its report, of what is archived. */
  reports(): Map<string, string> {
    const archived = this.files('archive');
    const reports = new Map(
      archived.map((name) => [name.slice(23), this.path('archive', name.slice(0, 22))]),
    );
    expect(reports.size, 'names that are archived twice').toBe(archived.length);
    return reports;
  }
}

/** Files with three people each, all of them others. */
function dropMany(drop: Drop, count: number): Map<string, Row[]> {
  const dropped = new Map<string, Row[]>();
  for (let i = 0; i < count; i++) {
    const rows = people(3, 1 + i * 3);
    dropped.set(`people ${i}.csv`, rows);
    writeCsv(drop.path('inbox', `people ${i}.csv`), rows);
  }
  return dropped;
}

/** Without what a kill left half written. */
function claimsOf(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'claims')).filter((name) => name.endsWith('.json'));
}

/** Each file is in the archive and nowhere else, was run once, and what its report says is what the API holds. */
function expectEachOnce(drop: Drop, dropped: Map<string, Row[]>, dataDirs: string[]): void {
  const reports = drop.reports();
  expect([...reports.keys()].sort()).toEqual([...dropped.keys()].sort());
  for (const place of ['inbox', 'processing', 'rejected']) expect(drop.files(place), place).toEqual([]);
  const runs = dataDirs.flatMap((dir) => readdirSync(join(dir, 'runs')));
  expect(runs.sort()).toEqual([...reports.values()].map((dir) => dir.slice(-22)).sort());
  for (const dir of dataDirs) expect(claimsOf(dir)).toEqual([]);
  const ledger = drop.world.ledger();
  const held = new Map(ledger.map((contact) => [contact.email, contact]));
  expect(held.size).toBe(ledger.length);
  expect(ledger.length).toBe([...dropped.values()].flat().length);
  for (const [name, rows] of dropped) {
    const own = rows.flatMap(({ email }) => held.get(email!) ?? []);
    const { summary } = expectAgreement(reports.get(name)!, rows, own);
    expect(summary).toMatchObject({ state: 'finished', source: { name }, created: rows.length });
  }
}

test('200 files dropped at once, three services on the folder, one killed with -9: each is run once', async () => {
  const drop = new Drop(await World.open());
  const dataDirs = [drop.world.dataDir, drop.world.dataDir, join(drop.world.dir, 'other')];
  const services = await Promise.all(dataDirs.map((dir) => drop.start(dir)));
  const dropped = dropMany(drop, 200);
  const victim = Math.floor(Math.random() * 3);
  const moment = 1 + Math.floor(Math.random() * 150);
  await until(() => drop.files('processing').length + drop.files('archive').length >= moment);
  services[victim]!.kill('SIGKILL');
  await services[victim]!.finished;
  services[victim] = await drop.start(dataDirs[victim]);

  await until(() => drop.files('archive').length >= dropped.size);
  await until(() => dataDirs.flatMap(claimsOf).length === 0);
  for (const service of services) service.kill();
  for (const { finished } of services) {
    const { code, stderr } = await finished;
    expect(code).toBe(143);
    expect(stderr).not.toContain('Warning');
  }
  expectEachOnce(drop, dropped, dataDirs.slice(1));
});

test('a service that is killed with -9 again and again, at any moment: each file is in one place, and run once', async () => {
  const drop = new Drop(await World.open());
  const { dataDir } = drop.world;
  let service = await drop.start();
  const dropped = dropMany(drop, 30);
  for (let deaths = 0; deaths < 3; deaths++) {
    const [before, more] = [drop.files('archive').length, Math.floor(Math.random() * 6)];
    await until(() => {
      const moved = drop.files('processing').length + drop.files('archive').length;
      return deaths < 2 ? moved > more * 2 : drop.files('archive').length >= Math.min(30, before + more);
    });
    service.kill('SIGKILL');
    await service.finished;
    const places = ['inbox', 'processing', 'archive'].flatMap((place) =>
      drop.files(place).map((name) => (place === 'inbox' ? name : name.slice(23))),
    );
    expect(places.sort()).toEqual([...dropped.keys()].sort());
    service = await drop.start();
  }
  await until(() => drop.files('archive').length >= 30 && claimsOf(dataDir).length === 0);
  service.kill();
  await service.finished;
  expectEachOnce(drop, dropped, [dataDir]);
});

test('the service that looks after the folder is stopped, and wakes when another has taken over: no harm is done', async () => {
  const drop = new Drop(await World.open());
  const { dataDir, env } = drop.world;
  const services = await Promise.all([drop.start(), drop.start()]);
  const redis = new Redis(env.REDIS_URL!.replace('unix://', ''));
  const key = folderKey(env.ROWFERRY_PREFIX!, readFileSync(join(dataDir, 'id'), 'utf8'));
  const holder = async () => (JSON.parse((await redis.get(key)) ?? '{"pid":0}') as { pid: number }).pid;
  await until(async () => (await holder()) !== 0);
  const pid = await holder();
  const asleep = services.find(({ child }) => child.pid === pid)!;
  const dropped = dropMany(drop, 20);
  await until(() => drop.files('processing').length > 0);
  asleep.kill('SIGSTOP');
  await until(async () => ![0, pid].includes(await holder()));
  await until(() => drop.files('inbox').length === 0);
  asleep.kill('SIGCONT');
  await until(() => drop.files('archive').length >= 20 && claimsOf(dataDir).length === 0);
  await redis.quit();
  for (const service of services) service.kill();
  for (const { finished } of services) await finished;
  expectEachOnce(drop, dropped, [dataDir]);
});

test('slow, rewritten and renamed: each file is read whole, once', async () => {
  const drop = new Drop(await World.open());
  let marks = 0;
  /** The service has looked, and taken what was complete by now. */
  const looked = async () => {
    const name = `mark ${marks++}.csv`;
    writeCsv(drop.path('inbox', name), [person(1_000 + marks)]);
    await until(() => !existsSync(drop.path('inbox', name)));
  };
  const lines = people(6).map(({ email }) => `${email}\n`);
  // There already when the service starts.
  const first = await drop.start();
  first.kill();
  await first.finished;
  const slow = openSync(drop.path('inbox', 'slow.csv'), 'w');
  const rewritten = openSync(drop.path('inbox', 'rewritten.csv'), 'w');
  writeSync(slow, 'email\n');
  writeSync(
    rewritten,
    `email\n${people(3, 500)
      .map(({ email }) => `${email}\n`)
      .join('')}`,
  );
  const service = await drop.start();
  await looked();
  for (const line of lines.slice(0, 3)) {
    writeSync(slow, line.slice(0, 9));
    await looked();
    writeSync(slow, line.slice(9));
    await looked();
  }
  expect(drop.files('inbox').sort()).toEqual(['rewritten.csv', 'slow.csv']);
  ftruncateSync(rewritten);
  await looked();
  writeSync(rewritten, `email\n${lines[3]}`, 0);
  await looked();
  writeSync(rewritten, lines[4]!, 'email\n'.length + lines[3]!.length);
  closeSync(slow);
  closeSync(rewritten);
  writeFileSync(drop.path('inbox', 'renamed.csv.part'), `email\n${lines[5]}`);
  await looked();
  await until(() => drop.files('inbox').length === 1);
  renameSync(drop.path('inbox', 'renamed.csv.part'), drop.path('inbox', 'renamed.csv'));
  await until(() => drop.files('archive').length === marks + 3);
  service.kill();
  await service.finished;
  const rows = Object.fromEntries(
    [...drop.reports()].map(([name, dir]) => [name, readReport(dir).outcomes.map(({ email }) => email)]),
  );
  const emails = (...wanted: number[]) => wanted.map((n) => `person${n}@example.com`);
  expect(rows).toMatchObject({
    'slow.csv': emails(1, 2, 3),
    'rewritten.csv': emails(4, 5),
    'renamed.csv': emails(6),
  });
  expect(drop.world.ledger().length).toBe(marks + 6);
});

test('a mended failed.csv goes where its run went, as it went, and is linked to it; what has nowhere to go is rejected', async () => {
  const config = `${QUICK}
destinations: { second: { kind: sendmator, api_key: sk_test_second } }
syncs: { crm: { to: sendmator, map: { external_id: Nummer }, unmapped: ignore } }
`;
  const drop = new Drop(await World.open(), config);
  const service = await drop.start();
  const summaryOf = (name: string) => {
    const dir = drop.reports().get(name)!;
    return JSON.parse(readFileSync(join(dir, 'summary.json'), 'utf8')) as Summary;
  };
  const rows = [
    { email: 'ada@example.com', Nummer: '1', Notes: '=1+1' },
    { email: 'grace', Nummer: '2', Notes: '-x' },
  ];
  writeCsv(drop.path('inbox', 'crm', 'people.csv'), rows);
  writeCsv(drop.path('inbox', 'anywhere.csv'), rows);
  await until(() => drop.files('archive').length === 1 && drop.files('rejected').length === 2);
  const why = drop.files('rejected').find((name) => name.endsWith('.csv.txt'))!;
  expect(readFileSync(drop.path('rejected', why), 'utf8')).toMatch(/Drop it into .*inbox\/crm\//);
  writeCsv(drop.path('inbox', 'crm', 'nobody.csv'), [{ Name: 'Ada', Nummer: '1' }]);
  await until(() => drop.files('rejected').length === 4);
  const without = drop.files('rejected').find((name) => name.endsWith('nobody.csv.txt'))!;
  expect(readFileSync(drop.path('rejected', without), 'utf8')).toMatch(/A dropped file has no flags: rename/);
  const before = summaryOf('people.csv');
  expect(before).toMatchObject({ created: 1, failed: 1 });

  const failed = readCsv(join(drop.reports().get('people.csv')!, 'failed.csv'));
  expect(failed).toMatchObject([
    { email: 'grace', Notes: "'-x", rowferry_row: '2', rowferry_run: before.run },
  ]);
  writeCsv(drop.path('inbox', 'mended.csv'), [{ ...failed[0], email: 'grace@example.com' }]);
  await until(() => drop.files('archive').length === 2);
  const after = summaryOf('mended.csv');
  expect(after).toMatchObject({ destination: 'sendmator', created: 1, failed: 0, retry_of: before.run });
  const { stdout } = await drop.world.start('runs', 'show', after.run, '--json').finished;
  expect(JSON.parse(stdout) as RunView).toMatchObject({ retryOf: before.run });
  expect(drop.world.ledger().map(({ email, external_id }) => [email, external_id])).toEqual([
    ['ada@example.com', '1'],
    ['grace@example.com', '2'],
  ]);
  service.kill();
  await service.finished;
});
