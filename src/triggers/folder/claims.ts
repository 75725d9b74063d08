/** Claims: what is meant to become of a file, on disk from before it is moved until it is archived or rejected. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { syncDir, writeAtomically } from '../../durable-file.js';
import { RowferryError } from '../../errors.js';
import { lifeOf, type ProcessIdentity } from '../../process.js';
import { isRunId, runDir } from '../../run.js';
import type { Seen } from './inbox.js';

export interface Claim {
  /** The run that the file is to become. */
  run: string;
  /** The watched folder, as an absolute path. */
  folder: string;
  /** The file's name in `processing`, and later in `archive` or `rejected`. */
  kept: string;
  /** Its own name. */
  shown: string;
  /** What the subfolder of the inbox names. */
  sync?: string;
  to?: string;
  seen: Seen;
  /** Who moves it, and since when; ms since the epoch. */
  by: Mover;
  at: number;
  /** Decided for good: why it is rejected. */
  refused?: string;
}

/** So long after a claim nobody on another machine, or in a container that is no more, will move its file. */
const FORGOTTEN_MS = 3_600_000;

/** A process, and which of those in it that look after a folder. */
export type Mover = Partial<ProcessIdentity> & { nonce: string };

/** The claims of a data dir, in `<data dir>/claims/<run>.json`. */
export class Claims {
  private readonly dir: string;

  constructor(private readonly dataDir: string) {
    this.dir = join(dataDir, 'claims');
  }

  /** Clears away what deaths have left half written. */
  async open(): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.dir)) {
      const path = join(this.dir, name);
      if (!name.endsWith('.tmp') || Date.now() - (await stat(path)).mtimeMs < FORGOTTEN_MS) continue;
      await rm(path, { force: true });
    }
  }

  /** Whether a run or a claim of this id is there. */
  isTaken(run: string): boolean {
    return existsSync(this.pathOf(run)) || existsSync(runDir(this.dataDir, run));
  }

  /** Runs with a claim, the oldest first. */
  async list(): Promise<string[]> {
    const names = await readdir(this.dir);
    return names
      .map((name) => name.replace(/\.json$/, ''))
      .filter(isRunId)
      .sort();
  }

  async save(claim: Claim): Promise<void> {
    await writeAtomically(this.pathOf(claim.run), `${JSON.stringify(claim, null, 2)}\n`);
  }

  /** Undefined: it is gone. */
  async load(run: string): Promise<Claim | undefined> {
    const path = this.pathOf(run);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const claim = parsed(text);
    const fault = claim === undefined ? 'it is no JSON' : faultIn(claim, run);
    if (fault === undefined) return claim as Claim;
    const sentence = `${path} is damaged: ${fault}. Put it back from a backup, or take the file out of processing and remove this one.`;
    throw new RowferryError('CLAIM_DAMAGED', sentence);
  }

  async remove(run: string): Promise<void> {
    await rm(this.pathOf(run), { force: true });
    await syncDir(this.dir);
  }

  private pathOf(run: string): string {
    return join(this.dir, `${run}.json`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a hand that mends a claim may get wrong. Files are moved by what it says: `kept` stays within its folder. */
const claimSchema = z.object({
  run: z.string(),
  folder: z.string().refine(isAbsolute, 'is no absolute path'),
  kept: z.string(),
  shown: z.string(),
  sync: z.string().optional(),
  to: z.string().optional(),
  seen: z.object({ id: z.string(), bytes: z.string(), mtimeNs: z.string() }),
  by: z.looseObject({ nonce: z.string() }),
  at: z.number(),
  refused: z.string().optional(),
});

function faultIn(claim: unknown, run: string): string | undefined {
  const { error, data } = claimSchema.safeParse(claim);
  if (error)
    return error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`).join('; ');
  if (data.run !== run) return `run: it is of ${JSON.stringify(data.run)}`;
  if (data.kept.startsWith(`${run}-`) && basename(data.kept) === data.kept) return undefined;
  return `kept: is not the name of a file that begins with ${run}-`;
}

/** Whether somebody else may be just about to move the file of this claim. */
export function mayBeMoved({ by, at }: Claim, nowMs: number): boolean {
  if (by.pid === undefined) return false;
  const life = lifeOf(by as ProcessIdentity);
  return life === 'alive' || (life === 'elsewhere' && nowMs - at < FORGOTTEN_MS);
}
