import { describe, expect, test } from 'vitest';
import { inOrder } from '../../src/destinations/answers.js';
import type { Options } from '../../src/destinations/destination.js';
import { bindAccount, boundAccounts, findDestination } from '../../src/destinations/registry.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { announcedWait } from '../../src/destinations/wait-hints.js';
import { EXIT, RowferryError } from '../../src/errors.js';
import { answer, fault } from './answer.js';

const CONTACT = { email: 'ann@example.com', external_id: 'C-1', custom_fields: { plan: 'pro' } };
const OPTIONS: Options = { baseUrl: 'https://api.sendmator.com', apiKey: 'sk_live_1' };

const interpret = (...args: Parameters<typeof answer>) => sendmator.interpret(answer(...args), CONTACT);

/** The two documented envelopes of an error. */
const flat = (statusCode: number, message: string, details?: object) => ({
  statusCode,
  message,
  error: 'Bad Request',
  ...(details && { details }),
});
const nested = (type: string, message: string, details?: object) => ({
  error: { type, message, ...(details && { details }) },
});

describe('create', () => {
  test('is the documented request, the contact as its body', () => {
    const request = sendmator.create(CONTACT, OPTIONS);
    expect(request).toEqual({
      method: 'POST',
      path: '/api/v1/contacts',
      headers: { 'x-api-key': 'sk_live_1', 'content-type': 'application/json' },
      body: '{"email":"ann@example.com","external_id":"C-1","custom_fields":{"plan":"pro"}}',
    });
  });
});

describe('interpret', () => {
  test.each([200, 201])('%i with a contact is created', (status) => {
    expect(interpret(status, { id: 'u-1', email: 'ann@example.com' })).toEqual({
      kind: 'created',
      contactId: 'u-1',
    });
  });

  test.each(['', '<html>', '[]', 'null', '{}', '{"id":null}', '{"id":'])('201 with %j is unclear', (body) => {
    expect(interpret(201, body).kind).toBe('unclear');
  });

  const duplicates: [string, string, 'email' | 'external_id' | undefined][] = [
    ['the e-mail', 'You already have a contact with email john.doe@example.com', 'email'],
    ['the external_id', 'You already have a contact with external_id CRM-001', 'external_id'],
    [
      'an e-mail that looks like the other key',
      'You already have a contact with email external_id@example.com',
      'email',
    ],
    [
      'an external_id that looks like the other key',
      'You already have a contact with external_id email-7',
      'external_id',
    ],
    ['other words', 'Email is taken', 'email'],
    ['words that tell nothing', 'Conflict', undefined],
  ];
  test.each(duplicates)('409 about %s', (_, message, key) => {
    const verdict = { kind: 'duplicate', message, ...(key === undefined ? {} : { key }) };
    expect(interpret(409, { statusCode: 409, message, error: 'Conflict' })).toEqual(verdict);
    expect(interpret(409, nested('conflict', message))).toEqual(verdict);
  });

  test('400 names field and code, in both envelopes', () => {
    const details = { field: 'email', code: 'invalid_format' };
    const verdict = {
      kind: 'rejected',
      field: 'email',
      code: 'invalid_format',
      message: 'Invalid email format',
    };
    expect(interpret(400, flat(400, 'Invalid email format', details))).toEqual(verdict);
    expect(interpret(400, nested('validation_error', 'Invalid email format', details))).toEqual(verdict);
  });

  test('400 that lists its sentences', () => {
    const body = {
      statusCode: 400,
      message: ['email must be an email', 'tags must be an array'],
      error: 'Bad Request',
    };
    expect(interpret(400, body)).toEqual({
      kind: 'rejected',
      message: 'email must be an email; tags must be an array',
    });
  });

  test.each([
    [400, '<html>'],
    [413, ''],
    [422, '{}'],
  ])('%i with %j is rejected all the same', (status, body) => {
    expect(interpret(status, body)).toEqual({ kind: 'rejected', message: `HTTP ${status}` });
  });

  test.each([401, 402, 403])('%i is refused, in whatever words', (status) => {
    expect(interpret(status, flat(status, 'No'))).toEqual({
      kind: 'refused',
      code: `http_${status}`,
      message: 'No',
    });
    expect(interpret(status, '')).toEqual({
      kind: 'refused',
      code: `http_${status}`,
      message: `HTTP ${status}`,
    });
  });

  test('404 that is none of the API is refused: the base URL is wrong', () => {
    expect(interpret(404, '<html>')).toMatchObject({ kind: 'refused', code: 'http_404' });
    expect(interpret(404, flat(404, 'Not found'))).toMatchObject({ kind: 'rejected', message: 'Not found' });
  });

  test('429 waits as announced, or as long as nobody says', () => {
    expect(
      interpret(429, nested('rate_limit_error', 'Rate limit exceeded. Try again in 60 seconds.')),
    ).toEqual({
      kind: 'throttled',
      waitMs: 60_000,
      message: 'Rate limit exceeded. Try again in 60 seconds.',
    });
    expect(interpret(429, '', { 'retry-after': '7' })).toEqual({
      kind: 'throttled',
      waitMs: 7_000,
      message: 'HTTP 429',
    });
    expect(interpret(429, '')).toEqual({ kind: 'throttled', message: 'HTTP 429' });
  });

  test.each([500, 502, 503, 504, 408])('%i is unavailable', (status) => {
    expect(interpret(status, flat(status, 'Internal error'))).toEqual({
      kind: 'unavailable',
      message: 'Internal error',
    });
    expect(interpret(status, '<html>').kind).toBe('unavailable');
  });

  test.each([204, 301, 302])('%i is unclear', (status) => {
    expect(interpret(status, '').kind).toBe('unclear');
  });
});

