/** Which tables a source holds. A zip archive may have several: each becomes a run of its own. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { EXIT, RowferryError } from '../errors.js';
import { type FetchOptions, fetchTo, type Mark, nameOfUrl, parseUrl } from './fetch.js';
import type { SingleSource } from './source.js';
import { spool } from './spool.js';
import { kindOf } from './text/kind.js';
import { isSpreadsheet } from './xlsx.js';
import { chooseMember, openArchive, tablesOf, unreadable } from './zip.js';

/** Each is a run with a directory and a report. */
const MOST_TABLES = 500;

/** A source on this machine. */
export interface Brought {
  path: string;
  /** What people call it. */
  name: string;
  /** The files of an archive that are meant; a single `undefined` for what is one table as it is. */
  tables: (string | undefined)[];
  /** Of what came from a URL. */
  mark?: Mark;
}

/**
 * A file stays where it is, all else is spooled to `path`. undefined: what `known` says of a URL still holds. `name`:
 * what people call a file that is not called so any more.
 */
export async function bringSource(
  source: SingleSource,
  path: string,
  options: FetchOptions & { name?: string | undefined } = {},
): Promise<Brought | undefined> {
  if ('path' in source) {
    const name = options.name ?? basename(source.path);
    const { member } = source;
    return {
      path: source.path,
      name,
      tables: member === undefined ? await tablesIn(source.path, name) : [member],
    };
  }
  let mark: Mark | undefined;
  let name: string;
  if ('url' in source) {
    mark = await fetchTo(path, source, options);
    if (mark === undefined) return undefined;
    name = options.name ?? nameOfUrl(parseUrl(source.url));
  } else {
    await spool(source.stream, path, { name: source.name, signal: options.signal });
    name = options.name ?? source.name;
  }
  return { path, name, tables: await tablesIn(path, name), ...(mark === undefined ? {} : { mark }) };
}

/**
 * Of a spreadsheet one sheet is meant, the first unless somebody names another: what lies beside it is as a rule a
 * pivot, a note or a list of values to choose from, which nobody wants in their CRM.
 */
async function tablesIn(path: string, name: string): Promise<(string | undefined)[]> {
  if ((await kindOf(path)) !== 'zip') return [undefined];
  const archive = await openArchive(path, name);
  try {
    const names = isSpreadsheet(archive) ? [] : tablesOf(archive).map((member) => member.name);
    if (names.length < 2) return [undefined];
    const twice = names.find((one, i) => names.indexOf(one) !== i);
    if (twice !== undefined) throw unreadable(name, `it holds two files called ${twice}`);
    if (names.length <= MOST_TABLES) return names;
    const sentence = `${name} holds ${names.length} tables, and ${MOST_TABLES} are taken at once; unpack it first.`;
    throw new RowferryError('SOURCE_TOO_LARGE', sentence, EXIT.usage);
  } finally {
    archive.close();
  }
}

/** One file of an archive, unpacked. */
export async function openMember(path: string, member: string): Promise<Readable> {
  const archive = await openArchive(path, basename(path));
  try {
    const stream = await chooseMember(archive, basename(path), member).open();
    return stream.once('close', () => archive.close());
  } catch (error) {
    archive.close();
    throw error;
  }
}
