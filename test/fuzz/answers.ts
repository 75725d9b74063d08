/** Whatever an API answers: a verdict in due form on each contact, a step for each row, and no key in any of it. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Contact } from '../../src/contact.js';
import { Circuit } from '../../src/delivery/circuit.js';
import type { Step } from '../../src/delivery/decide.js';
import { Exchange } from '../../src/delivery/exchange.js';
import { Hold } from '../../src/delivery/hold.js';
import type { ApiAnswer, Destination, Options } from '../../src/destinations/destination.js';
import { type Account, DESTINATIONS } from '../../src/destinations/registry.js';
import type { BatchClaim, RunRecord } from '../../src/outcomes/settle.js';
import type { Verdict } from '../../src/verdict.js';
import { autosendFixtures } from '../destinations/fixtures/autosend.js';
import { cendynFixtures } from '../destinations/fixtures/cendyn.js';
import { clemtaFixtures } from '../destinations/fixtures/clemta.js';
import { sendmatorFixtures } from '../destinations/fixtures/sendmator.js';
import { destinationOf, optionsOf, SAMPLES } from '../destinations/http/sample.js';
import { type Fuzzer, json, mangled, text } from './words.js';

const KEY = 'sk_live_fuzz/"0123456789';
const OWN = { activecampaign_url: 'https://example.api-us1.com', mailchimp_dc: 'us19' };

interface Subject {
  destination: Destination;
  options: Options;
  /** A made one answers by its user's rules, which may call any answer anything. */
  made: boolean;
}

const SUBJECTS: readonly Subject[] = [
  ...DESTINATIONS.map((destination) => {
    const names = Object.keys(destination.env).filter((name) => name !== 'baseUrl');
    const options = { baseUrl: 'http://127.0.0.1', ...Object.fromEntries(names.map((name) => [name, KEY])) };
    return { destination, options, made: false };
  }),
  ...SAMPLES.map((name) => {
    const environment = Object.fromEntries(
      Object.entries(OWN).map(([key, value]) => [key.toUpperCase(), value]),
    );
    const destination = destinationOf(name, environment);
    return { destination, options: { ...optionsOf(destination), fuzz: KEY }, made: true };
  }),
];

const CONTACTS: readonly Contact[] = [
  {
    ...{
      email: 'john@example.com',
      external_id: 'C-1',
      userId: 'user_12345',
      company_id: 'c',
      type: 'customer',
    },
    ...{ first_name: 'John', full_name: 'John Doe', tags: ['a'], custom_fields: { plan: 'x' } },
  },
  { email: 'jane@example.com' },
];

/** Every answer that the fixtures hold, as its text. */
const KNOWN = [autosendFixtures, cendynFixtures, clemtaFixtures, sendmatorFixtures].flatMap(answersIn);

function answersIn(node: unknown): { status: number; body: string }[] {
  if (typeof node !== 'object' || node === null) return [];
  const { status, body } = node as { status?: unknown; body?: unknown };
  const own = typeof status === 'number' ? [{ status, body: JSON.stringify(body) ?? '' }] : [];
  return [...own, ...Object.values(node).flatMap(answersIn)];
}

const name = fc.constantFrom(
  ...'id email external_id user_id userId data contacts contact error errors message details code field success'.split(
    ' ',
  ),
  ...'created skipped reason summary retryAfter total created_at createdAt status type category title pointer'.split(
    ' ',
  ),
  ...'__proto__ constructor toString length detail duplicate_identifiers new_members email_address results'.split(
    ' ',
  ),
);
const word = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1e308,
    2 ** 53,
    '',
    'ann@example.com',
    'john@example.com',
    'C-1',
  ),
  fc.constantFrom<unknown>(
    KEY,
    `the key ${KEY} is wrong`,
    'already exists',
    'DUPLICATE',
    'CONFLICT',
    '2024-01-01',
  ),
  fc.constantFrom<unknown>('try again in 99999999999999999999 hours', 'in 5 seconds', 'VALIDATION_FAILED'),
  text,
);
const body = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    word,
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(name, tie('node'), { maxKeys: 6 }),
  ),
})).node;
/** JSON that hides a text from whoever looks for it as it is. */
const veiled = (written: string) =>
  written.replaceAll('sk_live', '\\u0073\\u006B_live').replaceAll('fuzz/', 'fuzz\\/');
