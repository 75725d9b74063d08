/** The rows of a run, whether it has a report or not yet. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import type { Account } from '../destinations/registry.js';
import { RowferryError } from '../errors.js';
import type { IngestedRow } from '../ingest/ingest.js';
import { searchSource } from '../ingest/search.js';
import { CODE, codeOf, type Outcome } from '../outcome.js';
import { RunRecord } from '../outcomes/settle.js';
import { findInJournal, isAsked, outcomesInJournal, toRow } from '../report/journal-rows.js';
import {
  type FoundRow,
  findInReport,
  isFound,
  limitOf,
  type RowQuery,
  type RowsPage,
  wantedOf,
} from '../report/rows.js';
import { keysOf } from '../report/write.js';
import { loadPlan, loadStatus, type RunPlan, runDir } from '../run.js';
import { readSummary } from './view.js';

interface Around {
  redis: Redis;
  prefix: string;
  dataDir: string;
  clock: Clock;
  /** Whom the contacts of a run are for. */
  account(plan: RunPlan): Promise<Account>;
}

export async function viewRows(around: Around, run: string, query: RowQuery): Promise<RowsPage> {
  const { dataDir, redis, prefix } = around;
  const plan = loadPlan(dataDir, run);
  const { state } = loadStatus(dataDir, run);
  // A report that is there while the run goes on is that of an earlier halt.
  if (state !== 'running' && (await readSummary(plan))) {
    return findInReport(join(plan.reportDir, run, 'outcomes.csv'), query);
  }
  return new LiveRows(around, plan, new RunRecord(redis, prefix, run)).find(query);
}

/** Places in the source begin with this; those in the journal, where only ids of contacts are left to be looked for, with the other. */
const [IN_SOURCE, IN_IDS] = ['s', 'c'] as const;

/** While there is no report: e-mail addresses and external ids are in the source alone, what became of rows in Redis and in the journal. */
class LiveRows {
  private readonly dir: string;

  constructor(
    private readonly around: Around,
    private readonly plan: RunPlan,
    private readonly record: RunRecord,
  ) {
    this.dir = runDir(around.dataDir, plan.run);
  }

  async find(query: RowQuery): Promise<RowsPage> {
    const wanted = wantedOf(query);
    const { from = '' } = query;
    if (wanted === '') return this.inJournal(query, () => true);
    const hasId = ({ contactId }: Outcome) => contactId?.toLowerCase() === wanted;
    if (from.startsWith(IN_IDS)) {
      const page = await this.inJournal({ ...query, from: from.slice(1) }, hasId);
      return page.next === undefined ? page : { ...page, next: IN_IDS + page.next };
    }
    const isRowOrHasId = (outcome: Outcome) => String(outcome.row) === wanted || hasId(outcome);
    if (from !== '' && !from.startsWith(IN_SOURCE)) return this.inJournal(query, isRowOrHasId);
    let account: Account;
    try {
      account = await this.around.account(this.plan);
    } catch (error) {
      if (!(error instanceof RowferryError)) throw error;
      return { ...(await this.inJournal(query, isRowOrHasId)), unsearched: error.message };
    }
    return this.inSource(query, account, wanted);
  }

  private inJournal(query: RowQuery, like: (outcome: Outcome) => boolean): Promise<RowsPage> {
    return findInJournal(this.dir, query, like, async (outcomes) => {
      const codes = await this.record.codes(outcomes.map(({ row }) => row));
      // Nothing is known where Redis has forgotten the run: then the journal is all there is.
      return outcomes.map((outcome, i) => codes[i] === 0 || codes[i] === codeOf(outcome));
    });
  }

  private async inSource(query: RowQuery, account: Account, wanted: string): Promise<RowsPage> {
    const { plan, around } = this;
    const keys = ({ contact }: IngestedRow) => keysOf(contact, account.destination);
    const { rows, next, looked } = await searchSource(
      plan,
      account,
      {
        wanted: (row) => isFound({ row: row.row, ...keys(row) }, wanted),
        from: query.from?.slice(1),
        limit: limitOf(query),
      },
      around.clock,
    );
    const known = await this.became(rows.map(({ row }) => row));
    const found = rows.map((row): FoundRow => {
      const { email = '', external_id = '' } = keys(row);
      return { ...known.get(row.row)!, line: row.line, email, external_id };
    });
    return {
      rows: found.filter((row) => isAsked(row, query)),
      looked,
      bytes: plan.source.bytes,
      next: next === undefined ? `${IN_IDS}0.0` : IN_SOURCE + next,
    };
  }

  /** What is known of each row. Redis knows first; the journal knows more, and also what Redis has forgotten. */
  private async became(rows: readonly number[]): Promise<Map<number, FoundRow>> {
    if (rows.length === 0) return new Map();
    const [codes, { state }] = await Promise.all([this.record.codes(rows), this.record.fields()]);
    const forgotten = state === undefined || state === 'closed';
    const codeNow = new Map(rows.map((row, i) => [row, forgotten ? undefined : codes[i]!]));
    const settled = [...codeNow].filter(([, code]) => code === undefined || code > CODE.attempted);
    const told = await outcomesInJournal(this.dir, new Map(settled));
    return new Map(
      [...codeNow].map(([row, code = CODE.unsettled]) => {
        const outcome = told.get(row);
        const stands = outcome && (forgotten || codeOf(outcome) === code);
        return [row, toRow(stands ? outcome : { row, status: statusOf(code) })];
      }),
    );
  }
}

function statusOf(code: number): FoundRow['status'] {
  if (code === CODE.created) return 'created';
  if (code === CODE.updated) return 'updated';
  if (code >= CODE.skippedContact) return 'skipped';
  if (code >= CODE.failed) return 'failed';
  return code === CODE.attempted ? 'attempted' : 'unsettled';
}
