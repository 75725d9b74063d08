/** The machine: Node, directories, disk. */
import { access, constants, open, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fault, ok, type Remark, warning } from './remark.js';

/** As package.json says. */
export const OLDEST_NODE = [20, 19] as const;

const GIGABYTE = 1024 ** 3;
/** Below this a large file and its report may not find room; below the other hardly any. */
const LITTLE_BYTES = GIGABYTE;
const LEAST_BYTES = 0.1 * GIGABYTE;

export function checkNode(version: string): Remark {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest, least] = OLDEST_NODE;
  if (major > oldest || (major === oldest && minor >= least)) return ok('node', `Node ${version}`);
  return fault('node', `Node ${version} is older than ${oldest}.${least}`, 'install a newer Node');
}

/** Whether files can be made in `dir`, or `dir` itself can be. */
export async function checkDirectory(check: string, dir: string): Promise<Remark> {
  try {
    await tryToWrite(dir);
    return ok(check, `${dir} can be written`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const mend =
      code === 'ENOSPC'
        ? 'make room on that disk'
        : 'give this user the right to write there, or name another';
    return fault(check, `${dir} cannot be written: ${code}`, mend);
  }
}

async function tryToWrite(dir: string): Promise<void> {
  const path = join(dir, `.rowferry-doctor-${process.pid}`);
  try {
    const file = await open(path, 'wx', 0o600);
    await file.close();
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(dir) === dir) throw error;
    // Not there yet: it is made when it is needed, where its parent lets us.
    await accessNearest(dirname(dir));
  }
}

async function accessNearest(dir: string): Promise<void> {
  try {
    await access(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(dir) === dir) throw error;
    await accessNearest(dirname(dir));
  }
}

export async function checkDisk(dir: string): Promise<Remark> {
  const { bavail, bsize } = await statfs(dir);
  return judgeDisk(dir, bavail * bsize);
}

export function judgeDisk(dir: string, freeBytes: number): Remark {
  const says = `${(freeBytes / GIGABYTE).toFixed(1)} GB left on the disk of ${dir}`;
  const mend = 'make room, or shorten "retention"';
  if (freeBytes < LEAST_BYTES) return fault('disk', says, mend);
  return freeBytes < LITTLE_BYTES ? warning('disk', says, mend) : ok('disk', says);
}
