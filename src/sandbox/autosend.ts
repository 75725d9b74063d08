/**
 * The contact API of AutoSend, from its page "Create Contact" (fields, answer, lower-cased e-mail), its error table,
 * limits and published SDK (upsert, search, bulk). E-mail is unique, `userId` is a mere reference. What none of them
 * says is marked "undocumented"; all sentences are the sandbox's own.
 */
import { type Answer, type ApiRequest, type Failure, isAnswer, type SandboxApi } from './api.js';
import { type Contact, type Draft, type Fields, isEmail, isFields } from './contact.js';
import { faultOfAddress } from './faults.js';
import type { SandboxState } from './ledger.js';
import { rateLimitHeaders } from './window.js';

const MAX_BULK = 100;

interface Detail {
  field: string;
  message: string;
}

function refusal(status: number, code: string, message: string, details?: Detail[]): Answer {
  return { status, body: { success: false, error: { message, code, ...(details && { details }) } } };
}

function invalid(...details: Detail[]): Answer {
  return refusal(400, 'VALIDATION_FAILED', 'Validation failed', details);
}

/** The statuses 413, 415 and 503, and their codes, are undocumented. */
function failure(what: Failure): Answer {
  switch (what.kind) {
    case 'malformed':
      return invalid({ field: 'body', message: 'body must be valid JSON' });
    case 'rejected':
      return invalid({ field: 'email', message: 'email is not accepted' });
    case 'key_missing':
    case 'unauthorized':
      return refusal(401, 'UNAUTHORIZED', 'Invalid or missing API key');
    case 'quota':
      return refusal(402, 'PAYMENT_REQUIRED', 'Your plan has no contacts left');
    case 'forbidden':
      return refusal(403, 'FORBIDDEN', 'This API key may not manage contacts');
    case 'not_found':
      return refusal(404, 'NOT_FOUND', `Cannot ${what.method} ${what.path}`);
    case 'too_large':
      return refusal(413, 'VALIDATION_FAILED', 'Request body is larger than 1 MB');
    case 'not_json':
      return refusal(415, 'VALIDATION_FAILED', 'Content-Type must be application/json');
    case 'error':
      return refusal(500, 'SERVER_ERROR', 'Internal server error');
    case 'outage':
      return refusal(503, 'SERVER_ERROR', 'Service temporarily unavailable');
    case 'throttled': {
      // That the body tells `retryAfter` is documented, its place in the body is not.
      const error = { message: 'Too many requests', code: 'RATE_LIMIT_EXCEEDED', retryAfter: what.seconds };
      return { status: 429, body: { success: false, error } };
    }
  }
}

const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string');

/** Every field that is wrong. Whether null means "absent" is undocumented: here it is a wrong type. */
function faultsOf(body: Fields): Detail[] {
  const details: Detail[] = [];
  const complain = (field: string, must: string) => details.push({ field, message: `${field} ${must}` });
  const { email, listIds, customFields } = body;
  if (email === undefined || email === '') complain('email', 'is required');
  else if (typeof email !== 'string' || !isEmail(email)) complain('email', 'must be a valid email address');
  for (const field of ['firstName', 'lastName', 'userId']) {
    if (body[field] !== undefined && typeof body[field] !== 'string') complain(field, 'must be a string');
  }
  if (listIds !== undefined && !isTexts(listIds)) complain('listIds', 'must be an array of strings');
  if (customFields === undefined) return details;
  if (!isFields(customFields)) complain('customFields', 'must be an object');
  else {
    for (const [name, value] of Object.entries(customFields)) {
      // A date is a string in JSON.
      if (['string', 'number', 'boolean'].includes(typeof value)) continue;
      complain(`customFields.${name}`, 'must be a string, number, boolean or date');
    }
  }
  return details;
}

/** The contact in a body, or the refusal of it. In an upsert what is absent comes from the stored contact. */
function draft(body: unknown, base?: Contact): Draft | Answer {
  if (!isFields(body)) return invalid({ field: 'body', message: 'body must be a JSON object' });
  const details = faultsOf(body);
  if (details.length > 0) return invalid(...details);
  const before = base?.fields ?? {};
  const { firstName = before.firstName, lastName = before.lastName, listIds = before.listIds } = body;
  return {
    email: String(body.email).toLowerCase(),
    external_id: (body.userId as string | undefined) ?? base?.external_id ?? null,
    fields: {
      ...(firstName !== undefined && { firstName }),
      ...(lastName !== undefined && { lastName }),
      ...(listIds !== undefined && { listIds }),
      // That an upsert merges custom fields one by one is undocumented.
      customFields: { ...(before.customFields as Fields), ...(body.customFields as Fields) },
    },
  };
}

