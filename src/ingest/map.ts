/** Turns a record into a contact by its header: aliases, dotted headers, and the rest into the custom fields. */
import { type Contact, normaliseEmail } from '../contact.js';
import type { Destination } from '../destinations/destination.js';
import { EXIT, RowferryError } from '../errors.js';

/** Where a column goes: a field, or a name inside an object field; `undefined` for rowferry's own report columns. */
export interface ColumnTarget {
  header: string;
  field?: string;
  name?: string;
}

export interface Mapping {
  columns: ColumnTarget[];
  /** Sentences a person should read before sending. */
  warnings: string[];
  map(cells: readonly string[]): Contact;
}

/** Columns that rowferry adds to `failed.csv` and `skipped.csv`; ignored when such a file is dropped again. */
const OWN_COLUMNS = /^rowferry_/;

/**
 * Decides for every column of `header`. `overrides` are header → field as the user gave them (`--map`), where the
 * field may be dotted. A field goes to the first column that claims it by its own name, else by an alias; others
 * keep their name among the destination's custom fields.
 */
export function makeMapping(
  header: readonly string[],
  destination: Destination,
  overrides: Record<string, string> = {},
): Mapping {
  const fieldByName = new Map<string, string>();
  for (const field of Object.keys(destination.fields)) fieldByName.set(plain(field), field);
  for (const [alias, field] of Object.entries(destination.aliases)) {
    if (!fieldByName.has(plain(alias))) fieldByName.set(plain(alias), field);
  }
  const warnings: string[] = [];
  const taken = new Set<string>();
  const columns = header.map((name): ColumnTarget => ({ header: name.trim() }));

  const claim = (column: ColumnTarget, field: string) => {
    taken.add(field);
    column.field = field;
  };
  for (const [name, field] of Object.entries(overrides)) {
    const free = columns.filter((column) => column.field === undefined);
    const column = findColumn(free, name);
    if (column === undefined) throw noColumn(name, field, columns);
    const target = overrideTarget(name, field, destination);
    const other = columns.find((one) => one.field === target.field && one.name === target.name);
    if (other)
      throw refusal(
        'MAP_FIELD_TWICE',
        `--map sends two columns to ${field}, "${other.header}" and "${column.header}"; a field takes one.`,
      );
    Object.assign(column, target);
    if (column.field !== undefined && column.name === undefined) taken.add(column.field);
  }
  // Exact names first, so that `email` beats `Email Address` wherever it stands.
  for (const exact of [true, false]) {
    for (const column of columns) {
      if (column.field !== undefined || column.header === '' || OWN_COLUMNS.test(column.header)) continue;
      const field = fieldByName.get(plain(column.header));
      const kind = field === undefined ? undefined : destination.fields[field];
      if (field === undefined || kind === 'object' || taken.has(field)) continue;
      if (exact === (plain(column.header) === plain(field))) claim(column, field);
    }
  }
  for (const column of columns) {
    if (column.field !== undefined || column.header === '' || OWN_COLUMNS.test(column.header)) continue;
    const dotted = dottedTarget(column.header, destination);
    Object.assign(column, dotted ?? { field: destination.unmapped, name: column.header });
    const alias = fieldByName.get(plain(column.header));
    if (dotted === undefined && alias !== undefined && taken.has(alias)) {
      warnings.push(
        `Column "${column.header}" also looks like ${alias}, which another column fills; it goes to ${destination.unmapped}.`,
      );
    }
  }
  warnings.push(...sharedTargets(columns), ...nameless(columns));
  if (!taken.has('email') && 'email' in destination.fields) {
    throw refusal(
      'NO_EMAIL_COLUMN',
      looksLikeRow(columns)
        ? ROW_FOR_HEADER
        : `No column of the header is an e-mail address. It has: ${list(header)}. Name one with --map "<column>=email".`,
    );
  }
  return { columns, warnings, map: compile(columns, destination) };
}

/** Written as in the header beats alike: `email` and `E-mail` may both be columns. */
function findColumn(columns: readonly ColumnTarget[], name: string): ColumnTarget | undefined {
  return (
    columns.find(({ header }) => header === name.trim()) ??
    columns.find(({ header }) => plain(header) !== '' && plain(header) === plain(name))
  );
}

/** Why `--map name=field` finds no column that is free. */
function noColumn(name: string, field: string, columns: readonly ColumnTarget[]): RowferryError {
  const taken = findColumn(columns, name);
  if (taken) {
    const before = taken.name === undefined ? taken.field : `${taken.field}.${taken.name}`;
    return refusal(
      'MAP_COLUMN_TWICE',
      `--map sends the column "${taken.header}" to two fields, ${before} and ${field}; a column goes to one.`,
    );
  }
  return refusal(
    'MAP_COLUMN_UNKNOWN',
    looksLikeRow(columns)
      ? ROW_FOR_HEADER
      : `--map names the column "${name}", which the header does not have. It has: ${list(columns.map(({ header }) => header))}.`,
  );
}