describe('announcedWait', () => {
  const wait = (headers: Record<string, string>, sentence?: string) =>
    announcedWait({ status: 429, headers, body: '' }, sentence);
  const date = 'Sun, 01 Feb 2026 12:00:00 GMT';
  const epoch = Date.parse(date) / 1000;

  test.each<[string, Record<string, string>, string | undefined, number | undefined]>([
    ['seconds', { 'retry-after': '60' }, undefined, 60_000],
    ['parts of seconds', { 'retry-after': ' 1.5 ' }, undefined, 1_500],
    ['a date', { 'retry-after': 'Sun, 01 Feb 2026 12:00:30 GMT', date }, undefined, 30_000],
    ['a date that is over', { 'retry-after': 'Sun, 01 Feb 2026 11:59:30 GMT', date }, undefined, 0],
    ['a date without the clock to judge it by', { 'retry-after': date }, undefined, undefined],
    ['a sentence in seconds', {}, 'Try again in 60 seconds.', 60_000],
    ['a sentence in minutes', {}, 'Try again in 2 minutes.', 120_000],
    ['a sentence in hours', {}, 'try again in 1 hour', 3_600_000],
    ['a sentence without a number', {}, 'Try again in a while', undefined],
    ['an epoch', { 'x-ratelimit-reset': String(epoch + 45), date }, undefined, 45_000],
    [
      'an epoch in milliseconds',
      { 'x-ratelimit-reset': String((epoch + 45) * 1000), date },
      undefined,
      45_000,
    ],
    ['an epoch that is over', { 'x-ratelimit-reset': String(epoch - 45), date }, undefined, 0],
    ['an epoch without the clock', { 'x-ratelimit-reset': String(epoch) }, undefined, undefined],
    ['seconds from now', { 'x-ratelimit-reset': '12' }, undefined, 12_000],
    ['a reset that is no number', { 'x-ratelimit-reset': 'soon' }, undefined, undefined],
    ['an empty reset', { 'x-ratelimit-reset': '' }, undefined, undefined],
    ['a reset below zero', { 'x-ratelimit-reset': '-1' }, undefined, undefined],
    ['nothing', {}, undefined, undefined],
    [
      'Retry-After before all others',
      { 'retry-after': '1', 'x-ratelimit-reset': '9' },
      'Try again in 60 seconds.',
      1_000,
    ],
    ['the sentence before the reset', { 'x-ratelimit-reset': '9' }, 'Try again in 60 seconds.', 60_000],
    [
      'what stands beside an odd Retry-After',
      { 'retry-after': 'later', 'x-ratelimit-reset': '9' },
      undefined,
      9_000,
    ],
  ])('%s', (_, headers, sentence, ms) => {
    expect(wait(headers, sentence)).toBe(ms);
  });
});

