import { describe, expect, test } from 'vitest';
import { cendyn } from '../../src/destinations/cendyn.js';
import { answer, fault, optionsOf } from './answer.js';

const OPTIONS = optionsOf(cendyn, { CENDYN_ACCOUNT_ID: 'acc/1', CENDYN_ACCOUNT_SECRET: 's3cret' });
const CONTACT = { email: 'ann@example.com', name_first: 'Ann', favourite_room: '12' };

const interpret = (...args: Parameters<typeof answer>) => cendyn.interpret(answer(...args), CONTACT);

test('sends the contact to the path of the account', () => {
  expect(cendyn.create(CONTACT, OPTIONS)).toEqual({
    method: 'POST',
    path: '/v2/account/acc%2F1/contact/',
    headers: {
      accept: 'application/json',
      authorization: 'Token token=s3cret',
      'content-type': 'application/json',
    },
    body: JSON.stringify(CONTACT),
  });
});

describe('a contact', () => {
  test.each<[string, object]>([
    ['an e-mail address', { email: 'ann@example.com' }],
    ['a whole phone number', { phone: '+44 7712 345678' }],
    ['a phone number in two parts', { phone_countrycode: '44', phone_number: '7712345678' }],
    ['both', { email: 'ann@example.com', phone_number: '7712345678' }],
  ])('needs %s', (_, contact) => {
    expect(fault(contact, cendyn)).toBeUndefined();
  });

  test.each<[object, string]>([
    [{}, 'email: email_or_phone_required'],
    [{ name_first: 'Ann' }, 'email: email_or_phone_required'],
    [{ phone_countrycode: '44' }, 'email: email_or_phone_required'],
    [{ phone_number: '7712345678' }, 'phone_countrycode: required'],
  ])('%j cannot be reached', (contact, expected) => {
    expect(fault(contact, cendyn)).toBe(expected);
  });

  test('may have every documented field, and any other', () => {
    const texts = [
      'device_id',
      'name_first',
      'name_last',
      'city',
      'country',
      'region',
      'zip',
      'full_address',
    ];
    const ids = ['user_id', 'facebook_id', 'google_id', 'twitter_id'];
    const contact = {
      ...Object.fromEntries([...texts, ...ids].map((name) => [name, 'x'])),
      email: 'johndoe@example.com',
      phone_countrycode: '44',
      phone_number: '7712345678',
      phone: '+447712345678',
      born_date: '1990-01-01T00:00:00Z',
      gender: 'MALE',
      language: 'ES',
      facebook_friends: 12,
      twitter_followers: 0,
      last_latitude: 27.994401,
      last_longitude: -81.726896,
      tags: ['tag1', 'tag2'],
      list_subscriptions: { list_id: 'l-1', subscribed: true },
      gdpr_marketing_consent: true,
      gdpr_accept_terms: false,
      gdpr_date: '1990-01-01',
      gdpr_remote_ip: '2001:db8::1',
      email_validation: { validate: true, create_if_invalid: false, create_if_no_credit: true },
      favourite_room: 12,
    };
    expect(fault(contact, cendyn)).toBeUndefined();
    const documented = Object.keys(contact).filter((name) => name !== 'favourite_room');
    expect(
      Object.keys(cendyn.fields)
        .filter((name) => !name.includes('.'))
        .sort(),
    ).toEqual(documented.sort());
  });

  test.each<[object, string | undefined]>([
    [{ email: 'nobody' }, 'email: invalid_format'],
    [{ phone_countrycode: 'GB' }, 'phone_countrycode: invalid_format'],
    [{ phone: 'n/a' }, 'phone: invalid_format'],
    [{ phone_number: 'none' }, 'phone_number: invalid_format'],
    [{ born_date: '01/02/1990' }, 'born_date: not_a_date'],
    [{ born_date: '1990-02-30' }, 'born_date: not_a_date'],
    [{ born_date: '1990-01-01T00:00:00+02:00' }, undefined],
    [{ gdpr_date: 'yesterday' }, 'gdpr_date: not_a_date'],
    [{ gender: 'male' }, 'gender: not_male_or_female'],
    [{ gender: 'FEMALE' }, undefined],
    [{ language: 'Spanish' }, 'language: not_a_language_code'],
    [{ facebook_friends: 1.5 }, 'facebook_friends: not_an_integer'],
    [{ twitter_followers: -1 }, 'twitter_followers: out_of_range'],
    [{ last_latitude: 90.1 }, 'last_latitude: out_of_range'],
    [{ last_latitude: 'north' }, 'last_latitude: not_a_number'],
    [{ last_longitude: -180.1 }, 'last_longitude: out_of_range'],
    [{ tags: 'a' }, 'tags: not_a_list'],
    [{ gdpr_marketing_consent: 'perhaps' }, 'gdpr_marketing_consent: not_a_boolean'],
    [{ gdpr_remote_ip: '1.2.3' }, 'gdpr_remote_ip: invalid_format'],
    [{ gdpr_remote_ip: '192.168.1.1' }, undefined],
    [{ list_subscriptions: [{ list_id: 'a' }, { list_id: 'b', subscribed: false }] }, undefined],
    [{ list_subscriptions: { subscribed: true } }, 'list_subscriptions: not_a_subscription'],
    [{ list_subscriptions: 'l-1' }, 'list_subscriptions: not_a_subscription'],
    [{ email_validation: { validate: 'x' } }, 'email_validation.validate: not_a_boolean'],
    [{ email_validation: true }, 'email_validation: not_an_object'],
  ])('is asked about %j: %s', (fields, expected) => {
    expect(fault({ email: 'ann@example.com', ...fields }, cendyn)).toBe(expected);
  });

  test('is told apart by e-mail and user_id', () => {
    expect(cendyn.identity({ email: 'Ann@Example.com', user_id: 'u-1' })).toEqual({
      email: 'ann@example.com',
      external_id: 'u-1',
    });
    expect(cendyn.identity({ phone: '+447712345678' })).toEqual({});
  });
});

