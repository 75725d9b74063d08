import { describe, expect, test } from 'vitest';
import type { Contact } from '../../../src/contact.js';
import { httpDestination } from '../../../src/destinations/http.js';
import { findFaults } from '../../../src/ingest/validate.js';
import { answer } from '../answer.js';

type Settings = Parameters<typeof httpDestination>[0];

const LEAST: Settings = {
  base_url: 'https://api.example.com/crm',
  fields: { email: { type: 'email', required: true, unique: true }, name: 'text' },
  create: { path: '/contacts' },
};
const CONTACT = { email: 'ann@example.com', name: 'Ann' };

const make = (more: Partial<Settings> = {}) => httpDestination({ ...LEAST, ...more });

describe('with nothing but fields and a path', () => {
  const destination = make();
  const options = destination.options.parse({});

  test('sends the contact itself', () => {
    expect(destination.create(CONTACT, options)).toEqual({
      method: 'POST',
      path: '/contacts',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: '{"email":"ann@example.com","name":"Ann"}',
    });
  });

  test('understands what is customary', () => {
    expect(destination.interpret(answer(201, { id: 5 }), CONTACT)).toEqual({
      kind: 'created',
      contactId: '5',
    });
    expect(destination.interpret(answer(409, {}), CONTACT)).toEqual({
      kind: 'duplicate',
      message: 'HTTP 409',
    });
  });

  test('is careful with what it was not told', () => {
    expect(destination).toMatchObject({
      kind: 'http',
      enforcesUniqueness: false,
      unmapped: null,
      limit: { requests: 5, perMs: 1_000 },
      env: {},
    });
    for (const part of ['lookup', 'update', 'bulk', 'defaults']) expect(destination).not.toHaveProperty(part);
  });

  test('has its account from its settings', () => {
    expect(options).toMatchObject({ baseUrl: 'https://api.example.com/crm' });
    expect(destination.options.parse({ baseUrl: 'http://127.0.0.1:4000' }).baseUrl).toBe(
      'http://127.0.0.1:4000',
    );
    expect(destination.options.safeParse({ baseUrl: 'x' }).success).toBe(false);
  });
});

test.each([
  ['10/s', 10, 1_000],
  ['100/10s', 100, 10_000],
  ['700/min', 700, 60_000],
  ['10000/h', 10_000, 3_600_000],
  ['250000/d', 250_000, 86_400_000],
])('the limit %s', (limit, requests, perMs) => {
  expect(make({ limit }).limit).toEqual({ requests, perMs });
});

