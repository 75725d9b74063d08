/** Where rows come from: a file, a glob, an http(s) URL, a stream. Headers of a URL are secrets: they stay in memory. */
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { EXIT, RowferryError } from '../errors.js';
import { type FileOnDisk, isFile, isGlob, matchingFiles } from './glob.js';

export interface FileSource {
  /** Relative to the working directory. */
  path: string;
  /** The file of a zip archive that is meant. Default: each that is a table. */
  member?: string;
}

export interface GlobSource {
  glob: string;
  /** The directory it is relative to. */
  base: string;
  /** `newest`: the file changed last; `all`: each that is new to its sync. Left out: exactly one may match. */
  pick?: 'newest' | 'all';
}

export interface UrlSource {
  url: string;
  /** Sent to the origin of `url` alone. */
  headers?: Record<string, string>;
  /** Of the file, unpacked; default 2 GB. */
  maxBytes?: number;
  /** For all of it; default 15 minutes. */
  maxMs?: number;
}

export interface StreamSource {
  stream: Readable;
  name: string;
}

export type Source = FileSource | GlobSource | UrlSource | StreamSource;

/** One snapshot at a time comes from these. */
export type SingleSource = Exclude<Source, GlobSource>;

/** What a person or a program may name a source by: a path, a glob or an http(s) URL, or a stream. */
export type GivenSource = string | Readable | Source;

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

export function sourceOf(given: GivenSource): Source {
  if (typeof given === 'string') {
    if (isUrl(given)) return { url: given };
    const inside = memberOf(given);
    if (inside !== undefined) return inside;
    return isGlob(given) ? { glob: given, base: resolve('.') } : { path: given };
  }
  return 'pipe' in given ? { stream: given, name: 'stdin' } : given;
}

/** The one thing a source stands for now. Throws a sentence when that is none, or several. */
export async function singleSource(source: Source): Promise<SingleSource> {
  if (!('glob' in source)) return source;
  const files = await filesOf(source);
  if (source.pick !== 'newest' && files.length > 1) {
    const instead = source.pick === 'all' ? 'rowferry sync' : 'rowferry enqueue';
    throw new RowferryError(
      'SOURCE_AMBIGUOUS',
      `${source.glob} matches ${files.length} files, and a run carries one; "${instead}" takes them all.`,
      EXIT.usage,
    );
  }
  return { path: files.at(-1)!.path };
}

/** The files a glob stands for now, the one changed last at the end. Throws a sentence when there is none. */
export async function filesOf(source: GlobSource): Promise<FileOnDisk[]> {
  const files = await matchingFiles(source.glob, source.base);
  if (files.length > 0) return files;
  throw new RowferryError('SOURCE_MISSING', `No file matches ${source.glob} in ${source.base}.`, EXIT.usage);
}

/** What one name on a command line stands for: a quoted glob for its files, anything else for itself. */
export async function namedSources(name: string): Promise<string[]> {
  const source = sourceOf(name);
  return 'glob' in source ? (await filesOf(source)).map(({ path }) => path) : [name];
}

/** `exports.zip/people.csv`: a file inside an archive. */
function memberOf(name: string): FileSource | undefined {
  const [, path, member] = /^(.+?\.zip)\/(.+)$/i.exec(name) ?? [];
  if (path === undefined || member === undefined) return undefined;
  return isFile(path) ? { path, member } : undefined;
}
