import { describe, expect, test } from 'vitest';
import { autosend } from '../../src/destinations/autosend.js';
import { answer, fault, optionsOf } from './answer.js';

const OPTIONS = optionsOf(autosend, { AUTOSEND_API_KEY: 'as_1' });
const CONTACT = { email: 'ann@example.com', firstName: 'Ann', customFields: { plan: 'pro', seats: 3 } };
const HEADERS = { authorization: 'Bearer as_1', 'content-type': 'application/json' };

const interpret = (...args: Parameters<typeof answer>) => autosend.interpret(answer(...args), CONTACT);
const error = (code: string, message: string, more: object = {}) => ({
  success: false,
  error: { message, code, ...more },
});

test('sends the contact as the body', () => {
  expect(autosend.create(CONTACT, OPTIONS)).toEqual({
    method: 'POST',
    path: '/v1/contacts',
    headers: HEADERS,
    body: JSON.stringify(CONTACT),
  });
});

test.each<[object, string | undefined]>([
  [CONTACT, undefined],
  [{ email: 'a@example.com', userId: 'u', listIds: ['507f1f77bcf86cd799439011'] }, undefined],
  [{ email: 'a@example.com', customFields: { a: 'x', b: 1.5, c: true, d: '2024-03-01' } }, undefined],
  [{}, 'email: required'],
  [{ email: 'nobody' }, 'email: invalid_format'],
  [{ email: `${'a'.repeat(250)}@example.com` }, 'email: too_long'],
  [{ email: 'a@example.com', userId: 7 }, 'userId: not_a_text'],
  [{ email: 'a@example.com', listIds: '507f' }, 'listIds: not_a_list'],
  [{ email: 'a@example.com', customFields: { a: ['x'] } }, 'customFields.a: not_a_single_value'],
  [{ email: 'a@example.com', customFields: { a: null } }, 'customFields.a: not_a_single_value'],
  [{ email: 'a@example.com', customFields: 'x' }, 'customFields: not_an_object'],
])('takes %j: %s', (contact, expected) => {
  expect(fault(contact, autosend)).toBe(expected);
});

test('is told apart by e-mail alone', () => {
  expect(autosend.identity({ email: 'Ann@Example.com', userId: 'u-1' })).toEqual({
    email: 'ann@example.com',
  });
});

describe('interpret', () => {
  test.each([200, 201])('%i with a contact is created', (status) => {
    expect(interpret(status, { success: true, data: { id: 'c-1' } })).toEqual({
      kind: 'created',
      contactId: 'c-1',
    });
  });

  test.each([
    ['400 in the words of a validation', 400, error('VALIDATION_FAILED', 'Contact already exists')],
    [
      '400 about the e-mail',
      400,
      error('VALIDATION_FAILED', 'Invalid', { details: [{ field: 'email', message: 'already in use' }] }),
    ],
    ['409', 409, error('CONFLICT', 'Contact with this email already exists')],
    ['409 without words', 409, {}],
  ])('a duplicate: %s', (_, status, body) => {
    expect(interpret(status, body)).toMatchObject({ kind: 'duplicate', key: 'email' });
  });

  test.each([
    [
      'another field that is taken',
      400,
      error('VALIDATION_FAILED', 'Invalid', { details: [{ field: 'listIds', message: 'duplicate id' }] }),
    ],
    ['a list that does not exist', 400, error('VALIDATION_FAILED', 'List does not exist')],
    ['409 of something before the API', 409, '<html>'],
  ])('no duplicate: %s', (_, status, body) => {
    expect(interpret(status, body).kind).toBe('rejected');
  });

  test('400 names field, code and every sentence', () => {
    const details = [
      { field: 'email', message: 'must be an email' },
      { field: 'listIds', message: 'must be an array' },
    ];
    expect(interpret(400, error('VALIDATION_FAILED', 'Validation failed', { details }))).toEqual({
      kind: 'rejected',
      field: 'email',
      code: 'VALIDATION_FAILED',
      message: 'Validation failed; email: must be an email; listIds: must be an array',
    });
  });

  test.each([
    [401, 'UNAUTHORIZED', 'refused', 'http_401'],
    [402, 'PAYMENT_REQUIRED', 'refused', 'http_402'],
    [403, 'FORBIDDEN', 'refused', 'http_403'],
    [400, 'PLAN_LIMIT_REACHED', 'refused', 'http_402'],
    [429, 'PLAN_QUOTA', 'refused', 'http_402'],
    [400, 'UNAUTHORIZED', 'refused', 'http_401'],
    [404, 'NOT_FOUND', 'rejected', 'NOT_FOUND'],
    [429, 'RATE_LIMIT_EXCEEDED', 'throttled', undefined],
    [200, 'RATE_LIMIT_EXCEEDED', 'throttled', undefined],
    [500, 'SERVER_ERROR', 'unavailable', undefined],
    [503, 'VALIDATION_FAILED', 'unavailable', undefined],
    [200, 'VALIDATION_FAILED', 'rejected', 'VALIDATION_FAILED'],
    [200, 'NEW_CODE', 'rejected', 'NEW_CODE'],
    [302, 'NEW_CODE', 'unclear', undefined],
  ])('%i %s is %s', (status, code, kind, told) => {
    const verdict = interpret(status, error(code, 'No'));
    expect(verdict).toMatchObject({ kind });
    expect('code' in verdict ? verdict.code : undefined).toBe(told);
  });

  test.each<[string, unknown, Record<string, string>, number | undefined]>([
    ['beside the error', { success: false, retryAfter: 3, error: {} }, {}, 3_000],
    ['in the error', error('RATE_LIMIT_EXCEEDED', 'Slow down', { retryAfter: 3 }), {}, 3_000],
    [
      'in its details',
      error('RATE_LIMIT_EXCEEDED', 'Slow down', { details: { retryAfter: '1.5' } }),
      {},
      1_500,
    ],
    [
      'in a list of details',
      error('RATE_LIMIT_EXCEEDED', 'Slow down', { details: [{ retryAfter: 3 }] }),
      {},
      3_000,
    ],
    ['before the reset', { retryAfter: 3 }, { 'x-ratelimit-reset': '9' }, 3_000],
    ['after a header that says it', { retryAfter: 3 }, { 'retry-after': '7' }, 7_000],
    ['that is no number', { retryAfter: { toString: 1 } }, { 'x-ratelimit-reset': '9' }, 9_000],
    ['below zero', { retryAfter: -3 }, {}, undefined],
    ['not at all', error('RATE_LIMIT_EXCEEDED', 'Slow down'), {}, undefined],
  ])('429 waits as told %s', (_, body, headers, waitMs) => {
    const verdict = interpret(429, body, headers);
    expect(verdict.kind).toBe('throttled');
    expect('waitMs' in verdict ? verdict.waitMs : undefined).toBe(waitMs);
  });

  test.each(['', '<html>', '[]', 'null', '{}', '{"success":true}', '{"success":true,"data":{"id":'])(
    '200 with %j is unclear',
    (body) => {
      expect(interpret(200, body).kind).toBe('unclear');
    },
  );

  test('204 and 404 without a word of the API', () => {
    expect(interpret(204, '').kind).toBe('unclear');
    expect(interpret(404, '<html>')).toMatchObject({ kind: 'refused', code: 'http_404' });
  });
});

