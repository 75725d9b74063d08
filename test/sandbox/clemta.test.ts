import { describe, expect, test } from 'vitest';
import { createClock, type Opened, OTHER_KEY, openSandbox, type Reply } from './helpers.js';

const company_id = '64b8f1a2e4b0c8d9f0123456';
const john = { type: 'customer', full_name: 'John Doe', email: 'John@example.com', company_id };

const create = ({ send }: Opened, body: unknown, key?: string | null) => send('POST', '/contacts', body, key);
const list = ({ send }: Opened, query: string, key?: string) =>
  send('GET', `/contacts?${query}`, undefined, key);
const dataOf = ({ body }: Reply) => body.data as Record<string, unknown>;

function refused(reply: Reply, status: number, code: string, details: unknown = expect.any(String)) {
  expect(reply.status).toBe(status);
  expect(reply.body).toEqual({
    success: false,
    message: expect.any(String),
    data: null,
    error: { code, details },
  });
}

describe('create', () => {
  test('answers 200 with the whole contact, times in epoch seconds', async () => {
    const sandbox = await openSandbox({ now: createClock().now });
    const sent = {
      ...john,
      description: 'Primary contact',
      cc_emails: ['cc@example.com'],
      billing: { email: 'b@example.com', phone_code: '+1' },
    };
    const reply = await create(sandbox, sent);
    const { company_id: _, ...shown } = sent;
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      success: true,
      message: 'Contact created successfully',
      data: {
        ...shown,
        id: expect.stringMatching(/^[0-9a-f]{24}$/),
        created_at: 1893456000,
        updated_at: 1893456000,
        status: 'active',
        bcc_emails: [],
      },
    });
    expect(await sandbox.ledger()).toMatchObject([
      { id: dataOf(reply).id, api: 'clemta', email: 'John@example.com', external_id: null, fields: sent },
    ]);
  });

  test('fills in what is not given', async () => {
    const sandbox = await openSandbox();
    expect(dataOf(await create(sandbox, { ...john, description: null }))).toMatchObject({
      status: 'active',
      description: '',
      cc_emails: [],
      bcc_emails: [],
      billing: {},
    });
  });

  test('takes the same contact twice: nothing is unique', async () => {
    const sandbox = await openSandbox();
    const [first, second] = [await create(sandbox, john), await create(sandbox, john)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(dataOf(first).id).not.toBe(dataOf(second).id);
    expect(await sandbox.ledger()).toMatchObject([{ posts: 2 }, { posts: 2 }]);
  });

  test.each(['type', 'full_name', 'email', 'company_id'])('misses %s', async (field) => {
    const sandbox = await openSandbox();
    for (const value of [undefined, '', null]) {
      const reply = await create(sandbox, { ...john, [field]: value });
      refused(reply, 400, 'INVALID_REQUEST', `Field '${field}' is required`);
    }
    expect(sandbox.state.stored).toBe(0);
  });

  test.each([
    ['type', 'partner'],
    ['type', 7],
    ['full_name', 7],
    ['email', 'nope'],
    ['email', ['a@example.com']],
    ['company_id', 7],
    ['status', 7],
    ['description', {}],
    ['cc_emails', 'a@example.com'],
    ['bcc_emails', [{}]],
    ['billing', []],
  ])('refuses %s = %j', async (field, value) => {
    const sandbox = await openSandbox();
    const reply = await create(sandbox, { ...john, [field]: value });
    refused(reply, 400, 'VALIDATION_FAILED', expect.stringContaining(`'${field}'`));
    expect(sandbox.state.stored).toBe(0);
  });

  test.each(['[]', '7', '{'])('refuses the body %s', async (text) => {
    refused(await create(await openSandbox(), text), 400, 'INVALID_REQUEST');
  });

  test('knows every company but those that are called missing', async () => {
    const sandbox = await openSandbox();
    refused(await create(sandbox, { ...john, company_id: 'missing-1' }), 404, 'COMPANY_NOT_FOUND');
    expect(sandbox.state.stored).toBe(0);
    refused(await list(sandbox, 'company_id=missing-1'), 404, 'COMPANY_NOT_FOUND');
    expect((await list(sandbox, 'company_id=any')).status).toBe(200);
  });
});

describe('list', () => {
  async function openWithFive() {
    const sandbox = await openSandbox();
    for (const [at, full_name] of ['Ann', 'Bob', 'Joann', 'Dora', 'Eve'].entries()) {
      await create(sandbox, { ...john, full_name, email: `u${at}@example.com` });
    }
    await create(sandbox, { ...john, full_name: 'Ann', company_id: 'other' });
    await create(sandbox, { ...john, full_name: 'Ann' }, OTHER_KEY);
    return sandbox;
  }

  test.each([
    ['', ['Ann', 'Bob', 'Joann', 'Dora', 'Eve'], 5],
    ['&skip=1&limit=2', ['Bob', 'Joann'], 5],
    ['&skip=4&limit=100', ['Eve'], 5],
    ['&skip=5', [], 5],
    ['&search=ANN', ['Ann', 'Joann'], 2],
    ['&search=U3@example.com', ['Dora'], 1],
    ['&search=nobody', [], 0],
    ['&search=ann&skip=1&limit=1', ['Joann'], 2],
  ])('of a company, with "%s"', async (query, names, total) => {
    const sandbox = await openWithFive();
    const reply = await list(sandbox, `company_id=${company_id}${query}`);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ success: true, message: expect.any(String), data: { total } });
    const { contacts, skip, limit } = dataOf(reply);
    const params = new URLSearchParams(query);
    expect([skip, limit]).toEqual([Number(params.get('skip') ?? 0), Number(params.get('limit') ?? 20)]);
    expect((contacts as { full_name: string }[]).map(({ full_name }) => full_name)).toEqual(names);
  });

  test('shows a contact as it was answered', async () => {
    const sandbox = await openSandbox();
    const known = dataOf(await create(sandbox, john));
    expect(dataOf(await list(sandbox, `company_id=${company_id}&search=john@example.com`)).contacts).toEqual([
      known,
    ]);
  });

  test.each([
    ['', 'INVALID_REQUEST'],
    ['company_id=', 'INVALID_REQUEST'],
    ['company_id=c&skip=-1', 'VALIDATION_FAILED'],
    ['company_id=c&limit=0', 'VALIDATION_FAILED'],
    ['company_id=c&limit=101', 'VALIDATION_FAILED'],
    ['company_id=c&limit=x', 'VALIDATION_FAILED'],
  ])('refuses "%s"', async (query, code) => {
    refused(await list(await openSandbox(), query), 400, code);
  });
});