describe('look-up', () => {
  const { request, read } = sendmator.lookup!;
  const createdAt = '2026-02-01T12:00:00.500Z';
  const held = {
    id: 'u-1',
    email: 'ann@example.com',
    external_id: 'C-1',
    custom_fields: { plan: 'pro' },
    metadata: { created_via: 'api_key' },
    created_at: createdAt,
  };
  const found = (other: object, contact: Record<string, unknown> = CONTACT) =>
    read(answer(200, { data: [other], has_more: false }), contact);

  test('asks by e-mail, safely spelled', () => {
    expect(request({ email: 'a+b&c@example.com' }, OPTIONS)).toEqual({
      method: 'GET',
      path: '/api/v1/contacts?search=a%2Bb%26c%40example.com&limit=100',
      headers: { 'x-api-key': 'sk_live_1' },
    });
  });

  test('finds what was sent; what the API adds does not matter', () => {
    expect(found(held)).toEqual({
      kind: 'found',
      contactId: 'u-1',
      createdMs: Date.parse(createdAt),
      same: true,
    });
    expect(found({ ...held, email: 'Ann@Example.com' }, { email: 'ann@example.com' })).toMatchObject({
      kind: 'found',
    });
  });

  test('reads the list of the SDK as well', () => {
    expect(read(answer(200, { success: true, data: [held], pagination: {} }), CONTACT)).toMatchObject({
      same: true,
    });
  });

  test.each([
    ['another external_id', { ...held, external_id: 'C-2' }],
    ['another value inside', { ...held, custom_fields: { plan: 'free' } }],
    ['nothing inside', { ...held, custom_fields: null }],
    ['a field less', { id: 'u-1', email: held.email, created_at: createdAt }],
  ])('does not take %s for the same', (_, other) => {
    expect(found(other)).toMatchObject({ kind: 'found', same: false });
  });

  test('compares lists whole and in order', () => {
    const contact = { email: 'ann@example.com', tags: ['a', 'b'] };
    expect(found({ ...held, tags: ['a', 'b'] }, contact)).toMatchObject({ same: true });
    for (const tags of [['b', 'a'], ['a'], ['a', 'b', 'c'], 'a,b', undefined]) {
      expect(found({ ...held, tags }, contact)).toMatchObject({ same: false });
    }
  });

  test('does not let a name of every object pass for a value', () => {
    const contact = { email: 'ann@example.com', custom_fields: JSON.parse('{"constructor":"x"}') as unknown };
    expect(found(held, contact)).toMatchObject({ same: false });
  });

  test.each([undefined, null, 'yesterday', ''])('knows no time of creation from %j', (created_at) => {
    expect(found({ ...held, created_at })).not.toHaveProperty('createdMs');
  });

  test('picks the contact among those that are alike', () => {
    const others = [{ ...held, id: 'u-0', email: 'joann@example.com' }, null, 7, held];
    expect(read(answer(200, { data: others }), CONTACT)).toMatchObject({ kind: 'found', contactId: 'u-1' });
  });

  test.each([[[]], [[{ ...held, email: 'joann@example.com' }]]])('finds nothing in %j', (data) => {
    expect(read(answer(200, { data }), CONTACT)).toEqual({ kind: 'absent' });
  });

  test.each([
    [answer(500, ''), 'unavailable'],
    [answer(429, ''), 'throttled'],
    [answer(401, ''), 'refused'],
    [answer(200, '<html>'), 'unclear'],
    [answer(200, { id: 'u-1' }), 'unclear'],
    [answer(200, { data: {} }), 'unclear'],
    [answer(301, ''), 'unclear'],
  ])('has no answer in %o', (given, kind) => {
    expect(read(given, CONTACT)).toMatchObject({ kind: 'no_answer', verdict: { kind } });
  });
});

