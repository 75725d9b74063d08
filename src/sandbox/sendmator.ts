/**
 * The contact API of Sendmator, from its documentation "Add Contact" (shapes, sentences, codes, unique indexes) and
 * its published SDK (bulk, look-up paths, PATCH, DELETE). What neither says is marked "undocumented" below.
 */
import { type Answer, type ApiRequest, isAnswer, type SandboxApi } from './api.js';
import { type Account, type Contact, type Draft, isEmail, isFields } from './contact.js';
import { faultOfAddress } from './faults.js';
import type { SandboxState } from './ledger.js';
import { draft, failure, invalid, problem, profileOf } from './sendmator-contact.js';
import { rateLimitHeaders } from './window.js';

const MAX_PAGE = 100;
/** Undocumented. */
const DEFAULT_PAGE = 20;

/** The sentence of a documented conflict, or undefined if both keys are free. */
function conflict(state: SandboxState, account: Account, wanted: Draft, self?: Contact): string | undefined {
  const key = state.taken(account, wanted, self);
  return key && `You already have a contact with ${key} ${wanted[key]}`;
}

function view(state: SandboxState, contact: Contact): object {
  const { created, updated, account } = contact;
  const created_at = new Date(created).toISOString();
  const profile = profileOf(contact);
  return {
    id: state.idOf(contact),
    external_id: contact.external_id,
    email: contact.email,
    first_name: profile.first_name,
    last_name: profile.last_name,
    tags: profile.tags,
    is_active: profile.is_active,
    is_unsubscribed: false,
    unsubscribed_at: null,
    custom_fields: profile.custom_fields,
    metadata: { ...profile.metadata, created_via: 'api_key', api_key_id: account.keyId },
    created_at,
    updated_at: updated === undefined ? created_at : new Date(updated).toISOString(),
  };
}

function create(state: SandboxState, { account, body, now }: ApiRequest): Answer {
  const wanted = draft(body);
  if (isAnswer(wanted)) return wanted;
  const taken = conflict(state, account, wanted);
  if (taken !== undefined) return problem(409, taken);
  return { status: 201, body: view(state, state.store(account, wanted, now)) };
}

/** Each contact by itself. The status (201) and the words of `reason` and `error` are undocumented. */
function createSeveral(state: SandboxState, { account, body, now }: ApiRequest): Answer {
  const contacts = isFields(body) ? body.contacts : undefined;
  if (!Array.isArray(contacts)) return invalid('contacts', 'invalid_type', 'contacts must be an array');
  const created: object[] = [];
  const skipped: object[] = [];
  const errors: object[] = [];
  for (const one of contacts as unknown[]) {
    const email = isFields(one) && typeof one.email === 'string' ? one.email : null;
    const rejected = email !== null && faultOfAddress(email)?.shows === 'reject';
    const wanted = rejected ? failure({ kind: 'rejected' }) : draft(one);
    if (isAnswer(wanted)) {
      errors.push({ email, error: (wanted.body as { message: string }).message });
      continue;
    }
    const reason = conflict(state, account, wanted);
    if (reason === undefined) {
      created.push(view(state, state.store(account, wanted, now)));
    } else {
      const { external_id } = one as Record<string, unknown>;
      skipped.push({ email: wanted.email, ...(external_id != null && { external_id }), reason });
    }
  }
  const summary = {
    created_count: created.length,
    skipped_count: skipped.length,
    error_count: errors.length,
  };
  const total = { user_id: account.keyId, total_processed: contacts.length };
  return { status: 201, body: { created, skipped, errors, ...total, summary } };
}

/** PUT (documented) and PATCH (SDK) alike: a field that is absent stays, one that is present is replaced whole. */
function update(state: SandboxState, { account, body, now }: ApiRequest, contact: Contact): Answer {
  const wanted = draft(body, contact);
  if (isAnswer(wanted)) return wanted;
  const taken = conflict(state, account, wanted, contact);
  if (taken !== undefined) return problem(409, taken);
  state.change(contact, wanted, now);
  return { status: 200, body: view(state, contact) };
}

type Filter = (contact: Contact) => boolean;

function contains(term: string): Filter {
  const lower = term.toLowerCase();
  const within = (text: string | null) => text?.toLowerCase().includes(lower) ?? false;
  return (one) => {
    const { first_name, last_name } = profileOf(one);
    return within(one.email) || within(one.external_id) || within(first_name) || within(last_name);
  };
}

