import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Inbox, isStill } from '../../../src/triggers/folder/inbox.js';
import { HandClock } from '../../helpers/clock.js';
import { scratchDir } from '../../helpers/scratch.js';

const SETTLE_MS = 2_000;

function openInbox() {
  const dir = scratchDir();
  const clock = new HandClock();
  const inbox = new Inbox(dir, SETTLE_MS, clock);
  return {
    dir,
    clock,
    path: (name: string) => join(dir, name),
    look: async () => (await inbox.look()).map(({ shown }) => shown),
    files: () => inbox.look(),
  };
}

test('a file is complete when it was the same for a while, also one that was there at the start', async () => {
  const { clock, look, path } = openInbox();
  writeFileSync(path('people.csv'), 'email\n');
  expect(await look()).toEqual([]);
  clock.pass(SETTLE_MS - 1);
  expect(await look()).toEqual([]);
  clock.pass(1);
  expect(await look()).toEqual(['people.csv']);
});

test('one that is written slowly is told when its writer has been still for a while, not before', async () => {
  const { clock, look, path } = openInbox();
  writeFileSync(path('people.csv'), 'email\n');
  for (let i = 0; i < 20; i++) {
    expect(await look()).toEqual([]);
    clock.pass(SETTLE_MS - 1);
    expect(await look()).toEqual([]);
    appendFileSync(path('people.csv'), `person${i}@example.com\n`);
  }
  expect(await look()).toEqual([]);
  clock.pass(SETTLE_MS);
  expect(await look()).toEqual(['people.csv']);
});

test('one that is replaced by another of the same size and time begins anew', async () => {
  const { clock, look, path } = openInbox();
  const make = (name: string, text: string) => {
    writeFileSync(path(name), text);
    utimesSync(path(name), 1_000, 1_000);
  };
  make('people.csv', 'email\na\n');
  await look();
  clock.pass(SETTLE_MS);
  make('.new', 'email\nb\n');
  renameSync(path('.new'), path('people.csv'));
  expect(await look()).toEqual([]);
  clock.pass(SETTLE_MS);
  expect(await look()).toEqual(['people.csv']);
});

test('one that was truncated and is rewritten begins anew, and is empty for no reason that counts', async () => {
  const { clock, look, path } = openInbox();
  writeFileSync(path('people.csv'), 'email\nold@example.com\n');
  await look();
  clock.pass(SETTLE_MS - 1);
  writeFileSync(path('people.csv'), '');
  expect(await look()).toEqual([]);
  clock.pass(SETTLE_MS + 1);
  expect(await look()).toEqual([]);
  writeFileSync(path('people.csv'), 'email\nnew@example.com\n');
  expect(await look()).toEqual([]);
  clock.pass(SETTLE_MS);
  expect(await look()).toEqual(['people.csv']);
});

test('one that stays empty for a minute is told as that', async () => {
  const { clock, files, path } = openInbox();
  writeFileSync(path('people.csv'), '');
  await files();
  clock.pass(60_000);
  expect(await files()).toMatchObject([{ shown: 'people.csv', odd: 'empty' }]);
});

test('while a process has it open for writing it is not complete, however still it is', async () => {
  const { clock, look, path } = openInbox();
  writeFileSync(path('read.csv'), 'email\n');
  const reader = openSync(path('read.csv'), 'r');
  const own = openSync(path('own.csv'), 'a');
  writeSync(own, 'email\n');
  const child = spawn('sh', ['-c', 'exec 3>>other.csv; echo email >&3; echo; cat'], { cwd: path('.') });
  await once(child.stdout, 'data');
  await look();
  clock.pass(SETTLE_MS);
  if (process.platform === 'linux') {
    expect(await look()).toEqual(['read.csv']);
    // Renamed while it is written: the file counts, not its name.
    renameSync(path('own.csv'), path('moved.csv'));
    await look();
    clock.pass(SETTLE_MS);
    expect(await look()).toEqual(['read.csv']);
  }
  closeSync(own);
  closeSync(reader);
  child.stdin.end();
  await once(child, 'close');
  expect((await look()).length).toBe(3);
});

test('names that are not meant yet, and folders in subfolders, are left alone; what has settled by the old name settles again by the new one', async () => {
  const { clock, look, files, path } = openInbox();
  for (const dir of ['crm', 'crm/deeper', '.hidden', 'x.part']) mkdirSync(path(dir));
  for (const name of [
    'a.csv.part',
    '.b.csv',
    'crm/c.csv',
    'crm/deeper/d.csv',
    '.hidden/e.csv',
    'x.part/f.csv',
  ])
    writeFileSync(path(name), 'email\n');
  await look();
  clock.pass(SETTLE_MS);
  expect(await files()).toMatchObject([{ shown: 'c.csv', subfolder: 'crm' }]);
  renameSync(path('a.csv.part'), path('a.csv'));
  expect(await look()).toEqual(['c.csv']);
  clock.pass(SETTLE_MS);
  expect((await look()).sort()).toEqual(['a.csv', 'c.csv']);
});

test('links are told as such, also those that lead nowhere or to a folder', async () => {
  const { clock, files, path } = openInbox();
  const elsewhere = scratchDir();
  writeFileSync(join(elsewhere, 'people.csv'), 'email\n');
  symlinkSync(join(elsewhere, 'people.csv'), path('one.csv'));
  symlinkSync(elsewhere, path('two'));
  symlinkSync('/nowhere', path('three.csv'));
  await files();
  clock.pass(SETTLE_MS);
  const found = (await files()).map(({ shown, odd }) => `${shown} ${odd}`);
  expect(found.sort()).toEqual(['one.csv link', 'three.csv link', 'two link']);
});

test('any name a file system takes is found by it', async () => {
  const names = [
    Buffer.from('-rf'),
    Buffer.from('two\nlines.csv'),
    Buffer.from('名前 é.csv'),
    Buffer.from('x'.repeat(255)),
    Buffer.from([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72]),
  ];
  const box = openInbox();
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${box.dir}/`), name]), 'email\n');
  await box.files();
  box.clock.pass(SETTLE_MS);
  const found = await box.files();
  expect(found.length).toBe(names.length);
  for (const { path, seen } of found) expect(await isStill(path, seen)).toBe(true);
});

test('the oldest comes first; what went is forgotten, what changed is not still the same', async () => {
  const { clock, files, look, path } = openInbox();
  for (const [i, name] of ['c.csv', 'a.csv', 'b.csv'].entries()) {
    writeFileSync(path(name), 'email\n');
    utimesSync(path(name), i + 1, i + 1);
  }
  await look();
  clock.pass(SETTLE_MS);
  const [first, second] = await files();
  expect(await look()).toEqual(['c.csv', 'a.csv', 'b.csv']);
  appendFileSync(path('c.csv'), 'a@example.com\n');
  rmSync(path('a.csv'));
  expect(await isStill(first!.path, first!.seen)).toBe(false);
  expect(await isStill(second!.path, second!.seen)).toBe(false);
  expect(await look()).toEqual(['b.csv']);
});
