/** The four places of a watched folder, on one file system, so that a file moves between them in one step. */
import { lstat, mkdir, open, rename, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EXIT, RowferryError } from '../../errors.js';

/** Absolute paths. */
export interface Places {
  inbox: string;
  processing: string;
  archive: string;
  rejected: string;
}

export function placesOf(folder: string): Places {
  const place = (name: string) => join(resolve(folder), name);
  return {
    inbox: place('inbox'),
    processing: place('processing'),
    archive: place('archive'),
    rejected: place('rejected'),
  };
}

/**
 * Makes what is missing; what is there keeps its rights. Throws FOLDER_UNUSABLE.
 * @param targets subfolders of the inbox
 */
export async function openPlaces(folder: string, targets: readonly string[]): Promise<Places> {
  const places = placesOf(folder);
  try {
    for (const place of Object.values(places)) await mkdir(place, { recursive: true, mode: 0o700 });
    for (const target of targets) await mkdir(join(places.inbox, target), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(folder, (error as NodeJS.ErrnoException).message);
  }
  await checkMoves(folder);
  return places;
}

/** Throws FOLDER_UNUSABLE when files cannot be moved between those of the places that are there. */
export async function checkMoves(folder: string): Promise<void> {
  const found = await Promise.all(
    Object.values(placesOf(folder)).map((place) => stat(place).catch(() => undefined)),
  );
  const devices = new Set(found.flatMap((place) => place?.dev ?? []));
  if (devices.size < 2) return;
  throw unusable(folder, 'inbox, processing, archive and rejected are not on one file system');
}

function unusable(folder: string, why: string): RowferryError {
  const sentence = `The watched folder ${resolve(folder)} cannot be used: ${why}. Name another with ROWFERRY_FOLDER or folder.path.`;
  return new RowferryError('FOLDER_UNUSABLE', sentence, EXIT.usage);
}

/** Whether something is there, whatever it is. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Moves a file for good. False: it is not there (any more). A file server may say so of a move that it has made. */
export async function move(from: string | Buffer, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return isThere(to);
  }
}

/** Makes moves durable where the file system can; some on a network cannot. */
export async function keepMoves(...dirs: (string | Buffer)[]): Promise<void> {
  for (const dir of dirs) {
    const handle = await open(dir, 'r');
    try {
      await handle.sync();
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['EINVAL', 'ENOTSUP', 'ENOSYS', 'EPERM', 'EACCES'].includes(code)) throw error;
    } finally {
      await handle.close();
    }
  }
}
