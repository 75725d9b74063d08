import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.js';
import { createClock, KEY, OTHER_KEY, openSandbox } from './helpers.js';

describe('ledger and stats', () => {
  test('list what is stored, in creation order over all keys', async () => {
    const clock = createClock();
    const { post, ledger, stats } = await openSandbox({ now: clock.now });
    const a = await post({
      email: 'a@example.com',
      external_id: 'A',
      custom_fields: { n: 1 },
      metadata: { m: 2 },
    });
    clock.advance(1500);
    await post({ email: 'b@example.com' }, OTHER_KEY);
    await post({ email: 'A@example.com' });
    const lines = await ledger();
    expect(lines).toMatchObject([
      { email: 'a@example.com', posts: 2, created_at: '2030-01-01T00:00:00.250Z' },
      { email: 'b@example.com', posts: 1, created_at: '2030-01-01T00:00:01.750Z' },
    ]);
    expect(lines[0]).toEqual({
      id: a.body.id,
      api: 'sendmator',
      email: 'a@example.com',
      external_id: 'A',
      created_at: '2030-01-01T00:00:00.250Z',
      key_id: (a.body.metadata as { api_key_id: string }).api_key_id,
      seeded: false,
      posts: 2,
      fields: {
        email: 'a@example.com',
        external_id: 'A',
        first_name: null,
        last_name: null,
        tags: [],
        is_active: true,
        custom_fields: { n: 1 },
        metadata: { m: 2 },
      },
    });
    expect(lines[1]?.key_id).not.toBe(lines[0]?.key_id);
    expect(await stats()).toEqual({
      requests: 3,
      posts: 3,
      by_status: { 201: 2, 409: 1 },
      faults: {},
      limited: 0,
      dropped: 0,
      contacts: 2,
      max_in_window: 2,
      first_request_at: Date.parse('2030-01-01T00:00:00.250Z'),
      last_request_at: Date.parse('2030-01-01T00:00:01.750Z'),
    });
  });

  test('the ledger may be longer than one write', async () => {
    const { admin, ledger } = await openSandbox();
    const contacts = Array.from({ length: 1201 }, (_, n) => ({ email: `u${n}@example.com` }));
    await admin('POST', '/seed', contacts);
    expect((await ledger()).map(({ email }) => ({ email }))).toEqual(contacts);
  });
});

describe('seed', () => {
  test('takes NDJSON, dates it back a day, and is found by the first key to come', async () => {
    const clock = createClock();
    const { admin, post, ledger, stats } = await openSandbox({ now: clock.now });
    const lines =
      '{"email":"a@example.com"}\n\n{"email":"b@example.com","created_at":"2020-02-03T04:05:06Z"}\n';
    expect((await admin('POST', '/seed', lines)).body).toEqual({ seeded: 2, left_out: 0 });
    expect((await stats()).requests).toBe(0);
    expect((await post({ email: 'a@example.com' })).status).toBe(409);
    expect((await post({ email: 'a@example.com' }, OTHER_KEY)).status).toBe(201);
    expect(await ledger()).toMatchObject([
      { email: 'a@example.com', created_at: '2029-12-31T00:00:00.250Z', seeded: true, posts: 1 },
      { email: 'b@example.com', created_at: '2020-02-03T04:05:06.000Z', seeded: true, posts: 0 },
      { email: 'a@example.com', seeded: false, posts: 1 },
    ]);
  });

  test('goes to the first of the listed keys, or to the one that is named', async () => {
    const { admin, post } = await openSandbox({ keys: [KEY, OTHER_KEY] });
    await admin('POST', '/seed', [{ email: 'a@example.com' }, { email: 'b@example.com', key: OTHER_KEY }]);
    const statuses: number[] = [];
    for (const key of [KEY, OTHER_KEY]) {
      for (const name of ['a', 'b'])
        statuses.push((await post({ email: `${name}@example.com` }, key)).status);
    }
    expect(statuses).toEqual([409, 201, 201, 409]);
  });

  test('leaves out what is there already', async () => {
    const { admin } = await openSandbox();
    const contacts = [{ email: 'a@example.com', external_id: 'A' }, { email: 'A@example.com' }];
    expect((await admin('POST', '/seed', contacts)).body).toEqual({ seeded: 1, left_out: 1 });
  });

  test.each([
    '{"email":"a@example.com"}\n{"email"',
    '{"email":"a@example.com"}\n{"email":"nope"}',
    '[{"email":"a@example.com"},{"email":"b@example.com","created_at":"x"}]',
    '[{"email":"a@example.com","key":1}]',
    '[7]',
  ])('stores nothing of %s', async (text) => {
    const { admin, state } = await openSandbox();
    const { status, body } = await admin('POST', '/seed', text);
    expect(status).toBe(400);
    expect(body.error).toEqual(expect.any(String));
    expect(state.stored).toBe(0);
  });
});