function view(state: SandboxState, contact: Contact): object {
  const { account, email, external_id, fields, created, updated = created } = contact;
  return {
    id: state.idOf(contact),
    email,
    firstName: fields.firstName,
    lastName: fields.lastName,
    ...(external_id !== null && { userId: external_id }),
    customFields: fields.customFields,
    updatedAt: new Date(updated).toISOString(),
    createdAt: new Date(created).toISOString(),
    projectId: account.keyId.replaceAll('-', '').slice(0, 24),
  };
}

function success(data: object, status = 200): Answer {
  return { status, body: { success: true, data } };
}

/** 201 on success is undocumented; so is the status for a known e-mail: 400 for keys with `_conflict400`, else 409. */
function create(state: SandboxState, { account, body, now }: ApiRequest): Answer {
  const wanted = draft(body);
  if (isAnswer(wanted)) return wanted;
  if (state.taken(account, wanted) === undefined) {
    return success(view(state, state.store(account, wanted, now)), 201);
  }
  const message = 'A contact with this email already exists';
  const details = [{ field: 'email', message }];
  return account.key.includes('_conflict400')
    ? refusal(400, 'VALIDATION_FAILED', message, details)
    : refusal(409, 'CONTACT_ALREADY_EXISTS', message, details);
}

function put(state: SandboxState, { account, now }: ApiRequest, body: unknown): Contact | Answer {
  const email = isFields(body) && typeof body.email === 'string' ? body.email.toLowerCase() : '';
  const known = account.byEmail.get(email);
  const wanted = draft(body, known);
  if (isAnswer(wanted)) return wanted;
  if (known === undefined) return state.store(account, wanted, now);
  state.change(known, wanted, now);
  return known;
}

function upsert(state: SandboxState, request: ApiRequest): Answer {
  const contact = put(state, request, request.body);
  return isAnswer(contact) ? contact : success(view(state, contact));
}

/** Each contact by itself; the answer is nothing but counts. */
function upsertSeveral(state: SandboxState, request: ApiRequest): Answer {
  const { contacts, runWorkflow } = isFields(request.body) ? request.body : {};
  if (!Array.isArray(contacts) || contacts.length < 1 || contacts.length > MAX_BULK) {
    return invalid({ field: 'contacts', message: `contacts must be an array of 1 to ${MAX_BULK} contacts` });
  }
  if (runWorkflow !== undefined && typeof runWorkflow !== 'boolean') {
    return invalid({ field: 'runWorkflow', message: 'runWorkflow must be a boolean' });
  }
  let successCount = 0;
  for (const one of contacts as unknown[]) {
    const email = isFields(one) && typeof one.email === 'string' ? one.email : '';
    if (faultOfAddress(email)?.shows === 'reject') continue;
    if (!isAnswer(put(state, request, one))) successCount += 1;
  }
  const totalCount = contacts.length;
  return success({ successCount, failedCount: totalCount - successCount, totalCount });
}

function search(state: SandboxState, { account, body }: ApiRequest): Answer {
  const emails = isFields(body) ? body.emails : undefined;
  if (!isTexts(emails)) return invalid({ field: 'emails', message: 'emails must be an array of strings' });
  const found = new Set((emails as string[]).flatMap((one) => account.byEmail.get(one.toLowerCase()) ?? []));
  return success({ contacts: [...found].map((one) => view(state, one)) });
}

function handle(state: SandboxState, request: ApiRequest): Answer {
  const { method, path, account } = request;
  if (method === 'POST' && path === '/v1/contacts') return create(state, request);
  if (method === 'POST' && path === '/v1/contacts/email') return upsert(state, request);
  if (method === 'POST' && path === '/v1/contacts/bulk-update') return upsertSeveral(state, request);
  if (method === 'POST' && path === '/v1/contacts/search/emails') return search(state, request);
  const id = /^\/v1\/contacts\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined || (method !== 'GET' && method !== 'DELETE')) {
    return failure({ kind: 'not_found', method, path });
  }
  const contact = state.find(account, id);
  if (contact === undefined) return refusal(404, 'NOT_FOUND', 'Contact not found');
  if (method === 'GET') return success(view(state, contact));
  state.remove(contact);
  return success({ id });
}

export const autosend: SandboxApi = {
  kind: 'autosend',
  root: '/v1',
  ids: 'object-id',
  unique: ['email'],
  externalIdField: 'userId',
  keyPrefix: '',
  keyOf: ({ authorization }) => /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1],
  creates(method, path) {
    if (method !== 'POST') return undefined;
    if (path === '/v1/contacts/bulk-update') return 'several';
    return path === '/v1/contacts' || path === '/v1/contacts/email' ? 'one' : undefined;
  },
  draft: (body) => draft(body),
  handle,
  failure,
  limitHeaders: rateLimitHeaders,
};