/** Its cells are somebody's data and not repeated. */
const ROW_FOR_HEADER =
  'The first line holds an e-mail address where the names of the columns belong: the file seems to have no header. Put a line with the names before it, like "email,first_name,last_name".';

function looksLikeRow(columns: readonly ColumnTarget[]): boolean {
  return columns.some(({ header }) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(header));
}

function refusal(code: string, sentence: string): RowferryError {
  return new RowferryError(code, sentence, EXIT.usage);
}

/** A cell that another column overwrites must not get lost without a word. */
function sharedTargets(columns: readonly ColumnTarget[]): string[] {
  const sharing = new Map<string, number>();
  for (const { field, name } of columns) {
    if (field === undefined) continue;
    const target = name === undefined ? field : `${field}.${name}`;
    sharing.set(target, (sharing.get(target) ?? 0) + 1);
  }
  return [...sharing]
    .filter(([, columns_]) => columns_ > 1)
    .map(
      ([target, n]) => `${n} columns go to ${target}; of each row the last cell that is not blank is sent.`,
    );
}

/** Spreadsheets leave columns without a name behind; what stands in them must not get lost without a word. */
function nameless(columns: readonly ColumnTarget[]): string[] {
  const at = columns.flatMap(({ header }, i) => (header === '' ? [i + 1] : []));
  if (at.length === 0) return [];
  if (at.length === 1) return [`Column ${at[0]} has no name and is not sent.`];
  const shown = at.slice(0, 5).join(', ') + (at.length > 5 ? ', …' : '');
  return [`${at.length} columns have no name and are not sent: ${shown}.`];
}

const PLAIN_PROPERTY = { enumerable: true, configurable: true, writable: true };

function compile(columns: readonly ColumnTarget[], destination: Destination) {
  const fillers = columns.map(({ field, name }) => {
    if (field === undefined) return undefined;
    if (name !== undefined) {
      return (contact: Contact, cell: string) => {
        contact[field] ??= {};
        const object = contact[field] as Record<string, unknown>;
        // As a header it must become a property, not a prototype.
        if (name === '__proto__') Object.defineProperty(object, name, { value: cell, ...PLAIN_PROPERTY });
        else object[name] = cell;
      };
    }
    if (field === 'email') {
      return (contact: Contact, cell: string) => {
        contact.email = normaliseEmail(cell);
      };
    }
    const convert = CONVERT[destination.fields[field] as 'text' | 'boolean' | 'list'];
    return (contact: Contact, cell: string) => {
      contact[field] = convert(cell);
    };
  });
  return (cells: readonly string[]): Contact => {
    const contact: Contact = {};
    for (let i = 0; i < fillers.length; i++) {
      // A blank cell is no value: it never erases, and never fails a type.
      const cell = cells[i]?.trim();
      if (cell) fillers[i]?.(contact, cell);
    }
    return contact;
  };
}

const TRUE = new Set(['true', 'yes', 'y', '1', 'on', 't']);
const FALSE = new Set(['false', 'no', 'n', '0', 'off', 'f']);

const CONVERT = {
  text: (cell: string): unknown => cell,
  list: (cell: string): unknown => [
    ...new Set(
      cell
        .split(/[,;|]/)
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  ],
  /** What is no known spelling stays text, and validation says so. */
  boolean: (cell: string): unknown => {
    const word = cell.toLowerCase();
    return TRUE.has(word) ? true : FALSE.has(word) ? false : cell;
  },
};

function overrideTarget(column: string, field: string, destination: Destination): Partial<ColumnTarget> {
  const kind = Object.hasOwn(destination.fields, field) ? destination.fields[field] : undefined;
  if (kind !== undefined && kind !== 'object') return { field };
  const dotted = dottedTarget(field, destination);
  if (dotted) return dotted;
  throw new RowferryError(
    'MAP_FIELD_UNKNOWN',
    `--map sends the column "${column}" to "${field}", which ${destination.kind} does not have. Fields: ${Object.entries(
      destination.fields,
    )
      .map(([name, of]) => (of === 'object' ? `${name}.<name>` : name))
      .join(', ')}.`,
    EXIT.usage,
  );
}

/** `custom_fields.plan` → the name `plan` inside the object field `custom_fields`. */
function dottedTarget(header: string, destination: Destination): Partial<ColumnTarget> | undefined {
  const dot = header.indexOf('.');
  if (dot < 1 || dot === header.length - 1) return undefined;
  const field = Object.keys(destination.fields).find(
    (name) => destination.fields[name] === 'object' && plain(name) === plain(header.slice(0, dot)),
  );
  return field === undefined ? undefined : { field, name: header.slice(dot + 1).trim() };
}

/** Header names are compared without case, spaces and punctuation: `E-mail` is `email`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `"${name}"`);
  return shown.join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
}