const header = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-7',
    '7',
    '1e999',
    '9'.repeat(400),
    'soon',
    'Sun, 01 Feb 2026 12:00:00 GMT',
    '1769947200',
  ),
  fc.constantFrom(KEY, '99999999999999'),
  text,
);
const answer: fc.Arbitrary<ApiAnswer> = fc
  .record({
    known: fc.constantFrom(...KNOWN),
    status: fc.oneof(
      fc.constant(undefined),
      fc.constantFrom(200, 201, 400, 409, 422, 429),
      fc.integer({ min: 100, max: 599 }),
    ),
    body: fc.oneof(
      fc.constant(undefined),
      body.map((value) => JSON.stringify(value) ?? ''),
      body.map((value) => veiled(JSON.stringify(value) ?? '')),
      json.map((value) => JSON.stringify(value) ?? ''),
      text,
      fc.constantFrom(
        '',
        '<html>502</html>',
        '{',
        `"${'x'.repeat(3_000)}"`,
        `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
      ),
    ),
    mangle: mangled(fc.constantFrom(...KNOWN.map((one) => one.body))),
    mangles: fc.boolean(),
    headers: fc.dictionary(
      fc.constantFrom(
        'retry-after',
        'x-ratelimit-reset',
        'x-ratelimit-remaining',
        'ratelimit',
        'date',
        'location',
        'content-type',
      ),
      header,
      { maxKeys: 4, noNullPrototype: true },
    ),
  })
  .map((given) => ({
    status: given.status ?? given.known.status,
    body: given.body ?? (given.mangles ? given.mangle : given.known.body),
    headers: given.headers,
  }));

function expectVerdict(verdict: Verdict, { status }: ApiAnswer, made: boolean): void {
  const { kind, contactId, message, field, code, key, waitMs, ...rest } = verdict as Record<string, unknown>;
  expect(rest).toEqual({});
  if (kind === 'created' || kind === 'updated') {
    if (!made) expect(status).toBeLessThan(300);
    expect(message).toBeUndefined();
  } else expect(message).toEqual(expect.stringMatching(/\S/));
  for (const one of [contactId, field, code, key])
    if (one !== undefined) expect(typeof one === 'string' && one !== '').toBe(true);
  if (waitMs !== undefined) expect(Number.isFinite(waitMs) && Number(waitMs) >= 0).toBe(true);
}

const STATUSES = ['created', 'updated', 'skipped', 'failed'];

/** Every row goes on, or is settled: none is forgotten. */
function expectStep(step: Step): void {
  expect(['settle', 'look_up', 'find', 'create', 'update', 'retry', 'throttle', 'halt']).toContain(step.do);
  if (step.do === 'halt') expect(step.message).toMatch(/\S/);
  if (step.do !== 'settle') return;
  const { status, reason, row, attempts } = step.outcome;
  expect(STATUSES).toContain(status);
  expect([row, attempts].every(Number.isInteger)).toBe(true);
  if (status === 'skipped' || status === 'failed') expect(reason).toMatch(/^[a-z_]+$/);
}

const clock = { now: () => 0, monotonic: () => 0, random: () => 0 } as never;

function exchangeOf({ destination, options }: Subject): Exchange {
  const account = { id: 'x', name: 'x', destination, options, setBy: {}, settings: {} } satisfies Account;
  const circuit = new Circuit({
    trip: async () => 0,
    closeCircuit: async () => {},
    probeAgain: async () => {},
  } as never);
  return new Exchange({ clock, account, pace: { redisNowMs: () => 0 }, circuit, onError: raise });
}

function raise(error: Error): never {
  throw error;
}

function itemsOf(count: number, update: boolean) {
  const rows = CONTACTS.slice(0, count).map((contact, i) => [i + 1, contact]);
  const batch = { run: 'r', epoch: 1, attempts: 5, bulk: count > 1, update, rows };
  return new Hold({} as RunRecord, {} as BatchClaim, batch as never, 0).items;
}

export const answerFuzzers: readonly Fuzzer[] = [
  {
    name: 'any answer has a verdict in due form on each contact',
    share: 30,
    property: fc.property(fc.constantFrom(...SUBJECTS), answer, ({ destination, made }, given) => {
      const [contact] = CONTACTS as [Contact];
      const verdicts = [destination.interpret(given, contact)];
      if (destination.update) verdicts.push(destination.update.interpret(given, contact));
      for (const key of [undefined, 'email', 'external_id'] as const) {
        const finding = destination.lookup?.read(given, contact, key);
        if (finding?.kind === 'no_answer') verdicts.push(finding.verdict);
      }
      const each = destination.bulk?.interpret(given, CONTACTS);
      if (each) expect(each).toHaveLength(CONTACTS.length);
      for (const verdict of [...verdicts, ...(each ?? [])]) expectVerdict(verdict, given, made);
    }),
  },
  {
    name: 'any answer is a step for each row, and tells no key',
    share: 30,
    property: fc.property(
      fc.constantFrom(...SUBJECTS),
      answer,
      fc.constantFrom('create', 'look_up', 'find', 'update', 'bulk'),
      fc.boolean(),
      (subject, given, errand, update) => {
        const { destination } = subject;
        if (errand === 'bulk' && !destination.bulk) return;
        if ((errand === 'look_up' || errand === 'find') && !destination.lookup) return;
        if ((errand === 'update' || update) && !destination.update) return;
        const items = itemsOf(errand === 'bulk' ? 2 : 1, update);
        const otherwise = { row: 1, status: 'skipped', reason: 'duplicate_email', attempts: 1 } as const;
        if (errand === 'look_up') items[0]!.errand = { do: 'look_up', otherwise };
        if (errand === 'find') items[0]!.errand = { do: 'find' };
        if (errand === 'update') items[0]!.errand = { do: 'update', otherwise };
        const steps = exchangeOf(subject).understand(items, { answer: { ...given } });
        expect(steps).toHaveLength(items.length);
        for (const step of steps) {
          expectStep(step);
          // By this id it is asked for next; it is told once it stands in an outcome.
          if (step.do === 'update') delete step.contactId;
        }
        expect(textsIn(steps).join('\n')).not.toContain(KEY);
      },
    ),
  },
];

function textsIn(node: unknown): string[] {
  if (typeof node === 'string') return [node];
  return typeof node === 'object' && node !== null ? Object.values(node).flatMap(textsIn) : [];
}
