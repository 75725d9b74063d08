/** Turns the cells of a record into a contact. */
import type { Contact } from '../contact.js';
import type { Destination } from '../destinations/destination.js';
import type { Account } from '../destinations/registry.js';
import { type MappingSpec, rulesOf } from '../mapping.js';
import { Assignment } from './assign.js';
import { type AssignedColumn, type FoundRule, looksLikeRow, ROW_FOR_HEADER } from './columns.js';
import { isEmail, typeFor } from './convert.js';
import type { Sample } from './email-column.js';
import { type MappingFault, MappingFaults, quoted } from './faults.js';
import { fillBlanks, isBlank } from './fill.js';
import type { ProfiledColumn } from './profile.js';
import { unfilledFields } from './required.js';
import { cellFiller, type FillCell, type FillRow, type Note, rowFiller } from './rules.js';

export interface Mapping {
  /** Where each column goes by itself: a field as in `map`. Undefined for one that rules use, or nothing. */
  columns: { header: string; field?: string }[];
  /** Indexes of the columns that contacts are made of. */
  reads: ReadonlySet<number>;
  /** Fields that are made of more than one column's cell, and of what: `"First" and "Last"`, `constant`. */
  made: { field: string; from: string; path: readonly string[] }[];
  /** Columns whose cells are sent as they stand, or as lists. */
  profiled: ProfiledColumn[];
  /** Sentences a person should read before sending. */
  warnings: string[];
  /** The contact of a record; `note` is told about values that do not fit. */
  map(cells: readonly string[], note?: Note): Contact;
  /** Only when there are expressions: gives the contact what they find. Await it for every contact that `map` makes. */
  express?(contact: Contact, cells: readonly string[], note?: Note): Promise<void>;
}

/** Whom the contacts are for. */
export type Recipient = Pick<Account, 'destination' | 'options'>;

/**
 * Decides for every column of `header`. Throws one sentence with everything that makes no sense. `nowMs` is what
 * `$now()` is in expressions: the same in every pass over the source. `sample`: first rows, which tell what a header leaves open.
 */
export async function makeMapping(
  header: readonly string[],
  { destination, options }: Recipient,
  spec: MappingSpec = {},
  nowMs = 0,
  sample: Sample = [],
): Promise<Mapping> {
  const faults = new MappingFaults();
  const defaults = destination.defaults?.(options) ?? {};
  const assignment = await Assignment.make(header, destination, spec, nowMs, faults, sample);
  const fillers = await compile(assignment, faults);
  faults.throwAny();
  const unfilled = unfilledFields(assignment.targets, destination, defaults);
  const addresses = assignment.addresses.map(({ header }) => header);
  requireFields(unfilled, header, addresses, destination.kind, faults);
  faults.throwAny();
  return {
    columns: assignment.columns.map(({ header, target }) => ({
      header,
      ...(target && { field: target.field }),
    })),
    reads: new Set(assignment.columns.flatMap(({ index, target, used }) => (target || used ? [index] : []))),
    made: assignment.rules.map(({ target, rules }) => ({
      field: target.field,
      path: target.path,
      from: [...new Set(rules.map(originOf))].join(', else '),
    })),
    profiled: assignment.columns.flatMap(profiledColumn),
    warnings: [...assignment.warnings, ...nameless(header)],
    ...mappingFunctions(header, fillers, Object.values(defaults).every(isBlank) ? undefined : defaults),
  };
}

function originOf({ rule, columns }: FoundRule): string {
  if (rule.value !== undefined) return 'constant';
  return rule.jsonata === undefined ? columns.map(({ header }) => `"${header}"`).join(' and ') : 'expression';
}

/** Of other types than these every cell is judged anyway. */
function profiledColumn({ index, header, target, treatment = {} }: AssignedColumn): ProfiledColumn[] {
  if (target === undefined || isEmail(target)) return [];
  const type = typeFor(target, treatment);
  return type === 'string' || type === 'list' ? [{ index, header, type, path: target.path }] : [];
}

/** What of a mapping makes no sense for `destination`, whatever the header of a file may be. */
export async function checkMapping(destination: Destination, spec: MappingSpec): Promise<MappingFault[]> {
  const faults = new MappingFaults();
  const rules = Object.values(spec.map ?? {}).flatMap(rulesOf);
  const header = new Set(rules.flatMap(({ column, columns }) => columns ?? column ?? []));
  await compile(await Assignment.make([...header], destination, spec, 0, faults), faults);
  return faults.all;
}