describe('one contact', () => {
  test('PATCH changes what is given and keeps the rest', async () => {
    const clock = createClock();
    const sandbox = await openSandbox({ now: clock.now });
    const known = dataOf(await create(sandbox, john));
    clock.advance(2000);
    const change = { email: 'jd@example.com', status: 'inactive', cc_emails: ['x@example.com'] };
    const reply = await sandbox.send('PATCH', `/contacts/${known.id}`, change);
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      success: true,
      message: expect.any(String),
      data: { ...known, ...change, updated_at: 1893456002 },
    });
    const patch = (body: unknown) => sandbox.send('PATCH', `/contacts/${known.id}`, body);
    refused(await patch({ type: 'x' }), 400, 'VALIDATION_FAILED');
    refused(await patch({ company_id: 'missing' }), 404, 'COMPANY_NOT_FOUND');
    expect((await patch({ company_id: 'other' })).status).toBe(200);
    expect(await sandbox.ledger()).toMatchObject([
      { email: 'jd@example.com', fields: { ...change, full_name: 'John Doe', company_id: 'other' } },
    ]);
  });

  test('is gone after DELETE, and its address keeps its count', async () => {
    const sandbox = await openSandbox();
    const [first] = [dataOf(await create(sandbox, john)), await create(sandbox, john)];
    const reply = await sandbox.send('DELETE', `/contacts/${first.id}`);
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({ success: true, message: expect.any(String), data: null });
    refused(await sandbox.send('DELETE', `/contacts/${first.id}`), 404, 'CONTACT_NOT_FOUND');
    refused(await sandbox.send('PATCH', `/contacts/${first.id}`, {}), 404, 'CONTACT_NOT_FOUND');
    expect(await sandbox.ledger()).toMatchObject([{ posts: 2 }]);
    await create(sandbox, john);
    expect(await sandbox.ledger()).toMatchObject([{ posts: 3 }, { posts: 3 }]);
  });

  test('belongs to its key', async () => {
    const sandbox = await openSandbox();
    const { id } = dataOf(await create(sandbox, john));
    const reply = await sandbox.send('DELETE', `/contacts/${id}`, undefined, OTHER_KEY);
    refused(reply, 404, 'CONTACT_NOT_FOUND');
  });

  test.each([
    ['GET', '/contacts/000000000000000000000000'],
    ['PUT', '/contacts'],
    ['POST', '/contacts/bulk'],
    ['PATCH', '/contacts/a/b'],
  ])('there is nothing at %s %s', async (method, path) => {
    const { send } = await openSandbox();
    refused(await send(method, path), 404, 'NOT_FOUND');
  });
});

describe('refusals', () => {
  test.each([
    [null, 401, 'API_KEY_REQUIRED'],
    ['', 401, 'API_KEY_REQUIRED'],
    ['key_refused', 401, 'INVALID_API_KEY'],
    ['key_forbidden', 403, 'ACCESS_DENIED'],
    ['key_quota', 402, 'PAYMENT_REQUIRED'],
  ])('key "%s" is answered with %i %s', async (key, status, code) => {
    const sandbox = await openSandbox();
    refused(await create(sandbox, john, key), status, code);
    expect(sandbox.state.stored).toBe(0);
  });

  test('a key that is not among the listed ones is invalid', async () => {
    refused(await create(await openSandbox({ keys: ['one'] }), john, 'two'), 401, 'INVALID_API_KEY');
  });

  test('too many requests are told in headers and envelope', async () => {
    const clock = createClock(10_000_250);
    const sandbox = await openSandbox({ now: clock.now, limit: { requests: 1, windowMs: 60_000 } });
    const { headers } = await create(sandbox, john);
    const shown = (name: string) => headers.get(`x-ratelimit-${name}`);
    expect(['api', 'limit', 'remaining', 'reset', 'type'].map(shown)).toEqual([
      'contacts',
      '1',
      '0',
      '10061',
      'api_key',
    ]);
    expect(headers.get('retry-after')).toBeNull();
    clock.advance(500);
    const late = await create(sandbox, john);
    expect(late.status).toBe(429);
    expect(late.headers.get('retry-after')).toBe('60');
    expect(late.body).toEqual({
      success: false,
      message: 'Rate limit exceeded',
      error: { code: 'RATE_LIMIT_EXCEEDED', details: expect.any(String) },
    });
  });

  test('trouble of its own is a 500 in the envelope', async () => {
    const sandbox = await openSandbox();
    refused(await create(sandbox, { ...john, email: 'error-once@example.com' }), 500, 'INTERNAL_ERROR');
    sandbox.state.outage = true;
    refused(await create(sandbox, john), 503, 'INTERNAL_ERROR');
  });
});