describe('look-up by external_id', () => {
  const { request, read } = sendmator.lookup!;
  const held = {
    id: 'u-1',
    email: 'other@example.com',
    external_id: 'C-1',
    created_at: '2026-02-01T12:00:00Z',
  };

  test('asks for it by its own path', () => {
    expect(request({ email: 'a@example.com', external_id: 'C/1 x' }, OPTIONS, 'external_id')).toEqual({
      method: 'GET',
      path: '/api/v1/contacts/external/C%2F1%20x',
      headers: { 'x-api-key': 'sk_live_1' },
    });
    expect(request(CONTACT, OPTIONS, 'email')).toEqual(request(CONTACT, OPTIONS));
  });

  test('reads the contact, bare or wrapped', () => {
    for (const body of [held, { success: true, data: held }]) {
      expect(read(answer(200, body), CONTACT, 'external_id')).toEqual({
        kind: 'found',
        contactId: 'u-1',
        createdMs: Date.parse(held.created_at),
        same: false,
      });
    }
  });

  test('finds nothing, or has no answer', () => {
    expect(read(answer(404, flat(404, 'Contact not found')), CONTACT, 'external_id')).toEqual({
      kind: 'absent',
    });
    for (const [given, kind] of [
      [answer(404, '<html>'), 'refused'],
      [answer(500, ''), 'unavailable'],
      [answer(200, '{}'), 'unclear'],
      [answer(200, { data: [held] }), 'unclear'],
    ] as const) {
      expect(read(given, CONTACT, 'external_id')).toMatchObject({ kind: 'no_answer', verdict: { kind } });
    }
  });
});

describe('update', () => {
  const update = sendmator.update!;

  test('patches the contact a look-up found, and only what the row has', () => {
    expect(update.needsId).toBe(true);
    expect(update.request({ email: 'ann@example.com', tags: ['a'] }, OPTIONS, 'u/1')).toEqual({
      method: 'PATCH',
      path: '/api/v1/contacts/u%2F1',
      headers: { 'x-api-key': 'sk_live_1', 'content-type': 'application/json' },
      body: '{"email":"ann@example.com","tags":["a"]}',
    });
  });

  test('is updated, or whatever a create would be', () => {
    const said = (...args: Parameters<typeof answer>) => update.interpret(answer(...args), CONTACT);
    expect(said(200, { id: 'u-1' })).toEqual({ kind: 'updated', contactId: 'u-1' });
    expect(said(200, '').kind).toBe('unclear');
    expect(said(404, flat(404, 'Contact not found')).kind).toBe('rejected');
    const taken = flat(409, 'You already have a contact with external_id C-1');
    expect(said(409, taken)).toMatchObject({ kind: 'duplicate', key: 'external_id' });
  });
});

