import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { bindAccount, findDestination } from '../../src/destinations/registry.js';
import { withLock } from '../../src/redis/lock.js';
import {
  checkSnapshot,
  createRuns,
  listRuns,
  loadPlan,
  type RunPlan,
  type RunState,
  runDir,
  saveStatus,
} from '../../src/run.js';
import type { RunRequest } from '../../src/runner/plan.js';
import { workOnOccasion } from '../../src/runner/sync.js';
import { syncLock } from '../../src/sources/note.js';
import type { GivenSource, GlobSource } from '../../src/sources/source.js';
import { zip } from '../corpus/archive.js';
import { scratchDir } from '../helpers/scratch.js';
import { openSite } from '../helpers/site.js';

const CSV = 'email\nada@example.com\n';
const account = bindAccount(findDestination('sendmator'), { SENDMATOR_API_KEY: 'sk_test_x' });

/** A data dir, a folder of files, and occasions one minute apart. */
function openSync(source: (dir: string) => GivenSource) {
  const dir = scratchDir();
  const dataDir = join(dir, 'data');
  let atMs = Date.UTC(2026, 0, 31);
  const added: string[] = [];
  const occasion = async (
    { again = false, changed = {} as Partial<RunRequest>, most = 500 } = {},
    before?: (plans: readonly RunPlan[]) => unknown,
  ) => {
    if (!again) atMs += 60_000;
    const request = { source: source(dir), account, ...changed, sync: 'nightly' };
    const add = async (plans: readonly RunPlan[]) => {
      await before?.(plans);
      await createRuns(dataDir, plans);
      added.push(...plans.map(({ run }) => run));
    };
    const { plans, ...rest } = await workOnOccasion(dataDir, systemClock, { request, atMs, most, add });
    return { plans: plans.map(({ plan }) => plan), ...rest };
  };
  return {
    dir,
    dataDir,
    added,
    occasion,
    /** Writes a file a minute newer than the one before. */
    file(name: string, content: string | Buffer, minute = 0) {
      writeFileSync(join(dir, name), content);
      utimesSync(join(dir, name), 1_700_000_000 + minute * 60, 1_700_000_000 + minute * 60);
    },
    end: (plan: RunPlan, state: Exclude<RunState, 'interrupted'> = 'finished', cursor = 0) =>
      saveStatus(dataDir, plan.run, { state, epoch: 1, cursor }),
  };
}

const onePath = (dir: string) => ({ path: join(dir, 'people.csv') });

test('the same file again is no change; another content, or other settings, are one', async () => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  const first = (await sync.occasion()).plans[0]!;
  expect(first).toMatchObject({ sync: 'nightly', source: { name: 'people.csv' } });
  expect(first.noChange).toBeUndefined();
  // A run may take longer than until the next export is written over this one.
  sync.file('people.csv', 'another');
  expect(readFileSync(first.source.path, 'utf8')).toBe(CSV);
  sync.file('people.csv', CSV);
  await sync.end(first);

  const second = (await sync.occasion()).plans[0]!;
  expect(second.noChange).toBe(`No change since run ${first.run}; nothing was sent.`);
  expect(second.source.sha256).toBe(first.source.sha256);
  await sync.end(second);
  sync.file('people.csv', CSV, 5); // touched
  const third = (await sync.occasion()).plans[0]!;
  expect(third.noChange).toContain(first.run);
  await sync.end(third);

  for (const changed of [
    { onDuplicate: 'update' as const },
    { mapping: { map: { 'custom_fields.a': { value: 'b' } } } },
    { account: { ...account, id: 'sendmator-other' } },
  ]) {
    const plan = (await sync.occasion({ changed })).plans[0]!;
    expect(plan.noChange).toBeUndefined();
    await sync.end(plan);
  }
  // What the last one carried counts: back to how it was is a change, too.
  const plan = (await sync.occasion()).plans[0]!;
  expect(plan.noChange).toBeUndefined();
  await sync.end(plan);
  sync.file('people.csv', `${CSV}b@example.com\n`);
  expect((await sync.occasion()).plans[0]!.noChange).toBeUndefined();
});

