/**
 * Sendmator (https://api.sendmator.com): POST /api/v1/contacts. Built from the vendor's "Add Contact" page and SDK.
 * E-mail and external_id are unique per account; a second contact with either is answered 409, and only the
 * sentence tells which of them it was.
 */
import { z } from 'zod';
import { type Contact, type Identity, normaliseEmail } from '../contact.js';
import type { Verdict } from '../verdict.js';
import {
  type ApiAnswer,
  announcedWait,
  type Destination,
  type Finding,
  jsonBody,
  type Options,
} from './destination.js';

const KEY_SHAPE = /^\S+$/;

export const sendmator: Destination = {
  kind: 'sendmator',
  options: z.looseObject({
    baseUrl: z.url({ protocol: /^https?$/ }).default('https://api.sendmator.com'),
    apiKey: z.string({ error: 'is not set' }).regex(KEY_SHAPE, 'is empty or holds spaces'),
  }),
  env: { apiKey: 'SENDMATOR_API_KEY', baseUrl: 'SENDMATOR_BASE_URL' },
  accountKey: 'apiKey',
  contact: z.strictObject({
    email: z.string({ error: 'required' }).regex(z.regexes.html5Email, 'invalid_format').max(254, 'too_long'),
    external_id: z.string().optional(),
    first_name: z.string().optional(),
    last_name: z.string().optional(),
    tags: z.array(z.string()).optional(),
    is_active: z.boolean({ error: 'not_a_boolean' }).optional(),
    custom_fields: z.record(z.string(), z.unknown()).optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
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
    'email address': 'email',
    'e-mail address': 'email',
    mail: 'email',
    'contact email': 'email',
    id: 'external_id',
    'external id': 'external_id',
    'contact id': 'external_id',
    'customer id': 'external_id',
    'user id': 'external_id',
    'given name': 'first_name',
    forename: 'first_name',
    surname: 'last_name',
    'family name': 'last_name',
    tag: 'tags',
    labels: 'tags',
    active: 'is_active',
  },
  unmapped: 'custom_fields',
  identity(contact) {
    const identity: Identity = {};
    if (typeof contact.email === 'string') identity.email = normaliseEmail(contact.email);
    if (typeof contact.external_id === 'string') identity.external_id = contact.external_id;
    return identity;
  },
  limit: { requests: 10_000, perMs: 3_600_000 },
  enforcesUniqueness: true,
  create: (contact, options) => ({
    method: 'POST',
    path: '/api/v1/contacts',
    headers: { 'x-api-key': String(options.apiKey), 'content-type': 'application/json' },
    body: JSON.stringify(contact),
  }),
  interpret,
  lookup: { request: lookupRequest, read: readLookup },
};

function interpret(answer: ApiAnswer): Verdict {
  const body = jsonBody(answer);
  const { status } = answer;
  if (status === 201 || status === 200) {
    return typeof body?.id === 'string'
      ? { kind: 'created', contactId: body.id }
      : { kind: 'unclear', message: `HTTP ${status} without a contact in its body` };
  }
  const { message, field, code } = errorOf(body);
  const said = message ?? `HTTP ${status}`;
  if (status === 409 && body !== undefined) {
    const key = conflictKey(said);
    return { kind: 'duplicate', ...(key === undefined ? {} : { key }), message: said };
  }
  if (status === 429) {
    const waitMs = announcedWait(answer, said);
    return { kind: 'throttled', message: said, ...(waitMs === undefined ? {} : { waitMs }) };
  }
  if (status === 401 || status === 402 || status === 403) {
    return { kind: 'refused', code: `http_${status}`, message: said };
  }
  if (status >= 500 || status === 408) return { kind: 'unavailable', message: said };
  if (status === 404 && body === undefined) {
    return { kind: 'refused', code: 'http_404', message: 'no such address: is the base URL right?' };
  }
  if (status >= 400) {
    return {
      kind: 'rejected',
      message: said,
      ...(field === undefined ? {} : { field }),
      ...(code === undefined ? {} : { code }),
    };
  }
  return { kind: 'unclear', message: `unexpected HTTP ${status}` };
}

/** The documented sentence first: the value it quotes may hold the name of the other key. */
function conflictKey(said: string): 'email' | 'external_id' | undefined {
  const told = /\bwith (email|external_id) /i.exec(said)?.[1]?.toLowerCase();
  if (told === 'email' || told === 'external_id') return told;
  if (/\bexternal_id\b/i.test(said)) return 'external_id';
  return /\be-?mail\b/i.test(said) ? 'email' : undefined;
}

/** Both documented envelopes: `{message, details{field,code}}` and `{error: {message, details{field,code}}}`. */
function errorOf(body: Record<string, unknown> | undefined): {
  message?: string;
  field?: string;
  code?: string;
} {
  const inner = isObject(body?.error) ? body.error : body;
  const details = isObject(inner?.details) ? inner.details : {};
  // Nest, whose envelope the first one is, lists the sentences of its own validation.
  const text = (value: unknown) =>
    Array.isArray(value) ? value.map(String).join('; ') : typeof value === 'string' ? value : undefined;
  const [message, field, code] = [text(inner?.message), text(details.field), text(details.code)];
  return {
    ...(message === undefined ? {} : { message }),
    ...(field === undefined ? {} : { field }),
    ...(code === undefined ? {} : { code }),
  };
}

function lookupRequest(contact: Contact, options: Options) {
  // By e-mail, which every contact has: a contact under our external_id but another e-mail is not the one we sent.
  const query = new URLSearchParams({ search: String(contact.email), limit: '100' });
  return {
    method: 'GET' as const,
    path: `/api/v1/contacts?${query}`,
    headers: { 'x-api-key': String(options.apiKey) },
  };
}

function readLookup(answer: ApiAnswer, contact: Contact): Finding {
  const body = jsonBody(answer);
  if (answer.status !== 200 || !Array.isArray(body?.data)) {
    const verdict = interpret(answer);
    return {
      kind: 'no_answer',
      verdict: verdict.kind === 'created' ? { kind: 'unclear', message: 'look-up not understood' } : verdict,
    };
  }
  const email = normaliseEmail(String(contact.email));
  const held = body.data.find(
    (other: unknown): other is Record<string, unknown> =>
      isObject(other) && typeof other.email === 'string' && normaliseEmail(other.email) === email,
  );
  if (held === undefined) return { kind: 'absent' };
  const createdMs = Date.parse(String(held.created_at));
  return {
    kind: 'found',
    same: holds(held, contact),
    ...(typeof held.id === 'string' ? { contactId: held.id } : {}),
    ...(Number.isNaN(createdMs) ? {} : { createdMs }),
  };
}

/** Whether `held` has every value of `sent`, at any depth. Sendmator adds to what we sent (metadata), never changes it. */
function holds(held: unknown, sent: unknown): boolean {
  if (Array.isArray(sent)) {
    return Array.isArray(held) && held.length === sent.length && sent.every((v, i) => holds(held[i], v));
  }
  if (isObject(sent)) {
    return isObject(held) && Object.entries(sent).every(([name, value]) => holds(held[name], value));
  }
  return held === sent;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
