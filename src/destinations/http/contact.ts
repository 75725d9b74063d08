/** The contact of an `http` destination, by the fields its user wrote down. */
import { z } from 'zod';
import type { Contact, Identity } from '../../contact.js';
import { type Destination, FIELD_KINDS, type FieldKind } from '../destination.js';
import { date, email, flag, identityOf, object, text } from '../fields.js';

export const FIELD_TYPES = [...FIELD_KINDS, 'email'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export interface FieldSettings {
  type: FieldType;
  required?: boolean | undefined;
  /** No two contacts have the same: `email` of a field of that type, else `external_id`. */
  unique?: boolean | undefined;
  /** Headers of columns that fill it. */
  aliases?: string[] | undefined;
  /** What a row sends that leaves it blank. */
  default?: unknown;
}

export type Fields = Record<string, FieldType | FieldSettings>;

const or = (code: string) => ({
  error: ({ input }: { input?: unknown }) => (input === undefined ? 'required' : code),
});

const VALUES: Record<FieldType, z.ZodType> = {
  text,
  email,
  number: z.number(or('not_a_number')),
  integer: z.int(or('not_an_integer')),
  boolean: flag,
  date,
  list: z.array(z.unknown(), or('not_a_list')),
  json: z.custom((value) => value !== undefined, 'required'),
  object,
};

export function settingsOf(field: FieldType | FieldSettings): FieldSettings {
  return typeof field === 'string' ? { type: field } : field;
}

/** Whether `value` is one of a field's type. */
export function isOfType(type: FieldType, value: unknown): boolean {
  return VALUES[type].safeParse(value).success;
}

/** Which key a unique field is. */
export function keyOf({ type }: FieldSettings): 'email' | 'external_id' {
  return type === 'email' ? 'email' : 'external_id';
}

/** The parts of a destination that are about its contacts. */
export function describeContact(
  fields: Fields,
  unmapped: string | null,
): Pick<Destination, 'contact' | 'fields' | 'aliases' | 'unmapped' | 'defaults' | 'identity'> {
  const all = Object.entries(fields).map(([name, field]) => ({ name, ...settingsOf(field) }));
  const unique = all
    .filter((field) => field.unique === true)
    .map((field) => ({ key: keyOf(field), path: field.name.split('.') }));
  const defaults = nest(all.filter((field) => field.default !== undefined).map((f) => [f.name, f.default]));
  return {
    contact: contactSchema(fields, unmapped) as z.ZodType<Contact>,
    fields: Object.fromEntries(all.map(({ name, type }) => [name, kindOf(type)])),
    aliases: Object.fromEntries(
      all.flatMap(({ name, aliases }) => (aliases ?? []).map((alias) => [alias, name])),
    ),
    unmapped,
    ...(Object.keys(defaults).length === 0 ? {} : { defaults: () => structuredClone(defaults) }),
    identity(contact): Identity {
      const keys: Identity = {};
      for (const { key, path } of unique) {
        const value = path.reduce<unknown>(own, contact);
        if (value !== undefined) keys[key] = String(value);
      }
      return identityOf(keys);
    },
  };
}

function kindOf(type: FieldType): FieldKind {
  return type === 'email' ? 'text' : type;
}

function own(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined;
  return (object as Record<string, unknown>)[name];
}

/** `billing.email` becomes the field `email` of an object `billing`. */
function nest(entries: readonly (readonly [string, unknown])[]): Contact {
  const whole: Contact = {};
  for (const [name, value] of entries) {
    const path = name.split('.');
    let place = whole;
    for (const step of path.slice(0, -1)) {
      place[step] ??= {};
      place = place[step] as Contact;
    }
    place[path.at(-1)!] = value;
  }
  return whole;
}

interface Node {
  field?: FieldSettings;
  inner: Map<string, Node>;
}

function contactSchema(fields: Fields, unmapped: string | null): z.ZodType {
  const root: Node = { inner: new Map() };
  for (const [name, field] of Object.entries(fields)) {
    let node = root;
    for (const step of name.split('.')) {
      const next = node.inner.get(step) ?? { inner: new Map() };
      node.inner.set(step, next);
      node = next;
    }
    node.field = settingsOf(field);
  }
  return objectSchema(root, unmapped === 'contact');
}

/** `open`: it may hold more than its fields. */
function objectSchema({ inner }: Node, open: boolean): z.ZodType {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, node] of inner) {
    const isField = node.inner.size === 0;
    const schema = isField ? VALUES[node.field!.type] : objectSchema(node, node.field !== undefined);
    shape[name] = isRequired(node) ? schema : schema.optional();
  }
  const refused = {
    error: (issue: { code?: string | undefined; input?: unknown }) =>
      issue.code === 'unrecognized_keys' ? undefined : or('not_an_object').error(issue),
  };
  return open ? z.looseObject(shape, refused) : z.strictObject(shape, refused);
}

function isRequired({ field, inner }: Node): boolean {
  return field?.required === true || [...inner.values()].some(isRequired);
}
