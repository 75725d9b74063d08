/** From a source to contacts: read → map → validate. Dedupe and batches follow in the runner's hands. */
import { join } from 'node:path';
import type { Contact } from '../contact.js';
import { EXIT, RowferryError } from '../errors.js';
import { unguardFormula } from '../formula.js';
import type { Outcome } from '../outcome.js';
import { type RunPlan, runDir } from '../run.js';
import { DiskRepeatFinder, IN_MEMORY_BYTES, MemoryRepeatFinder, type RepeatFinder } from './dedupe.js';
import { SAMPLE_ROWS } from './email-column.js';
import { SLOW } from './expression.js';
import { type Mapping, makeMapping, type Recipient } from './map.js';
import { type Place, readRecords, type SourceRecord } from './read.js';
import { recordFault, totalFault } from './record.js';
import { type Fault, findFaults } from './validate.js';

export interface IngestedRow {
  row: number;
  line: number;
  cells: readonly string[];
  contact: Contact;
  /** Set when the row must not be sent. */
  invalid?: Outcome;
  /** All that `invalid` tells of. */
  faults?: readonly Fault[];
}

export interface Ingest {
  header: readonly string[];
  mapping: Mapping;
  /** Groups of rows, in row order, as they were read. */
  rows: AsyncGenerator<IngestedRow[], void, void>;
}

/** So many rows over which an expression came to no end, and it is the mapping that is wrong. */
const MOST_SLOW = 3;

export interface IngestOptions {
  /** False: no row is `invalid`; for a report, where the outcomes are known. */
  validate?: boolean;
  /** Rows that are known to have no fault and need not be looked at again. */
  sound?: ((row: number) => boolean) | undefined;
  /** Where the rows begin; the header and what it means are read from the start all the same. */
  from?: Place | undefined;
  /** Told a place behind the last row of a group, before it is yielded; not of every group. */
  reached?: (place: Place) => void;
}

export type IngestPlan = Pick<RunPlan, 'source' | 'dialect' | 'mapping' | 'createdAt'>;

/** Opens the source of a run. Throws a sentence when its header makes no sense for the destination. */
export async function openIngest(
  plan: IngestPlan,
  recipient: Recipient,
  { validate = true, sound, from, reached }: IngestOptions = {},
): Promise<Ingest> {
  const { path, bytes } = plan.source;
  const records = readRecords(path, bytes, plan.dialect, { reached: from ? undefined : reached });
  const early = await firstGroups(records);
  const header = plan.dialect.header ? early[0]?.shift() : numbered(early[0]?.[0]);
  const firstRows = early.flat();
  if (header === undefined || header.fault || header.cells.every((cell) => cell.trim() === '')) {
    await records.return();
    throw new RowferryError(
      'NO_HEADER',
      `${plan.source.name} has no header line with column names.`,
      EXIT.usage,
    );
  }
  // One of our own reports, dropped again: its cells carry the guard against formulas.
  const guarded = header.cells.includes('rowferry_row');
  const names = guarded ? header.cells.map(unguardFormula) : header.cells;
  let mapping: Mapping;
  try {
    const sample = firstRows.slice(0, SAMPLE_ROWS).map(cellsOf);
    mapping = await makeMapping(names, recipient, plan.mapping, Date.parse(plan.createdAt), sample);
  } catch (error) {
    await records.return();
    throw error;
  }
  const width = names.length;
  const marked = plan.source.text === 'marked' ? mapping.reads : undefined;
  let unfit: Fault[] = [];
  let slow = 0;
  const note = (fault: Fault) => void unfit.push(fault);

  async function* rows(): AsyncGenerator<IngestedRow[], void, void> {
    try {
      if (from) {
        const others = readRecords(path, bytes, plan.dialect, { from: { ...from, width }, reached });
        for await (const group of others) yield await toRows(group);
        return;
      }
      for (const group of early) if (group.length > 0) yield await toRows(group);
      early.length = 0;
      for await (const records_ of records) yield await toRows(records_);
    } finally {
      await records.return();
    }
  }

  function toRows(part: readonly SourceRecord[]): IngestedRow[] | Promise<IngestedRow[]> {
    return mapping.express ? toRowsWith(mapping.express, part) : part.map(toRow);
  }

  /** Expressions are asynchronous; only mappings that have some pay for it. */
  async function toRowsWith(express: NonNullable<Mapping['express']>, part: readonly SourceRecord[]) {
    const made: IngestedRow[] = [];
    for (const record of part) {
      const cells = cellsOf(record);
      if (unfit.length > 0) unfit = [];
      const contact = mapping.map(cells, note);
      await express(contact, cells, note);
      const ended = unfit.find(({ code }) => code === SLOW);
      if (validate && ended && ++slow === MOST_SLOW) throw tooSlow(ended, record);
      made.push(checked(record, cells, contact));
    }
    return made;
  }

  function toRow(record: SourceRecord): IngestedRow {
    const cells = cellsOf(record);
    if (unfit.length > 0) unfit = [];
    return checked(record, cells, mapping.map(cells, note));
  }

  function cellsOf({ cells }: SourceRecord): readonly string[] {
    return guarded ? cells.map(unguardFormula) : cells;
  }

  function checked(record: SourceRecord, cells: readonly string[], contact: Contact): IngestedRow {
    const { row, line } = record;
    if (!validate || sound?.(row)) return { row, line, cells, contact };
    const faults = faultsOf(record, contact);
    if (faults.length === 0) return { row, line, cells, contact };
    const invalid: Outcome = { row, status: 'failed', reason: 'invalid', message: sentenceOf(faults) };
    const [{ field }] = faults as [Fault];
    if (field !== '') invalid.field = field;
    return { row, line, cells, contact, invalid, faults };
  }

  function faultsOf(record: SourceRecord, contact: Contact): readonly Fault[] {
    const broken = recordFault(record, width, marked);
    if (broken !== undefined) return [totalFault(record) ?? broken];
    const found = findFaults(contact, recipient.destination);
    if (unfit.length === 0 && found.length === 0) return found;
    const total = totalFault(record);
    if (total !== undefined) return [total];
    // Of a field whose cell does not fit, the destination would only say that it is missing.
    const told = new Set(unfit.map(({ field }) => field));
    return [...unfit, ...found.filter(({ field }) => !told.has(field))];
  }

  return { header: names, mapping, rows: rows() };
}