const zipped = (dir: string) => ({ path: join(dir, 'people.zip') });
const archive = (...tables: string[]) =>
  zip(tables.map((text, i) => ({ name: `${i}.csv`, bytes: Buffer.from(text) })));

test('an archive is a run for each of its tables, one after the other; packed anew it is no change', async () => {
  const sync = openSync(zipped);
  const other = 'email\nb@example.com\n';
  const write = (minute: number, ...tables: string[]) => sync.file('people.zip', archive(...tables), minute);
  write(0, CSV, other);
  const { plans } = await sync.occasion();
  const [first, second] = plans as [RunPlan, RunPlan];
  expect(plans.map(({ source }) => source.name)).toEqual(['people.zip/0.csv', 'people.zip/1.csv']);
  expect([first.tables, second.tableOf, second.after]).toEqual([[second.run], first.run, first.run]);
  await sync.end(first);
  await expect(sync.occasion()).rejects.toMatchObject({ code: 'SYNC_BUSY' });
  await sync.end(second, 'cancelled');
  const again = (await sync.occasion()).plans; // not all of it was carried
  expect(again.map(({ noChange }) => noChange)).toEqual([undefined, undefined]);
  for (const plan of again) await sync.end(plan);

  writeFileSync(
    join(sync.dir, 'people.zip'),
    zip([CSV, other].map((text, i) => ({ name: `${i}.csv`, bytes: Buffer.from(text), stored: true }))),
  );
  const [unchanged, ...none] = (await sync.occasion()).plans;
  expect(unchanged!.noChange).toBe(`No change since run ${again[0]!.run}; nothing was sent.`);
  expect(unchanged!.source.name).toBe('people.zip');
  expect(none).toEqual([]);
  await sync.end(unchanged!);
  write(2, CSV, `${other}c@example.com\n`);
  expect((await sync.occasion()).plans.map(({ noChange }) => noChange)).toEqual([undefined, undefined]);
});

test.each([0, 1, 2])(
  'a crash with %i tables of an archive on disk: the occasion makes the rest, nothing twice',
  async (made) => {
    const sync = openSync(zipped);
    sync.file('people.zip', archive(CSV, CSV, CSV));
    let planned: RunPlan[] = [];
    await expect(
      sync.occasion({}, async (plans) => {
        planned = [...plans];
        // The first comes last.
        await createRuns(sync.dataDir, planned.slice(planned.length - made));
        throw new Error('killed');
      }),
    ).rejects.toThrow('killed');
    expect(listRuns(sync.dataDir).length).toBe(made);
    // What a run on disk is about stays, whatever the archive holds by now.
    const other = `${CSV}b@example.com\n`;
    sync.file('people.zip', archive(other, other, other), 1);
    const { plans } = await sync.occasion({ again: true });
    expect(plans.map(({ run }) => run)).toEqual(planned.map(({ run }) => run));
    expect(listRuns(sync.dataDir).sort()).toEqual(planned.map(({ run }) => run).sort());
    expect((await sync.occasion({ again: true })).plans).toEqual([]);
    const read = plans.map(({ source }) => readFileSync(source.path, 'utf8'));
    expect(read).toEqual([other, made > 1 ? CSV : other, made > 0 ? CSV : other]);
    for (const { source } of plans) await checkSnapshot(source);
  },
);

