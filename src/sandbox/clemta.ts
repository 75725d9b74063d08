/**
 * The contact API of Clemta, from its page "Create Contact" (fields, envelope, 200), its error codes and limits, and
 * its list, update and delete requests. Contacts belong to a company; nothing documented is unique. What the vendor
 * does not say is marked "undocumented".
 */
import { type Answer, type ApiRequest, type Failure, isAnswer, type SandboxApi } from './api.js';
import { type Contact, type Draft, isEmail, isFields } from './contact.js';
import type { SandboxState } from './ledger.js';
import { rateLimitHeaders } from './window.js';

/** Both undocumented. */
const [DEFAULT_PAGE, MAX_PAGE] = [20, 100];

function refusal(status: number, code: string, message: string, details: string): Answer {
  return { status, body: { success: false, message, data: null, error: { code, details } } };
}

/** The vendor has two codes for bad data; which one is for what, only its example of a missing field shows. */
const missing = (field: string) =>
  refusal(400, 'INVALID_REQUEST', 'Invalid request data', `Field '${field}' is required`);
const invalid = (field: string, must: string) =>
  refusal(400, 'VALIDATION_FAILED', 'Validation failed', `Field '${field}' ${must}`);

/** The statuses 402, 413, 415 and 503 are undocumented, and so are most sentences. */
function failure(what: Failure): Answer {
  switch (what.kind) {
    case 'malformed':
      return refusal(400, 'INVALID_REQUEST', 'Invalid request data', 'Request body is not valid JSON');
    case 'rejected':
      return invalid('email', 'is not accepted');
    case 'key_missing':
      return refusal(401, 'API_KEY_REQUIRED', 'Unauthorized', 'X-API-Key header is required');
    case 'unauthorized':
      return refusal(401, 'INVALID_API_KEY', 'Unauthorized', 'The API key is invalid');
    case 'quota':
      return refusal(402, 'PAYMENT_REQUIRED', 'Payment required', 'Your plan has no contacts left');
    case 'forbidden':
      return refusal(403, 'ACCESS_DENIED', 'Access denied', 'This API key may not manage contacts');
    case 'not_found':
      return refusal(404, 'NOT_FOUND', 'Not found', `Nothing at ${what.method} ${what.path}`);
    case 'too_large':
      return refusal(413, 'INVALID_REQUEST', 'Invalid request data', 'Request body is larger than 1 MB');
    case 'not_json':
      return refusal(415, 'INVALID_REQUEST', 'Invalid request data', 'Content-Type must be application/json');
    case 'error':
      return refusal(500, 'INTERNAL_ERROR', 'Internal server error', 'Something went wrong');
    case 'outage':
      return refusal(503, 'INTERNAL_ERROR', 'Service unavailable', 'Service temporarily unavailable');
    case 'throttled': {
      // As documented: this one has no `data`.
      const error = { code: 'RATE_LIMIT_EXCEEDED', details: 'Too many requests for this API key' };
      const body = { success: false, message: 'Rate limit exceeded', error };
      return { status: 429, body, headers: { 'retry-after': String(what.seconds) } };
    }
  }
}

/** The convention of the sandbox: every company exists whose id does not begin with `missing`. */
const companyNotFound = (id: unknown) =>
  String(id).startsWith('missing')
    ? refusal(404, 'COMPANY_NOT_FOUND', 'Company not found', `There is no company ${id}`)
    : undefined;

const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

const REQUIRED = ['type', 'full_name', 'email', 'company_id'] as const;
const OPTIONAL = [
  ['status', 'must be a string', isText],
  ['description', 'must be a string', isText],
  ['cc_emails', 'must be an array of strings', isTexts],
  ['bcc_emails', 'must be an array of strings', isTexts],
  ['billing', 'must be an object', isFields],
] as const;