describe('look-up', () => {
  const { request, read } = autosend.lookup!;
  const createdAt = '2024-01-15T10:30:00.000Z';
  const held = { id: 'c-1', ...CONTACT, userId: null, createdAt, updatedAt: createdAt, projectId: 'p' };
  const found = (contacts: unknown[], contact: object = CONTACT) =>
    read(answer(200, { success: true, data: { contacts } }), contact as Record<string, unknown>);

  test('asks for the address', () => {
    expect(request(CONTACT, OPTIONS)).toEqual({
      method: 'POST',
      path: '/v1/contacts/search/emails',
      headers: HEADERS,
      body: '{"emails":["ann@example.com"]}',
    });
  });

  test('finds what was sent', () => {
    const same = { kind: 'found', contactId: 'c-1', createdMs: Date.parse(createdAt), same: true };
    expect(found([{ id: 'c-0', email: 'b@example.com' }, held])).toEqual(same);
    expect(found([held], { ...CONTACT, listIds: ['l'] })).toEqual(same);
    expect(
      found([{ ...held, customFields: { until: '2024-03-01T00:00:00.000Z' } }], {
        email: 'ann@example.com',
        customFields: { until: '2024-03-01' },
      }),
    ).toEqual(same);
  });

  test.each([{ firstName: 'Anna' }, { customFields: { plan: 'pro', seats: '3' } }, { customFields: null }])(
    'does not take one with %j for the same',
    (other) => {
      expect(found([{ ...held, ...other }])).toMatchObject({ kind: 'found', same: false });
    },
  );

  test('finds nothing', () => {
    expect(found([])).toEqual({ kind: 'absent' });
    expect(found([null, 7, { id: 'c-0', email: 'joann@example.com' }])).toEqual({ kind: 'absent' });
  });

  test.each([
    [answer(500, ''), 'unavailable'],
    [answer(429, ''), 'throttled'],
    [answer(401, ''), 'refused'],
    [answer(200, '<html>'), 'unclear'],
    [answer(200, { success: true, data: { id: 'c-1' } }), 'unclear'],
  ])('has no answer in %o', (given, kind) => {
    expect(read(given, CONTACT)).toMatchObject({ kind: 'no_answer', verdict: { kind } });
  });
});

test('updates by an upsert that finds the contact itself', () => {
  const update = autosend.update!;
  expect(update.needsId).toBe(false);
  expect(update.request({ email: 'ann@example.com' }, OPTIONS)).toEqual({
    method: 'POST',
    path: '/v1/contacts/email',
    headers: HEADERS,
    body: '{"email":"ann@example.com"}',
  });
  const updated = answer(200, { success: true, data: { id: 'c-1' } });
  expect(update.interpret(updated, CONTACT)).toEqual({ kind: 'updated', contactId: 'c-1' });
  expect(update.interpret(answer(401, error('UNAUTHORIZED', 'No')), CONTACT).kind).toBe('refused');
  expect(update.interpret(answer(200, ''), CONTACT).kind).toBe('unclear');
});