/** Each of them holds up everything else in the process. */
function tooSlow({ field, message }: Fault, { line }: SourceRecord): RowferryError {
  const sentence = `map.${field}: its expression was ended over ${MOST_SLOW} rows, the last of them on line ${line}, because ${message}. Mend the regular expression in it, which tries too many ways to match (as (a+)+ does).`;
  return new RowferryError('EXPRESSION_SLOW', sentence, EXIT.halted);
}

/** Without a header the columns are called by their numbers. */
function numbered(first: SourceRecord | undefined): Pick<SourceRecord, 'cells' | 'fault'> | undefined {
  return first && { ...first, cells: first.cells.map((_, i) => String(i + 1)) };
}

/** As many groups as it takes for the header and the rows that the mapping looks at: however the file is cut, the same rows. */
async function firstGroups(records: AsyncGenerator<SourceRecord[], void, void>): Promise<SourceRecord[][]> {
  const groups: SourceRecord[][] = [];
  for (let count = 0; count <= SAMPLE_ROWS; ) {
    const next = await records.next();
    if (next.done) break;
    groups.push(next.value);
    count += next.value.length;
  }
  return groups;
}

/** All of them, so that a row is mended once: `invalid_format; is_active not_a_boolean: column "Active" must hold …` */
function sentenceOf([first, ...others]: readonly Fault[]): string {
  const told = (code: string, message: string) => [code, message].filter(Boolean).join(': ');
  const more = others
    .slice(0, MOST_TOLD)
    .map(({ field, code, message }) => `${field} ${told(code, message)}`);
  if (others.length > MOST_TOLD) more.push(`${others.length - MOST_TOLD} more`);
  return [told(first!.code, first!.message), ...more].join('; ');
}

/** Faults of one row, besides the first. */
const MOST_TOLD = 4;

/** Prepares the search for repeated rows; a large source is read once for it. */
export async function openRepeatFinder(
  dataDir: string,
  plan: RunPlan,
  recipient: Recipient,
  signal: AbortSignal,
): Promise<RepeatFinder> {
  if (plan.source.bytes <= IN_MEMORY_BYTES) return new MemoryRepeatFinder();
  const finder = new DiskRepeatFinder(join(runDir(dataDir, plan.run), 'dedupe'), plan.source.bytes);
  const { rows } = await openIngest(plan, recipient);
  for await (const group of rows) {
    if (signal.aborted) break;
    for (const { row, contact, invalid } of group) {
      if (!invalid) finder.note(row, recipient.destination.identity(contact));
    }
  }
  await finder.settle();
  return finder;
}
