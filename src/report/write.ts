/** Writes the report of a run: one pass over the source, joined with the journal. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Contact, Identity } from '../contact.js';
import type { Destination } from '../destinations/destination.js';
import type { Dialect } from '../dialect.js';
import { syncDir, writeAtomically } from '../durable-file.js';
import { EXIT, RowferryError } from '../errors.js';
import { guardFormula } from '../formula.js';
import type { Outcome, Reason, Status } from '../outcome.js';
import { type RunPlan, runDir, type SourceSnapshot } from '../run.js';
import type { Moment } from '../timeline.js';
import { csvLine } from './csv.js';
import { Examples } from './examples.js';
import { type PageInput, renderReport } from './html.js';
import { OutcomesByRow } from './join.js';
import type { Summary, WrittenAs } from './summary.js';

export const OUTCOME_COLUMNS = [
  'row',
  'line',
  'status',
  'reason',
  'field',
  'message',
  'email',
  'external_id',
  'contact_id',
  'duplicate_of',
  'http_status',
  'attempts',
] as const;

const OWN_COLUMNS = ['rowferry_row', 'rowferry_reason', 'rowferry_message', 'rowferry_run'] as const;

/** A row of the source as the report needs it. */
export interface ReportRow {
  row: number;
  line: number;
  cells: readonly string[];
  contact: Record<string, unknown>;
}

export interface ReportInput {
  dataDir: string;
  plan: RunPlan;
  destination: Destination;
  header: readonly string[];
  rows: AsyncIterable<ReportRow[]>;
  state: Summary['state'];
  message?: string;
  counts: { requests: number; retries: number; throttled: number };
  startedMs: number;
  finishedMs: number;
  /** Where each column goes, and how the run went: for its page. */
  columns?: PageInput['columns'];
  moments?: readonly Moment[];
  /** Told every outcome, in row order. */
  each?(outcome: Outcome): void;
  /** Rejects when the report must not take its place after all. */
  confirm?(summary: Summary): Promise<void>;
}

/** Throws when reports cannot be written to `dir`; creates it. */
export function checkReportDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new RowferryError(
      'REPORT_DIR_UNWRITABLE',
      `The report cannot be written to ${dir}: ${whyNot(error)}. Name another folder with --report-dir.`,
      EXIT.usage,
    );
  }
}

const TROUBLE: Record<string, string> = {
  EACCES: 'it is not writable',
  EROFS: 'it is not writable',
  ENOTDIR: 'a file stands in its way',
  EEXIST: 'a file stands in its way',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'it is gone',
};

function whyNot(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return TROUBLE[code ?? ''] ?? message;
}

/** What to tell of a report that could not be written; no other error is changed. */
export function reportFault(error: unknown, { run, reportDir }: RunPlan): unknown {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const ofDisk = TROUBLE[code ?? ''] !== undefined && (path?.startsWith(reportDir) || syscall === 'write');
  if (!ofDisk) return error;
  return new RowferryError(
    'REPORT_UNWRITABLE',
    `The report of run ${run} cannot be written to ${reportDir}: ${whyNot(error)}. Every outcome is known and kept; mend that, then: rowferry runs resume ${run}`,
    EXIT.broke,
  );
}

