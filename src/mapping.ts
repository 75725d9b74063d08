/** How columns become fields, as people write it: rules by field, in `rowferry.yaml`, `--map` and the library. */
import { z } from 'zod';
import { EXIT, RowferryError } from './errors.js';
import { didYouMean } from './spelling.js';

export const TYPES = ['string', 'number', 'integer', 'boolean', 'date', 'json', 'list', 'phone'] as const;
export type ValueType = (typeof TYPES)[number];

export const PRESETS = ['hubspot', 'salesforce', 'google', 'outlook', 'mailchimp'] as const;
export type PresetName = (typeof PRESETS)[number];

/** What other programs call these. */
const OTHER_NAMES: Record<string, ValueType> = {
  int: 'integer',
  long: 'integer',
  bigint: 'integer',
  bool: 'boolean',
  str: 'string',
  text: 'string',
  varchar: 'string',
  float: 'number',
  double: 'number',
  decimal: 'number',
  num: 'number',
  numeric: 'number',
  datetime: 'date',
  timestamp: 'date',
  array: 'list',
  set: 'list',
  object: 'json',
  tel: 'phone',
};

/** The type that goes by `word` elsewhere: `int` is `integer` here. */
export function typeCalled(word: string): ValueType | undefined {
  return Object.hasOwn(OTHER_NAMES, word) ? OTHER_NAMES[word] : undefined;
}

/** The end of a sentence about `word`, which is no type. */
export function noType(word: string): string {
  const meant = typeCalled(word.toLowerCase());
  const hint = meant === undefined ? didYouMean(word, TYPES) : ` Did you mean "${meant}"?`;
  return `"${word}" is no type.${hint} Types: ${TYPES.join(', ')}`;
}

const SOURCES = ['column', 'columns', 'value', 'jsonata'] as const;
/** Keys that say the type by themselves. */
const IMPLIED: Record<string, ValueType> = {
  format: 'date',
  zone: 'date',
  country: 'phone',
  part: 'phone',
  split: 'list',
};

const name = z.string().trim().min(1, 'is empty');

const ruleObject = z
  .strictObject({
    /** Header of the column that fills the field. */
    column: name.optional(),
    /** Several columns, joined by `join` (a list keeps them apart). */
    columns: z.array(name).min(1, 'is empty').optional(),
    join: z.string().optional(),
    /** A constant of any JSON type. */
    value: z.json().optional(),
    /** A JSONata expression over the row's cells by header; blank cells are absent. */
    jsonata: name.optional(),
    /** Default: by the destination's kind of field. */
    type: z.enum(TYPES).optional(),
    /** False keeps blanks around a text; default true. */
    trim: z.boolean().optional(),
    case: z.enum(['lower', 'upper', 'title']).optional(),
    /** What separates the elements of a list; default: comma, semicolon or bar. */
    split: z.string().min(1, 'is empty').optional(),
    /** Of a date, in Luxon's tokens, e.g. `dd.MM.yyyy HH:mm`; default: ISO 8601. */
    format: name.optional(),
    /** Of dates that tell none, e.g. `Europe/Berlin`; default: UTC. */
    zone: name.optional(),
    /** Of phone numbers without country code, e.g. `GB`. */
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'is not a country like GB')
      .optional(),
    /** Of a phone number; default `e164`. */
    part: z.enum(['e164', 'countrycode', 'national']).optional(),
    /** Cell → value; null = no value. A cell that is not among them is a fault of its row. */
    values: z.record(z.string(), z.json()).optional(),
    /** The value when the cell is blank. */
    default: z.json().optional(),
  })
  .superRefine((rule, context) => {
    const fault = (message: string, key?: string) =>
      context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] });
    const given = SOURCES.filter((source) => rule[source] !== undefined);
    if (given.length !== 1) {
      fault(
        `needs exactly one of ${SOURCES.join(', ')}${given.length > 1 ? `; has ${given.join(', ')}` : ''}`,
      );
    }
    if (rule.join !== undefined && rule.columns === undefined) fault('goes with columns only', 'join');
    if (rule.value === null || rule.value === '') fault('is blank: leave the field out instead', 'value');
    if (rule.value !== undefined) {
      for (const key of Object.keys(rule)) if (key !== 'value') fault('does not go with value', key);
    }
    const types = new Set(rule.type === undefined ? [] : [rule.type as string]);
    for (const [key, type] of Object.entries(IMPLIED)) {
      if (rule[key as keyof typeof rule] === undefined) continue;
      if (types.size > 0 && !types.has(type)) fault(`goes with type ${type} only`, key);
      types.add(type);
    }
  });

