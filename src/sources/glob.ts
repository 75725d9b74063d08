/** Files by a glob. */
import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { glob } from 'tinyglobby';

export interface FileOnDisk {
  /** Absolute. */
  path: string;
  bytes: number;
  modifiedMs: number;
}

/** Whether a name stands for files by a pattern (`*`, `?`, `[abc]`, `{a,b}`) and is not that of a file itself. */
export function isGlob(name: string, base = '.'): boolean {
  return /[*?]|\[[^\]]+\]|\{[^}]*,[^}]*\}/.test(name) && !isFile(resolve(base, name));
}

/** Regular files that match, the one changed last at the end. A file that is called like the pattern itself is meant. */
export async function matchingFiles(pattern: string, base: string): Promise<FileOnDisk[]> {
  const itself = resolve(base, pattern);
  const paths = isFile(itself)
    ? [itself]
    : await glob(pattern, { cwd: base, absolute: true, onlyFiles: true, expandDirectories: false });
  const files = await Promise.all(paths.map(look));
  return files
    .filter((file) => file !== undefined)
    .sort((a, b) => a.modifiedMs - b.modifiedMs || (a.path < b.path ? -1 : 1));
}

/** undefined: gone since it was listed. */
async function look(path: string): Promise<FileOnDisk | undefined> {
  let info: Stats;
  try {
    info = await stat(path);
  } catch {
    return undefined;
  }
  return info.isFile() ? { path: resolve(path), bytes: info.size, modifiedMs: info.mtimeMs } : undefined;
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
