/** Makes plans of a source: what is found out about it once, and stays as it was found. */
import { createHash } from 'node:crypto';
import { rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../clock.js';
import type { Dialect } from '../dialect.js';
import { EXIT, RowferryError } from '../errors.js';
import { detectDialect } from '../ingest/detect.js';
import { openIngest } from '../ingest/ingest.js';
import { checkReportDir } from '../report/write.js';
import {
  isRunThere,
  loadPlan,
  newRunId,
  type RunPlan,
  runDir,
  type SourceSnapshot,
  tableRunId,
} from '../run.js';
import type { Mark } from '../sources/fetch.js';
import { singleSource, sourceOf } from '../sources/source.js';
import { bringSource } from '../sources/tables.js';
import { copySource, takeTable } from '../sources/take.js';
import type { Text } from '../sources/text/text.js';
import { checkOptions, freeze, type Plan, planNoChange, type RunRequest } from './plan.js';

/** What a source becomes. */
export interface Planned {
  /** One run for each table; of an archive the first names the others. */
  plans: Plan[];
  /** All of the source. */
  source: Omit<SourceSnapshot, 'path'>;
  /** What the server said of the file, for the next time. */
  mark?: Mark | undefined;
}

/** A run of a source that is one table. Throws a sentence for a source that cannot be run. Writes nothing but the spool. */
export async function planRun(dataDir: string, clock: Clock, options: RunRequest): Promise<Plan> {
  const { plans } = await planSource(dataDir, clock, options, 'one');
  return plans[0]!;
}

/** A run for each table of a source: all of them, or a sentence about the first that cannot be run. */
export async function planRuns(dataDir: string, clock: Clock, options: RunRequest): Promise<Planned> {
  return planSource(dataDir, clock, options, 'any');
}

async function planSource(
  dataDir: string,
  clock: Clock,
  options: RunRequest,
  count: 'one' | 'any',
): Promise<Planned> {
  const run = options.run ?? newRunId(clock.now());
  const { known, signal, encoding, sheet, name } = options;
  checkOptions(options);
  const dirOf = (one: string) => runDir(resolve(dataDir), one);
  const spoolOf = (one: string) => join(dirOf(one), 'source.csv');
  let runs = [run];
  try {
    return await plan();
  } catch (error) {
    // The spool of a source that is refused goes; what another has made of these runs meanwhile stays.
    for (const one of runs) {
      if (!isRunThere(dataDir, one)) await rm(spoolOf(one), { force: true });
      await rmdir(dirOf(one)).catch(() => {});
    }
    throw error;
  }

  async function plan(): Promise<Planned> {
    const given = await singleSource(sourceOf(options.source));
    const brought = await bringSource(given, spoolOf(run), { known: known?.mark, signal, name });
    if (brought === undefined) {
      if (known) return unchanged();
      throw new Error('the server answered 304 to a question that was not asked');
    }
    const { mark } = brought;
    const tables = count === 'one' && brought.tables.length > 1 ? [undefined] : brought.tables;
    runs = runsOf(dataDir, run, tables);
    const taken: Text[] = [];
    // The first last: an archive that was spooled lies where its table goes.
    for (const [i, one] of [...runs.entries()].reverse()) {
      // Frozen before a crash: the first, with which all of them count, did not come to be.
      const frozen = i > 0 && isRunThere(dataDir, one) ? loadPlan(dataDir, one) : undefined;
      taken[i] = frozen
        ? { source: frozen.source, encoding: frozen.dialect.encoding, found: [] }
        : await takeTable(brought, tables[i], spoolOf(one), { signal, encoding, sheet });
    }
    const source = wholeOf(brought.name, taken);
    if (source.sha256 === known?.source.sha256) return { ...(await unchanged()), mark };
    const plans: Plan[] = [];
    for (const [i, one] of runs.entries()) {
      const after = i === 0 ? options.after : options.inTurn ? runs[i - 1] : undefined;
      const beside = i > 0 ? { tableOf: run } : runs.length > 1 ? { tables: runs.slice(1) } : {};
      const request = { ...options, run: one, after };
      plans.push(await planTable(dataDir, clock, request, taken[i]!, beside).catch(which(taken[i]!, runs)));
    }
    return { plans, source, mark };
  }

  async function unchanged(): Promise<Planned> {
    const { run: before, source } = known!;
    for (const one of runs) await rm(dirOf(one), { recursive: true, force: true });
    const why = `No change since run ${before}; nothing was sent.`;
    return { plans: [planNoChange(dataDir, clock, { ...options, run }, source, why)], source };
  }
}

async function planTable(
  dataDir: string,
  clock: Clock,
  options: RunRequest & { run: string },
  taken: Text,
  beside: Pick<RunPlan, 'tables' | 'tableOf'>,
): Promise<Plan> {
  const { run } = options;
  if (beside.tableOf !== undefined && isRunThere(dataDir, run)) {
    return { plan: loadPlan(dataDir, run), warnings: [] };
  }
  const spool = join(runDir(resolve(dataDir), run), 'source.csv');
  const isOurs = taken.source.path === spool;
  const source = options.copy && !isOurs ? await copySource(taken.source, spool) : taken.source;
  const dialect = await detectDialect({ ...taken, path: source.path, name: source.name }, options);
  const frozen = { ...freeze(dataDir, clock, run, options, source, dialect), ...beside };
  const { mapping, rows } = await openIngest(frozen, options.account);
  const first = await rows.next();
  await rows.return();
  if (first.done) {
    throw new RowferryError('NO_ROWS', `${source.name} has a header and no rows.`, EXIT.usage);
  }
  checkReportDir(frozen.reportDir);
  return { plan: frozen, warnings: [...doubts(dialect), ...mapping.warnings] };
}

/** Of several tables the sentence has to say which cannot be run. */
function which({ source }: Text, runs: readonly string[]) {
  return (error: unknown): never => {
    if (runs.length > 1 && error instanceof RowferryError && !error.message.includes(source.name)) {
      error.message = `${source.name}: ${error.message}`;
    }
    throw error;
  };
}

/** An id for each table, the same however often it is asked for, that no other run of this second has. */
function runsOf(dataDir: string, run: string, [, ...others]: readonly (string | undefined)[]): string[] {
  const runs = [run];
  const isFree = (id: string) => !isRunThere(dataDir, id) || loadPlan(dataDir, id).tableOf === run;
  for (const table of others) {
    let id = tableRunId(run, table!);
    for (let nth = 2; runs.includes(id) || !isFree(id); nth++) id = tableRunId(run, `${table} ${nth}`);
    runs.push(id);
  }
  return runs;
}

/** Of an archive that is packed anew the tables are the same. */
function wholeOf(name: string, taken: readonly Text[]): Omit<SourceSnapshot, 'path'> {
  const sources = taken.map(({ source }) => source);
  if (sources.length === 1) return sources[0]!;
  const sum = (of: (source: SourceSnapshot) => number) => sources.reduce((all, one) => all + of(one), 0);
  const lines = sources.map((one) => `${one.sha256} ${one.name}\n`).sort();
  return {
    name,
    sha256: createHash('sha256').update(lines.join('')).digest('hex'),
    bytes: sum(({ bytes }) => bytes),
    lines: sum(({ lines }) => lines),
  };
}

/** What was found out about the text and may well be otherwise. */
function doubts({ found }: Dialect): string[] {
  return found
    .filter(({ unsure }) => unsure)
    .map(({ what, value, why }) => `The ${what} is taken to be ${value}: ${why}.`);
}