describe('interpret', () => {
  test('201 with a contact is created', () => {
    expect(interpret(201, { id: '550aac3da096734ce5000001' })).toEqual({
      kind: 'created',
      contactId: '550aac3da096734ce5000001',
    });
    expect(interpret(201, { id: 7 })).toEqual({ kind: 'created', contactId: '7' });
  });

  test.each(['', '<html>', '[]', '{}', '{"id":'])('201 with %j is unclear', (body) => {
    expect(interpret(201, body).kind).toBe('unclear');
  });

  test.each([
    [400, '{"error":"Invalid gender"}'],
    [404, '{"error":"List not found"}'],
    [409, '{"error":"Locked"}'],
    [422, '{"errors":{"email":["is invalid"]}}'],
    [422, 'email is invalid'],
  ])('%i %s is rejected, in its own words', (status, body) => {
    expect(interpret(status, body)).toEqual({ kind: 'rejected', message: body });
  });

  test('a long answer is cut, a page is not shown', () => {
    expect(interpret(400, 'x'.repeat(10_000))).toEqual({ kind: 'rejected', message: 'x'.repeat(500) });
    expect(interpret(400, ' <html>')).toEqual({ kind: 'rejected', message: 'HTTP 400' });
  });

  test('words that say it is there already are a duplicate of no known key', () => {
    const body = '{"errors":{"email":["has already been taken"]}}';
    expect(interpret(422, body)).toEqual({ kind: 'duplicate', message: body });
    expect(interpret(400, body).kind).toBe('rejected');
  });

  test.each([
    [401, 'refused'],
    [403, 'refused'],
    [429, 'throttled'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [302, 'unclear'],
  ])('%i is %s', (status, kind) => {
    expect(interpret(status, 'No').kind).toBe(kind);
  });

  test('404 without a word of the API: the base URL is wrong', () => {
    expect(interpret(404, '<html>')).toMatchObject({ kind: 'refused', code: 'http_404' });
  });
});

test('knows no way back: an unclear attempt is never repeated', () => {
  expect(cendyn.enforcesUniqueness).toBe(false);
  expect([cendyn.lookup, cendyn.update, cendyn.bulk]).toEqual([undefined, undefined, undefined]);
});
