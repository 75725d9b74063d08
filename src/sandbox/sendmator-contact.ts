/** What Sendmator takes for a contact, and the envelopes in which it refuses one. Source: its page "Add Contact". */
import { randomUUID } from 'node:crypto';
import type { Answer, Failure } from './api.js';
import { type Draft, type Fields, isEmail, isFields } from './contact.js';

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
    case 'key_missing':
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

const isText = (value: unknown) => typeof value === 'string';
const isTags = (value: unknown) => Array.isArray(value) && value.every(isText);

// Shared by all contacts that have none of their own: rehearsals hold hundreds of thousands.
const NO_TAGS: readonly string[] = [];
const NO_FIELDS: Fields = {};

/** A type and no interface: only a type is seen to be `Fields` as well. */
export type Profile = {
  first_name: string | null;
  last_name: string | null;
  tags: readonly string[];
  is_active: boolean;
  custom_fields: Fields;
  metadata: Fields;
};

const DEFAULTS: Profile = {
  first_name: null,
  last_name: null,
  tags: NO_TAGS,
  is_active: true,
  custom_fields: NO_FIELDS,
  metadata: NO_FIELDS,
};

/** Optional fields: what they must be, and what an absent one (or null) becomes. Unknown fields are ignored. */
const OPTIONAL: readonly (readonly [string, string, (value: unknown) => boolean])[] = [
  ['external_id', 'a string', isText],
  ['first_name', 'a string', isText],
  ['last_name', 'a string', isText],
  ['tags', 'an array of strings', isTags],
  ['is_active', 'a boolean', (value) => typeof value === 'boolean'],
  ['custom_fields', 'an object', isFields],
  ['metadata', 'an object', isFields],
];

/**
 * The contact in a body, or the refusal of it. What is absent comes from `base` (on update: the stored contact),
 * what is null becomes the default; an `external_id` stays, or is generated.
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
  const given = body as { [Field in keyof Profile]?: Profile[Field] | null };
  const before = base && profileOf(base);
  function pick<Field extends keyof Profile>(field: Field): Profile[Field] {
    const value = given[field];
    return (value === undefined ? before?.[field] : value) ?? DEFAULTS[field];
  }
  const profile: Profile = {
    first_name: pick('first_name'),
    last_name: pick('last_name'),
    tags: pick('tags'),
    is_active: pick('is_active'),
    custom_fields: pick('custom_fields'),
    metadata: pick('metadata'),
  };
  const own = (body.external_id as string | null | undefined) ?? base?.external_id;
  return { email, external_id: own ?? `auto_gen_${randomUUID()}`, fields: profile };
}

/** The fields of a draft or contact of Sendmator: they were made above. */
export function profileOf({ fields }: Draft): Profile {
  return fields as Profile;
}
