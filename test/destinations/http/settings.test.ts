import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { httpSettings } from '../../../src/destinations/http.js';

const LEAST = {
  base_url: 'https://api.example.com',
  fields: { email: 'email' },
  create: { path: '/contacts' },
};

/** `place: message` of every fault. */
function faults(settings: unknown): string[] {
  const result = httpSettings.safeParse(settings);
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('the least there can be', () => {
  expect(faults(LEAST)).toEqual([]);
  expect(faults({ ...LEAST, kind: 'http' })).toEqual([]);
});

test('are the same when they are checked again', () => {
  const once = httpSettings.parse({ ...LEAST, lookup: { path: '/contacts' }, limit: '3/s' });
  expect(httpSettings.parse(once)).toEqual(once);
});

const required = { email: { type: 'email', required: true, unique: true } };
const cases: [string, object, string][] = [
  ['no address', { base_url: 'api.example.com' }, 'base_url: is not an http(s) URL'],
  ['another protocol', { base_url: 'ftp://x' }, 'base_url: is not an http(s) URL'],
  ['what nobody knows', { colour: 'red' }, ': Unrecognized key: "colour"'],
  ['a number as a header', { headers: { version: 2.1 } }, 'headers.version: is not text; write it in quotes'],
  ['an empty header', { headers: { a: '' } }, 'headers.a: is empty, or holds what a header cannot'],
  [
    'a header of two lines',
    { headers: { a: 'x\ny: z' } },
    'headers.a: is empty, or holds what a header cannot',
  ],
  [
    'a header that HTTP cannot hold',
    { headers: { a: 'Łódź' } },
    'headers.a: is empty, or holds what a header cannot',
  ],
  [
    'a header of the connection',
    { headers: { 'Content-Length': '5' } },
    'headers.Content-Length: is a header that rowferry writes itself',
  ],
  ['no name of a header', { headers: { 'a b': 'x' } }, 'headers.a b: is no name of a header'],
  ['no fields', { fields: {} }, 'fields: names no field'],
  [
    'an unknown type',
    { fields: { a: 'string' } },
    'fields.a: is neither a type (text, number, integer, boolean, date, list, json, object, email) nor { type, required, unique, aliases, default }',
  ],
  ['a field of half a name', { fields: { 'a.': 'text' } }, 'fields.a.: is no name of a field'],
  [
    'a word of templates',
    { fields: { contact: 'text' } },
    'fields.contact: is a word of templates; name it otherwise',
  ],
  [
    'a field in a text',
    { fields: { a: 'text', 'a.b': 'text' } },
    'fields.a.b: stands in a, which is no object',
  ],
  [
    'a default of another type',
    { fields: { a: { type: 'integer', default: 'x' } } },
    'fields.a.default: is no integer',
  ],
  [
    'an alias twice',
    { fields: { a: { type: 'text', aliases: ['x'] }, b: { type: 'text', aliases: ['x'] } } },
    'fields.b.aliases: "x" is an alias of a, too',
  ],
  [
    'two of a key',
    { fields: { a: { type: 'text', unique: true }, b: { type: 'integer', unique: true } } },
    'fields.b.unique: is unique, and so is a: there is one unique e-mail address and one other key',
  ],
  [
    'a place for columns that is none',
    { unmapped: 'email' },
    'unmapped: is neither a field of type object nor contact',
  ],
  [
    'uniqueness of nothing',
    { enforces_uniqueness: true },
    'enforces_uniqueness: is true, but no field is unique',
  ],
  ['no limit', { limit: 'ten' }, 'limit: is no limit like 10/s, 100/10s, 700/min or 10000/h'],
  ['a limit of nothing', { limit: '0/s' }, 'limit: is no limit like 10/s, 100/10s, 700/min or 10000/h'],
  [
    'no method',
    { create: { path: '/c', method: 'post' } },
    'create.method: is none of GET, POST, PUT, PATCH, DELETE',
  ],
  [
    'no path',
    { create: { path: 'https://x' } },
    'create.path: is no path: it begins with /, and holds no spaces, no # and nothing but ASCII',
  ],
  ['a path with an unknown field', { create: { path: '/{{x}}' } }, 'create.path: {{x}} is no field'],
  [
    'a path with a field that may be blank',
    { create: { path: '/{{email}}' } },
    'create.path: {{email}} is not required, and a path cannot do without it',
  ],
  [
    'a body with an unknown field',
    { create: { path: '/c', body: { a: '{{x}}' } } },
    'create.body: {{x}} is no field',
  ],
  [
    'a body with a name inside a text',
    { create: { path: '/c', body: { a: '{{email.x}}' } } },
    'create.body: {{email.x}} is no field',
  ],
  [
    'a body that is no JSONata',
    { create: { path: '/c', body: '{' } },
    'create.body: is no JSONata: Expected ":" before end of expression (at character 1)',
  ],
  [
    'an id where there is none yet',
    { create: { path: '/c/{{contact_id}}' } },
    'create.path: {{contact_id}} is no field',
  ],
  [
    'no verdict',
    { answers: [{ status: 200, verdict: 'fine' }] },
    'answers.0.verdict: is none of created, updated, duplicate, rejected, throttled, unavailable, unclear, refused',
  ],
  [
    'no status',
    { answers: [{ status: 1000, verdict: 'created' }] },
    'answers.0.status: is no status like 409 or 4xx',
  ],
  [
    'no status among several',
    { answers: [{ status: [200, '4x'], verdict: 'created' }] },
    'answers.0.status.1: is no status like 409 or 4xx',
  ],
  [
    'a rule with an unknown word',
    { answers: [{ when: 1, verdict: 'created' }] },
    'answers.0: Unrecognized key: "when"',
  ],
  [
    'an id that is no JSONata',
    { answers: [{ verdict: 'created', id: 'a(' }] },
    'answers.0.id: is no JSONata: Expected ")" before end of expression (at character 2)',
  ],
  [
    'a condition that is none',
    { answers: [{ verdict: 'created', if: 'a =' }] },
    'answers.0.if: is no JSONata: Unexpected end of expression (at character 3)',
  ],
  [
    'a path in a body that is none',
    { answers: [{ verdict: 'created', body: { 'a(': 1 } }] },
    'answers.0.body.a(: is no JSONata: Expected ")" before end of expression (at character 2)',
  ],
  ['a hint from nowhere', { wait: [{ in: 'seconds' }] }, 'wait.0: needs either header or body'],
  ['a hint from two places', { wait: [{ header: 'a', body: 'b' }] }, 'wait.0: needs either header or body'],
  [
    'a hint in months',
    { wait: [{ header: 'a', in: 'months' }] },
    'wait.0.in: is none of auto, seconds, milliseconds, epoch, date',
  ],
  [
    'a look-up by what may be blank',
    { fields: { ...required, id: 'text' }, lookup: { path: '/c/{{id}}' } },
    'lookup.path: {{id}} is not required, and a path cannot do without it',
  ],
  [
    'a look-up by another key than it says',
    {
      fields: { ...required, id: { type: 'text', unique: true } },
      lookup: [{ by: 'email', path: '/c/{{id}}' }],
    },
    'lookup.0.path: {{id}} is not required, and a path cannot do without it',
  ],
  [
    'two look-ups by one key',
    { fields: required, lookup: [{ path: '/c/{{email}}' }, { path: '/d/{{email}}' }] },
    'lookup: asks by the same key twice',
  ],
  [
    'several that are one',
    { bulk_create: { max: 1, path: '/c', results: 'a' } },
    'bulk_create.max: is less than 2',
  ],
  [
    'no look-up at all',
    { lookup: { path: 'c', by: 'name' } },
    'lookup: by is neither email nor external_id; path is no path: it begins with /, and holds no spaces, no # and nothing but ASCII',
  ],
  ['fields in a list', { fields: ['email'] }, 'fields: is no map of names to values'],
  [
    'several with a field of one',
    {
      fields: required,
      bulk_create: { max: 9, path: '/c/{{email}}', body: { a: '{{email}}' }, results: 'a' },
    },
    'bulk_create.path: {{email}} is no field',
  ],
];

test.each(cases)('%s is told with its place', (_, settings, fault) => {
  expect(faults({ ...LEAST, ...settings })).toContain(fault);
});

test('all faults are told at once', () => {
  const told = faults({
    base_url: 'x',
    headers: { a: 1 },
    fields: { a: 'b' },
    create: { path: 'c', method: 'd' },
    answers: [{ verdict: 'e' }],
  });
  expect(told.map((fault) => fault.split(':')[0])).toEqual([
    'base_url',
    'headers.a',
    'fields.a',
    'create.method',
    'create.path',
    'answers.0.verdict',
  ]);
});

test('no fault quotes a value that may be a secret', () => {
  const secret = 'sk-live-0123456789\n';
  const told = faults({
    ...LEAST,
    base_url: secret,
    headers: { authorization: `a\n${secret}` },
    basic_auth: { username: 'a', password: 7 },
    secrets: [secret, ''],
    limit: secret,
  });
  expect(told.length).toBeGreaterThan(3);
  expect(told.join()).not.toContain('0123456789');
});

describe('what is right', () => {
  test.each<[string, object]>([
    [
      'dotted fields beside their object',
      { fields: { o: 'object', 'o.a': { type: 'text', required: true } } },
    ],
    [
      'dotted fields alone',
      { fields: { 'o.a': 'text' }, create: { path: '/c', body: { x: '{{o}}', y: '{{o.a}}' } } },
    ],
    [
      'a name inside an object',
      { fields: { o: 'object' }, create: { path: '/c', body: { x: '{{o.any.thing}}' } } },
    ],
    [
      'any name when the contact is open',
      { unmapped: 'contact', create: { path: '/c', body: { x: '{{any}}' } } },
    ],
    ['a place for columns', { fields: { o: 'object' }, unmapped: 'o' }],
    ['a body of JSONata', { create: { path: '/c', body: '{ "a": anything }' } }],
    [
      'a look-up by a key that not every contact has',
      { fields: { id: { type: 'text', unique: true } }, lookup: { by: 'external_id', path: '/c/{{id}}' } },
    ],
    ['the id in an update', { update: { path: '/c/{{contact_id}}', body: { i: '{{contact_id}}' } } }],
  ])('%s', (_, settings) => {
    expect(faults({ ...LEAST, ...settings })).toEqual([]);
  });
});

test('have a JSON schema, for editors', () => {
  const schema = z.toJSONSchema(httpSettings, { io: 'input', unrepresentable: 'any' });
  expect(Object.keys(schema.properties ?? {})).toContain('bulk_create');
});
