/** What no case can do without. Destinations and fixtures may be written in plain JavaScript, where nothing else tells. */
import type { Destination } from '../destinations/destination.js';
import { type Case, noFixture } from './candidate.js';
import type { Fixtures } from './fixtures.js';
import { problem, show } from './judge.js';

/** A case that fails when `destination` lacks a part of the contract. */
export function contractCase(destination: Partial<Destination>): Case | undefined {
  const { options, contact, lookup, update, bulk } = destination as Record<string, Record<string, unknown>>;
  const parts: [name: string, value: unknown, ...types: string[]][] = [
    ['kind', destination.kind, 'string'],
    ['options.safeParse', options?.safeParse, 'function'],
    ['contact.safeParse', contact?.safeParse, 'function'],
    ['env', destination.env, 'object'],
    ['accountKey', destination.accountKey, 'string'],
    ['fields', destination.fields, 'object'],
    ['aliases', destination.aliases, 'object'],
    ['unmapped', destination.unmapped === null ? '' : destination.unmapped, 'string'],
    ['identity', destination.identity, 'function'],
    ['limit', destination.limit, 'object'],
    ['enforcesUniqueness', destination.enforcesUniqueness, 'boolean'],
    ['defaults', destination.defaults, 'function', 'undefined'],
    ['create', destination.create, 'function'],
    ['interpret', destination.interpret, 'function'],
    ...inside('lookup', lookup, ['request', 'read']),
    ...inside('update', update, ['request', 'interpret']),
    ...inside('bulk', bulk, ['request', 'interpret']),
  ];
  const wrong = parts.find(([, value, ...types]) => value === null || !types.includes(typeof value));
  if (wrong === undefined) return undefined;
  const [name, value, ...types] = wrong;
  const message = `of the type ${types.join(' or ')}`;
  return {
    name: 'contract',
    run: () =>
      Promise.reject(
        problem(`${name} ${message}`, `it is ${show(value)}`, 'the contract says what it must be'),
      ),
  };
}

function inside(
  name: string,
  part: Record<string, unknown> | undefined,
  functions: readonly string[],
): [string, unknown, string][] {
  if (part === undefined) return [];
  return functions.map((of) => [`${name}.${of}`, part?.[of], 'function']);
}

/** A case that fails when `fixtures` lack what every case needs. */
export function fixturesCase({
  options,
  secrets = {},
  contacts,
  create,
}: Partial<Fixtures>): Case | undefined {
  const lacks = (fixture: string, what: string) => noFixture('fixtures', fixture, what);
  if (options === undefined) return lacks('options', "an account's options");
  const names = Object.keys(secrets);
  if (names.length === 0) return lacks('secrets', 'the options that are secrets');
  const short = names.find((name) => String(options[name] ?? '').length < 8);
  if (short !== undefined) return lacks(`options.${short}`, 'a secret of at least 8 characters');
  if ((contacts?.length ?? 0) < 2) return lacks('contacts', 'two contacts of different keys');
  if (create?.request === undefined) return lacks('create.request', 'method and path');
  return undefined;
}
