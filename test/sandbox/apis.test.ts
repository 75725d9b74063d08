/** What holds for all four APIs: they share one port, the faults, the seeds and the ledger. */
import { describe, expect, test } from 'vitest';
import { createClock, KEY, type Opened, OTHER_KEY, openSandbox } from './helpers.js';

interface Api {
  kind: string;
  path: string;
  /** What a contact needs besides its address. */
  rest: object;
  created: number;
  /** The answer to the same contact again. */
  again: number;
  rejected: number;
  /** The name of the id that the client gives to a contact. */
  id?: string;
}

const APIS: Api[] = [
  {
    kind: 'sendmator',
    path: '/api/v1/contacts',
    rest: {},
    created: 201,
    again: 409,
    rejected: 400,
    id: 'external_id',
  },
  {
    kind: 'autosend',
    path: '/v1/contacts',
    rest: {},
    created: 201,
    again: 409,
    rejected: 400,
    id: 'userId',
  },
  {
    kind: 'cendyn',
    path: '/v2/account/a1/contact/',
    rest: {},
    created: 201,
    again: 201,
    rejected: 422,
    id: 'user_id',
  },
  {
    kind: 'clemta',
    path: '/contacts',
    rest: { type: 'customer', full_name: 'Ann Lee', company_id: 'c1' },
    created: 200,
    again: 200,
    rejected: 400,
  },
];

const post = ({ send }: Opened, { path, rest }: Api, email: string, key: string | null = KEY) =>
  send('POST', path, { ...rest, email }, key);

describe.each(APIS)('$kind', (api) => {
  const { kind, path, rest, created, again } = api;

  test.each([
    ['throttle-once', [429, created]],
    ['throttle-date', [429, created]],
    ['error-twice', [500, 500, created]],
    ['error-after-accept', [500, again]],
    ['reject', [api.rejected, api.rejected]],
    ['refuse', [401, 401]],
    ['quota', [402, 402]],
    ['drop-after-accept', ['lost', again]],
    ['truncate-after-accept', ['lost', again]],
    ['reset-once', ['lost', created]],
    ['html', [502, created]],
    ['empty', [200, created]],
  ] as const)('meets the fault %s: %j', async (name, expected) => {
    const sandbox = await openSandbox();
    const seen: (number | 'lost')[] = [];
    for (const _ of expected) {
      seen.push(
        await post(sandbox, api, `${name}.7@example.com`).then(
          (reply) => reply.status,
          () => 'lost' as const,
        ),
      );
    }
    expect(seen).toEqual(expected);
    const posts = expected.length;
    for (const line of await sandbox.ledger()) expect(line).toMatchObject({ api: kind, posts });
  });

  test('tells the wait of a throttle by Retry-After where the address asks for it', async () => {
    const sandbox = await openSandbox({ now: createClock().now });
    const shown = async (name: string) =>
      (await post(sandbox, api, `${name}@example.com`)).headers.get('retry-after');
    expect(await shown('throttle-once')).toBe('1');
    expect(await shown('throttle-date')).toBe('Tue, 01 Jan 2030 00:00:01 GMT');
    expect(await shown('throttle-body')).toBe(kind === 'clemta' ? '1' : null);
  });

  test('meets faults by rate', async () => {
    const sandbox = await openSandbox({ faults: { status500: 1 } });
    expect((await post(sandbox, api, 'a@example.com')).status).toBe(500);
    expect((await sandbox.stats()).faults).toEqual({ status500: 1 });
  });

  test('wants JSON, called so, of 1 MB at the most', async () => {
    const { send, url } = await openSandbox();
    expect((await send('POST', path, '{')).status).toBe(400);
    const note = 'x'.repeat(1024 * 1024);
    expect((await send('POST', path, { ...rest, email: 'a@example.com', note })).status).toBe(413);
    const headers = {
      'x-api-key': KEY,
      authorization: path.startsWith('/v1') ? `Bearer ${KEY}` : `Token token=${KEY}`,
    };
    expect((await fetch(url + path, { method: 'POST', headers, body: '{}' })).status).toBe(415);
  });

  test('holds seeded contacts for the first key to come', async () => {
    const sandbox = await openSandbox({ now: createClock().now });
    const contact = { ...rest, email: 'ann@example.com', ...(api.id && { [api.id]: 'P-1' }) };
    const { body } = await sandbox.admin('POST', `/seed?api=${kind}`, [contact]);
    expect(body).toEqual({ seeded: 1, left_out: 0 });
    expect((await post(sandbox, api, 'ann@example.com')).status).toBe(again);
    expect((await sandbox.ledger())[0]).toMatchObject({
      api: kind,
      email: 'ann@example.com',
      external_id: api.id ? 'P-1' : null,
      created_at: '2029-12-31T00:00:00.250Z',
      seeded: true,
      posts: 1,
      fields: contact,
    });
  });

  test('holds seeded contacts for the key that is named, and does not store its name', async () => {
    const sandbox = await openSandbox();
    const seed = { ...rest, email: 'bob@example.com', key: OTHER_KEY, created_at: '2020-02-03T04:05:06Z' };
    await sandbox.admin('POST', `/seed?api=${kind}`, [seed]);
    expect((await post(sandbox, api, 'bob@example.com')).status).toBe(created);
    const [line, ours] = await sandbox.ledger();
    expect(line).toMatchObject({ seeded: true, posts: 0, created_at: '2020-02-03T04:05:06.000Z' });
    expect(ours).toMatchObject({ seeded: false, posts: 1 });
    expect(line?.key_id).not.toBe(ours?.key_id);
    for (const name of ['key', 'created_at']) expect(line?.fields).not.toHaveProperty(name);
  });

  test('leaves out seeds of which a unique key is taken, and no others', async () => {
    const { admin } = await openSandbox();
    const contacts = ['ann@example.com', 'ANN@example.com'].map((email) => ({ ...rest, email }));
    const left_out = created === again ? 0 : 1;
    expect((await admin('POST', `/seed?api=${kind}`, contacts)).body).toEqual({
      seeded: 2 - left_out,
      left_out,
    });
  });
});

