/**
 * Cendyn CRM, formerly PUSHTech: POST /v2/account/<account id>/contact/ → 201. No look-up, no answer to duplicates and
 * no errors are documented: what it says is shown as it is, and an attempt without an answer is not repeated.
 */
import { z } from 'zod';
import type { Contact } from '../contact.js';
import type { Verdict } from '../verdict.js';
import { failure, saysTaken, success, textOf } from './answers.js';
import { type ApiAnswer, type Destination, jsonBody, jsonRequest } from './destination.js';
import * as field from './fields.js';
import { flag, text } from './fields.js';

const phone = text.regex(/^[+\d][\d\s()./-]*$/, 'invalid_format');
const subscription = z.looseObject({ list_id: text, subscribed: flag.optional() });
const validation = z
  .looseObject({ validate: flag, create_if_invalid: flag, create_if_no_credit: flag }, 'not_an_object')
  .partial();

/** Fields that may be any text. */
const TEXTS = [
  ...['device_id', 'name_first', 'name_last', 'city', 'country', 'region', 'zip', 'full_address'],
  ...['user_id', 'facebook_id', 'google_id', 'twitter_id'],
];
const each = <Value>(value: Value) => Object.fromEntries(TEXTS.map((name) => [name, value]));

export const cendyn: Destination = {
  kind: 'cendyn',
  options: z.looseObject({
    // Accounts in the United States are at https://api.us.cendyncrm.com.
    baseUrl: field.baseUrl('https://api.eu.cendyncrm.com'),
    accountId: field.credential,
    accountSecret: field.credential,
  }),
  env: { accountId: 'CENDYN_ACCOUNT_ID', accountSecret: 'CENDYN_ACCOUNT_SECRET', baseUrl: 'CENDYN_BASE_URL' },
  accountKey: 'accountId',
  publicOptions: ['accountId'],
  contact: z
    .looseObject({
      ...each(text),
      email: field.email,
      phone_countrycode: text.regex(/^\+?\d{1,4}$/, 'invalid_format'),
      phone_number: phone,
      phone,
      born_date: field.date,
      gender: field.oneOf(['MALE', 'FEMALE'], 'not_male_or_female'),
      language: text.regex(/^[a-z]{2}$/i, 'not_a_language_code'),
      facebook_friends: field.count,
      twitter_followers: field.count,
      last_latitude: field.between(-90, 90),
      last_longitude: field.between(-180, 180),
      tags: field.listOf(text),
      list_subscriptions: z.union([subscription, z.array(subscription)], { error: 'not_a_subscription' }),
      gdpr_marketing_consent: flag,
      gdpr_accept_terms: flag,
      gdpr_date: field.date,
      gdpr_remote_ip: z.union([z.ipv4(), z.ipv6()], { error: 'invalid_format' }),
      email_validation: validation,
    })
    .partial()
    .superRefine(mustBeReachable),
  fields: {
    ...each('text' as const),
    email: 'text',
    phone_countrycode: 'text',
    phone_number: 'text',
    phone: 'text',
    born_date: 'date',
    gender: 'text',
    language: 'text',
    facebook_friends: 'integer',
    twitter_followers: 'integer',
    last_latitude: 'number',
    last_longitude: 'number',
    tags: 'list',
    // One subscription in two columns, or several as JSON in one.
    list_subscriptions: 'json',
    'list_subscriptions.list_id': 'text',
    'list_subscriptions.subscribed': 'boolean',
    gdpr_marketing_consent: 'boolean',
    gdpr_accept_terms: 'boolean',
    gdpr_date: 'date',
    gdpr_remote_ip: 'text',
    email_validation: 'json',
    'email_validation.validate': 'boolean',
    'email_validation.create_if_invalid': 'boolean',
    'email_validation.create_if_no_credit': 'boolean',
  },
  aliases: {
    ...field.usualHeaders({
      email: 'email',
      first: 'name_first',
      last: 'name_last',
      id: 'user_id',
      tags: 'tags',
    }),
    mobile: 'phone',
    'mobile phone': 'phone',
    telephone: 'phone',
    'phone code': 'phone_countrycode',
    birthday: 'born_date',
    'birth date': 'born_date',
    'date of birth': 'born_date',
    sex: 'gender',
    'postal code': 'zip',
    postcode: 'zip',
    'zip code': 'zip',
    address: 'full_address',
    state: 'region',
    province: 'region',
    latitude: 'last_latitude',
    longitude: 'last_longitude',
    'marketing consent': 'gdpr_marketing_consent',
  },
  // A custom field stands among the others, by its name.
  unmapped: 'contact',
  identity: ({ email, user_id }) => field.identityOf({ email, external_id: user_id }),
  // None is documented.
  limit: { requests: 5, perMs: 1_000 },
  enforcesUniqueness: false,
  create: (contact, { accountId, accountSecret }) =>
    jsonRequest(
      'POST',
      `/v2/account/${encodeURIComponent(String(accountId))}/contact/`,
      { accept: 'application/json', authorization: `Token token=${accountSecret}` },
      contact,
    ),
  interpret,
};

/** An e-mail address, or a phone number with its country code. */
function mustBeReachable(contact: Contact, context: z.RefinementCtx): void {
  if (contact.email !== undefined || contact.phone !== undefined) return;
  const missing =
    contact.phone_number !== undefined
      ? { path: ['phone_countrycode'], message: 'required' }
      : { path: ['email'], message: 'email_or_phone_required' };
  if (contact.phone_number === undefined || contact.phone_countrycode === undefined) {
    context.addIssue({ code: 'custom', ...missing });
  }
}

function interpret(answer: ApiAnswer): Verdict {
  const body = jsonBody(answer);
  if (answer.status === 201 || answer.status === 200) return success('created', body?.id, answer);
  const message = /^\s*</.test(answer.body) ? undefined : textOf(answer.body);
  const conflict = answer.status === 409 || answer.status === 422;
  if (conflict && saysTaken(message)) return { kind: 'duplicate', message: message ?? '' };
  return failure(answer, { message });
}
