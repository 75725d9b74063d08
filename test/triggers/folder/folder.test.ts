import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { EXIT, RowferryError } from '../../../src/errors.js';
import { identify } from '../../../src/process.js';
import {
  createRun,
  createRuns,
  loadStatus,
  type RunPlan,
  type RunStatus,
  saveStatus,
} from '../../../src/run.js';
import { takeSource } from '../../../src/sources/take.js';
import { type Claim, Claims } from '../../../src/triggers/folder/claims.js';
import { Course, type Dropped } from '../../../src/triggers/folder/course.js';
import { WatchedFolder } from '../../../src/triggers/folder/folder.js';
import { Inbox } from '../../../src/triggers/folder/inbox.js';
import { openPlaces, placesOf } from '../../../src/triggers/folder/places.js';
import { Targets } from '../../../src/triggers/folder/targets.js';
import { HandClock } from '../../helpers/clock.js';
import { openTestRedis } from '../../helpers/redis.js';
import { scratchDir } from '../../helpers/scratch.js';

const SETTLE_MS = 2_000;
const TEXT = 'email\nada@example.com\n';
const NAMES = { syncs: ['nightly'], destinations: ['crm', 'clemta'], offered: ['crm'] };
const REPORT = ['failed.csv', 'outcomes.csv', 'skipped.csv', 'summary.json'];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval'] }); // leases are prolonged by rounds
  onTestFinished(() => void vi.useRealTimers());
});

/** A data dir, and runs in it that end when the test says so. */
class Place {
  readonly clock = new HandClock();
  readonly logged: string[] = [];
  readonly added: (Dropped & { path: string })[] = [];
  readonly again: string[] = [];
  /** Runs of the further tables of the next file. */
  tables: string[] = [];
  /** Thrown instead of adding a file of this name. */
  readonly faults = new Map<string, Error>();

  constructor(
    readonly connection: ReturnType<typeof openTestRedis>,
    readonly dataDir = scratchDir(),
    readonly folder = dataDir,
  ) {}

  /** Another process on the same data dir and folder. */
  other(): Place {
    return new Place(this.connection, this.dataDir, this.folder);
  }

  get adder() {
    return {
      add: async (path: string, dropped: Dropped) => {
        const fault = this.faults.get(dropped.name);
        if (fault) throw fault;
        const { source } = (await takeSource({ path }, join(this.dataDir, 'spool'), { name: dropped.name }))!;
        this.added.push({ path, ...dropped });
        const plan = planOf(this.dataDir, dropped.run, { source, tables: [...this.tables] });
        await createRuns(this.dataDir, [plan, ...this.tables.map((run) => planOf(this.dataDir, run))]);
      },
      again: async (run: string) => {
        this.again.push(run);
      },
    };
  }

  get log() {
    return pino({ level: 'warn' }, { write: (line: string) => void this.logged.push(line) });
  }

  async open(): Promise<WatchedFolder> {
    const { connection, dataDir, clock, folder, log, adder } = this;
    const settings = { path: folder, settleMs: SETTLE_MS };
    const watched = await WatchedFolder.open({
      ...{ ...connection, dataDir, dataDirId: dataDir, clock, log, settings, targets: NAMES, adder },
    });
    onTestFinished(() => watched.close());
    return watched;
  }

  drop(name: string, text: string | Buffer = TEXT): void {
    writeFileSync(join(this.folder, 'inbox', name), text);
  }

