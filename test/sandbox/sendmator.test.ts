import { describe, expect, test } from 'vitest';
import { createClock, KEY, OTHER_KEY, openSandbox } from './helpers.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const john = {
  external_id: 'CRM-001',
  email: 'john.doe@example.com',
  first_name: 'John',
  last_name: 'Doe',
  tags: ['customer', 'vip'],
  custom_fields: { company: 'Acme Corp', annual_revenue: 150000 },
  metadata: { source: 'website' },
};

describe('create', () => {
  test('answers 201 with the whole contact', async () => {
    const clock = createClock();
    const { post } = await openSandbox({ now: clock.now });
    const { status, body, headers } = await post(john);
    expect(status).toBe(201);
    expect(body).toEqual({
      ...john,
      id: expect.stringMatching(UUID),
      is_active: true,
      is_unsubscribed: false,
      unsubscribed_at: null,
      metadata: { source: 'website', created_via: 'api_key', api_key_id: expect.stringMatching(UUID) },
      created_at: '2030-01-01T00:00:00.250Z',
      updated_at: '2030-01-01T00:00:00.250Z',
    });
    expect(headers.get('date')).toBe('Tue, 01 Jan 2030 00:00:00 GMT');
    expect(headers.get('x-ratelimit-limit')).toBeNull();
  });

  test('generates an external_id and fills in the documented defaults', async () => {
    const { post } = await openSandbox();
    const { body } = await post({ email: 'jane@example.com', first_name: null });
    expect(body.external_id).toMatch(/^auto_gen_[0-9a-f-]{36}$/);
    expect(body).toMatchObject({
      first_name: null,
      last_name: null,
      tags: [],
      is_active: true,
      custom_fields: {},
    });
  });

  test('refuses a taken e-mail in any case, in the documented words', async () => {
    const { post } = await openSandbox();
    await post(john);
    const { status, body } = await post({ email: 'John.Doe@Example.com' });
    expect(status).toBe(409);
    expect(body).toEqual({
      statusCode: 409,
      message: 'You already have a contact with email John.Doe@Example.com',
      error: 'Conflict',
    });
  });

  test('refuses a taken external_id in the documented words', async () => {
    const { post } = await openSandbox();
    await post(john);
    const { status, body } = await post({ email: 'other@example.com', external_id: 'CRM-001' });
    expect(status).toBe(409);
    expect(body).toEqual({
      statusCode: 409,
      message: 'You already have a contact with external_id CRM-001',
      error: 'Conflict',
    });
  });

  test('keeps the accounts of two keys apart', async () => {
    const { post, get } = await openSandbox();
    const mine = await post(john);
    const theirs = await post(john, OTHER_KEY);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect((await get(`/contacts/${mine.body.id}`, OTHER_KEY)).status).toBe(404);
    expect((await get('/contacts', OTHER_KEY)).body.data).toEqual([theirs.body]);
  });

  test.each([
    'no-at-sign',
    'a@b',
    '@example.com',
    'a b@example.com',
    'a..b@example.com',
    'a@-b.com',
    'a@b.-com',
    7,
  ])('refuses the address %s', async (email) => {
    const { post, state } = await openSandbox();
    const { status, body } = await post({ email });
    expect(status).toBe(400);
    expect(body).toEqual({
      statusCode: 400,
      message: 'Invalid email format',
      error: 'Bad Request',
      details: { field: 'email', code: 'invalid_format' },
    });
    expect(state.stored).toBe(0);
  });

  test.each(['o’brien+x@mail.example.co.uk', 'jürgen@müller.de', 'a_b-c.d@x1.io', 'x@xn--e1afmkfd.xn--p1ai'])(
    'accepts the address %s',
    async (email) => {
      const { post } = await openSandbox();
      expect((await post({ email })).status).toBe(201);
    },
  );

  test.each([{}, { email: null }, { email: '' }])('misses the address in %j', async (contact) => {
    const { post } = await openSandbox();
    const { status, body } = await post(contact);
    expect(status).toBe(400);
    expect(body).toEqual({
      statusCode: 400,
      message: 'Missing required field: email',
      error: 'Bad Request',
      details: { field: 'email', code: 'required' },
    });
  });

  test.each([
    ['external_id', 7],
    ['first_name', 7],
    ['last_name', ['x']],
    ['tags', 'vip'],
    ['tags', ['vip', 1]],
    ['is_active', 'true'],
    ['custom_fields', []],
    ['metadata', 'x'],
  ])('refuses %s = %j', async (field, value) => {
    const { post } = await openSandbox();
    const { status, body } = await post({ email: 'a@example.com', [field]: value });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      statusCode: 400,
      error: 'Bad Request',
      details: { field, code: 'invalid_type' },
    });
  });

  test.each(['{"email":', '[]', '"text"', 'null'])('refuses the body %s', async (text) => {
    const { post } = await openSandbox();
    const { status, body } = await post(text);
    expect(status).toBe(400);
    expect(body).toMatchObject({ statusCode: 400, error: 'Bad Request' });
  });

  test('wants JSON to be called JSON', async () => {
    const { url } = await openSandbox();
    const response = await fetch(`${url}/api/v1/contacts`, {
      method: 'POST',
      headers: { 'x-api-key': KEY },
      body: JSON.stringify(john),
    });
    expect(response.status).toBe(415);
  });

  test('takes bodies up to 1 MB', async () => {
    const { post, state } = await openSandbox();
    const contact = (length: number) => ({
      email: 'a@example.com',
      custom_fields: { note: 'x'.repeat(length) },
    });
    const { status, body } = await post(contact(1024 * 1024));
    expect(status).toBe(413);
    expect(body).toMatchObject({ statusCode: 413, error: 'Payload Too Large' });
    expect(state.stored).toBe(0);
    expect((await post(contact(1000 * 1000))).status).toBe(201);
  });
});