describe('bulk', () => {
  const bulk = sendmator.bulk!;
  const [ann, bob, cid, dan] = ['ann', 'bob', 'cid', 'dan'].map((name, i) => ({
    email: `${name}@example.com`,
    external_id: `C-${i}`,
  }));
  const all = [ann!, bob!, cid!, dan!];

  test('sends several contacts', () => {
    expect(bulk.request(all.slice(0, 2), OPTIONS)).toEqual({
      method: 'POST',
      path: '/api/v1/contacts/bulk',
      headers: { 'x-api-key': 'sk_live_1', 'content-type': 'application/json' },
      body: JSON.stringify({ contacts: [ann, bob] }),
    });
  });

  test('tells each contact its own verdict, in their order; who is not mentioned is unclear', () => {
    const body = {
      created: [{ id: 'u-3', email: 'Cid@Example.com' }],
      skipped: [{ ...ann, reason: 'You already have a contact with external_id C-0' }, null, 7],
      errors: [{ email: 'dan@example.com', error: 'Invalid email format' }],
      summary: { created_count: 1, skipped_count: 1, error_count: 1 },
    };
    expect(bulk.interpret(answer(201, body), all)).toEqual([
      { kind: 'duplicate', key: 'external_id', message: 'You already have a contact with external_id C-0' },
      { kind: 'unclear', message: 'the answer does not mention this contact' },
      { kind: 'created', contactId: 'u-3' },
      { kind: 'rejected', message: 'Invalid email format' },
    ]);
  });

  test.each([
    ['duplicate_email', 'email'],
    ['duplicate_external_id', 'external_id'],
    ['External ID exists', 'external_id'],
    ['exists', undefined],
    [undefined, undefined],
  ])('understands the reason %j', (reason, key) => {
    const [verdict] = bulk.interpret(answer(201, { skipped: [{ ...ann, reason }] }), [ann!]);
    expect(verdict).toMatchObject({ kind: 'duplicate', ...(key && { key }) });
    expect('key' in verdict!).toBe(key !== undefined);
  });

  test('knows a contact by its external_id, and says each thing once', () => {
    const twice = [
      { email: 'ann@example.com', external_id: 'A' },
      { email: 'ann@example.com', external_id: 'B' },
      { email: 'eve@example.com', external_id: 'E' },
    ];
    const body = {
      created: [{ id: 'u-1', email: 'ann@example.com', external_id: 'B' }],
      skipped: [
        { email: 'ann@example.com', reason: 'email' },
        { external_id: 'E', reason: 'external_id' },
      ],
      errors: [{ email: null, error: 'Missing required field: email' }],
    };
    expect(bulk.interpret(answer(201, body), twice).map(({ kind }) => kind)).toEqual([
      'duplicate',
      'created',
      'duplicate',
    ]);
  });

  test('an error that is a conflict is a duplicate', () => {
    const errors = [{ email: ann!.email, error: 'You already have a contact with email ann@example.com' }];
    expect(bulk.interpret(answer(201, { errors }), [ann!])).toMatchObject([
      { kind: 'duplicate', key: 'email' },
    ]);
  });

  test.each([
    [401, flat(401, 'No'), 'refused'],
    [429, '', 'throttled'],
    [500, '', 'unavailable'],
    [400, flat(400, 'contacts must be an array'), 'rejected'],
    [409, flat(409, 'You already have a contact with email ann@example.com'), 'unclear'],
    [201, '<html>', 'unclear'],
    [200, '{"created":[', 'unclear'],
  ])('%i about the whole is said of each', (status, body, kind) => {
    expect(bulk.interpret(answer(status, body), all)).toMatchObject(all.map(() => ({ kind })));
  });
});

test.each<[object, string | undefined]>([
  [{ email: 'a@example.com', tags: ['a'], is_active: false, metadata: { a: { b: 1 } } }, undefined],
  [{}, 'email: required'],
  [{ email: 'nobody' }, 'email: invalid_format'],
  [{ email: 'a@example.com', external_id: 7 }, 'external_id: not_a_text'],
  [{ email: 'a@example.com', tags: 'a' }, 'tags: not_a_list'],
  [{ email: 'a@example.com', is_active: 'perhaps' }, 'is_active: not_a_boolean'],
  [{ email: 'a@example.com', custom_fields: [] }, 'custom_fields: not_an_object'],
])('a contact like %j: %s', (contact, expected) => {
  expect(fault(contact, sendmator)).toBe(expected);
});

describe('identity', () => {
  test('is the e-mail in lower case and the external_id as it is', () => {
    expect(sendmator.identity({ email: ' Ann@Example.COM', external_id: 'Ab' })).toEqual({
      email: 'ann@example.com',
      external_id: 'Ab',
    });
    expect(sendmator.identity({})).toEqual({});
  });
});

