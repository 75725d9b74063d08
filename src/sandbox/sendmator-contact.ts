/** What Sendmator takes for a contact, and the envelopes in which it refuses one. Source: its page "Add Contact". */
import type { Answer, Failure } from './api.js';
import type { Draft, Fields } from './ledger.js';

const EMAIL =
  /^[^\s@<>()[\],;:\\".]+(?:\.[^\s@<>()[\],;:\\".]+)*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}[\p{L}\p{N}-]*[\p{L}\p{N}]$/u;

/** Whether the text is a whole address. 254 characters is the longest that SMTP can carry (RFC 5321). */
export function isEmail(text: string): boolean {
  return text.length <= 254 && EMAIL.test(text);
}

const REASON_PHRASE: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** The documented envelope: `{statusCode, message, error, details?: {field, code}}`. */
export function problem(status: number, message: string, details?: { field: string; code: string }): Answer {
  return {
    status,
    body: { statusCode: status, message, error: REASON_PHRASE[status], ...(details && { details }) },
  };
}

export function invalid(field: string, code: string, message: string): Answer {
  return problem(400, message, { field, code });
}

/** Only `throttled` and the envelope are documented; all other sentences are the sandbox's own. */
export function failure(what: Failure): Answer {
  switch (what.kind) {
    case 'malformed':
      return problem(400, 'Request body is not valid JSON');
    case 'rejected':
      return invalid('email', 'not_accepted', 'Email address is not accepted');
    case 'unauthorized':
      return problem(401, 'Invalid or missing API key');
    case 'quota':
      return problem(402, 'Your plan has no contacts left');
    case 'forbidden':
      return problem(403, 'This API key may not manage contacts');
    case 'not_found':
      return problem(404, `Cannot ${what.method} ${what.path}`);
    case 'too_large':
      return problem(413, 'Request body is larger than 1 MB');
    case 'not_json':
      return problem(415, 'Content-Type must be application/json');
    case 'error':
      return problem(500, 'Internal server error');
    case 'outage':
      return problem(503, 'Service temporarily unavailable');
    case 'throttled': {
      const message = `Rate limit exceeded. Try again in ${what.seconds} seconds.`;
      return { status: 429, body: { error: { type: 'rate_limit_error', message } } };
    }
  }
}

export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText = (value: unknown) => typeof value === 'string';
const isTags = (value: unknown) => Array.isArray(value) && value.every(isText);

// Shared by all contacts that have none of their own: rehearsals hold hundreds of thousands.
const NO_TAGS: readonly string[] = [];
const NO_FIELDS: Fields = {};
type Optional = Omit<Draft, 'email'>;
const DEFAULTS: Optional = {
  external_id: null,
  first_name: null,
  last_name: null,
  tags: NO_TAGS,
  is_active: true,
  custom_fields: NO_FIELDS,
  metadata: NO_FIELDS,
};

/** Optional fields: what they must be, and what an absent one (or null) becomes. Unknown fields are ignored. */
const OPTIONAL: readonly (readonly [keyof Optional, string, (value: unknown) => boolean])[] = [
  ['external_id', 'a string', isText],
  ['first_name', 'a string', isText],
  ['last_name', 'a string', isText],
  ['tags', 'an array of strings', isTags],
  ['is_active', 'a boolean', (value) => typeof value === 'boolean'],
  ['custom_fields', 'an object', isFields],
  ['metadata', 'an object', isFields],
];

export function isAnswer(value: object): value is Answer {
  return 'status' in value;
}

/**
 * The contact in a body, or the refusal of it. What is absent comes from `base` (on update: the stored contact),
 * what is null becomes the default.
 */
export function draft(body: unknown, base?: Draft): Draft | Answer {
  if (!isFields(body)) return invalid('body', 'invalid_type', 'Request body must be a JSON object');
  const email = body.email ?? base?.email;
  if (email === undefined || email === '') {
    return invalid('email', 'required', 'Missing required field: email');
  }
  if (typeof email !== 'string' || !isEmail(email)) {
    return invalid('email', 'invalid_format', 'Invalid email format');
  }
  for (const [field, wanted, fits] of OPTIONAL) {
    const value = body[field];
    if (value !== undefined && value !== null && !fits(value)) {
      return invalid(field, 'invalid_type', `${field} must be ${wanted}`);
    }
  }
  if (body.external_id === '') {
    return invalid('external_id', 'invalid_format', 'external_id must not be empty');
  }
  // From here on the types are as `OPTIONAL` says.
  const given = body as { [Field in keyof Optional]?: Optional[Field] | null };
  function pick<Field extends keyof Optional>(field: Field): Optional[Field] {
    const value = given[field];
    return (value === undefined ? base?.[field] : value) ?? DEFAULTS[field];
  }
  return {
    email,
    external_id: pick('external_id'),
    first_name: pick('first_name'),
    last_name: pick('last_name'),
    tags: pick('tags'),
    is_active: pick('is_active'),
    custom_fields: pick('custom_fields'),
    metadata: pick('metadata'),
  };
}
