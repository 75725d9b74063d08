/**
 * The contract of a destination: pure functions between contacts and HTTP. No network, no clock, no state inside;
 * rowferry sends, paces, retries and settles.
 */
import type { z } from 'zod';
import type { Contact, Identity } from '../contact.js';
import type { Verdict } from '../verdict.js';

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the base URL, starting with `/`. */
  path: string;
  /** None of {@link RESERVED_HEADERS}. */
  headers: Record<string, string>;
  body?: string;
}

export interface ApiAnswer {
  status: number;
  /** Lower-case names; the last value of a repeated header. */
  headers: Record<string, string>;
  body: string;
}

/** Headers, in lower case, that are written by who sends: with another value the API would wait for what never comes. */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Credentials and address of an account. `baseUrl` is an origin plus any path prefix, no trailing slash. */
export interface Options {
  baseUrl: string;
  [name: string]: unknown;
}

/** What a look-up found out about a contact whose attempt stayed unclear. */
export type Finding =
  /** `contactId` and `createdMs` as the API tells them; `same`: every field we sent is there as we sent it. */
  | { kind: 'found'; contactId?: string; createdMs?: number; same: boolean }
  | { kind: 'absent' }
  /** The look-up itself was not answered usefully; judged like any other answer. */
  | { kind: 'no_answer'; verdict: Verdict };

export interface Destination {
  /** Lower-case name, used in account ids, flags and environment names. */
  kind: string;
  /** Credentials and base URL. Errors of this schema are shown to the user with the variable names of `env`. */
  options: z.ZodType<Options>;
  /** Option name → environment variable. */
  env: Record<string, string>;
  /** The option that, with the base URL, names the account (hashed). */
  accountKey: string;
  /** Options that are no secret (a company's id); every other, but the base URL, is kept out of what the API is quoted with. */
  publicOptions?: readonly string[];
  /** Validates one contact, exactly as the API takes it. */
  contact: z.ZodType<Contact>;
  /** Field → what rowferry must know to fill it from a cell. A dotted name (`billing.email`) is a field of an object. */
  fields: Record<string, FieldKind>;
  /** Header names → fields; compared without case, spaces and punctuation. The field's own name need not be listed. */
  aliases: Record<string, string>;
  /**
   * Where the columns nobody knows go, by their header: an object field, `contact` = fields of the contact itself,
   * null = the API takes none.
   */
  unmapped: string | null;
  /** Values of fields that a row leaves blank, e.g. the company of the account. */
  defaults?(options: Options): Contact;
  identity(contact: Contact): Identity;
  /** Documented default limit. */
  limit: { requests: number; perMs: number };
  /** True when the API itself refuses a second contact with the same identity: only then may an unclear attempt be repeated. */
  enforcesUniqueness: boolean;
  create(contact: Contact, options: Options): ApiRequest;
  interpret(answer: ApiAnswer, contact: Contact): Verdict;
  /** Asks whether the API holds a contact with this `key` of ours; without `key`: by whatever it is found best. */
  lookup?: {
    request(contact: Contact, options: Options, key?: 'email' | 'external_id'): ApiRequest;
    read(answer: ApiAnswer, contact: Contact, key?: 'email' | 'external_id'): Finding;
  };
  /** Brings a contact that is there already up to date; fields that `contact` does not have stay as they are. */
  update?: {
    /** True: by the id a look-up found. False: the API finds the contact by itself (an upsert); `contactId` is not given. */
    needsId: boolean;
    request(contact: Contact, options: Options, contactId?: string): ApiRequest;
    /** `updated`, or any other verdict. */
    interpret(answer: ApiAnswer, contact: Contact): Verdict;
  };
  /** Several contacts in one request. Only for an API whose answer tells what became of each of them. */
  bulk?: {
    /** Contacts in one request at the most. */
    max: number;
    request(contacts: readonly Contact[], options: Options): ApiRequest;
    /** One verdict for each contact, in their order; an answer about the whole request is said of each of them. */
    interpret(answer: ApiAnswer, contacts: readonly Contact[]): Verdict[];
  };
}

/**
 * `text`, `number`, `integer`, `boolean` and `date` (ISO 8601) are single cells, `list` is split on comma, semicolon
 * or bar, `json` is parsed, `object` is filled by dotted headers (`custom_fields.plan`).
 */
export const FIELD_KINDS = [
  'text',
  'number',
  'integer',
  'boolean',
  'date',
  'list',
  'json',
  'object',
] as const;
export type FieldKind = (typeof FIELD_KINDS)[number];

/** Gives a destination its type; for one's own. */
export function defineDestination(destination: Destination): Destination {
  return destination;
}

/** A request with a JSON body, or without any. `headers`: who asks. */
export function jsonRequest(
  method: ApiRequest['method'],
  path: string,
  headers: Record<string, string>,
  body?: object,
): ApiRequest {
  if (body === undefined) return { method, path, headers };
  return {
    method,
    path,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
}

/** Parses a JSON object out of an answer; undefined when it is none (HTML, cut off, empty). */
export function jsonBody(answer: ApiAnswer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(answer.body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
