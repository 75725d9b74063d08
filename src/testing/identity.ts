/** Cases about the keys by which contacts are told apart. */
import type { Contact } from '../contact.js';
import type { Candidate, Case } from './candidate.js';
import { problem, show } from './judge.js';
import { texts, withValue } from './paths.js';

export function identityCases(candidate: Candidate): Case[] {
  return [
    { name: 'contact: identity', run: async () => identity(candidate) },
    { name: 'contact: identity covers the duplicates', run: async () => covered(candidate) },
  ];
}

const KEYS = new Set(['email', 'external_id', 'scope']);

function identity(candidate: Candidate): void {
  const { destination, contact } = candidate;
  const of = (one: Contact) => candidate.call('identity', () => destination.identity(structuredClone(one)));
  const keys = Object.entries(of(contact));
  const wrong = keys.find(
    ([name, key]) => !KEYS.has(name) || (key !== undefined && (typeof key !== 'string' || key === '')),
  );
  if (wrong !== undefined) {
    throw problem(
      'identity to return email, external_id and scope, each a text that is not empty, or absent',
      `it returned ${wrong[0]}: ${show(wrong[1])}`,
      'leave out the keys a contact does not have',
    );
  }
  if (!keys.some(([name, key]) => name !== 'scope' && key !== undefined)) {
    throw problem(
      'identity to find a key in the first contact of the fixtures',
      'it found none, so rows of a file that repeat each other are all sent',
      'return the email or the external_id of the contact',
    );
  }
  const without = Object.entries(of({})).find(([name, key]) => name !== 'scope' && key !== undefined);
  if (without !== undefined) {
    throw problem(
      'no key of a contact without any field',
      `identity returned ${without[0]}: ${show(without[1])}`,
      'leave a key out where the contact has none: all contacts without it would be one',
    );
  }
  const { email } = of(contact);
  if (email === undefined) return;
  const place = texts(contact).find(({ text }) => text.trim().toLowerCase() === email.toLowerCase());
  const spelled = place && of(withValue(contact, place.path, ` ${place.text.toUpperCase()} `)).email;
  if (place === undefined || spelled === email) return;
  throw problem(
    'identity to be the same however an e-mail address is spelled',
    `it is ${show(email)}, and ${show(spelled)} in capitals between spaces`,
    'use normaliseEmail: mailboxes that differ by case alone are the same person',
  );
}

function covered(candidate: Candidate): void {
  const { create, contacts } = candidate.fixtures;
  const found = candidate.identity;
  for (const [key, fixture] of [
    ['email', create.duplicateEmail],
    ['external_id', create.duplicateExternalId],
  ] as const) {
    if (fixture === undefined || found[key] !== undefined) continue;
    throw problem(
      `identity to return ${key}, since the API refuses a second contact with it`,
      'it is not there',
      'add it: a row that repeats another is then told at once, and which row it repeats',
    );
  }
  const all = contacts.map((contact) =>
    JSON.stringify(candidate.destination.identity(structuredClone(contact))),
  );
  const repeated = all.findIndex((one, i) => one !== '{}' && all.indexOf(one) !== i);
  if (repeated < 0) return;
  throw problem(
    'contacts of different keys to have different identities',
    `contact ${repeated + 1} of the fixtures has that of another: ${all[repeated]}`,
    'build the identity of the keys themselves',
  );
}
