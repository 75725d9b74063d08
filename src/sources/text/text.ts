/** Makes text in UTF-8 of whatever a file holds: packed, a spreadsheet, in another encoding. What is that already stays where it is. */
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import type { DialectOptions, Finding } from '../../dialect.js';
import { EXIT, RowferryError } from '../../errors.js';
import { type SourceSnapshot, takeSnapshot } from '../../run.js';
import { blownUp, isBlownUp, spool } from '../spool.js';
import { isSpreadsheet, openSheet } from '../xlsx.js';
import { type Archive, chooseMember, openArchive } from '../zip.js';
import { detectEncoding } from './encoding.js';
import { kindOf, REFUSED } from './kind.js';
import { turnIntoUtf8 } from './turn.js';

export interface Text {
  source: SourceSnapshot;
  encoding: string;
  sheet?: string;
  found: Finding[];
}

export interface TextOptions extends Pick<DialectOptions, 'encoding' | 'sheet'> {
  /** Which file of an archive. */
  member?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** `path` may be `spooled` itself; everything that has to be written is written there. Throws a sentence for what is no text. */
export async function readText(
  path: string,
  name: string,
  spooled: string,
  options: TextOptions = {},
): Promise<Text> {
  const { member, signal } = options;
  /** The member is a file of its own to people. */
  const shown = member === undefined ? name : `${name}/${member}`;
  const found: Finding[] = [];
  let at = path;
  /** As it was before anything was written. */
  let original: SourceSnapshot | undefined;
  if ((await kindOf(at)) === 'gzip') {
    await replace((to) => spool(createReadStream(at), to, { name, signal }));
    found.push({ what: 'packing', value: 'gzip', why: 'its first bytes say so' });
  }
  let kind = await kindOf(at);
  let sheet: string | undefined;
  if (kind === 'zip') {
    sheet = await unpack();
    if (sheet === undefined) kind = await kindOf(at);
    if (sheet === undefined && kind === 'zip') sheet = await unpack('inside');
  }
  const refused = REFUSED[kind];
  if (refused !== undefined) throw new RowferryError('SOURCE_NOT_TEXT', `${shown} ${refused}`, EXIT.usage);
  if (options.sheet !== undefined && sheet === undefined) {
    const sentence = `${shown} is no spreadsheet (.xlsx): it has no sheet "${options.sheet}".`;
    throw new RowferryError('SHEET_UNKNOWN', sentence, EXIT.usage);
  }
  const source = await takeSnapshot(at, shown);
  if (sheet !== undefined) return { source: asFound(source), encoding: 'utf-8', sheet, found };
  if (at === path) original = source;
  const { name: encoding, finding } = await detectEncoding(
    at,
    shown,
    source.text !== 'other',
    options.encoding,
  );
  found.push(finding);
  const isRight = /^utf-?8$/i.test(encoding) && source.text !== 'other';
  if (isRight) return { source: asFound(source), encoding: 'utf-8', found };
  await replace((to) => turnIntoUtf8(at, encoding, to, shown, signal));
  return { source: asFound(await takeSnapshot(at, shown)), encoding: encoding.toLowerCase(), found };

  function asFound(read: SourceSnapshot): SourceSnapshot {
    if (original === undefined || original === read) return read;
    return { ...read, original: { sha256: original.sha256, bytes: original.bytes } };
  }

  /** Writes the text anew; what was spooled before it goes. */
  async function replace(write: (to: string) => Promise<unknown>): Promise<void> {
    const draft = `${spooled}.part`;
    original ??= await takeSnapshot(path, name);
    await mkdir(dirname(spooled), { recursive: true, mode: 0o700 });
    try {
      await write(draft);
      await rename(draft, spooled);
      at = spooled;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Gives the name of the sheet, of a spreadsheet. `inside`: it was in an archive itself. */
  async function unpack(inside?: 'inside'): Promise<string | undefined> {
    const archive = await openArchive(at, inside ? shown : name);
    try {
      if (isSpreadsheet(archive)) return await takeSheet(archive);
      if (!inside) return await takeMember(archive);
      const sentence = `${shown} is an archive inside an archive; unpack it first.`;
      throw new RowferryError('SOURCE_NOT_TEXT', sentence, EXIT.usage);
    } finally {
      archive.close();
    }
  }

  async function takeSheet(archive: Archive): Promise<string> {
    const sheet = await openSheet(archive, shown, options.sheet);
    const lines = withinBounds(sheet.lines, archive.bytes, shown);
    await replace((to) => spool(Readable.from(lines), to, { name: shown, signal }));
    found.push({ what: 'packing', value: 'spreadsheet (.xlsx)', why: 'its first bytes say so' });
    found.push({ what: 'sheet', value: sheet.name, why: sheet.why });
    return sheet.name;
  }

  async function takeMember(archive: Archive): Promise<undefined> {
    const chosen = chooseMember(archive, name, member);
    await replace(async (to) => spool(await chosen.open(), to, { name: shown, signal }));
    found.push({ what: 'packing', value: 'zip', why: `its file ${chosen.name}` });
  }
}

/** A few cells at the far end of every row would fill a disk with delimiters. */
async function* withinBounds(
  lines: AsyncIterable<string>,
  packed: number,
  name: string,
): AsyncGenerator<string> {
  let length = 0;
  for await (const text of lines) {
    length += text.length;
    if (isBlownUp(length, packed)) throw blownUp(name);
    yield text;
  }
}
