/** What a run would do with a source, found out without sending anything and without Redis. */
import { mkdir, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, systemClock } from './clock.js';
import { loadConfig } from './config/file.js';
import { readSettings } from './config.js';
import type { Contact } from './contact.js';
import { openDataDir, openScratch } from './data-dir.js';
import { Accounts, isBound } from './destinations/accounts.js';
import type { Account } from './destinations/registry.js';
import type { Dialect } from './dialect.js';
import { EXIT, RowferryError } from './errors.js';
import { valueAt } from './ingest/fill.js';
import { type IngestedRow, openIngest } from './ingest/ingest.js';
import type { Mapping } from './ingest/map.js';
import { type ColumnRemark, Profile } from './ingest/profile.js';
import { requestOf, type SourceOptions } from './intake.js';
import type { Outcome, Reason } from './outcome.js';
import { Journal } from './report/journal.js';
import type { Summary } from './report/summary.js';
import type { RowferryOptions } from './rowferry.js';
import { aboutRows, type Rate, type RunPlan, runDir } from './run.js';
import type { Plan } from './runner/plan.js';
import { planRun, planRuns } from './runner/plan-source.js';
import { Rehearsal } from './runner/rehearse.js';
import type { GivenSource } from './sources/source.js';

export interface CheckOptions
  extends SourceOptions,
    Pick<RowferryOptions, 'dataDir' | 'config' | 'env' | 'clock'> {
  /** Writes the report that the run would have into a directory of this one. */
  write?: string | undefined;
  /** Aborted: the call rejects with CHECK_INTERRUPTED and leaves nothing behind. */
  signal?: AbortSignal | undefined;
  /** Told now and then how many rows were read, and about how many there are. */
  progress?(rows: number, about: number): void;
}

/** A column, or what a rule makes of several, and where it goes. */
export interface CheckedColumn {
  /** Header, or what the rule says. */
  from: string;
  /** undefined: not sent. */
  field?: string;
  /** Its first different values as they stand; for a screen alone. */
  samples: string[];
}

/** Rows that fail for the same reason. */
export interface InvalidKind {
  /** '' for the row as a whole. */
  field: string;
  code: string;
  /** What the cells should hold; '' when the code says it. */
  message: string;
  rows: number;
  /** The first of them. */
  first: { row: number; line: number }[];
}

export interface Check {
  destination: string;
  source: { name: string; sha256: string; bytes: number };
  /** How it is written, and how that was found out. */
  dialect: Dialect;
  columns: CheckedColumn[];
  rows: number;
  /** If the destination were empty. */
  created: number;
  skipped: number;
  failed: number;
  reasons: Partial<Record<Reason, number>>;
  /** The most frequent first; a row counts for each of its faults. */
  invalid: InvalidKind[];
  /** The first rows that repeat others. */
  repeats: { row: number; repeats: number; reason: Reason }[];
  /** Sentences about the mapping. */
  warnings: string[];
  remarks: ColumnRemark[];
  /** Requests of the run, and how long it takes at the allowed rate; null: no limit. */
  requests: number;
  rate: Rate | null;
  seconds: number | null;
  /** The variable that has to be set before anything can be sent. */
  unset?: string;
  /** What `write` asked for. */
  report?: Summary['reports'];
}

const FIRST_ROWS = 3;
const SAMPLES = 3;
/** Columns that are blank for so long have no samples. */
const SAMPLED_ROWS = 10_000;
/** Fields can have any name: kinds of faults that are told apart. */
const MOST_KINDS = 200;
const PROGRESS_ROWS = 20_000;
const NOT_SENT =
  'A check: nothing was sent. This is what a run would do if the destination were empty and took every contact.';

/** Of a source that is one table. Throws the sentence that the run would stop with, when it would not begin. */
export async function checkSource(
  given: GivenSource | undefined,
  options: CheckOptions = {},
): Promise<Check> {
  const [check] = await checkPlans(given, options, async (...asked) => [await planRun(...asked)]);
  return check!;
}

/** As {@link checkSource}, of a zip archive each of its tables, in order. */
export async function checkTables(
  given: GivenSource | undefined,
  options: CheckOptions = {},
): Promise<Check[]> {
  return checkPlans(given, options, async (...asked) => (await planRuns(...asked)).plans);
}