interface Fillers {
  /** By column. */
  cells: (FillCell | undefined)[];
  rows: FillRow[];
  /** Those that wait for an expression. */
  expressions: FillRow[];
}

async function compile(assignment: Assignment, faults: MappingFaults): Promise<Fillers> {
  const fillers: Fillers = { cells: [], rows: [], expressions: [] };
  const orFault = <T>(field: string, made: Promise<T>) =>
    made.catch((error: Error) => {
      faults.add('MAPPING_INVALID', `map.${field}: ${error.message}.`, undefined, field);
      return undefined;
    });
  for (const column of assignment.columns) {
    const { target, treatment = {} } = column;
    fillers.cells.push(target && (await orFault(target.field, cellFiller(target, column, treatment))));
  }
  for (const { target, rules } of assignment.rules) {
    const tried: FillRow[] = [];
    for (const rule of rules) {
      const filler = await orFault(target.field, rowFiller(target, rule));
      if (filler) tried.push(filler);
    }
    if (rules.some(({ expression }) => expression)) fillers.expressions.push(firstOfLater(tried));
    else fillers.rows.push(firstOf(tried));
  }
  return fillers;
}

function firstOf(tried: FillRow[]): FillRow {
  const [only] = tried;
  if (tried.length === 1) return only!;
  return (...row) => tried.some((fill) => fill(...row));
}

function firstOfLater(tried: FillRow[]): FillRow {
  return async (...row) => {
    for (const fill of tried) if (await fill(...row)) return true;
    return false;
  };
}

function mappingFunctions(
  header: readonly string[],
  { cells: fillCells, rows: fillRows, expressions }: Fillers,
  defaults: Contact | undefined,
): Pick<Mapping, 'map' | 'express'> {
  const later = expressions.length > 0;
  const names = header.map((name) => name.trim());
  const map = (cells: readonly string[], note?: Note): Contact => {
    const contact: Contact = {};
    for (let i = 0; i < fillCells.length; i++) {
      // A blank cell is no value: it never erases, and never fails a type.
      const text = cells[i]?.trim();
      if (text) fillCells[i]?.(contact, text, note);
    }
    for (let i = 0; i < fillRows.length; i++) fillRows[i]!(contact, cells, note, NO_RECORD);
    if (defaults !== undefined && !later) fillBlanks(contact, defaults);
    return contact;
  };
  if (!later) return { map };
  return {
    map,
    async express(contact, cells, note) {
      const record = recordOf(names, cells);
      for (const fill of expressions) await fill(contact, cells, note, record);
      if (defaults !== undefined) fillBlanks(contact, defaults);
    },
  };
}

const NO_RECORD = {};

/** Header → cell, without the blank ones; of headers that stand twice, the first that has a value. */
function recordOf(names: readonly string[], cells: readonly string[]): Record<string, string> {
  const entries: [string, string][] = [];
  for (let i = names.length - 1; i >= 0; i--) {
    const text = cells[i]?.trim();
    if (text && names[i] !== '') entries.push([names[i]!, text]);
  }
  return Object.fromEntries(entries);
}

function requireFields(
  unfilled: readonly string[],
  header: readonly string[],
  addresses: readonly string[],
  kind: string,
  faults: MappingFaults,
): void {
  for (const field of unfilled) {
    if (field === 'email') {
      if (looksLikeRow(header)) {
        faults.add('NO_EMAIL_COLUMN', ROW_FOR_HEADER);
        continue;
      }
      const sentence =
        addresses.length === 0
          ? `No column of the header is an e-mail address. It has: ${quoted(header)}. Name one with --map "<column>=email".`
          : `No column of the header is the e-mail address by its name, and the contact's own may be any of those that hold some: ${quoted(addresses)}. Name it: --map "${addresses[0]}=email".`;
      faults.add('NO_EMAIL_COLUMN', sentence);
    } else {
      const sentence = `Nothing fills ${field}, which ${kind} requires: name a column with --map "<column>=${field}", or a constant with --map "${field}:=<value>".`;
      faults.add('FIELD_UNFILLED', sentence);
    }
  }
}

/** Spreadsheets leave columns without a name behind; what stands in them must not get lost without a word. */
function nameless(header: readonly string[]): string[] {
  const at = header.flatMap((name, i) => (name.trim() === '' ? [i + 1] : []));
  if (at.length === 0) return [];
  if (at.length === 1) return [`Column ${at[0]} has no name and is not sent.`];
  const shown = at.slice(0, 5).join(', ') + (at.length > 5 ? ', …' : '');
  return [`${at.length} columns have no name and are not sent: ${shown}.`];
}
