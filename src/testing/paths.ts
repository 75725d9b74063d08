/** Places inside a contact: `billing.email` is the e-mail address in the object `billing`. */
import type { Contact } from '../contact.js';

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at `path`; undefined when there is none. */
export function valueAt(contact: Contact, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    contact,
  );
}

/** A copy of `contact` with `value` at `path`, which may go through lists. */
export function withValue(contact: Contact, path: readonly string[], value: unknown): Contact {
  const copy = structuredClone(contact);
  let place: Record<string, unknown> = copy;
  for (const name of path.slice(0, -1)) {
    if (typeof place[name] !== 'object' || place[name] === null) place[name] = {};
    place = place[name] as Record<string, unknown>;
  }
  place[path.at(-1)!] = value;
  return copy;
}

/** Every text in `value`, with its path; texts in lists included. */
export function texts(
  value: unknown,
  path: readonly string[] = [],
): { path: readonly string[]; text: string }[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => texts(inner, [...path, name]));
}

/** The JSON in `text`; undefined when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
