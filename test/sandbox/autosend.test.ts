import { describe, expect, test } from 'vitest';
import { createClock, type Opened, OTHER_KEY, openSandbox, type Reply } from './helpers.js';

const OBJECT_ID = /^[0-9a-f]{24}$/;
const john = {
  email: 'John.Doe@Example.com',
  firstName: 'John',
  lastName: 'Doe',
  userId: 'user_12345',
  customFields: { company: 'Acme Corp', isPremium: true, loginCount: 42, trialEndsAt: '2024-03-01' },
};

const create = ({ send }: Opened, body: unknown, key?: string | null) =>
  send('POST', '/v1/contacts', body, key);
const upsert = ({ send }: Opened, body: unknown) => send('POST', '/v1/contacts/email', body);
const dataOf = ({ body }: Reply) => body.data as Record<string, unknown>;

function refused(reply: Reply, status: number, code: string, ...fields: string[]) {
  expect(reply.status).toBe(status);
  expect(reply.body).toEqual({
    success: false,
    error: {
      message: expect.any(String),
      code,
      ...(fields.length > 0 && {
        details: fields.map((field) => ({ field, message: expect.any(String) })),
      }),
    },
  });
}

describe('create', () => {
  test('answers with the whole contact, its e-mail in lower case', async () => {
    const sandbox = await openSandbox({ now: createClock().now });
    const reply = await create(sandbox, { ...john, listIds: ['507f1f77bcf86cd799439011'] });
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      success: true,
      data: {
        ...john,
        email: 'john.doe@example.com',
        id: expect.stringMatching(OBJECT_ID),
        updatedAt: '2030-01-01T00:00:00.250Z',
        createdAt: '2030-01-01T00:00:00.250Z',
        projectId: expect.stringMatching(OBJECT_ID),
      },
    });
    expect((await sandbox.ledger())[0]).toMatchObject({
      id: dataOf(reply).id,
      api: 'autosend',
      email: 'john.doe@example.com',
      external_id: 'user_12345',
      posts: 1,
      fields: { ...john, email: 'john.doe@example.com', listIds: ['507f1f77bcf86cd799439011'] },
    });
  });

  test('refuses a taken e-mail in any case, but not a taken userId', async () => {
    const sandbox = await openSandbox();
    await create(sandbox, john);
    refused(await create(sandbox, { email: 'JOHN.doe@example.com' }), 409, 'CONTACT_ALREADY_EXISTS', 'email');
    expect((await create(sandbox, { ...john, email: 'other@example.com' })).status).toBe(201);
    expect((await create(sandbox, john, OTHER_KEY)).status).toBe(201);
  });

  test('refuses a taken e-mail with 400 under a key that asks for it', async () => {
    const sandbox = await openSandbox();
    await create(sandbox, john, 'as_conflict400');
    refused(await create(sandbox, john, 'as_conflict400'), 400, 'VALIDATION_FAILED', 'email');
  });

  test.each([
    [{}, ['email']],
    [{ email: '' }, ['email']],
    [{ email: 'nope' }, ['email']],
    [{ email: null }, ['email']],
    [
      { email: 'a@example.com', firstName: 7, lastName: null, userId: {} },
      ['firstName', 'lastName', 'userId'],
    ],
    [{ email: 'a@example.com', listIds: 'x' }, ['listIds']],
    [{ email: 'a@example.com', listIds: [1] }, ['listIds']],
    [{ email: 'a@example.com', customFields: ['x'] }, ['customFields']],
    [
      { email: 'x', customFields: { ok: 1, list: [], none: null, deep: {} } },
      ['email', 'customFields.list', 'customFields.none', 'customFields.deep'],
    ],
    [[], ['body']],
    ['{"email":', ['body']],
  ])('refuses %j and names %j', async (body, fields) => {
    const sandbox = await openSandbox();
    refused(await create(sandbox, body), 400, 'VALIDATION_FAILED', ...fields);
    expect(sandbox.state.stored).toBe(0);
  });
});

