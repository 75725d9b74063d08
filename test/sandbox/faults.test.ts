import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { checkRates, createRandom, faultOfAddress, faultOfRoll } from '../../src/sandbox/faults.js';
import { createClock, KEY, type Opened, OTHER_KEY, openSandbox } from './helpers.js';

/** The status, or `lost` if there was no whole answer. */
async function outcomeOf(sending: Promise<{ status: number }>): Promise<number | 'lost'> {
  try {
    return (await sending).status;
  } catch {
    return 'lost';
  }
}

async function outcomes({ post }: Opened, email: string, times: number) {
  const seen: (number | 'lost')[] = [];
  for (let n = 0; n < times; n += 1) seen.push(await outcomeOf(post({ email })));
  return seen;
}

/** Sends a contact that is never answered; resolves when the sandbox has met the fault, then gives up. */
async function postIntoSilence(sandbox: Opened, email: string): Promise<void> {
  const body = JSON.stringify({ email });
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json', 'content-length': body.length };
  const sending = request(`${sandbox.url}/api/v1/contacts`, { method: 'POST', headers });
  const closed = new Promise((resolve) => sending.once('close', resolve));
  let answered = false;
  sending.on('response', () => {
    answered = true;
  });
  sending.on('error', () => {});
  sending.end(body);
  while ((await sandbox.stats()).dropped === 0) await new Promise(setImmediate);
  expect(answered).toBe(false);
  sending.destroy();
  await closed;
}

describe('faults by address', () => {
  test.each([
    ['throttle-once', [429, 201, 409], 1],
    ['throttle-twice', [429, 429, 201], 1],
    ['throttle-date', [429, 201], 1],
    ['throttle-body', [429, 201], 1],
    ['throttle-silent', [429, 201], 1],
    ['throttle-reset', [429, 201], 1],
    ['throttle-draft', [429, 201], 1],
    ['throttle-structured', [429, 201], 1],
    ['throttle-milliseconds', [429, 201], 1],
    ['throttle-field', [429, 201], 1],
    ['trickle', [201, 409], 1],
    ['close', [201, 409], 1],
    ['error-once', [500, 201], 1],
    ['error-twice', [500, 500, 201], 1],
    ['error-always', [500, 500, 500, 500], 0],
    ['error-after-accept', [500, 409], 1],
    ['reject', [400, 400], 0],
    ['refuse', [401, 401], 0],
    ['quota', [402, 402], 0],
    ['reset-once', ['lost', 201], 1],
    ['drop-after-accept', ['lost', 409], 1],
    ['truncate-after-accept', ['lost', 409], 1],
    ['html', [502, 201], 1],
    ['empty', [200, 201], 1],
  ] as const)('%s: %j', async (name, expected, stored) => {
    const sandbox = await openSandbox();
    expect(await outcomes(sandbox, `${name}@example.com`, expected.length)).toEqual(expected);
    expect(sandbox.state.stored).toBe(stored);
    // "Once" is per address and per key.
    expect(await outcomes(sandbox, `${name}.2@example.com`, 1)).toEqual([expected[0]]);
    expect(await outcomeOf(sandbox.post({ email: `${name}@example.com` }, OTHER_KEY))).toBe(expected[0]);
    const { requests, by_status, dropped, faults } = await sandbox.stats();
    expect(requests).toBe(expected.length + 2);
    expect(Object.values(by_status).reduce((sum, count) => sum + count, dropped)).toBe(requests);
    expect(faults[name]).toBeGreaterThanOrEqual(3);
  });

  test('the accepted ones are stored before their answer is lost', async () => {
    for (const name of ['error-after-accept', 'drop-after-accept', 'truncate-after-accept']) {
      const sandbox = await openSandbox();
      await outcomes(sandbox, `${name}@example.com`, 1);
      expect(await sandbox.ledger()).toMatchObject([
        { email: `${name}@example.com`, posts: 1, seeded: false },
      ]);
    }
  });

  test('throttles say how long in the way of their name', async () => {
    const { post } = await openSandbox({ now: createClock().now });
    const body = {
      error: { type: 'rate_limit_error', message: 'Rate limit exceeded. Try again in 1 seconds.' },
    };
    const once = await post({ email: 'throttle-once@example.com' });
    const date = await post({ email: 'throttle-date@example.com' });
    const sentence = await post({ email: 'throttle-body@example.com' });
    expect([once.body, date.body, sentence.body]).toEqual([body, body, body]);
    expect(once.headers.get('retry-after')).toBe('1');
    expect(date.headers.get('date')).toBe('Tue, 01 Jan 2030 00:00:00 GMT');
    expect(date.headers.get('retry-after')).toBe('Tue, 01 Jan 2030 00:00:01 GMT');
    expect(sentence.headers.get('retry-after')).toBeNull();
  });

  test('html and empty answers are no JSON', async () => {
    const { post } = await openSandbox();
    const html = await post({ email: 'html@example.com' });
    expect(html.headers.get('content-type')).toBe('text/html');
    expect(html.text).toContain('<h1>502 Bad Gateway</h1>');
    expect((await post({ email: 'empty@example.com' })).text).toBe('');
  });

  test('a truncated answer shows its status and breaks off inside the JSON', async () => {
    const { url } = await openSandbox();
    const response = await fetch(`${url}/api/v1/contacts`, {
      method: 'POST',
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'truncate-after-accept@example.com' }),
    });
    expect(response.status).toBe(201);
    await expect(response.text()).rejects.toThrow();
  });

  test.each([
    ['hang', 0],
    ['hang-after-accept', 1],
  ])('%s holds the connection until the client gives up', async (name, stored) => {
    const sandbox = await openSandbox();
    await postIntoSilence(sandbox, `${name}@example.com`);
    expect(sandbox.state.stored).toBe(stored);
    expect(await outcomes(sandbox, `${name}@example.com`, 1)).toEqual([stored === 1 ? 409 : 201]);
  });

  test('slow answers late but honestly', async () => {
    const { post } = await openSandbox();
    const started = performance.now();
    expect((await post({ email: 'slow@example.com' })).status).toBe(201);
    expect(performance.now() - started).toBeGreaterThan(290);
  });

  test('the lost answer may be a conflict', async () => {
    const sandbox = await openSandbox({ keys: [KEY] });
    await sandbox.admin('POST', '/seed', [{ email: 'drop-after-accept@example.com' }]);
    expect(await outcomes(sandbox, 'drop-after-accept@example.com', 2)).toEqual(['lost', 409]);
    expect(await sandbox.ledger()).toMatchObject([{ seeded: true, posts: 2 }]);
  });

  test('one fault in a bulk request decides for the whole request', async () => {
    const { send, state } = await openSandbox();
    const contacts = [
      { email: 'a@example.com' },
      { email: 'error-once@example.com' },
      { email: 'html@example.com' },
    ];
    const statuses: number[] = [];
    for (let n = 0; n < 3; n += 1)
      statuses.push((await send('POST', '/api/v1/contacts/bulk', { contacts })).status);
    expect(statuses).toEqual([500, 502, 201]);
    expect(state.stored).toBe(3);
  });

  test.each([
    ['throttle-twice@x.io', 'throttle-twice'],
    ['throttle-twice.12@x.io', 'throttle-twice'],
    ['Throttle-Twice+a.b@x.io', 'throttle-twice'],
    ['hang.7+x@x.io', 'hang'],
    ['slow.jones@x.io', undefined],
    ['slower@x.io', undefined],
    ['ann@slow.io', undefined],
    ['slow', undefined],
  ])('%s asks for %s', (email, name) => {
    expect(faultOfAddress(email)?.name).toBe(name);
  });
});