test('all new files of a glob: of an archive all tables, or a sentence about it and none', async () => {
  const sync = openSync((dir) => ({ glob: '*', base: dir, pick: 'all' }));
  sync.file('a.zip', archive(CSV, 'email\n'), 1);
  sync.file('b.zip', archive(CSV, CSV), 2);
  sync.file('c.csv', CSV, 3);
  const { plans, faults, left } = await sync.occasion({ most: 1 });
  expect(plans.map(({ source }) => source.name)).toEqual(['b.zip/0.csv', 'b.zip/1.csv']);
  expect([faults, left]).toEqual([['a.zip/1.csv has a header and no rows.'], 1]);
  expect(listRuns(sync.dataDir).length).toBe(2);
  const rest = await sync.occasion({ again: true });
  expect(rest.plans.map(({ source, after }) => [source.name, after])).toEqual([['c.csv', plans[1]!.run]]);
});

test('what was carried last counts, not what was carried first: back to an earlier content is a change', async () => {
  const sync = openSync(onePath);
  const contents = [CSV, `${CSV}b@example.com\n`, `${CSV}c@example.com\n`, CSV];
  let last: RunPlan | undefined;
  for (const [minute, content] of contents.entries()) {
    sync.file('people.csv', content, minute);
    last = (await sync.occasion()).plans[0]!;
    expect(last.noChange).toBeUndefined();
    await sync.end(last);
  }
  const again = (await sync.occasion()).plans[0]!;
  expect(again.noChange).toBe(`No change since run ${last!.run}; nothing was sent.`);
});

test.each(['cancelled', 'failed'] as const)(
  'after a run that carried something, one that is %s carried nothing',
  async (state) => {
    const sync = openSync(onePath);
    sync.file('people.csv', CSV);
    await sync.end((await sync.occasion()).plans[0]!);
    sync.file('people.csv', `${CSV}b@example.com\n`, 1);
    await sync.end((await sync.occasion()).plans[0]!, state);
    expect((await sync.occasion()).plans[0]!.noChange).toBeUndefined();
  },
);

test.each(['cancelled', 'failed'] as const)('a file whose run is %s was not carried', async (state) => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  const first = (await sync.occasion()).plans[0]!;
  await sync.end(first, state);
  const second = (await sync.occasion()).plans[0]!;
  expect(second.noChange).toBeUndefined();
});

test('a carried file stays known when its run has been cleared away', async () => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  const first = (await sync.occasion()).plans[0]!;
  await sync.end(first);
  await sync.end((await sync.occasion()).plans[0]!);
  rmSync(runDir(sync.dataDir, first.run), { recursive: true });
  expect((await sync.occasion()).plans[0]!.noChange).toContain(first.run);
});

test('a run that failed after it had begun to send is not passed by: its rows may be there', async () => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  const first = (await sync.occasion()).plans[0]!;
  await sync.end(first, 'failed', 1);
  await expect(sync.occasion()).rejects.toMatchObject({
    code: 'SYNC_BUSY',
    message: expect.stringMatching(`Run ${first.run} failed: .*runs resume .*runs cancel`) as string,
  });
  await sync.end(first, 'cancelled', 1);
  expect((await sync.occasion()).plans[0]!.noChange).toBeUndefined();
});

test.each(['queued', 'running', 'halted'] as const)(
  'an occasion is left out while the run before is %s',
  async (state) => {
    const sync = openSync(onePath);
    sync.file('people.csv', CSV);
    const first = (await sync.occasion()).plans[0]!;
    await sync.end(first, state);
    sync.file('people.csv', `${CSV}b@example.com\n`);
    await expect(sync.occasion()).rejects.toMatchObject({
      code: 'SYNC_BUSY',
      message: expect.stringContaining(`Run ${first.run} is ${state}`) as string,
    });
    // Its queue may have lost it: adding it again is harmless. A halted one waits for a person.
    expect(sync.added).toEqual(state === 'halted' ? [first.run] : [first.run, first.run]);
    await sync.end(first);
    expect((await sync.occasion()).plans).toHaveLength(1);
  },
);

