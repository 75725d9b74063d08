/** Puts values into contacts. Whatever a header is called, it becomes a property and never touches a prototype. */
import type { Contact } from '../contact.js';

export type Setter = (contact: Contact, value: unknown) => void;

/** Sets the property at `path`, making the objects on the way. */
export function setterOf(path: readonly string[]): Setter {
  const [first, second] = path as [string, string?];
  // Every row passes here: the two common depths without a detour.
  if (!path.some((name) => name in Object.prototype)) {
    if (second === undefined) {
      return (contact, value) => {
        contact[first] = value;
      };
    }
    if (path.length === 2) {
      return (contact, value) => {
        if (typeof contact[first] !== 'object') contact[first] = {};
        (contact[first] as Contact)[second] = value;
      };
    }
  }
  const last = path.at(-1)!;
  return (contact, value) => {
    let object = contact;
    for (const name of path.slice(0, -1)) {
      if (!Object.hasOwn(object, name) || typeof object[name] !== 'object') define(object, name, {});
      object = object[name] as Contact;
    }
    define(object, last, value);
  };
}

/** What stands at `path`; undefined: nothing. */
export function valueAt(contact: Contact, path: readonly string[]): unknown {
  let value: unknown = contact;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Contact)[name];
  }
  return value;
}

/** Gives `contact` the values of `others` that it does not have, at any depth; what it takes is its own copy. */
export function fillBlanks(contact: Contact, others: Contact): void {
  for (const [name, value] of Object.entries(others)) {
    const held = Object.hasOwn(contact, name) ? contact[name] : undefined;
    if (isObject(value) && (held === undefined || isObject(held))) {
      const object = held ?? {};
      fillBlanks(object, value);
      if (held === undefined && !isBlank(object)) define(contact, name, object);
    } else if (held === undefined && !isBlank(value)) define(contact, name, copy(value));
  }
}

/** No value: it is left out, so that it never erases one that the destination holds. */
export function isBlank(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

/** A constant must not be shared by the contacts it is put into. */
export function copy<T>(value: T): T {
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}

export function isObject(value: unknown): value is Contact {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function define(object: Contact, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