describe('faults by rate', () => {
  const rates = { status500: 0.1, html502: 0.1, throttle: 0.1, reset: 0.1, drop: 0.1, truncated: 0.1 };

  async function rehearse(seed: number) {
    const sandbox = await openSandbox({ faults: rates, seed });
    const seen: (number | 'lost')[] = [];
    for (let n = 0; n < 60; n += 1) seen.push(...(await outcomes(sandbox, `user${n}@example.com`, 1)));
    return { seen, stats: await sandbox.stats(), ledger: await sandbox.ledger() };
  }

  test('are the same for the same seed, and others for another', async () => {
    const [first, second, other] = await Promise.all([rehearse(7), rehearse(7), rehearse(8)]);
    expect(second.seen).toEqual(first.seen);
    expect(second.stats.faults).toEqual(first.stats.faults);
    expect(other.seen).not.toEqual(first.seen);
    expect(Object.keys(first.stats.faults).length).toBeGreaterThan(3);
  });

  test('the ledger agrees with what was answered or lost after the write', async () => {
    const { seen, stats, ledger } = await rehearse(3);
    const { reset = 0, drop = 0, truncated = 0 } = stats.faults;
    expect(stats.dropped).toBe(reset + drop + truncated);
    expect(seen.filter((one) => one === 'lost')).toHaveLength(stats.dropped);
    expect(ledger).toHaveLength((stats.by_status[201] ?? 0) + drop + truncated);
    expect(stats.contacts).toBe(ledger.length);
    expect(ledger.every(({ posts }) => posts === 1)).toBe(true);
  });

  test('meet nothing but POST /contacts', async () => {
    const { get, send, post } = await openSandbox({ faults: { status500: 1 } });
    expect((await get('/contacts')).status).toBe(200);
    expect((await send('POST', '/api/v1/contacts/bulk', { contacts: [] })).status).toBe(201);
    expect((await post({ email: 'a@example.com' })).status).toBe(500);
  });

  test('fill the intervals of their probabilities', () => {
    expect(faultOfRoll({ status500: 0.25, drop: 0.25 }, 0.1)?.name).toBe('status500');
    expect(faultOfRoll({ status500: 0.25, drop: 0.25 }, 0.25)?.name).toBe('drop');
    expect(faultOfRoll({ status500: 0.25, drop: 0.25 }, 0.5)).toBeUndefined();
    const random = createRandom(1);
    let met = 0;
    for (let n = 0; n < 100_000; n += 1) if (faultOfRoll({ throttle: 0.02 }, random())) met += 1;
    expect(met / 100_000).toBeCloseTo(0.02, 2);
  });

  test('are refused when they make no sense', async () => {
    expect(checkRates({ throttle: 0.5, drop: 0.5 })).toEqual({ throttle: 0.5, drop: 0.5 });
    expect(checkRates({ nope: 0.1 })).toContain('"nope"');
    expect(checkRates({ drop: 2 })).toContain('drop');
    expect(checkRates({ drop: 0.6, hang: 0.6 })).toContain('1 together');
    await expect(openSandbox({ faults: { drop: -1 } })).rejects.toThrow(RangeError);
  });
});
