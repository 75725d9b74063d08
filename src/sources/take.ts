/** From a source to the snapshot a run is about. */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type SourceSnapshot, takeSnapshot } from '../run.js';
import { type FetchOptions, fetchTo, type Mark, nameOfUrl, parseUrl } from './fetch.js';
import type { SingleSource } from './source.js';
import { spool } from './spool.js';
import { readText, type Text, type TextOptions } from './text/text.js';

export interface Taken extends Text {
  /** Of what came from a URL. */
  mark?: Mark;
}

/**
 * A file that is UTF-8 is taken where it is; all else is spooled to `path` first. undefined: what `known` says of a
 * URL still holds. `name`: what people call a file that is not called so any more. Throws a sentence for what cannot be run.
 */
export async function takeSource(
  source: SingleSource,
  path: string,
  options: FetchOptions & Omit<TextOptions, 'member'> & { name?: string | undefined } = {},
): Promise<Taken | undefined> {
  if ('path' in source) {
    const { member } = source;
    const file = options.name ?? basename(source.path);
    const text = await readText(source.path, file, path, { ...options, member });
    return member === undefined ? text : { ...text, source: { ...text.source, name: `${file}/${member}` } };
  }
  let mark: Mark | undefined;
  if ('url' in source) {
    mark = await fetchTo(path, source, options);
    if (mark === undefined) return undefined;
  } else await spool(source.stream, path, { name: source.name, signal: options.signal });
  const name = 'url' in source ? nameOfUrl(parseUrl(source.url)) : source.name;
  const text = await readText(path, name, path, options);
  return { ...text, ...(mark === undefined ? {} : { mark }) };
}

/** The same as a copy of its own, for a run that outlives the file: an export is written over by the next one. */
export async function copySource(source: SourceSnapshot, path: string): Promise<SourceSnapshot> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await copyFile(source.path, path, constants.COPYFILE_FICLONE);
  await chmod(path, 0o600);
  return takeSnapshot(path, source.name);
}
