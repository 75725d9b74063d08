/** The exam as its users call it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Destination } from '../../src/destinations/destination.js';
import { RowferryError } from '../../src/errors.js';
import { ExamFailed, examCases, type Fixtures, testDestination } from '../../src/testing/index.js';
import { scratchDir } from '../helpers/scratch.js';
import { acme, acmeFixtures } from './model.js';

test('a destination that is as it should be passes every case', async () => {
  const results = await testDestination(acme, acmeFixtures);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results.filter(({ skipped }) => skipped !== undefined)).toEqual([]);
  expect(results.map(({ name }) => name)).toEqual(examCases(acme, acmeFixtures).map(({ name }) => name));
  expect(new Set(results.map(({ name }) => name)).size).toBe(results.length);
});

test('one error lists everything that failed, and has the results of all', async () => {
  const broken: Destination = {
    ...acme,
    limit: { requests: 100, perMs: 60 },
    aliases: { phone: 'phone' },
    interpret: (answer, contact) =>
      answer.status === 403 ? { kind: 'throttled', message: 'no' } : acme.interpret(answer, contact),
  };
  const error = await testDestination(broken, acmeFixtures).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ExamFailed);
  expect(error).toBeInstanceOf(RowferryError);
  const { code, message, results } = error as ExamFailed;
  expect(code).toBe('EXAM_FAILED');
  expect(message.split('\n')).toEqual([
    `acme fails 4 of ${results.length} cases:`,
    expect.stringMatching(
      /^- account: limit: expected limit\.perMs .*, but the limit is 100 requests per 60 ms; /,
    ),
    expect.stringMatching(/^- contact: aliases: expected every alias to name a field, but /),
    expect.stringMatching(/^- create: 403: expected refused for HTTP 403, but interpret says throttled /),
    expect.stringMatching(/^- create: any status with any body: expected refused for HTTP 403 /),
  ]);
  expect(results.filter(({ ok }) => !ok)).toMatchObject([
    { name: 'account: limit', problem: expect.any(String) as string },
    { name: 'contact: aliases' },
    { name: 'create: 403' },
    { name: 'create: any status with any body' },
  ]);
});

test('what the contract makes optional is skipped, and says why', async () => {
  const { lookup: _, update: _1, bulk: _2, defaults: _3, ...plain } = acme;
  const { lookup: _4, update: _5, bulk: _6, ...fixtures } = acmeFixtures;
  const { duplicateEmail: _7, duplicateExternalId: _8, duplicate: _9, ...create } = fixtures.create;
  const results = await testDestination(
    { ...plain, enforcesUniqueness: false },
    { ...fixtures, create: { ...create, quota: null } },
  );
  expect(results.filter(({ skipped }) => skipped !== undefined)).toEqual([
    { name: 'contact: defaults', ok: true, skipped: 'the destination has none' },
    {
      name: 'create: duplicate email',
      ok: true,
      skipped: 'the destination does not say that email is unique',
    },
    {
      name: 'create: duplicate external_id',
      ok: true,
      skipped: 'the destination does not say that external_id is unique',
    },
    { name: 'create: duplicate of an unknown key', ok: true, skipped: 'the fixtures have no such answer' },
    { name: 'look-up', ok: true, skipped: 'the destination has none' },
    { name: 'update', ok: true, skipped: 'the destination has none' },
    { name: 'bulk', ok: true, skipped: 'the destination has none' },
  ]);
});

test('an API that answers success without a body has no body to be empty or cut off', async () => {
  const silent: Destination = {
    ...acme,
    interpret: (answer, contact) =>
      answer.status === 204 ? { kind: 'created' } : acme.interpret(answer, contact),
  };
  const fixtures: Fixtures = {
    ...acmeFixtures,
    create: { ...acmeFixtures.create, created: { status: 204 } },
  };
  const results = await testDestination(silent, fixtures);
  expect(results.filter(({ skipped }) => skipped !== undefined)).toMatchObject([
    { name: 'create: empty body' },
    { name: 'create: truncated body' },
  ]);
});

test('a body may be given as the text it is', async () => {
  const { invalid } = acmeFixtures.create;
  const text = {
    ...invalid,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object(invalid).body),
  };
  const fixtures = { ...acmeFixtures, create: { ...acmeFixtures.create, invalid: text as never } };
  for (const { name, run } of examCases(acme, fixtures)) {
    if (/^create: (unicode|validation)/.test(name)) await run();
  }
});

const without = <T extends object>(from: T, name: keyof T): T => {
  const { [name]: _, ...rest } = from;
  return rest as T;
};
const create = (name: keyof Fixtures['create']): Fixtures => ({
  ...acmeFixtures,
  create: without(acmeFixtures.create, name),
});

test.each<[string, Fixtures, string]>([
  ['create: created', create('created'), 'no fixture for create.created: add the answer of success'],
  ['create: duplicate email', create('duplicateEmail'), 'no fixture for create.duplicateEmail'],
  [
    'create: duplicate external_id',
    create('duplicateExternalId'),
    'no fixture for create.duplicateExternalId',
  ],
  ['create: validation error', create('invalid'), 'no fixture for create.invalid'],
  [
    'create: 401',
    create('unauthorized'),
    'no fixture for create.unauthorized: add the answer to a wrong key',
  ],
  ['update: 403', create('forbidden'), 'no fixture for create.forbidden'],
  [
    'create: quota',
    create('quota'),
    'no fixture for create.quota: add the answer when plan or quota is used up, or null',
  ],
  ['create: 404', create('notFound'), 'no fixture for create.notFound'],
  ['bulk: 429', create('throttled'), 'no fixture for create.throttled'],
  ['look-up by email: 500', create('serverError'), 'no fixture for create.serverError'],
  ['look-up', without(acmeFixtures, 'lookup'), 'no fixture for lookup'],
  ['update', without(acmeFixtures, 'update'), 'no fixture for update'],
  [
    'update',
    { ...acmeFixtures, update: without(acmeFixtures.update!, 'contactId') },
    'no fixture for update.contactId',
  ],
  ['bulk', without(acmeFixtures, 'bulk'), 'no fixture for bulk'],
  [
    'create: 429',
    { ...acmeFixtures, create: { ...acmeFixtures.create, throttled: [] } },
    'no fixture for create.throttled',
  ],
  [
    'create: created',
    { ...acmeFixtures, create: { ...acmeFixtures.create, created: [] } },
    'no fixture for create.created',
  ],
  ['fixtures', without(acmeFixtures, 'options'), 'no fixture for options'],
  ['fixtures', without(acmeFixtures, 'secrets'), 'no fixture for secrets'],
  [
    'fixtures',
    { ...acmeFixtures, options: { apiKey: 'short' } },
    'no fixture for options.apiKey: add a secret of at least 8',
  ],
  ['fixtures', { ...acmeFixtures, contacts: [{ email: 'a@b.c' }] as never }, 'no fixture for contacts'],
  ['fixtures', { ...acmeFixtures, create: {} as never }, 'no fixture for create.request'],
])('%s fails without its fixture', async (name, fixtures, sentence) => {
  const found = examCases(acme, fixtures).find((one) => one.name === name);
  await expect(found?.run()).rejects.toThrow(sentence);
});

test.each<[string, unknown]>([
  ['interpret', undefined],
  ['limit', null],
  ['aliases', 'email'],
  ['lookup', { request: acme.lookup!.request }],
  ['contact', {}],
])('a destination whose %s is none of the contract is told so', async (part, value) => {
  const cases = examCases({ ...acme, [part]: value } as Destination, acmeFixtures);
  expect(cases.map(({ name }) => name)).toEqual(['contract']);
  await expect(cases[0]!.run()).rejects.toThrow(new RegExp(`^expected ${part}.* of the type .*, but it is `));
});

test('a runner shows each case as a test of its own', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const dir = scratchDir();
  const file = join(dir, 'exam.test.mts');
  const url = (path: string) => JSON.stringify(join(root, path));
  await writeFile(
    file,
    `import test from 'node:test';
import { examCases } from ${url('src/testing/index.ts')};
import { acme, acmeFixtures } from ${url('test/testing/model.ts')};
for (const { name, skipped, run } of examCases({ ...acme, kind: 'Acme' }, acmeFixtures)) test(name, { skip: skipped }, run);
`,
  );
  const child = spawn(process.execPath, ['--import', 'tsx', '--test-reporter=tap', file], { cwd: root });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => {
    output += piece.toString();
  });
  await once(child, 'close');
  expect(output).toMatch(/^not ok \d+ - account: kind$/m);
  expect(output).toMatch(/^ok \d+ - create: created$/m);
  expect(output).toMatch(/^# fail 1$/m);
});