/** The contact in a body, or the refusal of it. What is absent or null comes from `base`, on update. */
function draft(body: unknown, base?: Contact): Draft | Answer {
  if (!isFields(body)) {
    return refusal(400, 'INVALID_REQUEST', 'Invalid request data', 'Request body must be a JSON object');
  }
  const before: Record<string, unknown> = { ...base?.fields, ...(base && { email: base.email }) };
  const value = (field: string) => body[field] ?? before[field];
  for (const field of REQUIRED) {
    if (value(field) === undefined || value(field) === '') return missing(field);
    if (!isText(value(field))) return invalid(field, 'must be a string');
  }
  const [type, full_name, email, company_id] = REQUIRED.map(value) as [string, string, string, string];
  if (type !== 'customer' && type !== 'vendor') return invalid('type', 'must be customer or vendor');
  if (!isEmail(email)) return invalid('email', 'must be a valid email address');
  for (const [field, must, fits] of OPTIONAL) {
    if (value(field) !== undefined && !fits(value(field))) return invalid(field, must);
  }
  const fields = {
    type,
    status: value('status') ?? 'active',
    full_name,
    description: value('description') ?? '',
    cc_emails: value('cc_emails') ?? [],
    bcc_emails: value('bcc_emails') ?? [],
    billing: value('billing') ?? {},
    company_id,
  };
  return companyNotFound(company_id) ?? { email, external_id: null, fields };
}

const seconds = (ms: number) => Math.floor(ms / 1000);

function view(state: SandboxState, contact: Contact): object {
  const { company_id: _, type, status, full_name, ...rest } = contact.fields;
  return {
    id: state.idOf(contact),
    created_at: seconds(contact.created),
    updated_at: seconds(contact.updated ?? contact.created),
    ...{ type, status, full_name, email: contact.email },
    ...rest,
  };
}

function success(message: string, data: unknown): Answer {
  return { status: 200, body: { success: true, message, data } };
}

function create(state: SandboxState, { account, body, now }: ApiRequest): Answer {
  const wanted = draft(body);
  if (isAnswer(wanted)) return wanted;
  return success('Contact created successfully', view(state, state.store(account, wanted, now)));
}

/** `{contacts, total, skip, limit}`; the order (oldest first) and what `search` looks at are undocumented. */
function list(state: SandboxState, { account, query }: ApiRequest): Answer {
  const company = query.get('company_id');
  if (company === null || company === '') return missing('company_id');
  const skip = Number(query.get('skip') ?? 0);
  const limit = Number(query.get('limit') ?? DEFAULT_PAGE);
  if (!Number.isInteger(skip) || skip < 0) return invalid('skip', 'must be a whole number from 0');
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    return invalid('limit', `must be a whole number from 1 to ${MAX_PAGE}`);
  }
  const term = (query.get('search') ?? '').toLowerCase();
  const matches = state.contacts.filter(
    (one): one is Contact =>
      one?.account === account &&
      one.fields.company_id === company &&
      (one.email.toLowerCase().includes(term) || String(one.fields.full_name).toLowerCase().includes(term)),
  );
  const contacts = matches.slice(skip, skip + limit).map((one) => view(state, one));
  const data = { contacts, total: matches.length, skip, limit };
  return companyNotFound(company) ?? success('Contacts retrieved successfully', data);
}

function handle(state: SandboxState, request: ApiRequest): Answer {
  const { method, path, account, body, now } = request;
  if (path === '/contacts' && method === 'POST') return create(state, request);
  if (path === '/contacts' && method === 'GET') return list(state, request);
  const id = /^\/contacts\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined || (method !== 'PATCH' && method !== 'DELETE')) {
    return failure({ kind: 'not_found', method, path });
  }
  const contact = state.find(account, id);
  if (contact === undefined) {
    return refusal(404, 'CONTACT_NOT_FOUND', 'Contact not found', `There is no contact ${id}`);
  }
  if (method === 'DELETE') {
    state.remove(contact);
    return success('Contact deleted successfully', null);
  }
  const wanted = draft(body, contact);
  if (isAnswer(wanted)) return wanted;
  state.change(contact, wanted, now);
  return success('Contact updated successfully', view(state, contact));
}

export const clemta: SandboxApi = {
  kind: 'clemta',
  root: '/contacts',
  ids: 'object-id',
  unique: [],
  externalIdField: undefined,
  keyPrefix: '',
  keyOf: (headers) => (typeof headers['x-api-key'] === 'string' ? headers['x-api-key'] : undefined),
  creates: (method, path) => (method === 'POST' && path === '/contacts' ? 'one' : undefined),
  draft: (body) => draft(body),
  handle,
  failure,
  limitHeaders: (standing) => ({
    // Its value is undocumented.
    'x-ratelimit-api': 'contacts',
    ...rateLimitHeaders(standing),
    'x-ratelimit-type': 'api_key',
  }),
};
