import type { FieldKind } from '../destinations/destination.js';
import { type Candidate, type Case, skip } from './candidate.js';
import { problem, show } from './judge.js';
import { isObject, valueAt, withValue } from './paths.js';

export function contactCases(candidate: Candidate): Case[] {
  return [
    { name: 'contact: the samples are valid', run: async () => samples(candidate) },
    { name: 'contact: an empty one is not', run: async () => empty(candidate) },
    { name: 'contact: fields', run: async () => fields(candidate) },
    { name: 'contact: aliases', run: async () => aliases(candidate) },
    { name: 'contact: unmapped columns', run: async () => unmapped(candidate) },
    candidate.destination.defaults === undefined
      ? skip('contact: defaults', 'the destination has none')
      : { name: 'contact: defaults', run: async () => defaults(candidate) },
  ];
}

function samples(candidate: Candidate): void {
  const { destination, fixtures } = candidate;
  const known = new Set(Object.keys(destination.fields).map((field) => field.split('.')[0]));
  for (const contact of fixtures.contacts) {
    const refusal = candidate.refusal(contact);
    if (refusal !== undefined) {
      throw problem(
        `the schema \`contact\` to take ${show(contact)}`,
        refusal,
        'let it check a contact exactly as the API does, or mend the fixtures',
      );
    }
    const unreached = Object.keys(contact).find((name) => !known.has(name));
    if (unreached === undefined || destination.unmapped === 'contact') continue;
    throw problem(
      `\`fields\` to have ${unreached}, which the API takes`,
      'it has not, so no column of a file gets there',
      'add it to `fields`',
    );
  }
}

function empty(candidate: Candidate): void {
  if (candidate.refusal({}) !== undefined) return;
  throw problem(
    'the schema `contact` to refuse a contact without any field',
    'it takes it',
    'make the fields required that the API requires',
  );
}

/** Values a cell of each kind becomes; of a text one is enough, as it may have to be an address, a country, a number. */
const TRIED: Record<FieldKind, readonly unknown[]> = {
  text: ['Ann', 'ann@example.com', 'US', 'en', '44', '+441234567890', '2026-01-31', 'https://example.com'],
  number: [1.5, 1],
  integer: [7, 1, 0],
  boolean: [true],
  date: ['2026-01-31', '2026-01-31T10:00:00Z', '2026-01-31T10:00:00.000Z'],
  list: [['Ann'], ['ann@example.com']],
  json: [{ plan: 'pro' }, ['pro'], 'pro'],
  object: [{ plan: 'pro' }],
};

const IS_KIND: Record<FieldKind, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  date: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value),
  list: (value) => Array.isArray(value),
  json: () => true,
  object: isObject,
};

function fields(candidate: Candidate): void {
  for (const [field, kind] of Object.entries(candidate.destination.fields)) {
    if (!Object.hasOwn(TRIED, kind)) {
      throw problem(
        `${field} to have a known kind`,
        `it is ${show(kind)}`,
        `choose of ${Object.keys(TRIED).join(', ')}`,
      );
    }
    const path = field.split('.');
    const shown = candidate.fixtures.contacts
      .map((contact) => valueAt(contact, path))
      .filter((value) => value !== undefined);
    const other = shown.find((value) => !IS_KIND[kind](value));
    if (other !== undefined) {
      throw problem(
        `${field} to be of the kind ${kind}`,
        `the API takes ${show(other)} there`,
        'mend the kind in `fields`: cells are turned into it',
      );
    }
    if (shown.length === 0) accepted(candidate, field, kind);
  }
}

function accepted(candidate: Candidate, field: string, kind: FieldKind): void {
  const path = field.split('.');
  const refusals = candidate.fixtures.contacts.flatMap((contact) =>
    TRIED[kind].map((value) => candidate.refusal(withValue(contact, path, value))),
  );
  if (refusals.includes(undefined)) return;
  throw problem(
    `the schema \`contact\` to take the field ${field} of the kind ${kind}`,
    refusals[0]!,
    'mend name or kind in `fields`, or the schema; if only special values are taken, show one in the fixtures’ contacts',
  );
}

/** Header names are compared without case, spaces and punctuation. */
const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

function aliases({ destination }: Candidate): void {
  const names = new Map(Object.keys(destination.fields).map((field) => [plain(field), field]));
  const seen = new Map<string, string>();
  for (const [alias, field] of Object.entries(destination.aliases)) {
    const says = (expected: string, came: string, mend: string) =>
      problem(expected, `the alias ${show(alias)} ${came}`, mend);
    if (!isField(destination.fields, field)) {
      throw says(
        'every alias to name a field',
        `names ${show(field)}, which is none`,
        'mend it, or add the field to `fields`',
      );
    }
    if (destination.fields[field] === 'object') {
      throw says(
        'every alias to name a field that one cell can fill',
        `names the object ${field}`,
        'name a field inside of it',
      );
    }
    if (plain(alias) === '') throw says('letters or digits in every alias', 'has none', 'leave it out');
    const hidden = names.get(plain(alias));
    if (hidden !== undefined && hidden !== field) {
      throw says(
        'no alias to be the name of another field',
        `stands for ${field}, but ${hidden} is a field`,
        'leave it out',
      );
    }
    const other = seen.get(plain(alias));
    if (other !== undefined && other !== field) {
      throw says(
        'an alias to stand for one field',
        `stands for ${other} and ${field}`,
        'leave one of them out',
      );
    }
    seen.set(plain(alias), field);
  }
}

/** A field, or a name inside an object field. */
function isField(known: Record<string, FieldKind>, field: string): boolean {
  return Object.hasOwn(known, field) || known[field.slice(0, Math.max(0, field.indexOf('.')))] === 'object';
}

function unmapped(candidate: Candidate): void {
  const { unmapped: place, fields: known } = candidate.destination;
  if (place === null) return;
  const mend =
    '`unmapped` is an object field, `contact` for fields of the contact itself, or null where the API takes none';
  if (place !== 'contact' && known[place] !== 'object') {
    throw problem('`unmapped` to be an object field, `contact` or null', `it is ${show(place)}`, mend);
  }
  const path = place === 'contact' ? ['favourite_colour'] : [...place.split('.'), 'favourite_colour'];
  const refusal = candidate.refusal(withValue(candidate.contact, path, 'blue'));
  if (refusal === undefined) return;
  throw problem(`the schema \`contact\` to take ${path.join('.')}, where unmapped columns go`, refusal, mend);
}

function defaults(candidate: Candidate): void {
  const { destination, contact } = candidate;
  const options = candidate.account('http://127.0.0.1:1');
  const values = candidate.call('defaults', () => destination.defaults!(options));
  if (!isObject(values)) {
    throw problem('defaults to return fields and values', `it returned ${show(values)}`, 'return an object');
  }
  candidate.checkSecrets('defaults', values);
  for (const [field, value] of Object.entries(values)) {
    if (!isField(destination.fields, field)) {
      throw problem('defaults to be fields', `${field} is none`, 'mend it, or add it to `fields`');
    }
    const refusal = candidate.refusal(withValue(contact, field.split('.'), value));
    if (refusal === undefined) continue;
    throw problem(`the schema \`contact\` to take the default of ${field}`, refusal, 'mend one of them');
  }
}
