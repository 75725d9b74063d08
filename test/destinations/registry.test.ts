import { describe, expect, test } from 'vitest';
import {
  bindAccount,
  boundAccounts,
  DESTINATIONS,
  findDestination,
} from '../../src/destinations/registry.js';
import { optionsOf } from './answer.js';

const KINDS = ['sendmator', 'autosend', 'cendyn', 'clemta'];

test('knows four destinations', () => {
  expect(DESTINATIONS.map(({ kind }) => kind)).toEqual(KINDS);
});

describe.each([
  ['sendmator', 'SENDMATOR_BASE_URL', 'https://api.sendmator.com', { requests: 10_000, perMs: 3_600_000 }],
  ['autosend', 'AUTOSEND_BASE_URL', 'https://api.autosend.com', { requests: 2, perMs: 1_000 }],
  ['cendyn', 'CENDYN_BASE_URL', 'https://api.eu.cendyncrm.com', { requests: 5, perMs: 1_000 }],
  ['clemta', 'CLEMTA_BASE_URL', 'https://api.clemta.com', { requests: 100, perMs: 60_000 }],
])('%s', (kind, variable, baseUrl, limit) => {
  const destination = findDestination(kind);

  test('has the address and the limit of its vendor', () => {
    expect(optionsOf(destination).baseUrl).toBe(baseUrl);
    expect(optionsOf(destination, { [variable]: 'http://127.0.0.1:4000/crm/' }).baseUrl).toBe(
      'http://127.0.0.1:4000/crm',
    );
    expect(destination.limit).toEqual(limit);
  });

  test('sends its aliases and unknown columns to fields it has', () => {
    for (const field of Object.values(destination.aliases))
      expect(destination.fields).toHaveProperty([field]);
    const { unmapped } = destination;
    if (unmapped !== null && unmapped !== 'contact') expect(destination.fields[unmapped]).toBe('object');
  });

  test.each(['E-mail', 'email address', 'E-Mail Address', 'Mail'])('knows %j', (header) => {
    const plain = (name: string) => name.toLowerCase().replace(/[^a-z]/g, '');
    const names = { ...destination.aliases, email: 'email' };
    const found = Object.entries(names).find(([name]) => plain(name) === plain(header));
    expect(found?.[1]).toBe('email');
  });

  test('never names an account by its key', () => {
    const secrets = Object.values(destination.env).filter((name) => !name.endsWith('_BASE_URL'));
    const environment = Object.fromEntries(secrets.map((name) => [name, 'very_secret']));
    expect(bindAccount(destination, environment).id).toMatch(new RegExp(`^${kind}-[0-9a-f]{12}$`));
  });
});

test('an account of Cendyn stays the same when its secret changes', () => {
  const bind = (secret: string) =>
    bindAccount(findDestination('cendyn'), { CENDYN_ACCOUNT_ID: 'a', CENDYN_ACCOUNT_SECRET: secret }).id;
  expect(bind('one')).toBe(bind('two'));
});

test('credentials that are half there are told by name', () => {
  expect(() => boundAccounts({ CENDYN_ACCOUNT_ID: 'a' })).toThrow(
    /^cendyn: CENDYN_ACCOUNT_SECRET is not set\./,
  );
});
