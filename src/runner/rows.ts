/** The rows of a run, whether it has a report or not yet. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { codeOf, type Outcome } from '../outcome.js';
import { RunRecord } from '../outcomes/settle.js';
import { findInJournal, findInReport, type RowQuery, type RowsPage } from '../report/rows.js';
import { loadPlan, loadStatus, runDir } from '../run.js';
import { readSummary } from './view.js';

export async function viewRows(
  { redis, prefix, dataDir }: { redis: Redis; prefix: string; dataDir: string },
  run: string,
  query: RowQuery,
): Promise<RowsPage> {
  const plan = loadPlan(dataDir, run);
  const { state } = loadStatus(dataDir, run);
  // A report that is there while the run goes on is that of an earlier halt.
  if (state !== 'running' && (await readSummary(plan))) {
    return findInReport(join(plan.reportDir, run, 'outcomes.csv'), query);
  }
  return findInJournal(runDir(dataDir, run), query, stand);

  /** The journal holds what was told of a row, also what was bettered since. */
  async function stand(outcomes: readonly Outcome[]): Promise<boolean[]> {
    if (outcomes.length === 0) return [];
    const record = new RunRecord(redis, prefix, run);
    const codes = await record.codes(outcomes.map(({ row }) => row));
    // Nothing is known where Redis has forgotten the run: then the journal is all there is.
    return outcomes.map((outcome, i) => codes[i] === 0 || codes[i] === codeOf(outcome));
  }
}