describe('upsert', () => {
  test('creates what is new, and changes what is known without an error', async () => {
    const clock = createClock();
    const sandbox = await openSandbox({ now: clock.now });
    const first = await upsert(sandbox, john);
    clock.advance(1000);
    const second = await upsert(sandbox, {
      email: 'JOHN.DOE@example.com',
      lastName: 'Roe',
      customFields: { plan: 'pro', loginCount: 43 },
    });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(dataOf(second)).toEqual({
      ...dataOf(first),
      lastName: 'Roe',
      customFields: { ...john.customFields, plan: 'pro', loginCount: 43 },
      updatedAt: '2030-01-01T00:00:01.250Z',
    });
    expect(await sandbox.ledger()).toMatchObject([{ posts: 2, external_id: 'user_12345' }]);
  });

  test('refuses what is invalid', async () => {
    const sandbox = await openSandbox();
    refused(await upsert(sandbox, { email: 'nope', userId: 1 }), 400, 'VALIDATION_FAILED', 'email', 'userId');
    refused(await upsert(sandbox, 7), 400, 'VALIDATION_FAILED', 'body');
  });
});

describe('bulk upsert', () => {
  const bulk = ({ send }: Opened, body: unknown) => send('POST', '/v1/contacts/bulk-update', body);

  test('answers with nothing but counts', async () => {
    const sandbox = await openSandbox();
    await create(sandbox, john);
    const contacts = [
      { email: 'john.doe@example.com', firstName: 'Johnny' },
      { email: 'new@example.com' },
      { email: 'nope' },
      { email: 'reject.1@example.com' },
      7,
    ];
    const { status, body } = await bulk(sandbox, { contacts, runWorkflow: false });
    expect(status).toBe(200);
    expect(body).toEqual({ success: true, data: { successCount: 2, failedCount: 3, totalCount: 5 } });
    expect(await sandbox.ledger()).toMatchObject([
      { email: 'john.doe@example.com', posts: 2, fields: { firstName: 'Johnny', lastName: 'Doe' } },
      { email: 'new@example.com', posts: 1 },
    ]);
  });

  test('takes from 1 to 100 contacts', async () => {
    const sandbox = await openSandbox();
    const people = Array.from({ length: 101 }, (_, n) => ({ email: `u${n}@example.com` }));
    for (const contacts of [people, [], 'x', undefined]) {
      refused(await bulk(sandbox, { contacts }), 400, 'VALIDATION_FAILED', 'contacts');
    }
    refused(
      await bulk(sandbox, { contacts: people.slice(1), runWorkflow: 'no' }),
      400,
      'VALIDATION_FAILED',
      'runWorkflow',
    );
    expect(sandbox.state.stored).toBe(0);
    expect((await bulk(sandbox, { contacts: people.slice(1) })).body).toMatchObject({
      data: { successCount: 100 },
    });
  });

  test('meets the fault of an address with the whole request', async () => {
    const sandbox = await openSandbox();
    const contacts = [{ email: 'a@example.com' }, { email: 'error-after-accept@example.com' }];
    expect((await bulk(sandbox, { contacts })).status).toBe(500);
    expect(sandbox.state.stored).toBe(2);
    expect((await bulk(sandbox, { contacts })).status).toBe(200);
  });
});