test('an occasion that is worked on by another, or passed by already, is left out', async () => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  await withLock(syncLock(sync.dataDir, 'nightly'), async () => {
    await expect(sync.occasion()).rejects.toMatchObject({ code: 'SYNC_HELD' });
  });
  await sync.end((await sync.occasion()).plans[0]!);
  const request = { source: onePath(sync.dir), account, sync: 'nightly' };
  const late = { request, atMs: Date.UTC(2026, 0, 30), add: () => expect.unreachable() };
  await expect(workOnOccasion(sync.dataDir, systemClock, late)).rejects.toMatchObject({
    code: 'SYNC_BUSY',
    message: 'A later occasion was worked on before it.',
  });
});

test('an occasion that was worked on while the clock was ahead by days stands in the way of none', async () => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  const ahead = { atMs: Date.now() + 5 * 86_400_000, request: { source: onePath(sync.dir), account } };
  const add = (plans: readonly RunPlan[]) => createRuns(sync.dataDir, plans);
  const work = (atMs: number) => {
    const request = { ...ahead.request, sync: 'nightly' };
    return workOnOccasion(sync.dataDir, systemClock, { request, atMs, add });
  };
  const [first] = (await work(ahead.atMs)).plans;
  await sync.end(first!.plan);
  sync.file('people.csv', `${CSV}b@example.com\n`);
  const [second] = (await work(Date.now())).plans;
  await sync.end(second!.plan);
  sync.file('people.csv', `${CSV}c@example.com\n`);
  // By a little: it is not due twice.
  const soon = Date.now() + 3_600_000;
  await sync.end((await work(soon)).plans[0]!.plan);
  await expect(work(Date.now())).rejects.toMatchObject({ code: 'SYNC_BUSY' });
});

test('a crash before or after its run was added: the occasion makes the same run again, once', async () => {
  const sync = openSync(onePath);
  sync.file('people.csv', CSV);
  await sync.end((await sync.occasion()).plans[0]!);
  sync.file('people.csv', `${CSV}b@example.com\n`);
  let planned = '';
  const crash = ([plan]: readonly RunPlan[]) => {
    planned = plan!.run;
    throw new Error('killed');
  };
  await expect(sync.occasion({}, crash)).rejects.toThrow('killed');
  const repeated = (await sync.occasion({ again: true })).plans;
  expect(repeated).toMatchObject([{ run: planned }]);
  expect(repeated[0]!.noChange).toBeUndefined();
  // The run is there, the file has changed: neither is planned again, and the run is in the queue for sure.
  sync.file('people.csv', `${CSV}c@example.com\n`);
  expect((await sync.occasion({ again: true })).plans).toEqual([]);
  expect(sync.added.slice(-2)).toEqual([planned, planned]);
  expect(listRuns(sync.dataDir)).toHaveLength(2);
});

test('a file that cannot be run is no run, and is looked at again', async () => {
  const sync = openSync(onePath);
  await expect(sync.occasion()).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
  sync.file('people.csv', 'email\n');
  await expect(sync.occasion()).rejects.toMatchObject({ code: 'NO_ROWS' });
  expect(listRuns(sync.dataDir)).toEqual([]);
  sync.file('people.csv', CSV);
  expect((await sync.occasion()).plans).toHaveLength(1);
});

test('of a glob the newest file is taken, and is no change under another name', async () => {
  const sync = openSync((dir) => ({ glob: '*.csv', base: dir, pick: 'newest' }));
  sync.file('a.csv', `${CSV}b@example.com\n`, 1);
  sync.file('b.csv', CSV, 0);
  const first = (await sync.occasion()).plans[0]!;
  expect(first.source.name).toBe('a.csv');
  await sync.end(first);
  sync.file('c.csv', `${CSV}b@example.com\n`, 2);
  const second = (await sync.occasion()).plans[0]!;
  expect(second.noChange).toContain(first.run);
  await sync.end(second);
  sync.file('b.csv', CSV, 3);
  expect((await sync.occasion()).plans[0]).toMatchObject({ source: { name: 'b.csv' } });
});

