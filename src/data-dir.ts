/** The data dir: runs, reports, the private Redis. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
