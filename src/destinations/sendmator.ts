/**
 * Sendmator (https://api.sendmator.com): POST /api/v1/contacts. Built from the vendor's "Add Contact" page and SDK.
 * E-mail and external_id are unique per account; a second contact with either is answered 409, and only the
 * sentence tells which of them it was.
 */
import { z } from 'zod';
import type { Contact } from '../contact.js';
import type { Verdict } from '../verdict.js';
import {
  failure,
  findingOf,
  hasEmail,
  idOf,
  inOrder,
  isObject,
  noFinding,
  saysTaken,
  success,
  textOf,
} from './answers.js';
import { type ApiAnswer, type Destination, jsonBody, jsonRequest, type Options } from './destination.js';
import * as field from './fields.js';

const CONTACTS = '/api/v1/contacts';

export const sendmator: Destination = {
  kind: 'sendmator',
  options: z.looseObject({ baseUrl: field.baseUrl('https://api.sendmator.com'), apiKey: field.credential }),
  env: { apiKey: 'SENDMATOR_API_KEY', baseUrl: 'SENDMATOR_BASE_URL' },
  accountKey: 'apiKey',
  contact: z.strictObject({
    email: field.email,
    external_id: field.text.optional(),
    first_name: field.text.optional(),
    last_name: field.text.optional(),
    tags: field.listOf(field.text).optional(),
    is_active: field.flag.optional(),
    custom_fields: field.object.optional(),
    metadata: field.object.optional(),
  }),
  fields: {
    email: 'text',
    external_id: 'text',
    first_name: 'text',
    last_name: 'text',
    tags: 'list',
    is_active: 'boolean',
    custom_fields: 'object',
    metadata: 'object',
  },
  aliases: {
    ...field.usualHeaders({
      email: 'email',
      first: 'first_name',
      last: 'last_name',
      id: 'external_id',
      tags: 'tags',
    }),
    active: 'is_active',
  },
  unmapped: 'custom_fields',
  identity: ({ email, external_id }) => field.identityOf({ email, external_id }),
  limit: { requests: 10_000, perMs: 3_600_000 },
  enforcesUniqueness: true,
  create: (contact, options) => jsonRequest('POST', CONTACTS, who(options), contact),
  interpret: (answer) => interpret(answer),
  lookup: {
    request(contact, options, key) {
      if (key === 'external_id') {
        return jsonRequest('GET', `${CONTACTS}/external/${segment(contact.external_id)}`, who(options));
      }
      // In doubt by e-mail, which every contact has: one under our external_id alone is not the one we sent.
      const query = new URLSearchParams({ search: String(contact.email), limit: '100' });
      return jsonRequest('GET', `${CONTACTS}?${query}`, who(options));
    },
    read(answer, contact, key) {
      const body = jsonBody(answer);
      if (key === 'external_id') {
        const held = isObject(body?.data) ? body.data : body;
        if (answer.status === 200 && idOf(held?.id)) return findingOf(held, contact, 'created_at');
        if (answer.status === 404 && body !== undefined) return { kind: 'absent' };
      } else if (answer.status === 200 && Array.isArray(body?.data)) {
        const held: unknown = body.data.find((other) => hasEmail(other, contact));
        return findingOf(held, contact, 'created_at');
      }
      return noFinding(interpret(answer));
    },
  },
  update: {
    needsId: true,
    // The documentation has PUT, the SDK PATCH: only PATCH says by its name that absent fields stay. `tags` become
    // those of the row, as a list has no other meaning there; whether an object is merged is not documented.
    request: (contact, options, id) =>
      jsonRequest('PATCH', `${CONTACTS}/${segment(id)}`, who(options), contact),
    interpret: (answer) => interpret(answer, 'updated'),
  },
  bulk: {
    // Its maximum is not documented; 100 is what a list may have.
    max: 100,
    request: (contacts, options) => jsonRequest('POST', `${CONTACTS}/bulk`, who(options), { contacts }),
    interpret: interpretBulk,
  },
};

const who = (options: Options) => ({ 'x-api-key': String(options.apiKey) });
const segment = (value: unknown) => encodeURIComponent(String(value));

function interpret(answer: ApiAnswer, done: 'created' | 'updated' = 'created'): Verdict {
  const body = jsonBody(answer);
  if (answer.status === 201 || answer.status === 200) return success(done, body?.id, answer);
  // Both documented envelopes: `{message, details{field,code}}` and `{error: {message, details{field,code}}}`.
  const inner = isObject(body?.error) ? body.error : body;
  const details = isObject(inner?.details) ? inner.details : {};
  const message = textOf(inner?.message) ?? textOf(inner?.error);
  if (answer.status === 409 && body !== undefined) return duplicate(message ?? 'HTTP 409');
  return failure(answer, { message, field: textOf(details.field), code: textOf(details.code) });
}

/** The documented sentence first: the value it quotes may hold the name of the other key. */
function duplicate(message: string): Verdict {
  const told = /\bwith (email|external_id) /i.exec(message) ?? /external[_ ]?id|e-?mail/i.exec(message);
  const key = told === null ? undefined : /external/i.test(told[0]) ? 'external_id' : 'email';
  return { kind: 'duplicate', message, ...(key === undefined ? {} : { key }) };
}

/** `{created[], skipped[{email, external_id?, reason}], errors[{email, error}]}`; who is in none of them is unclear. */
function interpretBulk(answer: ApiAnswer, contacts: readonly Contact[]): Verdict[] {
  const body = jsonBody(answer);
  if (answer.status < 200 || answer.status > 299) {
    const verdict = interpret(answer);
    // A conflict of one says nothing about the others.
    const said: Verdict =
      verdict.kind === 'duplicate' ? { kind: 'unclear', message: verdict.message } : verdict;
    return contacts.map(() => said);
  }
  const told = (list: unknown, judge: (about: Record<string, unknown>) => Verdict) =>
    Array.isArray(list) ? list.filter(isObject).map((about) => ({ about, verdict: judge(about) })) : [];
  return inOrder(contacts, [
    ...told(body?.created, ({ id }) => success('created', id, answer)),
    ...told(body?.skipped, ({ reason }) => duplicate(textOf(reason) ?? 'skipped')),
    ...told(body?.errors, ({ error }) => {
      const message = textOf(error) ?? 'no reason given';
      return saysTaken(message) ? duplicate(message) : { kind: 'rejected', message };
    }),
  ]);
}
