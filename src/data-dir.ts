/** The data dir: runs, reports, the private Redis. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EXIT, RowferryError } from './errors.js';

/** Creates the data dir if need be; returns its absolute path. */
export function openDataDir(path: string): string {
  const dataDir = resolve(path);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    const sentence = `The data dir ${dataDir} cannot be used: ${why}. Name another with --data-dir.`;
    throw new RowferryError('DATA_DIR_UNUSABLE', sentence, EXIT.usage);
  }
  return dataDir;
}

/** Names the data dir in Redis; a path would not do, as two machines may use the same. */
export function readDataDirId(dataDir: string): string {
  const path = join(dataDir, 'id');
  try {
    writeFileSync(path, randomBytes(6).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8').trim();
}

/** What a check that was killed has left goes after a day. */
const STALE_MS = 86_400_000;
const SCRATCH = 'check-';

/** A directory for a check, to be removed by it: the temporary directory of a system may be memory, and a large source needs room. */
export async function openScratch(dataDir: string, nowMs: number): Promise<string> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith(SCRATCH)) continue;
    const path = join(dataDir, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
    if (nowMs - mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true });
  }
  return mkdtemp(join(dataDir, SCRATCH));
}