const allFiles = (dir: string): GlobSource => ({ glob: '*.csv', base: dir, pick: 'all' });

test('all new files of a glob are taken, oldest first, each after the one before', async () => {
  const sync = openSync(allFiles);
  expect((await sync.occasion()).plans[0]!.noChange).toBe('No new file matches *.csv; nothing was sent.');
  await sync.end(loadPlan(sync.dataDir, listRuns(sync.dataDir)[0]!));
  sync.file('new.csv', `${CSV}b@example.com\n`, 2);
  sync.file('old.csv', CSV, 1);
  sync.file('bad.csv', 'email\n', 3);
  const { plans, faults } = await sync.occasion();
  expect(plans.map(({ source, after }) => [source.name, after])).toEqual([
    ['old.csv', undefined],
    ['new.csv', plans[0]!.run],
  ]);
  expect(faults).toEqual(['bad.csv has a header and no rows.']);
  await sync.end(plans[0]!);
  await sync.end(plans[1]!, 'cancelled');
  rmSync(join(sync.dir, 'bad.csv'));
  // A cancelled one is new still; a carried one is old, whatever becomes of the mapping.
  const next = (await sync.occasion({ changed: { onDuplicate: 'update' } })).plans;
  expect(next.map(({ source }) => source.name)).toEqual(['new.csv']);
  await sync.end(next[0]!);
  sync.file('old.csv', `${CSV}c@example.com\n`, 9);
  const rewritten = (await sync.occasion()).plans;
  expect(rewritten.map(({ source }) => source.name)).toEqual(['old.csv']);
  await sync.end(rewritten[0]!);
  expect((await sync.occasion()).plans[0]!.noChange).toBeDefined();
});

test('a crash among several new files: those that were added stay, the others follow', async () => {
  const sync = openSync(allFiles);
  for (const [i, name] of ['a.csv', 'b.csv', 'c.csv'].entries())
    sync.file(name, `${CSV}${i}@example.com\n`, i);
  const crash = ([plan]: readonly RunPlan[]) => {
    if (plan!.source.name === 'b.csv') throw new Error('killed');
  };
  await expect(sync.occasion({}, crash)).rejects.toThrow('killed');
  const { plans } = await sync.occasion({ again: true });
  expect(plans.map(({ source }) => source.name)).toEqual(['b.csv', 'c.csv']);
  const runs = listRuns(sync.dataDir).map((run) => loadPlan(sync.dataDir, run));
  expect(runs.map(({ source }) => source.name).sort()).toEqual(['a.csv', 'b.csv', 'c.csv']);
  expect(plans[0]!.after).toBe(runs.find(({ source }) => source.name === 'a.csv')!.run);
});

test('a URL is asked for conditionally once its run has ended; the note holds nothing of its headers', async () => {
  const site = await openSite((request, response) => {
    if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
    else response.setHeader('etag', '"v1"').end(CSV);
  });
  const url = `${site.url}/people.csv?token=t0ken`;
  const sync = openSync(() => ({ url, headers: { authorization: 'Bearer s3cret' } }));
  const first = (await sync.occasion()).plans[0]!;
  expect(readFileSync(first.source.path, 'utf8')).toBe(CSV);
  await sync.end(first, 'cancelled');
  const second = (await sync.occasion()).plans[0]!;
  expect(second.noChange).toBeUndefined();
  await sync.end(second);
  const third = (await sync.occasion()).plans[0]!;
  expect(third).toMatchObject({ noChange: expect.stringContaining(second.run) as string });
  expect(third.source).toMatchObject({ name: 'people.csv', sha256: first.source.sha256 });
  expect(existsSync(join(runDir(sync.dataDir, third.run), 'source.csv'))).toBe(false);
  expect(site.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, undefined, '"v1"']);
  const note = readFileSync(join(sync.dataDir, 'syncs', 'nightly.json'), 'utf8');
  expect(note).not.toMatch(/s3cret|t0ken/);
});
