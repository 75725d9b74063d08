/** Turns the text of a cell into the value of a type. */
import type { FieldKind } from '../destinations/destination.js';
import { type Rule, typeOf, type ValueType } from '../mapping.js';
import { readEmail } from './email.js';
import type { Target } from './fields.js';
import { isBlank } from './fill.js';
import { type Convert, Unfit } from './unfit.js';

/** What a rule, a typed header or a preset asks of the cell. */
export interface Treatment {
  type?: ValueType | undefined;
  case?: Rule['case'];
  values?: Rule['values'];
  split?: string | ((cell: string) => string[]) | undefined;
  format?: string | undefined;
  zone?: string | undefined;
  country?: string | undefined;
  part?: Rule['part'];
}

const TYPE_OF_KIND: Record<FieldKind, ValueType> = {
  text: 'string',
  object: 'string',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  date: 'date',
  list: 'list',
  json: 'json',
};

/** What the cells for `target` are read as. */
export function typeFor({ kind }: Target, { type }: Treatment): ValueType {
  return type ?? TYPE_OF_KIND[kind];
}

/** What `rule` asks for. The type of the header counts where the rule asks for none. */
export function treatmentOf(rule: Rule, headerType?: ValueType): Treatment {
  return { ...rule, type: typeOf(rule) ?? headerType };
}

/**
 * Undefined: the trimmed text itself is the value. Throws the end of a sentence for an option that makes no sense,
 * e.g. a zone that there is none.
 */
export async function convertTo(target: Target, treatment: Treatment): Promise<Convert | undefined> {
  const type = typeFor(target, treatment);
  const plainly = await convertType(target, type, treatment);
  const { values } = treatment;
  const cased = treatment.case === undefined ? undefined : CASE[treatment.case];
  if (type === 'list') {
    const part = each(cased, values);
    return part === undefined ? plainly : listOf(treatment.split, part);
  }
  const first = each(cased, values);
  if (first === undefined) return plainly;
  return (text) => {
    const value = first(text);
    return typeof value === 'string' && value !== '' && plainly !== undefined ? plainly(value) : value;
  };
}

async function convertType(
  target: Target,
  type: ValueType,
  treatment: Treatment,
): Promise<Convert | undefined> {
  switch (type) {
    case 'string':
      return isEmail(target) ? readEmail : undefined;
    case 'number':
      return toNumber;
    case 'integer':
      return toInteger;
    case 'boolean':
      return toBoolean;
    case 'json':
      return toJson;
    case 'list':
      return listOf(treatment.split);
    // Their libraries are loaded by those alone who need them: together they take longer than all the rest.
    case 'date':
      return (await import('./date.js')).dateReader(treatment.format, treatment.zone);
    case 'phone':
      return (await import('./phone.js')).phoneReader(treatment.country, treatment.part);
  }
}

export function isEmail({ field, kind, own }: Target): boolean {
  return own && kind === 'text' && /(^|\.)email$/.test(field);
}

/** Case and value table, which come before the type and, in a list, for each element. */
function each(cased: ((text: string) => string) | undefined, values: Rule['values']): Convert | undefined {
  if (values === undefined) return cased;
  const exact = new Map(Object.entries(values));
  const alike = new Map(Object.entries(values).map(([cell, value]) => [cell.trim().toLowerCase(), value]));
  const shown = [...exact.keys()].slice(0, 10).map((cell) => `"${cell}"`);
  const more = exact.size > shown.length ? ` or ${exact.size - shown.length} more` : '';
  const unknown = new Unfit('not_in_values', `one of ${shown.join(', ')}${more}`);
  return (text) => {
    const cell = cased === undefined ? text : cased(text);
    if (exact.has(cell)) return exact.get(cell);
    const key = cell.trim().toLowerCase();
    return alike.has(key) ? alike.get(key) : unknown;
  };
}

const CASE = {
  lower: (text: string) => text.toLowerCase(),
  upper: (text: string) => text.toUpperCase(),
  title: (text: string) =>
    text.toLowerCase().replace(/(^|[^\p{L}\p{N}\p{M}])(\p{L})/gu, (_, before: string, letter: string) => {
      return before + letter.toUpperCase();
    }),
};

const TOO_LARGE = 'a number of at most 15 digits (longer ones would not arrive exactly: leave them text)';
const NOT_A_NUMBER = new Unfit('not_a_number', 'a number like 12 or 12.5');
const NUMBER_TOO_LARGE = new Unfit('not_a_number', TOO_LARGE);
const NOT_AN_INTEGER = new Unfit('not_an_integer', 'a whole number like 12');
const INTEGER_TOO_LARGE = new Unfit('not_an_integer', TOO_LARGE);

/** No thousands separators and no decimal commas: 1,234 means different things to different people. */
function toNumber(text: string): unknown {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return NOT_A_NUMBER;
  const value = Number(text);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    return NUMBER_TOO_LARGE;
  }
  return value;
}

function toInteger(text: string): unknown {
  const value = toNumber(text);
  if (value === NUMBER_TOO_LARGE) return INTEGER_TOO_LARGE;
  return Number.isInteger(value) ? value : NOT_AN_INTEGER;
}

const TRUE = new Set(['true', 'yes', 'y', '1', 'on', 't']);
const FALSE = new Set(['false', 'no', 'n', '0', 'off', 'f']);
const NOT_A_BOOLEAN = new Unfit('not_a_boolean', 'true or false, yes or no, y or n, on or off, 1 or 0');

function toBoolean(text: string): unknown {
  const word = text.toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : NOT_A_BOOLEAN;
}

/** What is nested without end would not come through the queue. */
const MOST_LEVELS = 100;
const NOT_JSON = new Unfit('not_json', 'JSON, e.g. {"a": 1}');
const TOO_DEEP = new Unfit('not_json', `JSON of at most ${MOST_LEVELS} levels`);

function toJson(text: string): unknown {
  if (depthOf(text) > MOST_LEVELS) return TOO_DEEP;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return NOT_JSON;
  }
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const mark = text[at];
    if (mark === '"') quoted = !quoted;
    else if (quoted && mark === '\\') at++;
    else if (quoted) continue;
    else if (mark === '[' || mark === '{') deepest = Math.max(deepest, ++depth);
    else if (mark === ']' || mark === '}') depth--;
  }
  return deepest;
}

/** Each element once, none blank. */
function listOf(split: Treatment['split'], part?: Convert): Convert {
  const cut =
    typeof split === 'function' ? split : (cell: string) => cell.split(split === undefined ? /[,;|]/ : split);
  return (cell) => {
    const elements = new Set<unknown>();
    for (const raw of cut(cell)) {
      const text = raw.trim();
      const element = text === '' || part === undefined ? text : part(text);
      if (element instanceof Unfit) return element;
      if (!isBlank(element)) elements.add(element);
    }
    return [...elements];
  };
}
