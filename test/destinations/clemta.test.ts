import { describe, expect, test } from 'vitest';
import { clemta } from '../../src/destinations/clemta.js';
import { answer, fault, optionsOf } from './answer.js';

const OPTIONS = optionsOf(clemta, { CLEMTA_API_KEY: 'ck_1', CLEMTA_COMPANY_ID: '64b8' });
const CONTACT = {
  type: 'customer',
  full_name: 'Ann Lee',
  email: 'ann@example.com',
  company_id: '64b8',
  billing: { country: 'Spain' },
};

const interpret = (...args: Parameters<typeof answer>) => clemta.interpret(answer(...args), CONTACT);
const error = (message: string, code: string, details?: unknown) => ({
  success: false,
  message,
  data: null,
  error: { code, details },
});

test('sends the contact as the body', () => {
  expect(clemta.create(CONTACT, OPTIONS)).toEqual({
    method: 'POST',
    path: '/contacts',
    headers: { 'x-api-key': 'ck_1', 'content-type': 'application/json' },
    body: JSON.stringify(CONTACT),
  });
});

describe('a contact', () => {
  test('is of the company of the account, if it has one', () => {
    expect(clemta.defaults!(OPTIONS)).toEqual({ company_id: '64b8' });
    expect(clemta.defaults!(optionsOf(clemta, { CLEMTA_COMPANY_ID: '' }))).toEqual({});
  });

  test.each<[object, string | undefined]>([
    [{}, undefined],
    [
      { type: 'vendor', status: 'active', description: 'x', cc_emails: ['a@example.com'], bcc_emails: [] },
      undefined,
    ],
    [{ type: undefined }, 'type: required'],
    [{ type: 'Customer' }, 'type: not_customer_or_vendor'],
    [{ full_name: undefined }, 'full_name: required'],
    [{ email: undefined }, 'email: required'],
    [{ email: 'nobody' }, 'email: invalid_format'],
    [{ company_id: undefined }, 'company_id: required'],
    [{ cc_emails: ['a@example.com', 'nobody'] }, 'cc_emails.1: invalid_format'],
    [{ bcc_emails: 'a@example.com' }, 'bcc_emails: not_a_list'],
    [{ billing: { email: 'nobody' } }, 'billing.email: invalid_format'],
    [{ billing: { phone: 7 } }, 'billing.phone: not_a_text'],
    [{ billing: { planet: 'Earth' } }, 'billing: unrecognized_keys'],
    [{ planet: 'Earth' }, ': unrecognized_keys'],
  ])('with %j: %s', (fields, expected) => {
    expect(fault({ ...CONTACT, ...fields }, clemta)).toBe(expected);
  });

  test('has every documented field of a bill', () => {
    const names = ['email', 'phone', 'phone_code', 'iso_code', 'country', 'address_1', 'address_2'];
    names.push('postal_code', 'district', 'state', 'province', 'tax_id');
    const billing = Object.fromEntries(names.map((name) => [name, name === 'email' ? 'a@example.com' : 'x']));
    expect(fault({ ...CONTACT, billing }, clemta)).toBeUndefined();
    const dotted = Object.keys(clemta.fields).filter((name) => name.startsWith('billing.'));
    expect(dotted.sort()).toEqual(names.map((name) => `billing.${name}`).sort());
  });

  test('is told apart within its company and type', () => {
    const scopes = [
      CONTACT,
      { ...CONTACT, type: 'vendor' },
      { ...CONTACT, company_id: '64b9' },
      { ...CONTACT, full_name: 'A. Lee' },
    ].map((contact) => clemta.identity(contact));
    expect(new Set(scopes.map(({ email }) => email))).toEqual(new Set(['ann@example.com']));
    expect(new Set(scopes.map(({ scope }) => scope)).size).toBe(3);
    expect(scopes[3]).toEqual(scopes[0]);
  });
});