describe('accounts', () => {
  const KEY = 'sk_live_secret';
  const bind = (environment: Record<string, string | undefined>) => bindAccount(sendmator, environment);

  test('have one id for the same credentials, whoever binds them', () => {
    const { id } = bind({ SENDMATOR_API_KEY: KEY });
    expect(id).toMatch(/^sendmator-[0-9a-f]{12}$/);
    for (const environment of [
      { SENDMATOR_API_KEY: ` ${KEY}\n` },
      { SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: '' },
      { SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'https://api.sendmator.com' },
      { SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'https://api.sendmator.com//' },
      { SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'HTTPS://API.Sendmator.com' },
      { SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'https://api.sendmator.com:443/' },
    ]) {
      expect(bind(environment).id).toBe(id);
    }
  });

  test('differ by key and by URL', () => {
    const ids = [
      bind({ SENDMATOR_API_KEY: KEY }),
      bind({ SENDMATOR_API_KEY: `${KEY}2` }),
      bind({ SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'http://127.0.0.1:4000' }),
      bind({ SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'http://127.0.0.1:4001' }),
      bind({ SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'http://127.0.0.1:4001/eu' }),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).not.toContain(KEY);
  });

  test('keep a path before the API, without its last slash', () => {
    const { options } = bind({
      SENDMATOR_API_KEY: KEY,
      SENDMATOR_BASE_URL: 'https://Proxy.example.com:8443/CRM/eu/',
    });
    expect(options.baseUrl).toBe('https://proxy.example.com:8443/CRM/eu');
  });

  function refusal(action: () => unknown): RowferryError {
    try {
      action();
    } catch (error) {
      expect(error).toBeInstanceOf(RowferryError);
      expect(error).toMatchObject({ exitCode: EXIT.usage });
      return error as RowferryError;
    }
    throw new Error('nothing was refused');
  }
  const mend = 'Set it in the environment or in .env.';

  test.each([
    [{}, 'SENDMATOR_API_KEY is not set'],
    [{ SENDMATOR_API_KEY: '' }, 'SENDMATOR_API_KEY is not set'],
    [{ SENDMATOR_API_KEY: '   ' }, 'SENDMATOR_API_KEY is empty or holds spaces'],
    [{ SENDMATOR_API_KEY: 'sk live' }, 'SENDMATOR_API_KEY is empty or holds spaces'],
    [
      { SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'api.sendmator.com' },
      'SENDMATOR_BASE_URL is not an http(s) URL',
    ],
    [{ SENDMATOR_API_KEY: KEY, SENDMATOR_BASE_URL: 'ftp://x' }, 'SENDMATOR_BASE_URL is not an http(s) URL'],
    [{ SENDMATOR_BASE_URL: 'x' }, 'SENDMATOR_BASE_URL is not an http(s) URL; SENDMATOR_API_KEY is not set'],
  ])('of %o are refused in words, without the key', (environment, sentence) => {
    const error = refusal(() => bind(environment));
    expect(error.code).toBe('CREDENTIALS_MISSING');
    expect(error.message).toBe(`sendmator: ${sentence}. ${mend}`);
    expect(error.message).not.toContain(KEY);
  });

  test('are all those that have credentials', () => {
    expect(boundAccounts({})).toEqual([]);
    expect(boundAccounts({ SENDMATOR_API_KEY: '' })).toEqual([]);
    expect(boundAccounts({ SENDMATOR_API_KEY: KEY }).map(({ id }) => id)).toEqual([
      bind({ SENDMATOR_API_KEY: KEY }).id,
    ]);
  });

  test('are of a known destination', () => {
    expect(findDestination('sendmator')).toBe(sendmator);
  });
});

test('a bulk answer of a hundred thousand parts is read part by part, not contact by contact', () => {
  const contacts = Array.from({ length: 100 }, (_, i) => ({
    email: `p${i}@example.com`,
    external_id: `P-${i}`,
  }));
  let asked = 0;
  const parts = Array.from({ length: 1_000 }, () => {
    const about = { id: 'u-1' };
    Object.defineProperty(about, 'email', { get: () => void asked++ });
    return { about, verdict: { kind: 'created' } as const };
  });
  expect(inOrder(contacts, parts).every(({ kind }) => kind === 'unclear')).toBe(true);
  expect(asked).toBeLessThan(10 * parts.length);
});
