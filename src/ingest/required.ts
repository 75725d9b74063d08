/** Finds out before the run which fields a destination cannot do without and nothing fills. */
import type { Contact } from '../contact.js';
import type { Destination, FieldKind } from '../destinations/destination.js';
import type { Target } from './fields.js';
import { fillBlanks, setterOf } from './fill.js';

const SAMPLE: Record<FieldKind, unknown> = {
  text: 'a',
  number: 1,
  integer: 1,
  boolean: true,
  date: '2024-01-31',
  list: ['a'],
  json: 'a',
  object: { a: 'a' },
};

/**
 * Shows the destination's own schema a contact with all that is filled. What it then says about fields that are
 * filled is about the sample, and about the row when one comes; what it misses will be missed in every row.
 */
export function unfilledFields(
  targets: readonly Target[],
  { contact: schema }: Destination,
  defaults: Contact,
): string[] {
  const sample: Contact = {};
  for (const { path, kind } of targets) setterOf(path)(sample, SAMPLE[kind]);
  fillBlanks(sample, defaults);
  const unfilled = new Set<string>();
  for (const { path } of schema.safeParse(sample).error?.issues ?? []) {
    if (path.length > 0 && !has(sample, path)) unfilled.add(path.join('.'));
  }
  return [...unfilled];
}

function has(sample: unknown, path: readonly PropertyKey[]): boolean {
  let value = sample;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return true; // the schema wants more of a value that is there
    if (!Object.hasOwn(value, name)) return false;
    value = (value as Record<PropertyKey, unknown>)[name];
  }
  return true;
}
