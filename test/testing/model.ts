/** A destination that passes, with everything the contract knows, and its fixtures; tests break one thing of it at a time. */
import { z } from 'zod';
import type { Contact } from '../../src/contact.js';
import {
  type ApiAnswer,
  type Destination,
  type Finding,
  jsonBody,
} from '../../src/destinations/destination.js';
import { announcedWait } from '../../src/destinations/wait-hints.js';
import { normaliseEmail } from '../../src/email.js';
import type { Fixtures } from '../../src/testing/index.js';
import type { Verdict } from '../../src/verdict.js';

const headers = (options: Record<string, unknown>) => ({
  authorization: `Bearer ${options.apiKey}`,
  'content-type': 'application/json',
});

type Json = Record<string, unknown>;

function interpret(answer: ApiAnswer, success: 'created' | 'updated' = 'created'): Verdict {
  const { status } = answer;
  const body = jsonBody(answer);
  const error = (body?.error ?? {}) as Json;
  const message = typeof error.message === 'string' ? error.message : `HTTP ${status}`;
  const code = typeof error.code === 'string' ? { code: error.code } : {};
  if (status < 300) {
    return typeof body?.id === 'string'
      ? { kind: success, contactId: body.id }
      : { kind: 'unclear', message: `HTTP ${status} without a person` };
  }
  if (status === 409) {
    const key = error.field === 'email' || error.field === 'external_id' ? { key: error.field } : {};
    return { kind: 'duplicate', ...(key as { key?: 'email' }), message };
  }
  if (status === 429) {
    const waitMs = announcedWait(answer, message);
    return { kind: 'throttled', message, ...(waitMs === undefined ? {} : { waitMs }) };
  }
  if ([401, 402, 403].includes(status)) return { kind: 'refused', code: `http_${status}`, message };
  if (status >= 500 || status === 408) return { kind: 'unavailable', message };
  if (status === 404 && body === undefined) return { kind: 'refused', code: 'http_404', message };
  if (status < 400) return { kind: 'unclear', message };
  return {
    kind: 'rejected',
    message,
    ...code,
    ...(typeof error.field === 'string' ? { field: error.field } : {}),
  };
}

function same(held: Json, sent: Contact): boolean {
  return Object.entries(sent).every(([name, value]) => JSON.stringify(held[name]) === JSON.stringify(value));
}

function read(answer: ApiAnswer, contact: Contact): Finding {
  const body = jsonBody(answer);
  if (answer.status === 404 && (body?.error as Json | undefined)?.code === 'not_found')
    return { kind: 'absent' };
  if (answer.status !== 200 || typeof body?.email !== 'string') {
    const verdict = interpret(answer);
    return {
      kind: 'no_answer',
      verdict: verdict.kind === 'created' ? { kind: 'unclear', message: 'no person' } : verdict,
    };
  }
  return {
    kind: 'found',
    contactId: String(body.id),
    createdMs: Number(body.created_at) * 1000,
    same: same(body, contact),
  };
}

export const acme: Destination = {
  kind: 'acme',
  options: z.looseObject({
    baseUrl: z.url({ protocol: /^https?$/ }).default('https://api.acme.example'),
    apiKey: z.string().min(1),
    company: z.string().optional(),
  }),
  env: { apiKey: 'ACME_API_KEY', baseUrl: 'ACME_BASE_URL', company: 'ACME_COMPANY' },
  accountKey: 'apiKey',
  contact: z.strictObject({
    email: z.string().regex(z.regexes.html5Email),
    external_id: z.string().optional(),
    name: z.string().max(100_000).optional(),
    company: z.string().optional(),
    country: z.enum(['US', 'GB']).optional(),
    age: z.number().int().optional(),
    score: z.number().optional(),
    born: z.iso.date().optional(),
    groups: z.array(z.string()).optional(),
    billing: z.strictObject({ city: z.string() }).optional(),
    extra: z.unknown().optional(),
    custom: z.record(z.string(), z.unknown()).optional(),
  }),
  fields: {
    email: 'text',
    external_id: 'text',
    name: 'text',
    company: 'text',
    country: 'text',
    age: 'integer',
    score: 'number',
    born: 'date',
    groups: 'list',
    'billing.city': 'text',
    extra: 'json',
    custom: 'object',
  },
  aliases: { mail: 'email', id: 'external_id', city: 'billing.city' },
  unmapped: 'custom',
  defaults: (options) => (options.company === undefined ? {} : { company: options.company }),
  identity: ({ email, external_id }) => ({
    ...(typeof email === 'string' ? { email: normaliseEmail(email) } : {}),
    ...(typeof external_id === 'string' ? { external_id } : {}),
  }),
  limit: { requests: 100, perMs: 60_000 },
  enforcesUniqueness: true,
  create: (contact, options) => ({
    method: 'POST',
    path: '/people',
    headers: headers(options),
    body: JSON.stringify(contact),
  }),
  interpret: (answer) => interpret(answer),
  lookup: {
    request: ({ email, external_id }, options, key) => ({
      method: 'GET',
      path:
        key === 'external_id'
          ? `/people/by-external-id/${encodeURIComponent(String(external_id))}`
          : `/people/by-email/${encodeURIComponent(String(email))}`,
      headers: headers(options),
    }),
    read,
  },
  update: {
    needsId: true,
    request: (contact, options, contactId) => ({
      method: 'PATCH',
      path: `/people/${contactId}`,
      headers: headers(options),
      body: JSON.stringify(contact),
    }),
    interpret: (answer) => interpret(answer, 'updated'),
  },
  bulk: {
    max: 100,
    request: (contacts, options) => ({
      method: 'POST',
      path: '/people/bulk',
      headers: headers(options),
      body: JSON.stringify({ people: contacts }),
    }),
    interpret(answer, contacts) {
      const results = jsonBody(answer)?.results;
      if (answer.status !== 207 || !Array.isArray(results)) {
        const verdict = interpret(answer);
        return contacts.map(() =>
          verdict.kind === 'created' ? { kind: 'unclear', message: 'no list' } : verdict,
        );
      }
      return contacts.map(({ email }) => {
        const result = results.find((one: Json | null) => one?.email === email) as Json | undefined;
        if (result === undefined) return { kind: 'unclear', message: 'not mentioned' };
        return interpret({ status: Number(result.status), headers: {}, body: JSON.stringify(result) });
      });
    },
  },
};