describe('interpret', () => {
  test('200 with a contact is created', () => {
    expect(interpret(200, { success: true, message: 'ok', data: { id: 'c-1' } })).toEqual({
      kind: 'created',
      contactId: 'c-1',
    });
  });

  test.each(['', '<html>', '[]', '{}', '{"success":true,"data":null}', '{"success":true,"data":{"id"'])(
    '200 with %j is unclear',
    (body) => {
      expect(interpret(200, body).kind).toBe('unclear');
    },
  );

  test('400 says which field', () => {
    expect(
      interpret(400, error('Invalid request data', 'INVALID_REQUEST', "Field 'email' is required")),
    ).toEqual({
      kind: 'rejected',
      field: 'email',
      code: 'INVALID_REQUEST',
      message: "Invalid request data: Field 'email' is required",
    });
  });

  test('404 about the company is about that field', () => {
    expect(interpret(404, error('Company not found', 'COMPANY_NOT_FOUND'))).toEqual({
      kind: 'rejected',
      field: 'company_id',
      code: 'COMPANY_NOT_FOUND',
      message: 'Company not found',
    });
  });

  test.each([
    [401, 'API_KEY_REQUIRED', 'refused', 'http_401'],
    [401, 'INVALID_API_KEY', 'refused', 'http_401'],
    [400, 'INVALID_API_KEY', 'refused', 'http_401'],
    [403, 'ACCESS_DENIED', 'refused', 'http_403'],
    [400, 'VALIDATION_FAILED', 'rejected', 'VALIDATION_FAILED'],
    [200, 'VALIDATION_FAILED', 'rejected', 'VALIDATION_FAILED'],
    [404, 'NOT_FOUND', 'rejected', 'NOT_FOUND'],
    [409, 'NEW_CODE', 'rejected', 'NEW_CODE'],
    [500, 'INTERNAL_ERROR', 'unavailable', undefined],
    [302, 'NEW_CODE', 'unclear', undefined],
  ])('%i %s is %s', (status, code, kind, told) => {
    const verdict = interpret(status, error('No', code, { any: 'thing' }));
    expect(verdict).toMatchObject({ kind });
    expect('code' in verdict ? verdict.code : undefined).toBe(told);
  });

  test('429 waits as announced', () => {
    const body = error('Rate limit exceeded', 'RATE_LIMIT_EXCEEDED', 'Try again in 30 seconds');
    expect(interpret(429, body, { 'retry-after': '60' })).toMatchObject({
      kind: 'throttled',
      waitMs: 60_000,
    });
    expect(interpret(429, body)).toMatchObject({ kind: 'throttled', waitMs: 30_000 });
  });

  test('a duplicate is not documented, but understood', () => {
    expect(interpret(409, error('Contact already exists', 'CONFLICT'))).toEqual({
      kind: 'duplicate',
      message: 'Contact already exists',
    });
  });
});

describe('look-up', () => {
  const { request, read } = clemta.lookup!;
  const { company_id: _, ...shown } = CONTACT;
  const held = { ...shown, id: 'c-1', created_at: 1_640_995_200, status: 'active', cc_emails: [] };
  const found = (contacts: unknown[], more: object = {}) =>
    read(answer(200, { success: true, data: { contacts, ...more } }), CONTACT);

  test('asks for the address in the company', () => {
    expect(request({ ...CONTACT, email: 'a+b@example.com' }, OPTIONS)).toEqual({
      method: 'GET',
      path: '/contacts?company_id=64b8&search=a%2Bb%40example.com',
      headers: { 'x-api-key': 'ck_1' },
    });
  });

  test('finds what was sent, created at seconds of the epoch', () => {
    const createdMs = 1_640_995_200_000;
    expect(found([held])).toEqual({ kind: 'found', contactId: 'c-1', createdMs, same: true });
    expect(found([{ ...held, created_at: createdMs }])).toMatchObject({ createdMs });
    expect(found([{ ...held, created_at: null }])).not.toHaveProperty('createdMs');
  });

  test('of several takes the newest that is the same', () => {
    const others = [
      { ...held, id: 'old', created_at: 1_000_000_000 },
      { ...held, id: 'other', full_name: 'Anna', created_at: 1_700_000_000 },
      { ...held, id: 'vendor', type: 'vendor', created_at: 1_800_000_000 },
      held,
      null,
    ];
    expect(found(others)).toMatchObject({ contactId: 'c-1', same: true });
    expect(found(others.slice(1, 3))).toMatchObject({ contactId: 'other', same: false });
  });

  test('finds nothing only when it saw everything', () => {
    expect(found([], { total: 0, skip: 0, limit: 20 })).toEqual({ kind: 'absent' });
    expect(found([{ ...held, type: 'vendor' }], { total: 1 })).toEqual({ kind: 'absent' });
    expect(found([{ ...held, type: 'vendor' }], { total: 30 })).toMatchObject({ kind: 'no_answer' });
  });

  test.each([
    [answer(500, ''), 'unavailable'],
    [answer(404, error('Company not found', 'COMPANY_NOT_FOUND')), 'rejected'],
    [answer(200, { success: true, data: { id: 'c-1' } }), 'unclear'],
    [answer(200, { success: true, data: [] }), 'unclear'],
  ])('has no answer in %o', (given, kind) => {
    expect(read(given, CONTACT)).toMatchObject({ kind: 'no_answer', verdict: { kind } });
  });
});

test('updates the contact a look-up found', () => {
  const update = clemta.update!;
  expect(update.needsId).toBe(true);
  expect(update.request(CONTACT, OPTIONS, 'c/1')).toEqual({
    method: 'PATCH',
    path: '/contacts/c%2F1',
    headers: { 'x-api-key': 'ck_1', 'content-type': 'application/json' },
    body: JSON.stringify(CONTACT),
  });
  expect(update.interpret(answer(200, { success: true, data: { id: 'c-1' } }), CONTACT)).toEqual({
    kind: 'updated',
    contactId: 'c-1',
  });
  expect(update.interpret(answer(404, error('Gone', 'CONTACT_NOT_FOUND')), CONTACT).kind).toBe('rejected');
});