describe('direction', () => {
  test('rates and an outage can be set while it runs', async () => {
    const { admin, post, get } = await openSandbox();
    expect((await admin('POST', '/faults', { status500: 1 })).body).toEqual({ status500: 1, outage: false });
    expect((await post({ email: 'a@example.com' })).status).toBe(500);
    expect((await admin('POST', '/faults', { outage: true })).body).toEqual({ status500: 1, outage: true });
    expect((await get('/contacts')).status).toBe(503);
    expect((await post({ email: 'a@example.com' }, null)).status).toBe(503);
    await admin('POST', '/faults', { outage: false, status500: 0 });
    expect((await post({ email: 'a@example.com' })).status).toBe(201);
  });

  test.each(['{"nope":1}', '{"drop":"x"}', '{"outage":"yes"}', '7', '{'])(
    'refuses the rates %s',
    async (text) => {
      const { admin } = await openSandbox();
      expect((await admin('POST', '/faults', text)).status).toBe(400);
    },
  );

  test('a reset brings back the beginning, dice included', async () => {
    const { admin, post, stats, ledger, get } = await openSandbox({ faults: { status500: 0.5 }, seed: 5 });
    const play = async () => {
      const statuses: number[] = [];
      for (let n = 0; n < 12; n += 1) statuses.push((await post({ email: `u${n}@example.com` })).status);
      return statuses;
    };
    const before = await play();
    const { data } = (await get('/contacts')).body as { data: { id: string }[] };
    await admin('POST', '/faults', { outage: true, status500: 1 });
    expect((await admin('POST', '/reset')).status).toBe(200);
    expect(await ledger()).toEqual([]);
    expect(await stats()).toMatchObject({
      requests: 0,
      contacts: 0,
      max_in_window: 0,
      first_request_at: null,
    });
    expect(await play()).toEqual(before);
    expect((await get(`/contacts/${data[0]?.id}`)).status).toBe(404);
  });

  test('answers 404 to anything else', async () => {
    const { admin } = await openSandbox();
    for (const [method, path] of [
      ['GET', '/nope'],
      ['GET', '/seed'],
      ['POST', '/stats'],
      ['POST', '/toString'],
    ] as const) {
      expect((await admin(method, path)).status).toBe(404);
    }
  });
});

describe('life', () => {
  test('listens on loopback, on the port that is asked for', async () => {
    const first = await startSandbox();
    const { port } = first;
    expect(first.url).toBe(`http://127.0.0.1:${port}`);
    await expect(startSandbox({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.close();
    const second = await openSandbox({ port });
    expect(second.port).toBe(port);
  });

  test('answers after the latency', async () => {
    const { post } = await openSandbox({ latencyMs: 30 });
    const started = performance.now();
    expect((await post({ email: 'a@example.com' })).status).toBe(201);
    expect(performance.now() - started).toBeGreaterThan(28);
  });

  test('closing destroys idle, silent and waiting connections, and may be done twice', async () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate');
    const sandbox = await startSandbox({ latencyMs: 60_000 });
    const silent = connect(sandbox.port, '127.0.0.1');
    const waiting = connect(sandbox.port, '127.0.0.1');
    const sockets = [silent, waiting];
    for (const socket of sockets) socket.on('error', () => {}).resume();
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    waiting.write(`GET /api/v1/contacts HTTP/1.1\r\nhost: x\r\nx-api-key: ${KEY}\r\n\r\n`);
    while (sandbox.state.counters.requests === 0) await new Promise(setImmediate);
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    await Promise.all([sandbox.close(), sandbox.close()]);
    await closed;
    await new Promise(setImmediate);
    const after = process.getActiveResourcesInfo().filter((kind) => kind !== 'Immediate');
    const count = (kinds: string[], kind: string) => kinds.filter((one) => one === kind).length;
    for (const kind of ['TCPServerWrap', 'TCPSocketWrap', 'Timeout']) {
      expect(count(after, kind), kind).toBeLessThanOrEqual(count(before, kind));
    }
  });
});