describe('one contact', () => {
  test('is found by e-mail, each once', async () => {
    const sandbox = await openSandbox();
    const known = dataOf(await create(sandbox, john));
    const emails = ['JOHN.DOE@example.com', 'john.doe@example.com', 'nobody@example.com'];
    const reply = await sandbox.send('POST', '/v1/contacts/search/emails', { emails });
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({ success: true, data: { contacts: [known] } });
    const search = (body: unknown) => sandbox.send('POST', '/v1/contacts/search/emails', body);
    for (const body of [{}, { emails: 'x' }, { emails: [1] }, undefined]) {
      refused(await search(body), 400, 'VALIDATION_FAILED', 'emails');
    }
    expect((await sandbox.stats()).posts).toBe(1);
  });

  test('is found by id, and gone after DELETE', async () => {
    const sandbox = await openSandbox();
    const known = dataOf(await create(sandbox, john));
    const path = `/v1/contacts/${known.id}`;
    expect((await sandbox.send('GET', path)).body).toEqual({ success: true, data: known });
    refused(await sandbox.send('GET', path, undefined, OTHER_KEY), 404, 'NOT_FOUND');
    const removed = await sandbox.send('DELETE', path);
    expect(removed.status).toBe(200);
    expect(removed.body).toEqual({ success: true, data: { id: known.id } });
    refused(await sandbox.send('GET', path), 404, 'NOT_FOUND');
    refused(await sandbox.send('DELETE', path), 404, 'NOT_FOUND');
    expect((await create(sandbox, john)).status).toBe(201);
    expect(await sandbox.ledger()).toMatchObject([{ posts: 2 }]);
  });

  test.each([
    ['GET', '/v1'],
    ['GET', '/v1/contacts'],
    ['GET', '/v1/contacts/nope'],
    ['PUT', '/v1/contacts/000000000000000000000000'],
    ['POST', '/v1/contacts/else'],
    ['POST', '/v1/contacts/a/b/c'],
    ['POST', '/v1/else'],
  ])('there is nothing at %s %s', async (method, path) => {
    const { send } = await openSandbox();
    refused(await send(method, path), 404, 'NOT_FOUND');
  });
});

describe('refusals', () => {
  test.each([
    [null, 401, 'UNAUTHORIZED'],
    ['as_refused_1', 401, 'UNAUTHORIZED'],
    ['as_quota', 402, 'PAYMENT_REQUIRED'],
    ['as_forbidden', 403, 'FORBIDDEN'],
  ])('key %s is answered with %i %s', async (key, status, code) => {
    const sandbox = await openSandbox();
    refused(await create(sandbox, john, key), status, code);
    expect(sandbox.state.stored).toBe(0);
  });

  test('a key that is not shown as a bearer is none', async () => {
    const { url } = await openSandbox();
    for (const authorization of ['as_key', 'Token token=as_key', 'Bearer', 'Bearer two words']) {
      expect((await fetch(`${url}/v1/contacts/x`, { headers: { authorization } })).status).toBe(401);
    }
    const headers = { authorization: 'Bearer as_key' };
    expect((await fetch(`${url}/v1/contacts/x`, { headers })).status).toBe(404);
  });

  test('too many requests are told with the wait in the body, and the limit in the headers', async () => {
    const clock = createClock(10_000_250);
    const sandbox = await openSandbox({ now: clock.now, limit: { requests: 1, windowMs: 60_000 } });
    const { headers } = await create(sandbox, john);
    expect(headers.get('x-ratelimit-limit')).toBe('1');
    expect(headers.get('x-ratelimit-remaining')).toBe('0');
    expect(headers.get('x-ratelimit-reset')).toBe('10061');
    clock.advance(500);
    const late = await create(sandbox, john);
    expect(late.status).toBe(429);
    expect(late.body).toEqual({
      success: false,
      error: { message: 'Too many requests', code: 'RATE_LIMIT_EXCEEDED', retryAfter: 60 },
    });
    expect(late.headers.get('retry-after')).toBeNull();
    expect(late.headers.get('x-ratelimit-reset')).toBe('10061');
  });

  test('trouble of its own is a 500 in the envelope', async () => {
    const sandbox = await openSandbox();
    refused(await create(sandbox, { email: 'error-once@example.com' }), 500, 'SERVER_ERROR');
    sandbox.state.outage = true;
    refused(await create(sandbox, john), 503, 'SERVER_ERROR');
  });
});