  has(place: 'inbox' | 'processing' | 'archive' | 'rejected'): string[] {
    return readdirSync(join(this.folder, place), { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  }

  get claims(): string[] {
    return readdirSync(join(this.dataDir, 'claims'));
  }

  async end(run: string, state: RunStatus['state'] = 'finished'): Promise<void> {
    writeReport(this.dataDir, run);
    await saveStatus(this.dataDir, run, { ...loadStatus(this.dataDir, run), state });
  }
}

function planOf(dataDir: string, run: string, more: Partial<RunPlan> = {}): RunPlan {
  return { run, reportDir: join(dataDir, 'reports'), ...more } as RunPlan;
}

function writeReport(dataDir: string, run: string): void {
  mkdirSync(join(dataDir, 'reports', run), { recursive: true });
  for (const name of REPORT) writeFileSync(join(dataDir, 'reports', run, name), `${name} of ${run}`);
}

async function rounds(folder: WatchedFolder, clock: HandClock, count = 3): Promise<void> {
  for (let i = 0; i < count; i++) {
    await folder.round();
    await folder.idle();
    clock.pass(SETTLE_MS);
  }
}

function open() {
  return new Place(openTestRedis());
}

test('a file goes from the inbox through processing to the archive, its report beside it, and its run is added once', async () => {
  const place = open();
  const folder = await place.open();
  place.drop('people.csv');
  mkdirSync(join(place.folder, 'inbox', 'nightly'), { recursive: true });
  place.drop('nightly/other.csv');
  place.drop('crm/third.csv');
  await folder.round();
  await folder.idle();
  expect(place.has('inbox')).toEqual(['people.csv']);
  place.clock.pass(SETTLE_MS);
  await rounds(folder, place.clock);

  expect(place.added.length).toBe(3);
  const { run } = place.added.find(({ name }) => name === 'people.csv')!;
  expect(place.added.find(({ name }) => name === 'people.csv')).toEqual({
    path: join(place.folder, 'processing', `${run}-people.csv`),
    run,
    name: 'people.csv',
  });
  expect(place.added.find(({ name }) => name === 'other.csv')).toMatchObject({ sync: 'nightly' });
  expect(place.added.find(({ name }) => name === 'third.csv')).toMatchObject({ to: 'crm' });
  expect(place.has('inbox')).toEqual([]);
  expect(place.has('processing').length).toBe(3);

  await place.end(run);
  await rounds(folder, place.clock);
  expect(place.has('processing').length).toBe(2);
  expect(place.has('archive')).toEqual([`${run}-people.csv`]);
  expect(readFileSync(join(place.folder, 'archive', `${run}-people.csv`), 'utf8')).toBe(TEXT);
  const report = join(place.folder, 'archive', run);
  expect(readdirSync(report).sort()).toEqual(REPORT);
  // A copy: mending one of the two does not change the other.
  writeFileSync(join(report, 'failed.csv'), 'mended');
  expect(readFileSync(join(place.dataDir, 'reports', run, 'failed.csv'), 'utf8')).toBe(
    `failed.csv of ${run}`,
  );
  for (const { run } of place.added)
    if (loadStatus(place.dataDir, run).state === 'queued') await place.end(run, 'cancelled');
  await rounds(folder, place.clock);
  expect([place.has('processing'), place.claims]).toEqual([[], []]);
  expect(place.has('archive').length).toBe(3);
  expect(place.added.length).toBe(3);
});

test('a halted run keeps its file in processing', async () => {
  const place = open();
  const folder = await place.open();
  place.drop('people.csv');
  await rounds(folder, place.clock);
  const { run } = place.added[0]!;
  await place.end(run, 'halted');
  await rounds(folder, place.clock);
  expect(place.has('processing')).toEqual([`${run}-people.csv`]);
  await place.end(run, 'cancelled');
  await rounds(folder, place.clock);
  expect(place.has('archive')).toEqual([`${run}-people.csv`]);
});

test('the same name dropped again, and names of any kind, are files of their own; none leaves its folder', async () => {
  const place = open();
  const folder = await place.open();
  const names = ['-rf.csv', 'two\nlines.csv', '名前.csv', `${'x'.repeat(250)}.csv`, '..csv', 'a b.csv'];
  for (const name of names.slice(0, 3)) place.drop(name);
  await rounds(folder, place.clock);
  for (const name of names) place.drop(name);
  await rounds(folder, place.clock);
  const meant = names.length - 1 + 3; // `..csv` is a dot file
  expect(place.has('processing').length).toBe(meant);
  expect(new Set(place.added.map(({ run }) => run)).size).toBe(meant);
  expect(place.added.filter(({ name }) => name === 'two_lines.csv').length).toBe(2);
  expect(place.has('inbox')).toEqual(['..csv']);
});

describe('rejected, with the reason beside it', () => {
  test.each([
    ['what is no CSV', 'people.csv', '<html><body>Please log in</body></html>', /^people\.csv is a web page/],
    [
      'a subfolder nobody knows',
      'crn/people.csv',
      TEXT,
      /^There is no sync or destination "crn"\. Did you mean "crm"\? Drop the file into inbox\/nightly\/ or inbox\/crm\/\.\n$/,
    ],
  ])('%s', async (_, name, text, sentence) => {
    const place = open();
    const folder = await place.open();
    mkdirSync(join(place.folder, 'inbox', 'crn'));
    place.drop(name, text);
    await rounds(folder, place.clock);
    const [file, why] = place.has('rejected');
    expect(file).toMatch(/^\d{8}-\d{6}-[0-9a-f]{6}-people\.csv$/);
    expect(why).toBe(`${file}.txt`);
    expect(readFileSync(join(place.folder, 'rejected', why!), 'utf8')).toMatch(sentence);
    expect(statSync(join(place.folder, 'rejected', why!)).mode & 0o777).toBe(0o600);
    expect([place.has('processing'), place.claims, place.added]).toEqual([[], [], []]);
    expect(place.logged.length).toBe(1);
  });

  test('a link: it is moved itself, what it leads to is not touched', async () => {
    const place = open();
    const folder = await place.open();
    const elsewhere = join(scratchDir(), 'secret.csv');
    writeFileSync(elsewhere, TEXT);
    symlinkSync(elsewhere, join(place.folder, 'inbox', 'people.csv'));
    await rounds(folder, place.clock);
    const [file, why] = place.has('rejected');
    expect(readFileSync(join(place.folder, 'rejected', why!), 'utf8')).toMatch(/people\.csv is a link/);
    expect(file).toMatch(/-people\.csv$/);
    expect(readFileSync(elsewhere, 'utf8')).toBe(TEXT);
  });

  test('a link that took the place of a file at the last moment', async () => {
    const place = open();
    const folder = await place.open();
    place.drop('people.csv');
    const [file] = await new Inbox(placesOf(place.folder).inbox, 0, place.clock).look();
    const run = '20260130-120000-1a2b3c';
    const kept = `${run}-people.csv`;
    const by = { ...identify(process.pid)!, nonce: 'other' };
    const { seen } = file!;
    await new Claims(place.dataDir).save({
      ...{ run, folder: place.folder, kept, shown: 'people.csv', seen, by, at: 0 },
    });
    const elsewhere = join(scratchDir(), 'secret.csv');
    writeFileSync(elsewhere, TEXT);
    symlinkSync(elsewhere, join(place.folder, 'processing', kept));
    rmSync(join(place.folder, 'inbox', 'people.csv'));
    await rounds(folder, place.clock);
    expect(place.added).toEqual([]);
    expect(place.has('rejected')).toEqual([kept, `${kept}.txt`]);
  });

  test('a file without a place to go to says where to drop it', async () => {
    const place = open();
    const folder = await place.open();
    place.drop('people.csv');
    place.faults.set(
      'people.csv',
      new RowferryError('DESTINATION_NOT_CHOSEN', 'choose with --to', EXIT.usage),
    );
    await rounds(folder, place.clock);
    const why = place.has('rejected')[1]!;
    expect(readFileSync(join(place.folder, 'rejected', why), 'utf8')).toBe(
      'It is not said where the file goes: several destinations have credentials. Drop it into inbox/nightly/ or inbox/crm/.\n',
    );
  });
});

test('what is not the fault of the file is told once and tried again with growing pauses, and stops no other', async () => {
  const place = open();
  const folder = await place.open();
  place.faults.set('a.csv', new Error('ENOSPC: no space left on device'));
  place.faults.set('b.csv', new RowferryError('CREDENTIALS_MISSING', 'CRM_KEY is not set', EXIT.usage));
  for (const name of ['a.csv', 'b.csv', 'c.csv']) place.drop(name);
  await rounds(folder, place.clock, 20);
  expect(place.added.map(({ name }) => name)).toEqual(['c.csv']);
  expect(place.has('processing').length).toBe(3);
  expect(place.logged.length).toBe(2);
  place.faults.clear();
  await folder.round();
  await folder.idle();
  expect(place.added.length).toBe(1); // it pauses
  place.clock.pass(60_000);
  await rounds(folder, place.clock);
  expect(place.added.map(({ name }) => name).sort()).toEqual(['a.csv', 'b.csv', 'c.csv']);
});

describe('after a death', () => {
  const RUN = '20260130-120000-1a2b3c';
  const KEPT = `${RUN}-people.csv`;
  const dead = { ...identify(process.pid)!, start: 'before', nonce: 'dead' };

  /** Everything up to the step at which it died. */
  const steps: [
    string,
    (place: Place, claim: Claim) => Promise<void>,
    { ends: 'archive' | 'rejected'; again?: boolean },
  ][] = [
    ['the claim is on disk', async () => {}, { ends: 'archive' }],
    ['the file is moved', (place) => moveIn(place), { ends: 'archive' }],
    [
      'its run has a status and no plan',
      async (place) => {
        await moveIn(place);
        await createRun(place.dataDir, planOf(place.dataDir, RUN));
        renameSync(
          join(place.dataDir, 'runs', RUN, 'plan.json'),
          join(place.dataDir, 'runs', RUN, 'plan.json.1.tmp'),
        );
      },
      { ends: 'archive' },
    ],
    [
      'its run is on disk and perhaps not in the queue',
      async (place) => {
        await moveIn(place);
        await createRun(place.dataDir, planOf(place.dataDir, RUN));
      },
      { ends: 'archive', again: true },
    ],
    [
      'its run is over',
      async (place) => {
        await moveIn(place);
        await createRun(place.dataDir, planOf(place.dataDir, RUN));
        await place.end(RUN);
      },
      { ends: 'archive' },
    ],
    [
      'half of the report is copied',
      async (place) => {
        await moveIn(place);
        await createRun(place.dataDir, planOf(place.dataDir, RUN));
        await place.end(RUN);
        const draft = join(place.folder, 'archive', `.${RUN}.tmp`);
        mkdirSync(draft);
        writeFileSync(join(draft, 'outcomes.csv'), 'outc');
      },
      { ends: 'archive' },
    ],
    [
      'the report is in the archive',
      async (place) => {
        await moveIn(place);
        await createRun(place.dataDir, planOf(place.dataDir, RUN));
        await place.end(RUN);
        renameSync(join(place.dataDir, 'reports', RUN), join(place.folder, 'archive', RUN));
      },
      { ends: 'archive' },
    ],
    [
      'the file is in the archive',
      async (place) => {
        await moveIn(place);
        await createRun(place.dataDir, planOf(place.dataDir, RUN));
        await place.end(RUN);
        renameSync(join(place.folder, 'processing', KEPT), join(place.folder, 'archive', KEPT));
      },
      { ends: 'archive' },
    ],
    [
      'it is decided that the file is rejected',
      async (place, claim) => {
        await moveIn(place);
        await new Claims(place.dataDir).save({ ...claim, refused: 'no good' });
      },
      { ends: 'rejected' },
    ],
    [
      'the file is with the rejected ones, and the reason is not',
      async (place, claim) => {
        await moveIn(place);
        await new Claims(place.dataDir).save({ ...claim, refused: 'no good' });
        renameSync(join(place.folder, 'processing', KEPT), join(place.folder, 'rejected', KEPT));
      },
      { ends: 'rejected' },
    ],
  ];

  async function moveIn(place: Place): Promise<void> {
    renameSync(join(place.folder, 'inbox', 'people.csv'), join(place.folder, 'processing', KEPT));
  }

  /** A file in the inbox, and the claim to it of a process that is no more. */
  async function claimed(place: Place): Promise<Claim> {
    const inbox = new Inbox(placesOf(place.folder).inbox, 0, place.clock);
    place.drop('people.csv');
    const [file] = await inbox.look();
    const { seen } = file!;
    const claim = { run: RUN, folder: place.folder, kept: KEPT, shown: 'people.csv', seen, by: dead, at: 0 };
    await new Claims(place.dataDir).save(claim);
    return claim;
  }

  test.each(steps)('when %s, the next goes on', async (_, prepare, { ends, again = false }) => {
    const place = open();
    const folder = await place.open();
    await prepare(place, await claimed(place));
    await rounds(folder, place.clock, 4);
    expect(place.again).toEqual(again ? [RUN] : []);
    for (const { run } of place.added) await place.end(run);
    if (again) await place.end(RUN);
    await rounds(folder, place.clock, 4);

    expect(place.added.length).toBeLessThanOrEqual(1);
    expect([place.has('inbox'), place.has('processing'), place.claims]).toEqual([[], [], []]);
    if (ends === 'archive') {
      const [run] = [...place.added.map(({ run }) => run), RUN];
      expect(place.has('archive')).toEqual([`${run}-people.csv`]);
      expect(readdirSync(join(place.folder, 'archive')).sort()).toEqual([run, `${run}-people.csv`].sort());
      expect(place.has('rejected')).toEqual([]);
      expect(readdirSync(join(place.dataDir, 'runs'))).toEqual([run]);
    } else {
      expect(place.has('rejected')).toEqual([KEPT, `${KEPT}.txt`]);
      expect(readFileSync(join(place.folder, 'rejected', `${KEPT}.txt`), 'utf8')).toBe('no good\n');
      expect(place.has('archive')).toEqual([]);
    }
  });

  test('somebody who lives may still move the file of a claim; what he moves late settles, and is run once', async () => {
    const place = open();
    const folder = await place.open();
    const claim = await claimed(place);
    await new Claims(place.dataDir).save({ ...claim, by: { ...identify(process.pid)!, nonce: 'asleep' } });
    await rounds(folder, place.clock);
    // Claimed anew: the sleeper has done nothing yet.
    expect(place.added.map(({ name }) => name)).toEqual(['people.csv']);
    expect(place.claims).toContain(`${RUN}.json`);
    place.drop('people.csv', 'email\nanother@example.com\n');
    await moveIn(place);
    // It is not what had settled: emptied just now, then written.
    const path = join(place.folder, 'processing', KEPT);
    truncateSync(path);
    await rounds(folder, place.clock);
    expect(place.added.length).toBe(1);
    const writer = openSync(path, 'a');
    writeSync(writer, 'email\nanother@example.com\n');
    await rounds(folder, place.clock, 1);
    expect(place.added.length).toBe(1);
    if (process.platform === 'linux') await rounds(folder, place.clock);
    expect(place.added.length).toBe(1);
    closeSync(writer);
    await rounds(folder, place.clock);
    expect(place.added.map(({ run }) => run)).toContain(RUN);
    expect(place.added.length).toBe(2);
  });

  test('of Redis, or of another who looked after the folder: what is waiting is put into the queue again', async () => {
    const place = open();
    const folder = await place.open();
    place.drop('people.csv');
    await rounds(folder, place.clock);
    expect(place.again).toEqual([]);
    const { redis, prefix } = place.connection;
    await redis.del(await redis.keys(`${prefix}*`));
    await rounds(folder, place.clock);
    expect(place.again).toEqual([place.added[0]!.run]);
    await redis.del(await redis.keys(`${prefix}*`));
    const next = place.other();
    const other = await next.open();
    await rounds(other, next.clock);
    expect(next.again).toEqual(place.again);
    expect(next.added).toEqual([]);
  });
});

describe('several on one folder', () => {
  test('with data dirs of their own: each file is of one of them', async () => {
    const [one] = [open()];
    const two = new Place(one.connection, scratchDir(), one.folder);
    const folders = [await one.open(), await two.open()];
    for (let i = 0; i < 60; i++) one.drop(`${i}.csv`);
    for (let i = 0; i < 4; i++) {
      await Promise.all(folders.map((folder) => folder.round()));
      await Promise.all(folders.map((folder) => folder.idle()));
      one.clock.pass(SETTLE_MS);
      two.clock.pass(SETTLE_MS);
    }
    const names = [...one.added, ...two.added].map(({ name }) => name);
    expect(names.length).toBe(60);
    expect(new Set(names).size).toBe(60);
    expect(one.has('processing').length).toBe(60);
    expect(one.claims.length + two.claims.length).toBe(60);
  });

  test('with one data dir: one of them at a time, and who lost it while it was asleep leaves files where they are', async () => {
    const one = open();
    const two = one.other();
    const [first, second] = [await one.open(), await two.open()];
    one.drop('people.csv');
    await first.round();
    await rounds(second, two.clock);
    expect(two.added).toEqual([]);
    await one.connection.redis.del(await one.connection.redis.keys(`${one.connection.prefix}*`));
    await rounds(second, two.clock);
    expect(two.added.length).toBe(1);
    one.drop('people.csv');
    await rounds(first, one.clock);
    expect(one.added).toEqual([]);
    await second.close();
    await rounds(first, one.clock);
    expect(one.added.length).toBe(1);
  });

  test('a claim is taken back when the folder was lost right before the file is moved', async () => {
    const place = open();
    await place.open();
    place.drop('people.csv');
    const { clock, dataDir, folder, adder, log } = place;
    const claims = new Claims(dataDir);
    const course = new Course({
      ...{ clock, dataDir, folder, adder, log, claims, settleMs: 0 },
      targets: new Targets(NAMES),
      mayClaim: () => false,
    });
    const [file] = await new Inbox(placesOf(folder).inbox, 0, clock).look();
    expect(await course.begin(file!)).toBe(undefined);
    expect([place.has('inbox'), place.has('processing'), place.claims]).toEqual([['people.csv'], [], []]);
  });
});

test('an archive stays until the runs of all its tables have ended, whoever looks after it by then', async () => {
  const place = open();
  const folder = await place.open();
  place.tables = ['20260131-000000-aaaaaa', '20260131-000000-bbbbbb'];
  place.drop('people.zip', 'PK');
  await rounds(folder, place.clock);
  const [{ run }] = place.added as [Place['added'][number]];
  expect(place.again).toEqual([]);
  await place.end(run);
  await place.end(place.tables[1]!, 'cancelled');
  await folder.close();
  // Redis may have lost what is in its queue.
  const other = place.other();
  const after = await other.open();
  await rounds(after, other.clock);
  expect(other.again).toEqual([place.tables[0]]);
  expect(place.has('processing')).toEqual([`${run}-people.zip`]);
  await place.end(place.tables[0]!);
  await rounds(after, other.clock);
  expect(place.has('archive')).toEqual([`${run}-people.zip`]);
  for (const one of [run, ...place.tables]) {
    expect(readdirSync(join(place.folder, 'archive', one)).sort()).toEqual(REPORT);
  }
  expect([place.claims, other.added]).toEqual([[], []]);
});

describe('the folder', () => {
  test('is made with a subfolder for each sync and destination, for its owner alone; what is there keeps its rights', async () => {
    const dir = join(scratchDir(), 'drop');
    mkdirSync(join(dir, 'inbox'), { recursive: true });
    chmodSync(join(dir, 'inbox'), 0o777);
    await openPlaces(dir, ['crm', 'nightly']);
    const mode = (name: string) => statSync(join(dir, name)).mode & 0o777;
    expect(readdirSync(dir).sort()).toEqual(['archive', 'inbox', 'processing', 'rejected']);
    expect(readdirSync(join(dir, 'inbox')).sort()).toEqual(['crm', 'nightly']);
    expect(mode('inbox')).toBe(0o777);
    for (const name of ['processing', 'archive', 'rejected', 'inbox/crm']) expect(mode(name)).toBe(0o700);
  });

  test('that cannot be had is refused with a sentence', async () => {
    const file = join(scratchDir(), 'file');
    writeFileSync(file, '');
    await expect(openPlaces(file, [])).rejects.toMatchObject({
      code: 'FOLDER_UNUSABLE',
      message: expect.stringMatching(
        /^The watched folder \/.*file cannot be used: .*ROWFERRY_FOLDER/,
      ) as string,
    });
  });

  const shm =
    existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync(process.env.TMPDIR ?? '/tmp').dev;
  test.runIf(shm)('on two file systems is refused: files could not be moved in one step', async () => {
    const dir = scratchDir();
    symlinkSync('/dev/shm', join(dir, 'archive'));
    await expect(openPlaces(dir, [])).rejects.toThrow(/not on one file system/);
  });
});
