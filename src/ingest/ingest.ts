/** From a source to contacts: read → map → validate. Dedupe and batches follow in the runner's hands. */
import { join } from 'node:path';
import type { Contact } from '../contact.js';
import type { Destination } from '../destinations/destination.js';
import { EXIT, RowferryError } from '../errors.js';
import { unguardFormula } from '../formula.js';
import type { Outcome } from '../outcome.js';
import { type RunPlan, runDir } from '../run.js';
import { DiskRepeatFinder, IN_MEMORY_BYTES, MemoryRepeatFinder, type RepeatFinder } from './dedupe.js';
import { type Mapping, makeMapping } from './map.js';
import { readRecords } from './read.js';
import { findFault } from './validate.js';

export interface IngestedRow {
  row: number;
  line: number;
  cells: readonly string[];
  contact: Contact;
  /** Set when the row must not be sent. */
  invalid?: Outcome;
}

export interface Ingest {
  header: readonly string[];
  mapping: Mapping;
  /** Groups of rows, in row order, as they were read. */
  rows: AsyncGenerator<IngestedRow[], void, void>;
}

type IngestPlan = Pick<RunPlan, 'source' | 'delimiter' | 'map'>;

/**
 * Opens the source of a run. Throws a sentence when its header makes no sense for the destination. Without `validate`
 * (for a report, where the outcomes are known) no row is `invalid`.
 */
export async function openIngest(
  plan: IngestPlan,
  destination: Destination,
  { validate = true } = {},
): Promise<Ingest> {
  const records = readRecords(plan.source.path, plan.source.bytes, { delimiter: plan.delimiter });
  const first = await records.next();
  const group = first.done ? [] : first.value;
  const header = group[0];
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
    mapping = makeMapping(names, destination, plan.map);
  } catch (error) {
    await records.return();
    throw error;
  }
  const width = names.length;

  async function* rows(): AsyncGenerator<IngestedRow[], void, void> {
    try {
      if (group.length > 1) yield group.slice(1).map(toRow);
      for await (const records_ of records) yield records_.map(toRow);
    } finally {
      await records.return();
    }
  }

  function toRow(record: { row: number; line: number; cells: readonly string[] }): IngestedRow {
    const { row, line } = record;
    const cells = guarded ? record.cells.map(unguardFormula) : record.cells;
    const contact = mapping.map(cells);
    if (!validate) return { row, line, cells, contact };
    const fault = recordFault(record, width) ?? findFault(contact, destination);
    if (fault === undefined) return { row, line, cells, contact };
    const message = [fault.code, fault.message].filter(Boolean).join(': ');
    const invalid: Outcome = { row, status: 'failed', reason: 'invalid', message };
    if (fault.field !== '') invalid.field = fault.field;
    return { row, line, cells, contact, invalid };
  }

  return { header: names, mapping, rows: rows() };
}

function recordFault(
  record: { cells: readonly string[]; fault?: { code: string; message: string } },
  width: number,
): { field: string; code: string; message: string } | undefined {
  if (record.fault) return { field: '', ...record.fault };
  // Short rows lack their last, empty cells; long ones are broken unless what is too much is empty.
  if (record.cells.length > width && record.cells.slice(width).some((cell) => cell.trim() !== '')) {
    const message = `the row has ${record.cells.length} cells, the header ${width}`;
    return { field: '', code: 'too_many_cells', message };
  }
  return undefined;
}

/** Prepares the search for repeated rows; a large source is read once for it. */
export async function openRepeatFinder(
  dataDir: string,
  plan: RunPlan,
  destination: Destination,
  signal: AbortSignal,
): Promise<RepeatFinder> {
  if (plan.source.bytes <= IN_MEMORY_BYTES) return new MemoryRepeatFinder();
  const finder = new DiskRepeatFinder(join(runDir(dataDir, plan.run), 'dedupe'), plan.source.bytes);
  const { rows } = await openIngest(plan, destination);
  for await (const group of rows) {
    if (signal.aborted) break;
    for (const { row, contact, invalid } of group) {
      if (!invalid) finder.note(row, destination.identity(contact));
    }
  }
  await finder.settle();
  return finder;
}
