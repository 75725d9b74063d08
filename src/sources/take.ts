/** From a source to the snapshot a run is about. */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type SourceSnapshot, takeSnapshot } from '../run.js';
import type { FetchOptions, Mark } from './fetch.js';
import type { SingleSource } from './source.js';
import { type Brought, bringSource } from './tables.js';
import { readText, type Text, type TextOptions } from './text/text.js';

export interface Taken extends Text {
  /** Of what came from a URL. */
  mark?: Mark;
}

/** As {@link takeTable}, of a source that is one table. undefined: what `known` says of a URL still holds. */
export async function takeSource(
  source: SingleSource,
  path: string,
  options: FetchOptions & Omit<TextOptions, 'member'> & { name?: string | undefined } = {},
): Promise<Taken | undefined> {
  const brought = await bringSource(source, path, options);
  if (brought === undefined) return undefined;
  const [table] = brought.tables;
  const text = await takeTable(brought, brought.tables.length > 1 ? undefined : table, path, options);
  const { mark } = brought;
  return { ...text, ...(mark === undefined ? {} : { mark }) };
}

/** A file that is UTF-8 is taken where it is; all else is written to `path`. Throws a sentence for what cannot be run. */
export async function takeTable(
  { path: at, name }: Pick<Brought, 'path' | 'name'>,
  member: string | undefined,
  path: string,
  options: Omit<TextOptions, 'member'>,
): Promise<Text> {
  return readText(at, name, path, { ...options, member });
}

/** The same as a copy of its own, for a run that outlives the file: an export is written over by the next one. */
export async function copySource(source: SourceSnapshot, path: string): Promise<SourceSnapshot> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await copyFile(source.path, path, constants.COPYFILE_FICLONE);
  await chmod(path, 0o600);
  return takeSnapshot(path, source.name);
}
