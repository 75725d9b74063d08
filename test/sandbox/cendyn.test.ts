import { describe, expect, test } from 'vitest';
import { createClock, type Opened, openSandbox } from './helpers.js';

const PATH = '/v2/account/acc-1/contact/';
const john = {
  name_first: 'John',
  name_last: 'Doe',
  email: 'JohnDoe@example.com',
  phone_countrycode: '44',
  phone_number: '7712345678',
  tags: ['tag1', 'tag2'],
};

const create = ({ send }: Opened, body: unknown, key?: string | null) => send('POST', PATH, body, key);

describe('create', () => {
  test('answers 201 with what was sent and an id', async () => {
    const sandbox = await openSandbox({ now: createClock().now });
    const sent = { ...john, user_id: 'U-1', favourite_room: '12b', list_subscriptions: { list_id: 'L' } };
    const { status, body } = await create(sandbox, sent);
    expect(status).toBe(201);
    expect(body).toEqual({ ...sent, id: expect.stringMatching(/^[0-9a-f]{24}$/) });
    expect(await sandbox.ledger()).toEqual([
      {
        id: body.id,
        api: 'cendyn',
        email: 'JohnDoe@example.com',
        external_id: 'U-1',
        created_at: '2030-01-01T00:00:00.250Z',
        key_id: expect.any(String),
        seeded: false,
        posts: 1,
        fields: sent,
      },
    ]);
  });

  test('takes the same contact twice: nothing is unique', async () => {
    const sandbox = await openSandbox();
    const first = await create(sandbox, { ...john, user_id: 'U-1' });
    const second = await create(sandbox, { ...john, user_id: 'U-1' });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body.id).not.toBe(second.body.id);
    // Both lines tell how often the address was sent.
    expect(await sandbox.ledger()).toMatchObject([{ posts: 2 }, { posts: 2 }]);
  });

  test.each([
    { email: 'a@example.com' },
    { phone: '+447712345678' },
    { phone_number: '7712345678', phone_countrycode: '44' },
    { phone: '+44', email: '' },
    { phone: '+44', email: null },
  ])('is content with %j', async (contact) => {
    const sandbox = await openSandbox();
    const { status, body } = await create(sandbox, contact);
    expect(status).toBe(201);
    const email = contact.email || '';
    expect(await sandbox.ledger()).toMatchObject([
      { id: body.id, email, external_id: null, posts: email === '' ? 0 : 1 },
    ]);
    expect('email' in body).toBe(email !== '');
  });

  test.each([{}, { phone_number: '7712345678' }, { phone_countrycode: '44' }, { email: '', phone: '' }])(
    'misses an address or a phone in %j',
    async (contact) => {
      const sandbox = await openSandbox();
      const { status, body } = await create(sandbox, contact);
      expect(status).toBe(422);
      expect(body).toEqual({ errors: { email: ['or phone (number and countrycode) is required'] } });
      expect(sandbox.state.stored).toBe(0);
    },
  );

  test.each([
    ['email', 'nope'],
    ['email', 7],
    ['name_first', 7],
    ['phone_number', 7712345678],
    ['tags', 'tag1'],
    ['tags', [1]],
    ['born_date', '1990'],
    ['born_date', '1990-13-01'],
    ['gdpr_date', 'yesterday'],
    ['gender', 'male'],
    ['language', 'ESP'],
    ['facebook_friends', 'many'],
    ['last_latitude', '27,9'],
    ['gdpr_accept_terms', 'true'],
    ['list_subscriptions', 'L'],
    ['email_validation', true],
  ])('refuses %s = %j', async (field, value) => {
    const sandbox = await openSandbox();
    const { status, body } = await create(sandbox, { email: 'a@example.com', [field]: value });
    expect(status).toBe(422);
    expect(body).toEqual({ errors: { [field]: [expect.any(String)] } });
    expect(sandbox.state.stored).toBe(0);
  });

  test('takes every documented field, and fields of the account itself beside them', async () => {
    const sandbox = await openSandbox();
    const sent = {
      ...john,
      born_date: '1990-01-01T00:00:00Z',
      gdpr_date: '1990-01-01',
      gender: 'FEMALE',
      language: 'ES',
      facebook_friends: 3,
      twitter_followers: '7',
      last_latitude: 27.994401,
      last_longitude: '-81.726896',
      gdpr_marketing_consent: true,
      gdpr_accept_terms: false,
      list_subscriptions: [{ list_id: 'L', subscribed: true }],
      vip: true,
      visits: 3,
    };
    const { status, body } = await create(sandbox, { ...sent, email_validation: { validate: true } });
    expect(status).toBe(201);
    expect(body).toEqual({ ...sent, id: expect.any(String) });
  });

  test.each(['[]', '7', '{'])('refuses the body %s', async (text) => {
    const sandbox = await openSandbox();
    const { status, body } = await create(sandbox, text);
    expect(status).toBe(400);
    expect(body).toEqual({ error: expect.any(String) });
  });
});

describe('paths and keys', () => {
  test('the last slash may be left out', async () => {
    const { send } = await openSandbox();
    expect((await send('POST', '/v2/account/acc-1/contact', john)).status).toBe(201);
  });

  test.each([
    ['POST', '/v2/account/missing-1/contact/'],
    ['POST', '/v2/account/acc-1/contacts/'],
    ['GET', PATH],
    ['GET', `${PATH}000000000000000000000000`],
    ['POST', '/v2'],
  ])('there is nothing at %s %s', async (method, path) => {
    const { send } = await openSandbox();
    const { status, body } = await send(method, path, method === 'POST' ? john : undefined);
    expect(status).toBe(404);
    expect(body).toEqual({ error: expect.any(String) });
  });

  test.each([
    [null, 401],
    ['secret_refused', 401],
    ['secret_quota', 402],
    ['secret_forbidden', 403],
  ])('key %s is answered with %i', async (key, status) => {
    const sandbox = await openSandbox();
    const reply = await create(sandbox, john, key);
    expect(reply.status).toBe(status);
    expect(reply.body).toEqual({ error: expect.any(String) });
    expect(sandbox.state.stored).toBe(0);
  });

  test('the token may stand in quotes, but must be called a token', async () => {
    const { url } = await openSandbox();
    const statusOf = async (authorization: string) => {
      const headers = { authorization, 'content-type': 'application/json' };
      return (await fetch(url + PATH, { method: 'POST', headers, body: JSON.stringify(john) })).status;
    };
    expect(await statusOf('Token token=secret')).toBe(201);
    expect(await statusOf('Token token="secret"')).toBe(201);
    for (const wrong of ['Bearer secret', 'Token secret', 'Token token=', 'Token token="secret']) {
      expect(await statusOf(wrong)).toBe(401);
    }
  });

  test('too many requests are refused without a word about the limit', async () => {
    const sandbox = await openSandbox({ now: createClock().now, limit: { requests: 1, windowMs: 1000 } });
    const first = await create(sandbox, john);
    const second = await create(sandbox, john);
    expect([first.status, second.status]).toEqual([201, 429]);
    expect(second.body).toEqual({ error: 'Too many requests' });
    const names = [...first.headers.keys(), ...second.headers.keys()];
    expect(names.filter((name) => /ratelimit|retry/.test(name))).toEqual([]);
  });
});
