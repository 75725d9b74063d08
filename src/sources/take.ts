/** From a source to the snapshot a run is about. */
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { type SourceSnapshot, takeSnapshot } from '../run.js';
import { type FetchOptions, fetchTo, type Mark, nameOfUrl, parseUrl } from './fetch.js';
import type { SingleSource } from './source.js';
import { isPacked, spool } from './spool.js';

export interface Taken {
  source: SourceSnapshot;
  /** Of what came from a URL. */
  mark?: Mark;
}

/**
 * A file is taken where it is; all else, and what is packed, is spooled to `path` first. undefined: what `known` says
 * of a URL still holds. Throws a sentence for what cannot be run.
 */
export async function takeSource(
  source: SingleSource,
  path: string,
  options: FetchOptions = {},
): Promise<Taken | undefined> {
  if ('url' in source) {
    const mark = await fetchTo(path, source, options);
    if (mark === undefined) return undefined;
    return { source: await takeSnapshot(path, nameOfUrl(parseUrl(source.url))), mark };
  }
  if ('stream' in source) return spooled(source.stream, source.name);
  if (!(await isPacked(source.path))) return { source: await takeSnapshot(source.path) };
  return spooled(createReadStream(source.path), basename(source.path));

  async function spooled(stream: Readable, name: string): Promise<Taken> {
    await spool(stream, path, { name, signal: options.signal });
    return { source: await takeSnapshot(path, name) };
  }
}

/** The same as a copy of its own, for a run that outlives the file: an export is written over by the next one. */
export async function copySource(source: SourceSnapshot, path: string): Promise<SourceSnapshot> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await copyFile(source.path, path, constants.COPYFILE_FICLONE);
  await chmod(path, 0o600);
  return takeSnapshot(path, source.name);
}