const API_KEY = 'acme-secret-0123456789';
const DATE = 'Mon, 15 Jan 2024 10:30:00 GMT';
const authorization = `Bearer ${API_KEY}`;

const ann: Contact = {
  email: 'ann@example.com',
  external_id: 'C-1',
  name: 'Ann',
  country: 'GB',
  groups: ['a', 'b'],
  billing: { city: 'Leeds' },
  custom: { plan: 'pro' },
};
const bob: Contact = { email: 'bob@example.com' };
const eve: Contact = { email: 'eve@example.com', external_id: 'C-3' };
const held = { id: 'p-1', created_at: 1_705_314_600, ...ann };

const error = (code: string, message: string, field?: string) => ({ error: { code, message, field } });
const slow = error('slow_down', 'Too many requests');

export const acmeFixtures: Fixtures = {
  options: { apiKey: API_KEY, company: 'co-1' },
  secrets: { apiKey: 'headers' },
  baseUrl: 'https://api.acme.example',
  contacts: [ann, bob, eve],
  timeoutMs: 20,
  create: {
    request: { method: 'POST', path: '/people', headers: { Authorization: authorization } },
    created: { status: 201, body: held, contactId: 'p-1' },
    duplicateEmail: { status: 409, body: error('taken', 'There is ann@example.com', 'email') },
    duplicateExternalId: { status: 409, body: error('taken', 'There is C-1', 'external_id') },
    duplicate: { status: 409, body: error('taken', 'There is this person') },
    invalid: {
      status: 422,
      body: error('bad_country', 'No such country', 'country'),
      field: 'country',
      code: 'bad_country',
    },
    unauthorized: { status: 401, body: error('who', 'Who are you?') },
    forbidden: { status: 403, body: error('no', 'Not with this key') },
    quota: { status: 402, body: error('full', 'The plan is full') },
    notFound: { status: 404, body: error('no_company', 'No such company'), verdict: 'rejected' },
    throttled: [
      { status: 429, headers: { 'Retry-After': '3' }, body: slow, waitMs: 3_000 },
      { status: 429, headers: { Date: DATE, 'X-RateLimit-Reset': '1705314610' }, body: slow, waitMs: 10_000 },
      { status: 429, body: slow },
    ],
    serverError: { status: 500, body: error('oops', 'Sorry') },
  },
  lookup: (['email', 'external_id'] as const).map((key) => ({
    key,
    request: {
      method: 'GET',
      path: key === 'email' ? '/people/by-email/ann%40example.com' : '/people/by-external-id/C-1',
      headers: { Authorization: authorization },
    },
    found: { status: 200, body: held, contactId: 'p-1', createdMs: 1_705_314_600_000 },
    other: { status: 200, body: { ...held, name: 'Anna' } },
    absent: { status: 404, body: error('not_found', 'No such person') },
  })),
  update: {
    contactId: 'p-1',
    request: { method: 'PATCH', path: '/people/p-1', headers: { Authorization: authorization } },
    updated: { status: 200, body: held, contactId: 'p-1' },
  },
  bulk: {
    request: { method: 'POST', path: '/people/bulk', headers: { Authorization: authorization } },
    answered: {
      status: 207,
      contacts: [ann, bob],
      body: {
        results: [
          { email: bob.email, status: 409, ...error('taken', 'There is bob@example.com', 'email') },
          { email: ann.email, status: 201, id: 'p-1' },
        ],
      },
      verdicts: [
        { kind: 'created', contactId: 'p-1' },
        { kind: 'duplicate', key: 'email' },
      ],
    },
  },
};
