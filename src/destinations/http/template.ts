/**
 * What a request is written with: paths and bodies with `{{field}}` in them. A body compiles to closures that put JSON
 * text together; no object is built on the way, so no key of a template can mean more than a key.
 */
import type { Contact } from '../../contact.js';
import { compileExpression } from './expression.js';

/** What placeholders stand for. */
export interface Scope {
  contact: Contact;
  /** `{{contact_id}}`: what the API calls the contact. */
  contactId?: string | undefined;
  /** `{{contacts}}`, as JSON text. */
  contacts?: string;
}

/** Placeholders that are no fields. `contact` is the contact as a whole. */
export const RESERVED = ['contact', 'contact_id', 'contacts'] as const;

/** JSON text; undefined: all of it is blank. */
export type Body = (scope: Scope) => string | undefined;

const PLACEHOLDER = /\{\{([^{}]*)\}\}/;
const DEEPEST = 32;

/**
 * A text is a JSONata expression over the contact; anything else is sent as it stands, with the placeholders in its
 * texts replaced: `"{{tags}}"` alone by the value with its type, `"{{first}} {{last}}"` as text. What is blank is left
 * out: a text or an object all of whose placeholders are blank, and a list of which nothing is left. Throws a sentence
 * for what is neither.
 */
export function compileBody(body: unknown): Body {
  if (typeof body !== 'string') return compileNode(body, 0).text;
  const expression = compileExpression(body);
  return ({ contact, contactId, contacts }) =>
    contacts === undefined
      ? expression.json(contact, contactId === undefined ? {} : { contact_id: contactId })
      : expression.json({ contacts: JSON.parse(contacts) as unknown });
}

interface Part {
  text: Body;
  /** Whether there are placeholders in it. */
  filled: boolean;
}

function compileNode(node: unknown, depth: number): Part {
  if (depth > DEEPEST) throw new Error(`is nested deeper than ${DEEPEST} levels`);
  if (typeof node === 'string') return compileText(node);
  if (Array.isArray(node)) {
    const elements = node.map((element) => compileNode(element, depth + 1));
    return compileGroup(
      elements,
      () => true,
      (inside) => `[${inside}]`,
    );
  }
  if (typeof node === 'object' && node !== null) {
    const members = Object.entries(node).map(([key, value]) => named(key, compileNode(value, depth + 1)));
    // A constant beside blank placeholders says nothing: `{ field: '1', value: '{{job}}' }`.
    return compileGroup(
      members,
      ({ filled }) => filled,
      (inside) => `{${inside}}`,
    );
  }
  const text = JSON.stringify(node);
  if (text === undefined) throw new Error('holds something that is no JSON');
  return { text: () => text, filled: false };
}

function named(key: string, { text, filled }: Part): Part {
  const name = JSON.stringify(key);
  const member: Body = (scope) => {
    const value = text(scope);
    return value === undefined ? undefined : `${name}:${value}`;
  };
  return { text: member, filled };
}

/** `counts`: the parts without which the others are left out. */
function compileGroup(
  parts: readonly Part[],
  counts: (part: Part) => boolean,
  around: (inside: string) => string,
): Part {
  const filled = parts.some((part) => part.filled);
  const text: Body = (scope) => {
    let inside = '';
    let blank = filled;
    for (const part of parts) {
      const one = part.text(scope);
      if (one === undefined) continue;
      inside += inside === '' ? one : `,${one}`;
      if (counts(part)) blank = false;
    }
    return blank ? undefined : around(inside);
  };
  return { text, filled };
}

function compileText(text: string): Part {
  const { texts, names } = partsOf(text);
  if (names.length === 0) {
    const constant = JSON.stringify(text);
    return { text: () => constant, filled: false };
  }
  const read = names.map(reader);
  if (names.length === 1 && texts.every((around) => around === '')) {
    if (names[0] === 'contacts') return { text: ({ contacts }) => contacts, filled: true };
    return { text: (scope) => JSON.stringify(read[0]!(scope)), filled: true };
  }
  const whole: Body = (scope) => {
    let blank = true;
    let sentence = texts[0]!;
    for (let i = 0; i < read.length; i++) {
      const value = read[i]!(scope);
      if (!isBlank(value)) {
        blank = false;
        sentence += inText(value);
      }
      sentence += texts[i + 1]!;
    }
    return blank ? undefined : JSON.stringify(sentence);
  };
  return { text: whole, filled: true };
}

/** A path whose placeholders are encoded. It throws for a contact without one of them. */
export function compilePath(path: string): (scope: Scope) => string {
  const { texts, names } = partsOf(path);
  if (!texts[0]!.startsWith('/') || !/^[\x21\x22\x24-\x7e]*$/.test(texts.join(''))) {
    throw new Error('is no path: it begins with /, and holds no spaces, no # and nothing but ASCII');
  }
  const read = names.map(reader);
  return (scope) => {
    let whole = texts[0]!;
    for (let i = 0; i < read.length; i++) {
      const value = read[i]!(scope);
      if (isBlank(value)) throw new Error(`the path needs ${names[i]}, which is blank`);
      whole += encoded(inText(value), names[i]!) + texts[i + 1]!;
    }
    return whole;
  };
}

/** The names of the placeholders in a path or a body. */
export function placeholdersOf(node: unknown): Set<string> {
  const names = new Set<string>();
  const collect = (value: unknown, depth: number) => {
    if (typeof value === 'string') for (const name of partsOf(value).names) names.add(name);
    else if (typeof value === 'object' && value !== null && depth <= DEEPEST) {
      for (const inner of Object.values(value)) collect(inner, depth + 1);
    }
  };
  collect(node, 0);
  return names;
}

/** `a{{b}}c` is the name b between the texts a and c. */
function partsOf(text: string): { texts: string[]; names: string[] } {
  const parts = text.split(PLACEHOLDER);
  const texts = parts.filter((_, i) => i % 2 === 0);
  const names = parts.filter((_, i) => i % 2 === 1).map((name) => name.trim());
  if (texts.some((around) => around.includes('{{') || around.includes('}}'))) {
    throw new Error('has a {{ or }} without its counterpart');
  }
  if (names.some((name) => name.split('.').includes(''))) throw new Error('has a placeholder without a name');
  return { texts, names };
}

/** The value of a field; behind a dot, of a field inside it. */
function reader(name: string): (scope: Scope) => unknown {
  if (name === 'contact') return ({ contact }) => contact;
  if (name === 'contact_id') return ({ contactId }) => contactId;
  if (name === 'contacts') return ({ contacts }) => contacts;
  const path = name.split('.');
  if (path.length === 1) return ({ contact }) => own(contact, name);
  return ({ contact }) => path.reduce<unknown>(own, contact);
}

function own(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined;
  return (object as Record<string, unknown>)[name];
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function inText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(inText).join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function encoded(text: string, name: string): string {
  // A path of dots is another path, encoded or not.
  if (/^\.{1,2}$/.test(text)) throw new Error(`the path cannot hold ${name}: it is "${text}"`);
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
}
