import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { expect, test } from 'vitest';
import { takeSnapshot } from '../../src/run.js';
import { namedSources, singleSource, sourceOf } from '../../src/sources/source.js';
import { bringSource } from '../../src/sources/tables.js';
import { takeSource } from '../../src/sources/take.js';
import { sheetXml, workbook, zip } from '../corpus/archive.js';
import { scratchDir } from '../helpers/scratch.js';

const CSV = 'email\nada@example.com\n';

/** Files of one minute each, the last named the newest. */
function folder(...names: string[]): string {
  const dir = scratchDir();
  mkdirSync(join(dir, 'in', 'deep'), { recursive: true });
  for (const [i, name] of names.entries()) {
    writeFileSync(join(dir, name), CSV);
    utimesSync(join(dir, name), 1_700_000_000 + i * 60, 1_700_000_000 + i * 60);
  }
  return dir;
}

test('a glob stands for the regular files that match, the one changed last at the end', async () => {
  const base = folder('in/b.csv', 'in/c.txt', 'in/.hidden.csv', 'in/deep/d.csv', 'in/a.csv');
  const of = (glob: string) => namedSources(join(base, glob));
  expect(await of('in/*.csv')).toEqual([join(base, 'in/b.csv'), join(base, 'in/a.csv')]);
  expect(await of('in/**/*.{csv,txt}')).toEqual(
    ['in/b.csv', 'in/c.txt', 'in/deep/d.csv', 'in/a.csv'].map((name) => join(base, name)),
  );
  expect(await of('in/[b]*')).toEqual([join(base, 'in/b.csv')]);
  await expect(of('in/*.xlsx')).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
});

test('of several, the newest if it is asked for, else a sentence', async () => {
  const base = folder('in/b.csv', 'in/a.csv');
  const glob = { glob: 'in/*.csv', base };
  expect(await singleSource({ ...glob, pick: 'newest' })).toEqual({ path: join(base, 'in/a.csv') });
  await expect(singleSource(glob)).rejects.toThrow(
    'in/*.csv matches 2 files, and a run carries one; "rowferry enqueue" takes them all.',
  );
  await expect(singleSource({ ...glob, pick: 'all' })).rejects.toThrow('"rowferry sync" takes them all');
  expect(await singleSource({ glob: 'in/a*', base })).toEqual({ path: join(base, 'in/a.csv') });
});

test('a file that is called like a pattern is that file', async () => {
  const base = folder('in/people [1].csv', 'in/people 1.csv');
  const name = join(base, 'in/people [1].csv');
  expect(sourceOf(name)).toEqual({ path: name });
  expect(await singleSource({ glob: 'in/people [1].csv', base, pick: 'newest' })).toEqual({ path: name });
  expect(sourceOf('HTTPS://example.com/a?b=*')).toEqual({ url: 'HTTPS://example.com/a?b=*' });
});