test('one key has an account and a limit of its own at each API', async () => {
  const sandbox = await openSandbox({ now: createClock().now, limit: { requests: 1, windowMs: 1000 } });
  for (const api of APIS) expect((await post(sandbox, api, 'ann@example.com')).status).toBe(api.created);
  for (const api of APIS) expect((await post(sandbox, api, 'bob@example.com')).status).toBe(429);
  expect((await sandbox.ledger()).map((line) => line.api)).toEqual(APIS.map(({ kind }) => kind));
  expect(await sandbox.stats()).toMatchObject({ requests: 8, posts: 8, limited: 4, contacts: 4 });
});

test('an id of one API is unknown at another', async () => {
  const { send, ledger, ...sandbox } = await openSandbox();
  for (const api of APIS) await post({ send, ledger, ...sandbox }, api, 'ann@example.com');
  for (const { api, id } of await ledger()) {
    expect((await send('GET', `/api/v1/contacts/${id}`)).status).toBe(api === 'sendmator' ? 200 : 404);
    expect((await send('GET', `/v1/contacts/${id}`)).status).toBe(api === 'autosend' ? 200 : 404);
    expect((await send('DELETE', `/contacts/${id}`)).status).toBe(api === 'clemta' ? 200 : 404);
  }
});

test('a path of none of them is nowhere', async () => {
  const { send } = await openSandbox();
  for (const path of ['/', '/v3/contacts', '/v1x/contacts', '/contactsx', '/api/contacts', '/_sandbox']) {
    expect((await send('GET', path)).status, path).toBe(404);
  }
});

test('seeds want an API that there is', async () => {
  const { admin, state } = await openSandbox();
  const { status, body } = await admin('POST', '/seed?api=nope', [{ email: 'a@example.com' }]);
  expect(status).toBe(400);
  expect(body.error).toContain('sendmator, autosend, cendyn, clemta');
  const incomplete = await admin('POST', '/seed?api=clemta', [{ email: 'a@example.com' }]);
  expect(incomplete.status).toBe(400);
  expect(incomplete.body.error).toContain('type');
  expect(state.stored).toBe(0);
});