/** The filters of a list request, or the refusal of one. */
function filtersOf(query: URLSearchParams): Filter[] | Answer {
  const filters: Filter[] = [];
  const tag = query.get('tag');
  if (tag !== null) filters.push((one) => profileOf(one).tags.includes(tag));
  const active = query.get('is_active');
  if (active !== null) {
    if (active !== 'true' && active !== 'false')
      return invalid('is_active', 'invalid_type', 'is_active must be a boolean');
    filters.push((one) => profileOf(one).is_active === (active === 'true'));
  }
  for (const field of ['created_after', 'created_before'] as const) {
    const text = query.get(field);
    if (text === null) continue;
    const time = Date.parse(text);
    if (Number.isNaN(time)) return invalid(field, 'invalid_format', `${field} must be an ISO 8601 date`);
    // Compared in whole milliseconds, which is what `created_at` shows.
    const at = (one: Contact) => Math.floor(one.created);
    filters.push(field === 'created_after' ? (one) => at(one) > time : (one) => at(one) < time);
  }
  return filters;
}

/**
 * What a search can find. A term that is a key of a contact, or is a whole address, is answered from the indexes
 * alone: a look-up must stay quick among 400 000 contacts, found or not. Any other term is a substring search.
 */
function candidates(state: SandboxState, account: Account, term: string | null, filters: Filter[]) {
  if (term === null || term === '') return state.contacts;
  const hits = new Set<Contact>();
  for (const hit of [account.byEmail.get(term.toLowerCase()), account.byExternalId.get(term)]) {
    if (hit !== undefined) hits.add(hit);
  }
  if (hits.size > 0 || isEmail(term)) return [...hits].sort((a, b) => a.ordinal - b.ordinal);
  filters.push(contains(term));
  return state.contacts;
}

/** `{data, has_more, next_cursor}`, oldest first (the order is undocumented). */
function list(state: SandboxState, { account, query }: ApiRequest): Answer {
  const limit = Number(query.get('limit') ?? DEFAULT_PAGE);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    return invalid('limit', 'out_of_range', `limit must be a whole number from 1 to ${MAX_PAGE}`);
  }
  const cursor = query.get('starting_after');
  const after = cursor === null ? undefined : state.find(account, cursor);
  if (cursor !== null && after === undefined) {
    return invalid('starting_after', 'not_found', 'starting_after is not the id of a contact');
  }
  const filters = filtersOf(query);
  if (!Array.isArray(filters)) return filters;
  const from = candidates(state, account, query.get('search'), filters);
  const page: Contact[] = [];
  // In the full list a contact stands at its ordinal, so a later page starts there instead of counting up to it.
  for (
    let at = from === state.contacts && after ? after.ordinal + 1 : 0;
    at < from.length && page.length <= limit;
    at += 1
  ) {
    const one = from[at];
    if (one?.account !== account || one.ordinal <= (after?.ordinal ?? -1)) continue;
    if (filters.every((passes) => passes(one))) page.push(one);
  }
  const data = page.slice(0, limit);
  const has_more = page.length > limit;
  const last = data.at(-1);
  const next_cursor = has_more && last ? state.idOf(last) : null;
  return { status: 200, body: { data: data.map((one) => view(state, one)), has_more, next_cursor } };
}

function handle(state: SandboxState, request: ApiRequest): Answer {
  const { method, path, account } = request;
  const unknown = () => failure({ kind: 'not_found', method, path });
  const [collection, ...rest] = path.split('/').slice(3).map(decodeURIComponent);
  if (collection !== 'contacts' || rest.length > 2) return unknown();
  const [first, second] = rest;
  if (first === undefined) {
    if (method === 'POST') return create(state, request);
    return method === 'GET' ? list(state, request) : unknown();
  }
  if (method === 'POST')
    return first === 'bulk' && second === undefined ? createSeveral(state, request) : unknown();
  const external = first === 'external' && second !== undefined;
  if (second !== undefined && !(external && method === 'GET')) return unknown();
  const contact = external ? account.byExternalId.get(second) : state.find(account, first);
  if (contact === undefined) return problem(404, 'Contact not found');
  if (method === 'GET') return { status: 200, body: view(state, contact) };
  if (method === 'PUT' || method === 'PATCH') return update(state, request, contact);
  if (method !== 'DELETE') return unknown();
  // The SDK deletes softly unless `?hard=true`; what a soft delete leaves behind is undocumented: here nothing.
  state.remove(contact);
  return { status: 200, body: { id: state.idOf(contact), deleted: true } };
}

export const sendmator: SandboxApi = {
  kind: 'sendmator',
  root: '/api/v1',
  ids: 'uuid',
  unique: ['email', 'external_id'],
  externalIdField: 'external_id',
  keyPrefix: 'sk_',
  keyOf: (headers) => (typeof headers['x-api-key'] === 'string' ? headers['x-api-key'] : undefined),
  creates(method, path) {
    if (method !== 'POST') return undefined;
    return path === '/api/v1/contacts' ? 'one' : path === '/api/v1/contacts/bulk' ? 'several' : undefined;
  },
  draft: (body) => draft(body),
  handle,
  failure,
  limitHeaders: rateLimitHeaders,
};
