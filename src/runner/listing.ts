/** The runs of a data dir: all of them, and the one to go on with. One that is damaged hides no other. */
import type { Logger } from 'pino';
import { RowferryError } from '../errors.js';
import { listRuns, loadPlan, loadStatus } from '../run.js';
import type { RunView } from './view.js';

interface Around {
  dataDir: string;
  log: Logger;
  /** What is known of a run right now; rejects where it is damaged. */
  view(run: string): Promise<RunView>;
}

/** Runs whose records are asked for together. */
const AT_ONCE = 100;

/** The runs, newest first, `limit` of them at the most. */
export async function viewRuns(
  { dataDir, log, view }: Around,
  limit = Number.POSITIVE_INFINITY,
): Promise<RunView[]> {
  const runs = listRuns(dataDir);
  const found: RunView[] = [];
  while (runs.length > 0 && found.length < limit) {
    const part = runs.splice(0, Math.min(AT_ONCE, limit - found.length));
    // Asked for by its id a damaged one says what is wrong.
    for (const viewed of await Promise.allSettled(part.map(view))) {
      if (viewed.status === 'rejected') log.warn(String(viewed.reason));
      else found.push(viewed.value);
    }
  }
  return found;
}

/** The newest run that did not come to its end and that nobody works on; with `sha256` of a source with that content. */
export async function findUnfinished(
  { dataDir, log, view }: Around,
  sha256?: string,
): Promise<RunView | undefined> {
  for (const run of listRuns(dataDir)) {
    try {
      if (sha256 !== undefined && loadPlan(dataDir, run).source.sha256 !== sha256) continue;
      const { state } = loadStatus(dataDir, run);
      if (state !== 'running' && state !== 'halted' && state !== 'failed') continue;
      const viewed = await view(run);
      if (viewed.state !== 'running') return viewed;
    } catch (error) {
      if (!(error instanceof RowferryError)) throw error;
      log.warn(error.message); // not to be resumed, and no reason not to resume another
    }
  }
  return undefined;
}