describe('one contact', () => {
  test('is found by id and by external_id', async () => {
    const { post, get } = await openSandbox();
    const { body } = await post({ ...john, external_id: 'a/b c' });
    expect((await get(`/contacts/${body.id}`)).body).toEqual(body);
    expect((await get('/contacts/external/a%2Fb%20c')).body).toEqual(body);
  });

  test.each([
    '/contacts/nope',
    '/contacts/00000000-0000-4000-8000-000000000000',
    '/contacts/external/nope',
    '/contacts/a/b/c',
    '/contacts/bulk',
    '/else',
  ])('answers 404 at %s', async (path) => {
    const { get } = await openSandbox();
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).toMatchObject({ statusCode: 404, error: 'Not Found', message: expect.any(String) });
  });

  test('answers 404 outside the API and 400 to a path that cannot be decoded', async () => {
    const { send, get } = await openSandbox();
    expect((await send('GET', '/v3/contacts')).status).toBe(404);
    expect((await send('GET', '/api/v10/contacts')).status).toBe(404);
    expect((await get('/contacts/external/%E0%A4%A')).status).toBe(400);
  });

  test.each(['PUT', 'PATCH'])('%s changes what is given and keeps the rest', async (method) => {
    const clock = createClock();
    const { post, get, send } = await openSandbox({ now: clock.now });
    const { body } = await post(john);
    clock.advance(1000);
    const change = { email: 'jd@example.com', external_id: 'CRM-002', first_name: null, tags: ['new'] };
    const updated = await send(method, `/api/v1/contacts/${body.id}`, change);
    expect(updated.status).toBe(200);
    expect(updated.body).toEqual({ ...body, ...change, updated_at: '2030-01-01T00:00:01.250Z' });
    expect((await get('/contacts/external/CRM-001')).status).toBe(404);
    expect((await get('/contacts/external/CRM-002')).body).toEqual(updated.body);
    expect((await post({ email: john.email })).status).toBe(201);
    expect((await post({ email: 'JD@example.com' })).status).toBe(409);
  });

  test('may keep its own keys in an update, but not take those of another', async () => {
    const { post, send } = await openSandbox();
    const { body } = await post(john);
    await post({ email: 'b@example.com', external_id: 'B' });
    const put = (change: object) => send('PUT', `/api/v1/contacts/${body.id}`, change);
    expect((await put(john)).status).toBe(200);
    expect((await put({ external_id: null })).body.external_id).toBe('CRM-001');
    expect((await put({ email: 'b@example.com' })).body.message).toBe(
      'You already have a contact with email b@example.com',
    );
    expect((await put({ external_id: 'B' })).body.message).toBe(
      'You already have a contact with external_id B',
    );
    expect((await put({ email: 'nope' })).status).toBe(400);
  });

  test('is gone after DELETE, and its keys are free', async () => {
    const { post, get, send, ledger } = await openSandbox();
    const { body } = await post(john);
    expect((await send('DELETE', `/api/v1/contacts/${body.id}`)).status).toBe(200);
    expect((await get(`/contacts/${body.id}`)).status).toBe(404);
    expect((await send('DELETE', `/api/v1/contacts/${body.id}`)).status).toBe(404);
    expect(await ledger()).toEqual([]);
    expect((await post(john)).status).toBe(201);
  });
});

