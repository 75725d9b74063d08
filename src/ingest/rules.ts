/** Makes the functions that fill a contact's fields from a record. */
import type { Contact } from '../contact.js';
import type { Rule, ValueType } from '../mapping.js';
import { convertTo, type Treatment, treatmentOf } from './convert.js';
import type { Expression } from './expression.js';
import type { Target } from './fields.js';
import { copy, fillBlanks, isBlank, isObject, setterOf } from './fill.js';
import { type Convert, Unfit } from './unfit.js';
import type { Fault } from './validate.js';

/** Is told about values that do not fit. */
export type Note = (fault: Fault) => void;

/** A column of the header, as far as rules care. */
export interface Column {
  index: number;
  header: string;
  /** The type that the header asks for: `custom_fields.score:number`. */
  type?: ValueType;
}

/** Fills a field from the trimmed text of its cell, which is not blank. */
export type FillCell = (contact: Contact, text: string, note?: Note) => void;

/** Fills a field from the whole record. Returns false when there is no value. */
export type FillRow = (
  contact: Contact,
  cells: readonly string[],
  note: Note | undefined,
  record: Record<string, string>,
) => boolean | Promise<boolean>;

/** A rule whose columns were found and whose expression was understood. */
export interface BoundRule {
  rule: Rule;
  columns: Column[];
  expression?: Expression;
}

/** Throws the end of a sentence for a treatment that makes no sense. */
export async function cellFiller(target: Target, column: Column, treatment: Treatment): Promise<FillCell> {
  const convert = await convertTo(target, treatment);
  const set = setterOf(target.path);
  // Every cell of every row passes here: text untouched, and what is plainly a value without a further look.
  if (convert === undefined && target.kind !== 'object') return set;
  const put = putter(target, subjectOf([column]));
  return (contact, text, note) => {
    const value = convert === undefined ? text : convert(text);
    if (value && typeof value !== 'object' && target.kind !== 'object') set(contact, value);
    else put(contact, value, note);
  };
}

/** Throws the end of a sentence for a rule that makes no sense for its field. */
export async function rowFiller(target: Target, bound: BoundRule): Promise<FillRow> {
  const { rule, columns, expression } = bound;
  const ofHeader = columns.length === 1 && !expression ? columns[0]!.type : undefined;
  const convert = await convertTo(target, treatmentOf(rule, ofHeader));
  if (rule.value !== undefined) return constantFiller(target, rule.value, convert);
  const put = putter(target, expression ? 'its expression must give' : subjectOf(columns));
  const fill = (contact: Contact, value: unknown, note: Note | undefined): boolean => {
    const converted = typeof value === 'string' && value !== '' && convert ? convert(value) : value;
    return put(contact, converted, note) || put(contact, copy(rule.default), note);
  };
  if (expression) {
    return async (contact, _cells, note, record) => fill(contact, await expression.evaluate(record), note);
  }
  const read = reader(rule, columns, treatmentOf(rule).type ?? target.kind);
  return (contact, cells, note) => fill(contact, read(cells), note);
}

function constantFiller(target: Target, value: unknown, convert: Convert | undefined): FillRow {
  const constant = typeof value === 'string' && convert ? convert(value) : value;
  if (constant instanceof Unfit)
    throw new Error(`value ${JSON.stringify(value)} is not ${constant.expected}`);
  const put = putter(target, '');
  return (contact, _cells, note) => put(contact, copy(constant), note);
}

/** The text of one column, or of several together. */
function reader({ trim, join, split }: Rule, columns: readonly Column[], type: string) {
  const cellOf = ({ index }: Column, cells: readonly string[]): string => {
    const text = cells[index]?.trim() ?? '';
    return trim === false && text !== '' ? cells[index]! : text;
  };
  // The elements of a list stay apart.
  const between = join ?? (type === 'list' ? (split ?? ',') : ' ');
  const [only] = columns;
  if (columns.length === 1) return (cells: readonly string[]) => cellOf(only!, cells);
  return (cells: readonly string[]) =>
    columns
      .map((column) => cellOf(column, cells))
      .filter((text) => text !== '')
      .join(between);
}

/** Puts a value into its field; returns false for a blank one. One that does not fit is told, and tried no further. */
function putter(target: Target, subject: string) {
  const { field, path, kind } = target;
  const set = setterOf(path);
  return (contact: Contact, value: unknown, note: Note | undefined): boolean => {
    if (value instanceof Unfit) {
      const { code, expected } = value;
      note?.({ field, code, message: code.startsWith('expression_') ? expected : `${subject} ${expected}` });
      return true;
    }
    if (isBlank(value)) return false;
    if (kind === 'object' && !isObject(value)) {
      note?.({ field, code: 'not_an_object', message: `${subject} a JSON object` });
      return true;
    }
    // What dotted names have put into an object stays there.
    if (kind === 'object') fillBlanks(contact, nested(path, value));
    else set(contact, value);
    return true;
  };
}

function nested(path: readonly string[], value: unknown): Contact {
  const contact: Contact = {};
  setterOf(path)(contact, value);
  return contact;
}

function subjectOf(columns: readonly Column[]): string {
  const names = columns.map(({ header }) => `"${header}"`).join(' and ');
  return columns.length === 1 ? `column ${names} must hold` : `columns ${names} together must hold`;
}
