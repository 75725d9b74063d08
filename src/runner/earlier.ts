/** Whether a file is one of our own reports, mended, and of which run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { detectDialect } from '../ingest/detect.js';
import { readRecords } from '../ingest/read.js';
import { isRunId, isRunThere, loadPlan, type RunPlan } from '../run.js';
import { takeSource } from '../sources/take.js';

/** The run that wrote the file, and its plan if it is a run of this data dir. */
export interface EarlierRun {
  run: string;
  plan?: RunPlan;
}

/**
 * By the column `rowferry_run` of `failed.csv` and `skipped.csv`. Undefined for any other file, and for one put
 * together of the reports of several runs.
 */
export async function findEarlierRun(dataDir: string, path: string): Promise<EarlierRun | undefined> {
  // What is wrong with the file itself is told by whoever makes a plan of it.
  const runs = await runsNamedIn(dataDir, path).catch(() => new Set<string>());
  const [run] = runs;
  if (run === undefined || runs.size > 1 || !isRunId(run)) return undefined;
  return isRunThere(dataDir, run) ? { run, plan: loadPlan(dataDir, run) } : { run };
}

/** The whole file is read, but only if it has the column. */
async function runsNamedIn(dataDir: string, path: string): Promise<Set<string>> {
  // Whoever mended it may have saved it as a spreadsheet does.
  const dir = await mkdtemp(join(dataDir, '.earlier-'));
  try {
    const { source, ...text } = (await takeSource({ path }, join(dir, 'source.csv')))!;
    const dialect = await detectDialect(
      { ...text, path: source.path, name: source.name },
      { header: true, skipLines: 0 },
    );
    return await runsNamed(readRecords(source.path, source.bytes, dialect));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runsNamed(file: ReturnType<typeof readRecords>): Promise<Set<string>> {
  const runs = new Set<string>();
  let column: number | undefined;
  for await (const records of file) {
    for (const { cells } of records) {
      if (column === undefined) {
        column = cells.findIndex((name) => name.trim() === 'rowferry_run');
        if (column === -1) return runs;
        continue;
      }
      const run = cells[column]?.trim() ?? '';
      if (run !== '') runs.add(run);
    }
    if (runs.size > 1) return runs;
  }
  return runs;
}
