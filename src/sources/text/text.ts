/** Makes text in UTF-8 of whatever a file holds: packed, a spreadsheet, in another encoding. What is that already stays where it is. */
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import type { DialectOptions, Finding } from '../../dialect.js';
import { EXIT, RowferryError } from '../../errors.js';
import { type SourceSnapshot, takeSnapshot } from '../../run.js';
import { blownUp, isBlownUp, spool } from '../spool.js';
import { isSpreadsheet, openSheet } from '../xlsx.js';
import { type Archive, type Member, openArchive, tablesOf } from '../zip.js';
import { detectEncoding } from './encoding.js';
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
  const { signal } = options;
  const found: Finding[] = [];
  let at = path;
  /** As it was before anything was written. */
  let original: SourceSnapshot | undefined;
  if ((await kindOf(at)) === 'gzip') {
    await replace((to) => spool(createReadStream(at), to, { name, signal }));
    found.push({ what: 'packing', value: 'gzip', why: 'its first bytes say so' });
  }
  const kind = await kindOf(at);
  const refused = REFUSED[kind];
  if (refused !== undefined) throw new RowferryError('SOURCE_NOT_TEXT', `${name} ${refused}`, EXIT.usage);
  const sheet = kind === 'zip' ? await unpack() : undefined;
  if (options.sheet !== undefined && sheet === undefined) {
    const sentence = `${name} is no spreadsheet (.xlsx): it has no sheet "${options.sheet}".`;
    throw new RowferryError('SHEET_UNKNOWN', sentence, EXIT.usage);
  }
  const source = await takeSnapshot(at, name);
  if (sheet !== undefined) return { source: asFound(source), encoding: 'utf-8', sheet, found };
  if (at === path) original = source;
  const { name: encoding, finding } = await detectEncoding(
    at,
    name,
    source.text !== 'other',
    options.encoding,
  );
  found.push(finding);
  const isRight = /^utf-?8$/i.test(encoding) && source.text !== 'other';
  if (isRight) return { source: asFound(source), encoding: 'utf-8', found };
  await replace((to) => turnIntoUtf8(at, encoding, to, name, signal));
  return { source: asFound(await takeSnapshot(at, name)), encoding: encoding.toLowerCase(), found };

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

  /** Gives the name of the sheet, of a spreadsheet. */
  async function unpack(): Promise<string | undefined> {
    const archive = await openArchive(at, name);
    try {
      return isSpreadsheet(archive) ? await takeSheet(archive) : await takeMember(archive);
    } finally {
      archive.close();
    }
  }

  async function takeSheet(archive: Archive): Promise<string> {
    const sheet = await openSheet(archive, name, options.sheet);
    const lines = withinBounds(sheet.lines, archive.bytes, name);
    await replace((to) => spool(Readable.from(lines), to, { name, signal }));
    found.push({ what: 'packing', value: 'spreadsheet (.xlsx)', why: 'its first bytes say so' });
    found.push({ what: 'sheet', value: sheet.name, why: sheet.why });
    return sheet.name;
  }

  async function takeMember(archive: Archive): Promise<undefined> {
    const member = chooseMember(archive, name, options.member);
    await replace(async (to) => spool(await member.open(), to, { name, signal }));
    found.push({ what: 'packing', value: 'zip', why: `its file ${member.name}` });
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

const START_BYTES = 512;
type Kind = 'gzip' | 'zip' | 'text' | keyof typeof REFUSED;

const REFUSED: Partial<Record<string, string>> = {
  xls: 'is a spreadsheet of the old kind (.xls). Save it as .xlsx or as "CSV UTF-8".',
  pdf: 'is a PDF. Export the data as CSV.',
  html: 'is a web page, maybe that of a login or an error, and no CSV.',
};

/** By the first bytes; names lie. A file that cannot be read is for whoever reads it to tell. */
async function kindOf(path: string): Promise<Kind> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return 'text';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    if (start.startsWith('\x1f\x8b')) return 'gzip';
    if (start.startsWith('PK\x03\x04') || start.startsWith('PK\x05\x06')) return 'zip';
    if (start.startsWith('\xd0\xcf\x11\xe0')) return 'xls';
    if (start.startsWith('%PDF-')) return 'pdf';
    if (/^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|table)[\s>]/i.test(start)) return 'html';
    return 'text';
  } catch {
    return 'text'; // a directory
  } finally {
    await file.close();
  }
}

function chooseMember(archive: Archive, name: string, wanted: string | undefined): Member {
  const tables = tablesOf(archive);
  const found = wanted === undefined ? tables[0] : archive.members.find((member) => member.name === wanted);
  if (found === undefined) {
    const what = wanted === undefined ? 'holds no file' : `holds no file ${wanted}`;
    throw new RowferryError('SOURCE_MISSING', `${name} ${what}.`, EXIT.usage);
  }
  if (wanted !== undefined || tables.length === 1) return found;
  const names = tables.slice(0, 5).map((member) => member.name);
  const more = tables.length > names.length ? ', …' : '';
  throw new RowferryError(
    'SOURCE_AMBIGUOUS',
    `${name} holds ${tables.length} files (${names.join(', ')}${more}), and a run carries one: name it like ${name}/${names[0]}, or take them all with "rowferry enqueue".`,
    EXIT.usage,
  );
}