describe('the account', () => {
  const headers = {
    Authorization: 'Bearer sk-live-0123456789',
    'X-Api-Key': 'k3y',
    'X-Signature': 'id=abcdefgh01, token="ijklmnop02"',
    'Content-Type': 'application/vnd.api+json',
    Accept: 'application/vnd.api+json',
    Revision: '2024-10-15',
    'Intercom-Version': '2.11',
  };
  const destination = make({ headers, secrets: ['in-the-path'] });
  const options = destination.options.parse({});

  test('sends all headers', () => {
    expect(destination.create(CONTACT, options).headers).toEqual({
      authorization: headers.Authorization,
      'x-api-key': 'k3y',
      'x-signature': headers['X-Signature'],
      'content-type': 'application/vnd.api+json',
      accept: 'application/vnd.api+json',
      revision: '2024-10-15',
      'intercom-version': '2.11',
    });
  });

  test('knows what is secret: whole, in its words, and named as such', () => {
    const values = Object.values(options);
    for (const secret of [
      headers.Authorization,
      'sk-live-0123456789',
      'k3y',
      'abcdefgh01',
      'ijklmnop02',
      'in-the-path',
    ]) {
      expect(values).toContain(secret);
    }
    for (const open of ['application/vnd.api+json', '2024-10-15', '2.11', 'Bearer'])
      expect(values).not.toContain(open);
  });

  test('is sent with the credentials of the options it is given', () => {
    const other = destination.options.parse({ authorization: 'Bearer other' });
    expect(destination.create(CONTACT, other).headers.authorization).toBe('Bearer other');
  });

  test('has a name and a password', () => {
    const basic = make({ basic_auth: { username: 'user', password: 'pässword' } });
    const given = basic.options.parse({});
    const encoded = Buffer.from('user:pässword').toString('base64');
    expect(basic.create(CONTACT, given).headers.authorization).toBe(`Basic ${encoded}`);
    for (const secret of [encoded, 'pässword']) expect(Object.values(given)).toContain(secret);
  });

  test('is another for another key, another list and another body, and holds none of it in its name', () => {
    const keyOf = (more: Partial<Settings>) => {
      const one = make(more);
      return String(one.options.parse({})[one.accountKey]);
    };
    const all = [
      keyOf({ headers }),
      keyOf({ headers: { ...headers, Authorization: 'Bearer x' } }),
      keyOf({ headers, create: { path: '/lists/1/contacts' } }),
      keyOf({ headers, create: { path: '/contacts', body: { list: 1, email: '{{email}}' } } }),
      keyOf({ headers, basic_auth: { username: 'a', password: 'b' } }),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(keyOf({ headers, limit: '1/h', answers: [{ status: 200, verdict: 'created' }] })).toBe(all[0]);
    for (const key of all) expect(key).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the contact', () => {
  const destination = make({
    fields: {
      email: { type: 'email', required: true, unique: true, aliases: ['E-Mail', 'mail'] },
      'ref.id': { type: 'integer', unique: true, aliases: ['Kundennummer'] },
      'ref.on': 'date',
      attributes: 'object',
      'attributes.plan': { type: 'text', required: true, default: 'free' },
      score: 'number',
      active: 'boolean',
      tags: { type: 'list', default: ['new'] },
      extra: 'json',
    },
    unmapped: 'attributes',
  });
  const full: Contact = {
    email: 'ann@example.com',
    ref: { id: 7, on: '2026-02-01' },
    attributes: { plan: 'pro', any: { thing: 1 } },
    score: 1.5,
    active: true,
    tags: ['a'],
    extra: null,
  };

  test('is described to the mapping', () => {
    expect(destination.fields).toEqual({
      email: 'text',
      'ref.id': 'integer',
      'ref.on': 'date',
      attributes: 'object',
      'attributes.plan': 'text',
      score: 'number',
      active: 'boolean',
      tags: 'list',
      extra: 'json',
    });
    expect(destination.aliases).toEqual({ 'E-Mail': 'email', mail: 'email', Kundennummer: 'ref.id' });
    expect(destination.unmapped).toBe('attributes');
  });

  test('has defaults, new ones each time', () => {
    const first = destination.defaults!({ baseUrl: '' });
    expect(first).toEqual({ attributes: { plan: 'free' }, tags: ['new'] });
    (first.tags as string[]).push('x');
    expect(destination.defaults!({ baseUrl: '' })).toEqual({ attributes: { plan: 'free' }, tags: ['new'] });
  });

  test('has its keys, an address in one spelling', () => {
    expect(destination.identity({ ...full, email: ' Ann@Example.COM ' })).toEqual({
      email: 'ann@example.com',
      external_id: '7',
    });
    expect(destination.identity({})).toEqual({});
    expect(destination.identity({ ref: 'x' })).toEqual({});
  });

  test('is taken', () => {
    expect(findFaults(full, destination)[0]).toBeUndefined();
    expect(findFaults({ email: 'a@b.example', attributes: { plan: 'x' } }, destination)[0]).toBeUndefined();
  });

  test.each<[string, object, string, string]>([
    ['no address', { email: undefined }, 'email', 'required'],
    ['a wrong address', { email: 'ann' }, 'email', 'invalid_format'],
    ['a text for a number', { score: 'x' }, 'score', 'not_a_number'],
    ['a part for a whole', { ref: { id: 1.5 } }, 'ref.id', 'not_an_integer'],
    ['no date', { ref: { on: 'yesterday' } }, 'ref.on', 'not_a_date'],
    ['a text for yes or no', { active: 'maybe' }, 'active', 'not_a_boolean'],
    ['no list', { tags: 'a' }, 'tags', 'not_a_list'],
    ['no object', { attributes: 'x' }, 'attributes', 'not_an_object'],
    ['a missing part', { attributes: { any: 1 } }, 'attributes.plan', 'required'],
    ['a missing object', { attributes: undefined }, 'attributes', 'required'],
    ['a field that is none', { other: 1 }, '', 'unrecognized_keys'],
    ['a field in an object that has its own', { ref: { x: 1 } }, 'ref', 'unrecognized_keys'],
  ])('with %s is not', (_, change, field, code) => {
    const contact = JSON.parse(JSON.stringify({ ...full, ...change })) as Contact;
    expect(findFaults(contact, destination)[0]).toMatchObject({ field, code });
  });

  test('may hold anything where the API takes it', () => {
    const open = make({ unmapped: 'contact' });
    expect(findFaults({ ...CONTACT, any: { thing: 1 } }, open)[0]).toBeUndefined();
  });
});

test('a body that comes out blank is not sent', () => {
  const blank = make({ create: { path: '/contacts', body: { n: '{{name}}' } } });
  expect(() => blank.create({ email: 'a@b.example' }, { baseUrl: '' })).toThrow('the body came out blank');
  const failing = make({ create: { path: '/contacts', body: '{ "n": name + 1 }' } });
  expect(() => failing.create(CONTACT, { baseUrl: '' })).toThrow('must evaluate to a number');
});

describe('a look-up', () => {
  const destination = make({
    fields: { ...LEAST.fields, id: { type: 'text', unique: true } },
    lookup: [
      { by: 'external_id', path: '/by-id/{{id}}', found: 'data', id: 'no', created_at: 'at', same: 'same' },
      { by: 'email', path: '/by-email/{{email}}', found: 'data', id: 'no', created_at: 'at', same: 'same' },
    ],
  });
  const { request, read } = destination.lookup!;
  const pathOf = (contact: Contact, key?: 'email' | 'external_id') =>
    request(contact, { baseUrl: '' }, key).path;

  test('asks by the key it is asked for, else by the first the contact has', () => {
    const both = { ...CONTACT, id: 'x' };
    expect(pathOf(both, 'email')).toBe('/by-email/ann%40example.com');
    expect(pathOf(both, 'external_id')).toBe('/by-id/x');
    expect(pathOf(both)).toBe('/by-id/x');
    expect(pathOf(CONTACT)).toBe('/by-email/ann%40example.com');
    expect(() => pathOf(CONTACT, 'external_id')).toThrow('the path needs id, which is blank');
    expect(() => pathOf({})).toThrow('no look-up by what this contact has is described');
  });

  test('has nothing to say of a key nobody described', () => {
    const one = make({ lookup: { path: '/{{email}}' } }).lookup!;
    expect(() => one.request(CONTACT, { baseUrl: '' }, 'external_id')).toThrow(
      'no look-up by external_id is described',
    );
    expect(one.read(answer(200, { id: 1 }), CONTACT, 'external_id')).toMatchObject({ kind: 'no_answer' });
  });

  const findings: [string, number, unknown, object][] = [
    ['what was sent', 200, { data: { no: 1, same: true } }, { kind: 'found', contactId: '1', same: true }],
    [
      'what was sent, compared',
      200,
      { data: { no: 1, same: { email: 'Ann@example.com', name: 'Ann', more: 1 } } },
      { kind: 'found', contactId: '1', same: true },
    ],
    [
      'another name',
      200,
      { data: { no: 1, same: { email: 'ann@example.com', name: 'Anna' } } },
      { same: false },
    ],
    [
      'another address',
      200,
      { data: { no: 1, same: { email: 'bob@example.com', name: 'Ann' } } },
      { same: false },
    ],
    ['no address', 200, { data: { no: 1, same: { name: 'Ann' } } }, { same: false }],
    ['nothing to compare', 200, { data: { no: 1 } }, { same: false }],
    ['the first of several', 200, { data: [null, { no: 1 }, { no: 2 }] }, { kind: 'found', contactId: '1' }],
    ['a date', 200, { data: { no: 1, at: '2026-02-01T12:00:00Z' } }, { createdMs: 1_769_947_200_000 }],
    ['seconds', 200, { data: { no: 1, at: 1_769_947_200 } }, { createdMs: 1_769_947_200_000 }],
    ['seconds as text', 200, { data: { no: 1, at: '1769947200' } }, { createdMs: 1_769_947_200_000 }],
    ['milliseconds', 200, { data: { no: 1, at: 1_769_947_200_000 } }, { createdMs: 1_769_947_200_000 }],
  ];
  test.each(findings)('finds %s', (_, status, body, finding) => {
    expect(read(answer(status, body), CONTACT)).toMatchObject(finding);
  });

  test.each([[{ data: { no: 1 } }], [{ data: { no: 1, at: 'soon' } }]])('knows no time from %j', (body) => {
    expect(read(answer(200, body), CONTACT)).not.toHaveProperty('createdMs');
  });

  test.each<[number, unknown]>([
    [200, { data: [] }],
    [404, { message: 'not found' }],
    [404, ''],
    [204, ''],
  ])('finds nothing in %i %j', (status, body) => {
    expect(read(answer(status, body), CONTACT)).toEqual({ kind: 'absent' });
  });

  test.each<[number, unknown, string]>([
    [200, {}, 'unclear'],
    [200, { data: {} }, 'unclear'],
    [200, { data: 'x' }, 'unclear'],
    [200, { data: [7] }, 'unclear'],
    [200, '', 'unclear'],
    [200, '<html>', 'unclear'],
    [409, {}, 'unclear'],
    [302, '', 'unclear'],
    [400, {}, 'rejected'],
    [401, {}, 'refused'],
    [404, '<html>', 'refused'],
    [429, {}, 'throttled'],
    [500, {}, 'unavailable'],
  ])('has no answer in %i %j', (status, body, kind) => {
    expect(read(answer(status, body), CONTACT)).toMatchObject({ kind: 'no_answer', verdict: { kind } });
  });
});

describe('an update', () => {
  test('goes to the contact by its id', () => {
    const { needsId, request } = make({ update: { path: '/c/{{contact_id}}' } }).update!;
    expect(needsId).toBe(true);
    expect(request(CONTACT, { baseUrl: '' }, 'a/b')).toMatchObject({
      method: 'PATCH',
      path: '/c/a%2Fb',
      body: '{"email":"ann@example.com","name":"Ann"}',
    });
  });

  test.each<[string, unknown, boolean]>([
    ['in the body', { id: '{{contact_id}}', email: '{{email}}' }, true],
    ['in JSONata', '{ "id": $contact_id, "email": email }', true],
    ['nowhere', '{ "email": email }', false],
  ])('with the id %s', (_, body, needsId) => {
    const update = make({ update: { path: '/upsert', body } }).update!;
    expect(update.needsId).toBe(needsId);
    expect(JSON.parse(update.request(CONTACT, { baseUrl: '' }, needsId ? '7' : undefined).body!)).toEqual({
      ...(needsId ? { id: '7' } : {}),
      email: 'ann@example.com',
    });
  });

  test('has rules of its own for success, and the others in common', () => {
    const { interpret } = make({
      answers: [
        { status: 200, verdict: 'created', id: 'id' },
        { status: 400, body: { code: 'exists' }, verdict: 'duplicate' },
        { status: 400, body: { code: 'quota' }, verdict: 'refused' },
      ],
      update: { path: '/c', answers: [{ status: 410, verdict: 'rejected' }] },
    }).update!;
    expect(interpret(answer(200, { id: 1 }), CONTACT)).toEqual({ kind: 'updated', contactId: '1' });
    expect(interpret(answer(204, ''), CONTACT)).toEqual({ kind: 'updated' });
    expect(interpret(answer(400, { code: 'quota' }), CONTACT).kind).toBe('refused');
    expect(interpret(answer(400, { code: 'exists' }), CONTACT).kind).toBe('rejected');
    expect(interpret(answer(410, {}), CONTACT).kind).toBe('rejected');
    expect(interpret(answer(429, {}, { 'retry-after': '2' }), CONTACT)).toMatchObject({ waitMs: 2_000 });
  });
});

describe('several at once', () => {
  const bulk = make({
    create: { path: '/contacts', body: { e: '{{email}}' } },
    answers: [{ status: 400, body: { code: 'quota' }, verdict: 'refused' }],
    bulk_create: { max: 3, path: '/bulk', results: 'results' },
  }).bulk!;
  const contacts = ['a', 'b', 'c'].map((name) => ({ email: `${name}@example.com` }));

  test('are sent as they are sent one by one', () => {
    expect(bulk.max).toBe(3);
    expect(bulk.request(contacts.slice(0, 2), { baseUrl: '' })).toMatchObject({
      method: 'POST',
      path: '/bulk',
      body: '{"contacts":[{"e":"a@example.com"},{"e":"b@example.com"}]}',
    });
  });

  test('get each what is said of them', () => {
    const results = [
      { verdict: 'created', id: 1 },
      { verdict: 'duplicate', key: 'email', message: 'taken' },
      { verdict: 'rejected', field: 'e', code: 'bad', message: 'no' },
    ];
    expect(bulk.interpret(answer(207, { id: 'of the request', results }), contacts)).toEqual([
      { kind: 'created', contactId: '1' },
      { kind: 'duplicate', key: 'email', message: 'taken' },
      { kind: 'rejected', field: 'e', code: 'bad', message: 'no' },
    ]);
  });

  test.each<[string, unknown]>([
    ['too few', [{ verdict: 'created' }, { verdict: 'created' }]],
    ['too many', Array.from({ length: 4 }, () => ({ verdict: 'created' }))],
    ['none', undefined],
    ['words', ['created', 'created', 'created']],
    ['unknown verdicts', [{ verdict: 'fine' }, { verdict: 'unreached' }, { verdict: null }]],
  ])('are unclear when there are %s', (_, results) => {
    expect(bulk.interpret(answer(200, { results }), contacts)).toEqual(
      contacts.map(() => ({
        kind: 'unclear',
        message: 'the answer does not say what became of this contact',
      })),
    );
  });

  test('share what is said of the whole request', () => {
    const kinds = (status: number, body: unknown) =>
      bulk.interpret(answer(status, body), contacts).map(({ kind }) => kind);
    expect(kinds(500, {})).toEqual(['unavailable', 'unavailable', 'unavailable']);
    expect(kinds(400, { code: 'quota' })).toEqual(['refused', 'refused', 'refused']);
    expect(kinds(409, {})).toEqual(['unclear', 'unclear', 'unclear']);
    expect(kinds(200, '<html>')).toEqual(['unclear', 'unclear', 'unclear']);
    expect(kinds(200, '')).toEqual(['unclear', 'unclear', 'unclear']);
  });
});