async function checkPlans(
  given: GivenSource | undefined,
  options: CheckOptions,
  planned: (...asked: Parameters<typeof planRuns>) => Promise<Plan[]>,
): Promise<Check[]> {
  const { clock = systemClock, env = process.env } = options;
  const config = loadConfig(options.config, env);
  const settings = readSettings(env, options.dataDir, config.settings);
  const accounts = new Accounts(env, config.destinations, config.defaults);
  const scratch = await openScratch(openDataDir(settings.dataDir), clock.now());
  try {
    const choose = (name?: string) => accounts.chooseToCheck(name);
    const { write, signal = new AbortController().signal, ...asked } = sourceOptions(options);
    const request = await requestOf(config, choose, given, { ...asked, signal });
    const reportDir = write === undefined ? scratch : resolve(write);
    const plans = await planned(scratch, clock, { ...request, reportDir });
    const checks: Check[] = [];
    for (const plan of plans) {
      checks.push(await checkPlan(plan, request.account, scratch, { ...options, clock, signal }));
    }
    return checks;
  } catch (error) {
    // What was being read says that it was cut off; why is known here.
    throw options.signal?.aborted && !(error instanceof RowferryError) ? interrupted() : error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function checkPlan(
  { plan, warnings }: Plan,
  account: Account,
  scratch: string,
  options: CheckOptions & { clock: Clock; signal: AbortSignal },
): Promise<Check> {
  const { clock, signal, write } = options;
  const startedMs = clock.now();
  const { mapping, rows } = await openIngest(plan, account);
  await rows.return();
  const tally = new CheckTally(plan, mapping, options.progress);
  const journal = write === undefined ? undefined : await openJournal(scratch, plan);
  const rehearsal = new Rehearsal({
    dataDir: scratch,
    plan,
    account,
    signal,
    see: (row) => tally.see(row),
    each: (outcome) => tally.count(outcome),
    journal,
  });
  await rehearsal.rehearse().finally(() => journal?.close());
  if (signal.aborted) throw interrupted();
  const summary = journal && (await rehearsal.report(NOT_SENT, startedMs, clock.now()));
  const { destination } = account;
  return {
    ...tally.result(),
    destination: plan.destination,
    source: { name: plan.source.name, sha256: plan.source.sha256, bytes: plan.source.bytes },
    dialect: plan.dialect,
    rows: rehearsal.rows,
    warnings,
    requests: rehearsal.requests,
    rate: plan.rate,
    seconds: plan.rate === null ? null : (rehearsal.requests / plan.rate.requests) * (plan.rate.perMs / 1000),
    ...(isBound(account) ? {} : { unset: destination.env[destination.accountKey]! }),
    ...(summary === undefined ? {} : { report: summary.reports }),
  };
}

/** Of the options of a check those of its source. */
function sourceOptions({ dataDir, config, env, clock, progress, ...rest }: CheckOptions) {
  return rest;
}

async function openJournal(scratch: string, plan: RunPlan): Promise<Journal> {
  const dir = runDir(scratch, plan.run);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return Journal.open(dir, '1');
}

function interrupted(): RowferryError {
  return new RowferryError('CHECK_INTERRUPTED', 'The check was interrupted.', EXIT.interrupted);
}

/** Gathers what is told of the rows, in bounded memory. */
class CheckTally {
  private readonly profile: Profile;
  private readonly columns: (CheckedColumn & { index: number })[];
  private readonly made: (CheckedColumn & { path: readonly string[] })[];
  private readonly kinds = new Map<string, InvalidKind>();
  private readonly counts = { created: 0, skipped: 0, failed: 0 };
  private readonly reasons: Check['reasons'] = {};
  private readonly repeats: Check['repeats'] = [];

  constructor(
    private readonly plan: RunPlan,
    mapping: Mapping,
    private readonly progress: CheckOptions['progress'],
  ) {
    this.profile = new Profile(mapping.profiled);
    this.columns = mapping.columns.map(({ header, field }, index) => ({
      index,
      from: header.trim(),
      ...(field === undefined ? {} : { field }),
      samples: [],
    }));
    this.made = mapping.made.map(({ field, from, path }) => ({ from, field, path, samples: [] }));
  }

  see({ row, line, cells, contact, faults }: IngestedRow): void {
    if (row % PROGRESS_ROWS === 0) this.progress?.(row, aboutRows(this.plan.source));
    this.profile.see(cells, contact);
    if (row <= SAMPLED_ROWS) {
      for (const { index, samples } of this.columns) sample(samples, cells[index]);
      for (const { path, samples } of this.made) sample(samples, textAt(contact, path));
    }
    for (const fault of faults ?? []) {
      const key = `${fault.field}\n${fault.code}`;
      let kind = this.kinds.get(key);
      if (kind === undefined) {
        if (this.kinds.size >= MOST_KINDS) continue;
        kind = { ...fault, rows: 0, first: [] };
        this.kinds.set(key, kind);
      }
      kind.rows++;
      if (kind.first.length < FIRST_ROWS) kind.first.push({ row, line });
    }
  }

  count({ row, status, reason, duplicateOf }: Outcome): void {
    if (status !== 'updated') this.counts[status]++;
    if (reason === undefined) return;
    this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
    if (status === 'skipped' && this.repeats.length < FIRST_ROWS) {
      this.repeats.push({ row, repeats: Number(duplicateOf), reason });
    }
  }

  result() {
    const { counts, reasons, repeats } = this;
    const columns = [
      ...this.columns.map(({ index: _, ...column }) => column),
      ...this.made.map(({ path: _, ...column }) => column),
    ];
    const invalid = [...this.kinds.values()].sort((a, b) => b.rows - a.rows);
    return { ...counts, columns, reasons, repeats, invalid, remarks: this.profile.remarks() };
  }
}

/** Adds a cell that is not among the first different ones yet. */
export function sample(samples: string[], cell: string | undefined): void {
  const text = cell?.trim();
  if (text && samples.length < SAMPLES && !samples.includes(text)) samples.push(text);
}

function textAt(contact: Contact, path: readonly string[]): string | undefined {
  const value = valueAt(contact, path);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