describe('bulk', () => {
  test('answers for each contact by itself', async () => {
    const { post, send } = await openSandbox();
    await post(john);
    const { status, body } = await send('POST', '/api/v1/contacts/bulk', {
      contacts: [
        { email: 'new@example.com' },
        { email: 'john.doe@example.com' },
        { email: 'x@example.com', external_id: 'CRM-001' },
        { email: 'NEW@example.com', external_id: 'N' },
        { email: 'broken' },
        { email: 'reject.1@example.com' },
        7,
      ],
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      created: [expect.objectContaining({ email: 'new@example.com' })],
      skipped: [
        {
          email: 'john.doe@example.com',
          reason: 'You already have a contact with email john.doe@example.com',
        },
        {
          email: 'x@example.com',
          external_id: 'CRM-001',
          reason: 'You already have a contact with external_id CRM-001',
        },
        {
          email: 'NEW@example.com',
          external_id: 'N',
          reason: 'You already have a contact with email NEW@example.com',
        },
      ],
      errors: [
        { email: 'broken', error: 'Invalid email format' },
        { email: 'reject.1@example.com', error: 'Email address is not accepted' },
        { email: null, error: 'Request body must be a JSON object' },
      ],
      user_id: expect.stringMatching(UUID),
      total_processed: 7,
      summary: { created_count: 1, skipped_count: 3, error_count: 3 },
    });
  });

  test.each([{}, { contacts: 'x' }, []])('refuses %j', async (contacts) => {
    const { send } = await openSandbox();
    expect((await send('POST', '/api/v1/contacts/bulk', contacts)).status).toBe(400);
  });
});

describe('keys', () => {
  test.each([
    [null, 401],
    ['wrong', 401],
    ['sk_refused_today', 401],
    ['sk_quota', 402],
    ['sk_forbidden', 403],
  ])('key %s is answered with %i in the envelope', async (key, status) => {
    const { post, state } = await openSandbox();
    const reply = await post(john, key);
    expect(reply.status).toBe(status);
    expect(reply.body).toMatchObject({
      statusCode: status,
      message: expect.any(String),
      error: expect.any(String),
    });
    expect(state.stored).toBe(0);
  });

  test('a list of keys admits no other', async () => {
    const { post } = await openSandbox({ keys: [KEY] });
    expect((await post(john, KEY)).status).toBe(201);
    expect((await post(john, OTHER_KEY)).status).toBe(401);
  });

  test('the key itself is shown nowhere', async () => {
    const { post, send } = await openSandbox();
    const created = await post(john);
    const { text } = await send('GET', '/_sandbox/ledger');
    expect(created.text + text).not.toContain(KEY);
  });
});