/** One way to fill a field. */
export type Rule = z.infer<typeof ruleObject>;

const SHORT = z.union([name, ruleObject], { error: describeUnion });

/** A column's name, a rule, or a list of these of which the first that is not blank fills the field. */
export const ruleSchema = z.union([name, ruleObject, z.array(SHORT).min(1, 'is empty')], {
  error: describeUnion,
});

/** The keys of a sync that say how its columns become fields. */
export const mappingSchema = z.strictObject({
  /** Field → rule. */
  map: z.record(name, ruleSchema).optional(),
  /** What becomes of columns nobody knows; `custom_fields` is the destination's own place for them. */
  unmapped: z.enum(['custom_fields', 'ignore', 'error']).optional(),
  /** Whose export the file is; default: recognised by its header. */
  preset: z.enum([...PRESETS, 'none']).optional(),
});

export type MappingSpec = z.infer<typeof mappingSchema>;
export type MapRules = NonNullable<MappingSpec['map']>;

/** zod says "Invalid input" of a union; what the alternative that was meant lacks is of more use. */
function describeUnion(issue: { input?: unknown; errors?: unknown }): string {
  const { input } = issue;
  if (typeof input !== 'object' || input === null) {
    return typeof input === 'string' ? 'is empty' : 'is neither a column name nor a rule';
  }
  const tried = Array.isArray(input) ? z.array(SHORT).min(1, 'is empty') : ruleObject;
  const result = tried.safeParse(input);
  return result.success ? 'is no rule' : sentences(result.error).join('; ');
}

function sentences(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) =>
    [path.map(String).join('.'), message].filter(Boolean).join(': '),
  );
}

/** The type a rule asks for, spelled out or not. */
export function typeOf(rule: Rule): ValueType | undefined {
  if (rule.type !== undefined) return rule.type;
  for (const [key, type] of Object.entries(IMPLIED)) {
    if (rule[key as keyof Rule] !== undefined) return type;
  }
  return undefined;
}

/** The rules of a field in the order in which they are tried. */
export function rulesOf(rule: MapRules[string]): Rule[] {
  return (Array.isArray(rule) ? rule : [rule]).map((one) =>
    typeof one === 'string' ? { column: one } : one,
  );
}

export type NamedRule = readonly [field: string, rule: Rule];

/** The rule for a column that is given as header → field, where `field:type` asks for a type. */
export function ruleOfPair(column: string, text: string): NamedRule {
  const colon = text.lastIndexOf(':');
  const type = text.slice(colon + 1);
  return colon > 0 && isType(type) ? [text.slice(0, colon), { column, type }] : [text, { column }];
}

/** Rules of one field become a list: the first that is not blank fills it. */
export function gatherRules(rules: readonly NamedRule[]): MapRules {
  const lists = new Map<string, Rule[]>();
  for (const [field, rule] of rules) lists.set(field, [...(lists.get(field) ?? []), rule]);
  return Object.fromEntries([...lists].map(([field, list]) => [field, list.length === 1 ? list[0]! : list]));
}

/** Rules for columns that are given as header → field. Throws a sentence for a type by another program's name. */
export function rulesOfPairs(pairs: Readonly<Record<string, string>>): MapRules {
  for (const [column, field] of Object.entries(pairs)) {
    const word = /:(\w+)$/.exec(field)?.[1] ?? '';
    if (typeCalled(word) === undefined) continue;
    throw new RowferryError('SETTING_INVALID', `map: "${column}=${field}": ${noType(word)}.`, EXIT.usage);
  }
  return gatherRules(Object.entries(pairs).map(([column, field]) => ruleOfPair(column, field)));
}

export function isType(text: string): text is ValueType {
  return (TYPES as readonly string[]).includes(text);
}

/** `spec` where `rules` beat its own. */
export function withRules(spec: MappingSpec, rules: MapRules): MappingSpec {
  return Object.keys(rules).length === 0 ? spec : { ...spec, map: { ...spec.map, ...rules } };
}

/** Checks what untyped code gives. Throws one sentence with all faults. */
export function parseMapping(given: unknown, setting = 'mapping'): MappingSpec {
  const result = mappingSchema.safeParse(given);
  if (result.success) return result.data;
  throw new RowferryError(
    'SETTING_INVALID',
    `${setting}: ${sentences(result.error).join('; ')}.`,
    EXIT.usage,
  );
}
