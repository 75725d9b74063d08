/** What a sync carried last, under `<data dir>/syncs/`. Written before a run is added, so it counts once the run has ended well. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../durable-file.js';
import { RowferryError } from '../errors.js';
import { loadStatus, type RunStatus, runDir, type SourceSnapshot } from '../run.js';
import type { Mark } from './fetch.js';

/** A snapshot that a run was made of. */
export interface Seen {
  /** The file, where a sync takes all that are new; else empty: there is only the last. */
  key: string;
  run: string;
  /** The runs of the other tables, of an archive. */
  tables?: string[];
  source: Pick<SourceSnapshot, 'name' | 'sha256' | 'bytes' | 'lines'>;
  /** Hash of source, destination, mapping and what else decides about a row. */
  settings: string;
  mark?: Mark;
  /** Size and time of the file, where there is one. */
  file?: { bytes: number; modifiedMs: number };
  /** Its runs have ended well; known even when they have been cleared away. */
  finished?: true;
}

export interface SyncNote {
  /** The latest occasion that was worked on, ms, and its runs. */
  last?: { atMs: number; runs: string[] };
  seen: Seen[];
}

/** Why an occasion added no run. */
export interface Skip {
  atMs: number;
  why: string;
}

function syncsDir(dataDir: string): string {
  const dir = join(dataDir, 'syncs');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** Held by whoever works on an occasion of a sync. */
export function syncLock(dataDir: string, sync: string): string {
  return join(syncsDir(dataDir), `${sync}.lock`);
}

export function loadNote(dataDir: string, sync: string): SyncNote {
  return (read(join(syncsDir(dataDir), `${sync}.json`)) as SyncNote | undefined) ?? { seen: [] };
}

export async function saveNote(dataDir: string, sync: string, note: SyncNote): Promise<void> {
  await writeAtomically(join(syncsDir(dataDir), `${sync}.json`), `${JSON.stringify(note)}\n`);
}

/** The latest occasion that added no run. */
export function loadSkip(dataDir: string, sync: string): Skip | undefined {
  return read(join(syncsDir(dataDir), `${sync}.skipped.json`)) as Skip | undefined;
}

/** A file of its own: it is written by those who do not hold the lock, too. */
export async function saveSkip(dataDir: string, sync: string, skip: Skip): Promise<void> {
  await writeAtomically(join(syncsDir(dataDir), `${sync}.skipped.json`), `${JSON.stringify(skip)}\n`);
}

/** Whether what was seen has been carried to its end. */
export function isCarried(dataDir: string, { run, tables = [], finished }: Seen): boolean {
  return finished ?? [run, ...tables].every((one) => stateOf(dataDir, one) === 'finished');
}

/** undefined: there is no such run, or no more. */
export function stateOf(dataDir: string, run: string): RunStatus['state'] | undefined {
  if (!existsSync(join(runDir(dataDir, run), 'plan.json'))) return undefined;
  return loadStatus(dataDir, run).state;
}

function read(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new RowferryError(
      'SYNC_DAMAGED',
      `${path} is damaged: it is no JSON. Remove it; the sync then carries its source as if for the first time.`,
    );
  }
}
