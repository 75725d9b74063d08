import { expect, test } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { Circuit } from '../../src/delivery/circuit.js';
import { Exchange } from '../../src/delivery/exchange.js';
import { Hold } from '../../src/delivery/hold.js';
import { httpDestination } from '../../src/destinations/http.js';
import { bindAccount } from '../../src/destinations/registry.js';
import type { BatchClaim, RunRecord } from '../../src/outcomes/settle.js';

const PASSWORD = 'pass"wörd/with\\all&of it';

/** What a row becomes when the API answers so. */
function stepAfter(status: number, body: string, headers: Record<string, string> = {}) {
  const destination = httpDestination({
    base_url: 'http://127.0.0.1:9',
    basic_auth: { username: 'me', password: PASSWORD },
    fields: { email: { type: 'text', unique: true } },
    create: { path: '/contacts' },
    answers: [{ status: 303, verdict: 'rejected', message: '$headers.location' }],
  });
  const entry = { name: 'crm', kind: 'http', options: {}, settings: {}, unset: [], file: 'rowferry.yaml' };
  const clock = { now: () => 0, monotonic: () => 0, random: () => 0 } as Clock;
  const exchange = new Exchange({
    clock,
    account: bindAccount(destination, {}, entry),
    pace: { redisNowMs: () => 0 },
    circuit: new Circuit({} as ConstructorParameters<typeof Circuit>[0]),
    onError: (error) => {
      throw error;
    },
  });
  const batch = { run: 'r', epoch: 1, attempts: 5, rows: [[1, { email: 'ann@example.com' }]] };
  const hold = new Hold({} as RunRecord, {} as BatchClaim, batch as unknown as Hold['batch'], 0);
  return JSON.stringify(exchange.understand(hold.items, { answer: { status, headers, body } }));
}

test.each([
  ['as it is', PASSWORD],
  ['escaped by JSON', JSON.stringify(PASSWORD).slice(1, -1)],
  ['escaped by JSON, slashes too', JSON.stringify(PASSWORD).slice(1, -1).replaceAll('/', '\\/')],
  ['encoded for a URL', encodeURIComponent(PASSWORD)],
  [
    'encoded for a URL in small letters',
    encodeURIComponent(PASSWORD).replace(/%../g, (found) => found.toLowerCase()),
  ],
  ['in base64', Buffer.from(PASSWORD).toString('base64').replace(/=+$/, '')],
  ['in the base64 of URLs', Buffer.from(PASSWORD).toString('base64url')],
  ['as the header that was sent', Buffer.from(`me:${PASSWORD}`).toString('base64').replace(/=+$/, '')],
])('a password that the API tells back %s is not repeated', (how, told) => {
  const body = how === 'as it is' ? told : `{"message":"not the password: ${told}."}`;
  const step = stepAfter(422, body);
  expect(step).not.toMatch(/w.rd.{1,4}with|with.*all/i);
  expect(step).not.toContain(told);
  if (how !== 'as it is') expect(step).toContain('not the password: ***.');
});

test('nor one that JSON veils', () => {
  const veiled = JSON.stringify(PASSWORD).slice(1, -1).replace('pass', '\\u0070\\u0061ss');
  expect(stepAfter(422, `{"message":"not the password: ${veiled}."}`)).toContain('not the password: ***.');
});

test('nor one that stands in a header of its answer', () => {
  const location = `/contacts/5?password=${encodeURIComponent(PASSWORD)}`;
  expect(stepAfter(303, '', { location })).toContain('/contacts/5?password=***');
});
