/** Where a file goes in the end: with its report to the archive, or with a reason to the rejected ones. */
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunThere, loadPlan } from '../../run.js';
import type { Claim } from './claims.js';
import { isThere, keepMoves, move, placesOf } from './places.js';

/**
 * `archive/<run>/`, before the file; it may be there already. The copy is a copy: whoever mends one of the two does not
 * change the other, and each can be removed by itself. A run that has been cleared away has no report.
 */
export async function archiveReport(dataDir: string, claim: Claim, run: string): Promise<void> {
  if (!isRunThere(dataDir, run)) return;
  const { archive } = placesOf(claim.folder);
  const report = join(loadPlan(dataDir, run).reportDir, run);
  await copyReport(report, join(archive, run), join(archive, `.${run}.tmp`));
}

/** `archive/<run>-<name>`, which may be there already. */
export async function archiveFile(claim: Claim): Promise<void> {
  const { processing, archive } = placesOf(claim.folder);
  await move(join(processing, claim.kept), join(archive, claim.kept));
  await keepMoves(archive, processing);
}

async function copyReport(from: string, to: string, draft: string): Promise<void> {
  if ((await isThere(to)) || !(await isThere(from))) return;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    await copyFile(join(from, entry.name), join(draft, entry.name), constants.COPYFILE_FICLONE);
  }
  await rename(draft, to).catch(async (error: NodeJS.ErrnoException) => {
    // Somebody else was faster.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(draft, { recursive: true, force: true });
  });
}

/** `rejected/<run>-<name>`, and why in `rejected/<run>-<name>.txt`. False: the file was never moved out of the inbox. */
export async function reject(claim: Claim, why: string): Promise<boolean> {
  const { processing, rejected } = placesOf(claim.folder);
  const place = join(rejected, claim.kept);
  if (!(await move(join(processing, claim.kept), place))) return false;
  await keepMoves(rejected, processing);
  const draft = join(rejected, `.${claim.run}.tmp`);
  await writeFile(draft, `${why}\n`, { mode: 0o600, flush: true });
  await rename(draft, `${place}.txt`);
  await keepMoves(rejected);
  return true;
}