/** Writes all files beside the final place and moves them there at once; an older report of the run is replaced. */
export async function writeReport(input: ReportInput): Promise<Summary> {
  const { plan, state } = input;
  const outcomes = await OutcomesByRow.sort(runDir(input.dataDir, plan.run));
  const place = resolve(plan.reportDir, plan.run);
  const draft = resolve(plan.reportDir, `.${plan.run}.${process.pid}.tmp`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const summary = emptySummary(input, place);
  const files = {
    outcomes: await openCsv(join(draft, 'outcomes.csv'), OUTCOME_COLUMNS),
    failed: await openCsv(join(draft, 'failed.csv'), originalColumns(input.header)),
    skipped: await openCsv(join(draft, 'skipped.csv'), originalColumns(input.header)),
  };
  const examples = new Examples();
  const unprocessed: Reason = state === 'cancelled' ? 'cancelled' : 'halted';

  try {
    await writeRows();
  } catch (error) {
    await Promise.allSettled(Object.values(files).map((file) => file.close()));
    await rm(draft, { recursive: true, force: true });
    throw error;
  } finally {
    outcomes.close();
  }
  for (const file of Object.values(files)) await file.close();
  summary.rows_per_second =
    summary.duration_ms > 0 ? Math.round((summary.rows / summary.duration_ms) * 10_000) / 10 : summary.rows;
  await writeAtomically(join(draft, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  const { columns = [], moments = [] } = input;
  const page = await renderReport({ summary, plan, examples, moments, columns });
  await writeFile(join(draft, 'report.html'), page, { mode: 0o600, flush: true });
  await syncDir(draft);
  await input.confirm?.(summary).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    throw error;
  });
  await replaceBy(draft, place);
  return summary;

  async function writeRows(): Promise<void> {
    for await (const group of input.rows) {
      const lines: Record<keyof typeof files, string> = { outcomes: '', failed: '', skipped: '' };
      for (const source of group) {
        const outcome = outcomes.of(source.row);
        const status: Status = outcome?.status ?? 'unprocessed';
        const reason = outcome === undefined ? unprocessed : outcome.reason;
        if (outcome) input.each?.(outcome);
        summary.rows++;
        summary[status]++;
        const keys = keysOf(source.contact, input.destination);
        if (reason !== undefined) {
          summary.reasons[reason] = (summary.reasons[reason] ?? 0) + 1;
          examples.see(reason, source, outcome, keys);
        }
        lines.outcomes += outcomeLine(source, status, reason, outcome, keys);
        if (status === 'failed' || status === 'skipped') {
          lines[status] += originalLine(source, input.header, reason, outcome, plan.run);
        }
      }
      await Promise.all(
        (Object.keys(files) as (keyof typeof files)[]).map((name) => files[name].write(lines[name])),
      );
    }
  }
}

/** A directory cannot be renamed over another that is filled: the old one steps aside first. */
async function replaceBy(draft: string, place: string): Promise<void> {
  const old = `${draft}.old`;
  // Left by a process that died right here and had our id.
  await rm(old, { recursive: true, force: true });
  await rename(place, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(draft, place);
  await syncDir(dirname(place));
  await rm(old, { recursive: true, force: true });
}

function emptySummary(input: ReportInput, place: string): Summary {
  const { plan, startedMs, finishedMs } = input;
  return {
    run: plan.run,
    destination: plan.destination,
    source: { name: plan.source.name, ...sizeOf(plan.source) },
    dialect: writtenAs(plan.dialect),
    state: input.state,
    ...(input.message === undefined ? {} : { message: input.message }),
    ...(plan.retryOf === undefined ? {} : { retry_of: plan.retryOf }),
    rows: 0,
    created: 0,
    updated: 0,
    skipped: 0,
    failed: 0,
    unprocessed: 0,
    reasons: {},
    ...input.counts,
    started_at: new Date(startedMs).toISOString(),
    finished_at: new Date(finishedMs).toISOString(),
    duration_ms: Math.max(0, Math.round(finishedMs - startedMs)),
    rows_per_second: 0,
    reports: {
      dir: place,
      outcomes: join(place, 'outcomes.csv'),
      failed: join(place, 'failed.csv'),
      skipped: join(place, 'skipped.csv'),
      html: join(place, 'report.html'),
    },
  };
}

function sizeOf({ sha256, bytes, original }: SourceSnapshot): { sha256: string; bytes: number } {
  return original ?? { sha256, bytes };
}

function writtenAs({ skipLines, lineEnd: _, ...dialect }: Dialect): WrittenAs {
  return { ...dialect, skip_lines: skipLines };
}

function outcomeLine(
  source: ReportRow,
  status: Status,
  reason: Reason | undefined,
  outcome: Outcome | undefined,
  { email, external_id }: Identity,
): string {
  return csvLine([
    String(source.row),
    String(source.line),
    status,
    reason ?? '',
    guarded(outcome?.field),
    guarded(outcome?.message),
    guarded(email),
    guarded(external_id),
    guarded(outcome?.contactId),
    outcome?.duplicateOf ?? '',
    String(outcome?.httpStatus ?? ''),
    String(outcome?.attempts ?? ''),
  ]);
}

function guarded(value: string | undefined): string {
  return value === undefined ? '' : guardFormula(value);
}

/** rowferry's columns of an earlier report, dropped again, give way to the new ones. */
function isOwn(name: string): boolean {
  return (OWN_COLUMNS as readonly string[]).includes(name.trim());
}

function originalColumns(header: readonly string[]): string[] {
  return [...header.filter((name) => !isOwn(name)).map(guardFormula), ...OWN_COLUMNS];
}

/** The row as it was, then why it is here. Cells beyond the header stay at the end: nothing of the row is lost. */
function originalLine(
  source: ReportRow,
  header: readonly string[],
  reason: Reason | undefined,
  outcome: Outcome | undefined,
  run: string,
): string {
  const cells = header.map((name, i) => (isOwn(name) ? undefined : guardFormula(source.cells[i] ?? '')));
  return csvLine([
    ...cells.filter((cell) => cell !== undefined),
    String(source.row),
    reason ?? '',
    guardFormula(explain(outcome)),
    run,
    ...source.cells.slice(header.length).map(guardFormula),
  ]);
}

function explain(outcome: Outcome | undefined): string {
  const parts = [outcome?.field, outcome?.message].filter(Boolean);
  if (outcome?.duplicateOf === 'destination') parts.push('already in the destination');
  else if (outcome?.duplicateOf !== undefined) parts.push(`repeats row ${outcome.duplicateOf}`);
  return parts.join(': ');
}

async function openCsv(path: string, columns: readonly string[]) {
  const file = await open(path, 'wx', 0o600);
  const write = async (lines: string) => {
    if (lines !== '') await file.appendFile(lines);
  };
  await write(csvLine(columns));
  return {
    write,
    async close() {
      await file.sync();
      await file.close();
    },
  };
}

/** A destination of somebody's own may understand whole contacts only; a row that lacks its e-mail has its line all the same. */
export function keysOf(contact: Contact, destination: Destination): Identity {
  try {
    return destination.identity(contact);
  } catch {
    return {};
  }
}
