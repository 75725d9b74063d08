/**
 * The contact API of Cendyn CRM (PUSHTech), from its page "Contact: Create": fields, authorization, 201. Its bulk
 * request has no documented path and there is no documented look-up: both are missing here as well. Every status but
 * 201 and the body of every error are undocumented: those below are the sandbox's own, after the habits of Rails.
 * Nothing documented keeps the same contact from being created twice, so here it is created twice.
 */
import { type Answer, type ApiRequest, type Failure, isAnswer, type SandboxApi } from './api.js';
import { type Draft, isEmail, isFields, wholeOf } from './contact.js';
import type { SandboxState } from './ledger.js';

function refusal(status: number, error: string): Answer {
  return { status, body: { error } };
}

function invalid(field: string, message: string): Answer {
  return { status: 422, body: { errors: { [field]: [message] } } };
}

function failure(what: Failure): Answer {
  switch (what.kind) {
    case 'malformed':
      return refusal(400, 'Request body is not valid JSON');
    case 'rejected':
      return invalid('email', 'is not accepted');
    case 'key_missing':
    case 'unauthorized':
      return refusal(401, 'HTTP Token: Access denied.');
    case 'quota':
      return refusal(402, 'The account has no contacts left');
    case 'forbidden':
      return refusal(403, 'The account may not manage contacts');
    case 'not_found':
      return refusal(404, `No route matches [${what.method}] "${what.path}"`);
    case 'too_large':
      return refusal(413, 'Request body is larger than 1 MB');
    case 'not_json':
      return refusal(415, 'Content-Type must be application/json');
    case 'throttled':
      return refusal(429, 'Too many requests');
    case 'error':
      return refusal(500, 'Internal server error');
    case 'outage':
      return refusal(503, 'Service temporarily unavailable');
  }
}

const isText = (value: unknown) => typeof value === 'string';
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isDate = (value: unknown) =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}(T|$)/.test(value) && !Number.isNaN(Date.parse(value));
// How strict a "Number" is taken is undocumented: text that is one will do.
const isNumber = (value: unknown) =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
// One list as an object is what the parameter names spell; several as an array of them is undocumented.
const areSubscriptions = (value: unknown) =>
  isFields(value) || (Array.isArray(value) && value.every(isFields));

const TEXTS = [
  ...[
    'device_id',
    'name_first',
    'name_last',
    'phone_countrycode',
    'phone_number',
    'phone',
    'city',
    'country',
  ],
  ...['region', 'zip', 'full_address', 'user_id', 'facebook_id', 'google_id', 'twitter_id', 'gdpr_remote_ip'],
];

/** What a field must be, and how to see it. */
type Rule = readonly [string, (value: unknown) => boolean];

/** The documented fields. A field that is not listed is a custom field, of any type. */
const RULES = new Map<string, Rule>([
  ...TEXTS.map((name): [string, Rule] => [name, ['must be a string', isText]]),
  ['tags', ['must be an array of strings', isTexts]],
  ['born_date', ['must be an ISO 8601 date', isDate]],
  ['gdpr_date', ['must be an ISO 8601 date', isDate]],
  ['gender', ['must be MALE or FEMALE', (value) => value === 'MALE' || value === 'FEMALE']],
  ['language', ['must be in ISO-2 format', (value) => isText(value) && /^[A-Za-z]{2}$/.test(value)]],
  ['facebook_friends', ['must be a number', isNumber]],
  ['twitter_followers', ['must be a number', isNumber]],
  ['last_latitude', ['must be a number', isNumber]],
  ['last_longitude', ['must be a number', isNumber]],
  ['gdpr_marketing_consent', ['must be a boolean', isBoolean]],
  ['gdpr_accept_terms', ['must be a boolean', isBoolean]],
  ['list_subscriptions', ['must be an object', areSubscriptions]],
  ['email_validation', ['must be an object', isFields]],
]);

const given = (value: unknown) => value !== undefined && value !== null && value !== '';

/**
 * The contact in a body, or the refusal of it. An address without the form of one is refused; `email_validation`, by
 * which the vendor has an address examined, finds every other address valid and is not stored.
 */
function draft(body: unknown): Draft | Answer {
  if (!isFields(body)) return refusal(400, 'Request body must be a JSON object');
  if (
    !given(body.email) &&
    !given(body.phone) &&
    !(given(body.phone_number) && given(body.phone_countrycode))
  ) {
    return invalid('email', 'or phone (number and countrycode) is required');
  }
  const { id: _, email_validation: __, email, user_id, ...fields } = body;
  if (given(email) && (typeof email !== 'string' || !isEmail(email))) return invalid('email', 'is invalid');
  for (const [name, value] of Object.entries(body)) {
    const rule = RULES.get(name);
    if (rule !== undefined && given(value) && !rule[1](value)) return invalid(name, rule[0]);
  }
  return {
    email: typeof email === 'string' ? email : '',
    external_id: typeof user_id === 'string' ? user_id : null,
    fields,
  };
}

/** `/v2/account/<id>/contact/`; that the last slash may be left out is undocumented. */
const CONTACT_PATH = /^\/v2\/account\/([^/]+)\/contact\/?$/;

function create(state: SandboxState, { account, body, now }: ApiRequest): Answer {
  const wanted = draft(body);
  if (isAnswer(wanted)) return wanted;
  const contact = state.store(account, wanted, now);
  return { status: 201, body: { id: state.idOf(contact), ...wholeOf(contact) } };
}

/** Any account id belongs to any secret, except that none begins with `missing` (undocumented: 404). */
function handle(state: SandboxState, request: ApiRequest): Answer {
  const { method, path } = request;
  const accountId = CONTACT_PATH.exec(path)?.[1];
  if (accountId === undefined || method !== 'POST') return failure({ kind: 'not_found', method, path });
  return accountId.startsWith('missing') ? refusal(404, 'Account not found') : create(state, request);
}

export const cendyn: SandboxApi = {
  kind: 'cendyn',
  root: '/v2',
  ids: 'object-id',
  unique: [],
  externalIdField: 'user_id',
  keyPrefix: '',
  // Without quotes as documented, with quotes as the scheme's specification has it.
  keyOf: ({ authorization }) => /^Token token=("?)([^\s",]+)\1$/i.exec(authorization ?? '')?.[2],
  creates: (method, path) => (method === 'POST' && CONTACT_PATH.test(path) ? 'one' : undefined),
  draft,
  handle,
  failure,
  // No limit is documented, so none is shown.
  limitHeaders: () => ({}),
};