test('what unpacks to far more than any list of people is refused, and the disk is not filled with it', async () => {
  const dir = scratchDir();
  const [packed, spool] = ['bomb.csv.gz', 'spool'].map((name) => join(dir, name)) as [string, string];
  writeFileSync(packed, gzipSync(`email\n${'x'.repeat(100_000_000)}`));
  await expect(takeSource({ path: packed }, spool)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  expect(readdirSync(dir)).toEqual(['bomb.csv.gz']);
});

test('a file is taken where it is; one that is packed, and a stream, as a copy', async () => {
  const dir = scratchDir();
  const [plain, packed, spool] = ['a.csv', 'a.csv.gz', 'spool'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(plain, CSV);
  writeFileSync(packed, gzipSync(CSV));
  const whole = await takeSource({ path: plain }, spool);
  expect(whole).toMatchObject({ source: { path: plain, name: 'a.csv' } });
  const unpacked = await takeSource({ path: packed }, spool);
  const { sha256, bytes } = await takeSnapshot(packed);
  const source = { ...whole!.source, path: spool, name: 'a.csv.gz', original: { sha256, bytes } };
  expect(unpacked).toMatchObject({ source, encoding: 'utf-8' });
  const piped = await takeSource(
    { stream: Readable.from(['e', Buffer.from('mail\n')]), name: 'stdin' },
    spool,
  );
  expect(piped).toMatchObject({ source: { name: 'stdin', bytes: 6 } });
  expect(readFileSync(spool, 'utf8')).toBe('email\n');
});

test('a zip with several tables is not taken as if it held one; a member is named behind it', async () => {
  const dir = scratchDir();
  const path = join(dir, 'exports.zip');
  const tables = ['a.csv', 'deep/b.csv'].map((name) => ({ name, bytes: Buffer.from(`${name}\nx\n`) }));
  writeFileSync(path, zip([...tables, { name: 'notes.md', bytes: Buffer.from('#') }]));
  const spool = join(dir, 'run', 'source.csv');
  const second = await takeSource(await singleSource(sourceOf(`${path}/deep/b.csv`)), spool);
  expect(second).toMatchObject({ source: { path: spool, name: 'exports.zip/deep/b.csv' } });
  expect(readFileSync(spool, 'utf8')).toBe('deep/b.csv\nx\n');
  await expect(takeSource({ path }, spool)).rejects.toMatchObject({ code: 'SOURCE_AMBIGUOUS' });
  await expect(takeSource({ path, member: 'c.csv' }, spool)).rejects.toMatchObject({
    code: 'SOURCE_MISSING',
  });
});

test('which files of a zip are its tables', async () => {
  const dir = scratchDir();
  const path = join(dir, 'exports.zip');
  const tables = async (...names: string[]) => {
    writeFileSync(path, zip(names.map((name) => ({ name, bytes: Buffer.from('email\n') }))));
    return (await bringSource({ path }, join(dir, 'spool')))!.tables;
  };
  expect(await tables('a.csv', 'deep/b.TSV', 'notes.md')).toEqual(['a.csv', 'deep/b.TSV']);
  expect(await tables('a.txt', 'b.dat')).toEqual(['a.txt', 'b.dat']);
  expect(await tables('a.csv', 'b.csv.gz', 'readme.txt', 'c.xlsx')).toEqual(['a.csv', 'b.csv.gz']);
  // One is the file itself, and so are the parts of a spreadsheet.
  expect(await tables('a.csv', 'readme.txt', '__MACOSX/._a.csv')).toEqual([undefined]);
  expect(await tables('xl/workbook.xml', 'a.csv', 'b.csv')).toEqual([undefined]);
  await expect(tables('a.csv', 'a.csv')).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' });
  const many = Array.from({ length: 501 }, (_, i) => `${i}.csv`);
  await expect(tables(...many)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
});

test('a spreadsheet in a zip is read, an archive in one is refused', async () => {
  const dir = scratchDir();
  const path = join(dir, 'exports.zip');
  const book = zip(workbook([{ name: 'People', xml: sheetXml([['email'], ['ada@example.com']]) }]));
  writeFileSync(path, zip([{ name: 'people.xlsx', bytes: book }]));
  const taken = await takeSource({ path }, join(dir, 'spool'));
  expect(taken).toMatchObject({ sheet: 'People', source: { name: 'exports.zip' } });
  expect(readFileSync(join(dir, 'spool'), 'utf8')).toBe('email\nada@example.com\n');
  writeFileSync(path, zip([{ name: 'in.zip', bytes: zip([{ name: 'a.csv', bytes: Buffer.from(CSV) }]) }]));
  await expect(takeSource({ path }, join(dir, 'spool'))).rejects.toMatchObject({
    code: 'SOURCE_NOT_TEXT',
    message: expect.stringContaining('unpack it first') as string,
  });
});

test('a zip that tells of far more than any list of people is refused before it is unpacked', async () => {
  const dir = scratchDir();
  const path = join(dir, 'bomb.zip');
  writeFileSync(path, zip([{ name: 'a.csv', bytes: Buffer.alloc(80_000_000, 'x') }]));
  await expect(takeSource({ path }, join(dir, 'spool'))).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  expect(readdirSync(dir)).toEqual(['bomb.zip']);
});

test('large texts in other encodings are turned as they are, wherever their pieces are cut', async () => {
  const dir = scratchDir();
  for (const encoding of ['windows-1252', 'utf-16be', 'shift_jis', 'gb18030']) {
    const word =
      encoding === 'shift_jis' || encoding === 'gb18030' ? '山田太郎、東京' : 'Größe Müller Çağ'.slice(0, 13);
    const text = `email,name\n${Array.from({ length: 8_000 }, (_, i) => `p${i}@example.com,${word}${'x'.repeat(i % 7)}\n`).join('')}`;
    const [path, spool] = [join(dir, `${encoding}.csv`), join(dir, 'spool')];
    writeFileSync(path, iconv.encode(text, encoding, { addBOM: encoding === 'utf-16be' }));
    const { encoding: found } = (await takeSource({ path }, spool))!;
    expect(found).toBe(encoding);
    expect(readFileSync(spool, 'utf8') === text).toBe(true);
  }
});

test('a sheet that is all delimiters is refused, and so is what only looks like one', async () => {
  const dir = scratchDir();
  const path = join(dir, 'sheet.xlsx');
  const far = '<row><c r="XFD1" t="str"><v>x</v></c></row>'.repeat(20_000);
  writeFileSync(path, zip(workbook([{ name: 'S', xml: far }])));
  await expect(takeSource({ path }, join(dir, 'spool'))).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  for (const xml of [`<row ${'a'.repeat(3_000_000)}>`, '<!DOCTYPE x []>', `<${'v'.repeat(9_000_000)}`]) {
    writeFileSync(path, zip(workbook([{ name: 'S', xml }])));
    await expect(takeSource({ path }, join(dir, 'spool'))).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
    });
  }
  expect(readdirSync(dir)).toEqual(['sheet.xlsx']);
});

test('lines of endless words in another encoding are told in a time that their length explains', async () => {
  const dir = scratchDir();
  const path = join(dir, 'blobs.csv');
  const line = `a@example.com,M\u00fcller,${'x'.repeat(200_000)},${'a.'.repeat(50_000)}!\n`;
  writeFileSync(path, Buffer.from(`email,name,blob,more\n${line.repeat(3)}`, 'latin1'));
  expect(await takeSource({ path }, join(dir, 'spool'))).toMatchObject({ encoding: 'windows-1252' });
});
