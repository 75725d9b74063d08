/**
 * Clemta (https://api.clemta.com): POST /contacts → 200. Nothing is documented about duplicates: the same person may be
 * customer and vendor, of several companies, and a repeated request creates a second contact.
 */
import { z } from 'zod';
import type { Verdict } from '../verdict.js';
import {
  failure,
  findingOf,
  hasEmail,
  holds,
  isObject,
  momentOf,
  noFinding,
  saysTaken,
  statusOf,
  success,
  textOf,
} from './answers.js';
import { type ApiAnswer, type Destination, jsonBody, jsonRequest, type Options } from './destination.js';
import { baseUrl, credential, email, identityOf, listOf, oneOf, text, usualHeaders } from './fields.js';

/** Texts, next to the e-mail address for bills. */
const BILLING = [
  ...['phone', 'phone_code', 'iso_code', 'country', 'address_1', 'address_2', 'postal_code'],
  ...['district', 'state', 'province', 'tax_id'],
];

export const clemta: Destination = {
  kind: 'clemta',
  options: z.looseObject({
    baseUrl: baseUrl('https://api.clemta.com'),
    apiKey: credential,
    companyId: credential.optional(),
  }),
  env: { apiKey: 'CLEMTA_API_KEY', companyId: 'CLEMTA_COMPANY_ID', baseUrl: 'CLEMTA_BASE_URL' },
  accountKey: 'apiKey',
  publicOptions: ['companyId'],
  contact: z.strictObject({
    type: oneOf(['customer', 'vendor'], 'not_customer_or_vendor'),
    full_name: text,
    email,
    company_id: text,
    status: text.optional(),
    description: text.optional(),
    cc_emails: listOf(email).optional(),
    bcc_emails: listOf(email).optional(),
    billing: z
      .strictObject({ email, ...Object.fromEntries(BILLING.map((name) => [name, text])) })
      .partial()
      .optional(),
  }),
  fields: {
    type: 'text',
    full_name: 'text',
    email: 'text',
    company_id: 'text',
    status: 'text',
    description: 'text',
    cc_emails: 'list',
    bcc_emails: 'list',
    ...Object.fromEntries(['email', ...BILLING].map((name) => [`billing.${name}`, 'text' as const])),
  },
  aliases: {
    ...usualHeaders({ email: 'email' }),
    // The only address and phone that Clemta knows are those for bills.
    ...Object.fromEntries(BILLING.map((name) => [name, `billing.${name}`])),
    address: 'billing.address_1',
    zip: 'billing.postal_code',
    'zip code': 'billing.postal_code',
    name: 'full_name',
    'contact name': 'full_name',
    'contact type': 'type',
    notes: 'description',
    cc: 'cc_emails',
    bcc: 'bcc_emails',
  },
  unmapped: null,
  defaults: ({ companyId }) => (companyId === undefined ? {} : { company_id: companyId }),
  identity: ({ email, company_id, type }) => identityOf({ email, scope: JSON.stringify([company_id, type]) }),
  limit: { requests: 100, perMs: 60_000 },
  enforcesUniqueness: false,
  create: (contact, options) => jsonRequest('POST', '/contacts', who(options), contact),
  interpret: (answer) => interpret(answer, 'created'),
  lookup: {
    request(contact, options) {
      const query = new URLSearchParams({
        company_id: String(contact.company_id),
        search: String(contact.email),
      });
      return jsonRequest('GET', `/contacts?${query}`, who(options));
    },
    read(answer, contact) {
      const data = jsonBody(answer)?.data;
      if (answer.status !== 200 || !isObject(data) || !Array.isArray(data.contacts)) {
        return noFinding(interpret(answer, 'created'));
      }
      const { company_id: _, ...sent } = contact; // asked for; a contact does not show it
      const alike = data.contacts.filter(
        (other): other is Record<string, unknown> => hasEmail(other, contact) && other.type === contact.type,
      );
      // Of several the one we may have created: first what is as we sent it, then the newest.
      const same = (other: Record<string, unknown>) => Number(holds(other, { ...sent, email: other.email }));
      const born = (other: Record<string, unknown>) => momentOf(other.created_at) || 0;
      const [held] = alike.sort((a, b) => same(b) - same(a) || born(b) - born(a));
      if (held === undefined && typeof data.total === 'number' && data.total > data.contacts.length) {
        return noFinding({ kind: 'unclear', message: 'the look-up has more pages' });
      }
      return findingOf(held, sent, 'created_at');
    },
  },
  update: {
    needsId: true,
    // Absent fields stay. The lists of addresses take the place of those that are there.
    request: (contact, options, id) =>
      jsonRequest('PATCH', `/contacts/${encodeURIComponent(String(id))}`, who(options), contact),
    interpret: (answer) => interpret(answer, 'updated'),
  },
};

const who = (options: Options) => ({ 'x-api-key': String(options.apiKey) });

const STATUS = new Map([
  ['INVALID_REQUEST', 400],
  ['VALIDATION_FAILED', 400],
  ['API_KEY_REQUIRED', 401],
  ['INVALID_API_KEY', 401],
  ['ACCESS_DENIED', 403],
  ['COMPANY_NOT_FOUND', 404],
  ['CONTACT_NOT_FOUND', 404],
  ['NOT_FOUND', 404],
  ['RATE_LIMIT_EXCEEDED', 429],
  ['INTERNAL_ERROR', 500],
]);

/** `{success: true, message, data}`, or `{success: false, message, data: null, error: {code, details}}`. */
function interpret(answer: ApiAnswer, done: 'created' | 'updated'): Verdict {
  const { status } = answer;
  const body = jsonBody(answer);
  if ((status === 200 || status === 201) && body?.success !== false) {
    return success(done, isObject(body?.data) ? body.data.id : undefined, answer);
  }
  const error = isObject(body?.error) ? body.error : { details: body?.error };
  const message = textOf([body?.message, error.details].map(textOf).filter(Boolean))?.replace('; ', ': ');
  const code = textOf(error.code);
  if (status === 409 && saysTaken(message)) return { kind: 'duplicate', message: message ?? 'HTTP 409' };
  const field =
    code === 'COMPANY_NOT_FOUND' ? 'company_id' : /^Field '([\w.]+)'/.exec(textOf(error.details) ?? '')?.[1];
  return failure(answer, { message, field, code }, statusOf(answer, code, STATUS));
}
