/** What the exam must be told about an API: an account, contacts it takes, and its own answers, from its documentation. */
import type { Contact } from '../contact.js';
import type { Verdict } from '../verdict.js';

/** An answer as the API gives it. `body`: a string is sent as it is, nothing as nothing, anything else as JSON. */
export interface FixtureAnswer {
  status: number;
  /** All there are, `Date` included: the exam adds `Content-Type: application/json` only, where none is named. */
  headers?: Record<string, string>;
  body?: unknown;
}

/** One, or several where an API has more than one way to say it. */
export type Some<T> = T | readonly T[];

/** What the API must receive. `path` is below the base URL; of the headers only those named are compared. */
export interface ExpectedRequest<Input = Contact> {
  method: string;
  path: string;
  headers?: Record<string, string>;
  /** The JSON of the body. Left out: the contact itself; in a look-up no body; in a bulk any that lists the contacts. */
  body?(input: Input): unknown;
}

/** A verdict as far as it is compared: a property left out may be anything, `undefined` says that it must be absent. */
export interface ExpectedVerdict {
  kind: Verdict['kind'];
  contactId?: string | undefined;
  key?: 'email' | 'external_id' | undefined;
  field?: string | undefined;
  code?: string | undefined;
  waitMs?: number | undefined;
}

export interface Fixtures {
  /** Options of an account as its user gives them, without `baseUrl`. Secrets have at least 8 characters. */
  options: Record<string, unknown>;
  /** Each option that is a secret → the one part of every request that its value is in. */
  secrets: Record<string, 'headers' | 'path' | 'body'>;
  /** The base URL when the user gives none. Left out: one must be given. */
  baseUrl?: string;
  /** Contacts the API takes, of different keys; the fullest first, it is the one all answers are about. */
  contacts: readonly [Contact, Contact, ...Contact[]];
  /** How long the exam waits for an answer that never comes, ms (default 300). */
  timeoutMs?: number;
  create: CreateFixtures;
  /** Needed when the destination has `lookup`; one for each key it can be asked by. */
  lookup?: Some<LookupFixtures>;
  /** Needed when the destination has `update`. */
  update?: UpdateFixtures;
  /** Needed when the destination has `bulk`. */
  bulk?: BulkFixtures;
}

/** Request and answers when a contact is created; the answers about the account serve look-up, update and bulk as well. */
export interface CreateFixtures {
  request: ExpectedRequest;
  created: Some<FixtureAnswer & { contactId?: string }>;
  /** The API holds the contact's e-mail address already. Needed when it is unique there. */
  duplicateEmail?: Some<FixtureAnswer>;
  /** The API holds the contact's external id already. Needed when it is unique there. */
  duplicateExternalId?: Some<FixtureAnswer>;
  /** The API holds the contact already and does not say by which key. */
  duplicate?: Some<FixtureAnswer>;
  /** A validation error; `field` and `code` as the answer tells them. */
  invalid: Some<FixtureAnswer & { field?: string; code?: string }>;
  /** 401. */
  unauthorized: Some<FixtureAnswer>;
  /** 403. */
  forbidden: Some<FixtureAnswer>;
  /** Plan or quota is used up, mostly 402. `null`: the API is not known to say so; a 402 without a body is played. */
  quota: Some<FixtureAnswer> | null;
  /** 404. `verdict`: whether it concerns the account (`refused`) or this contact alone; left out: either. */
  notFound: Some<FixtureAnswer & { verdict?: 'refused' | 'rejected' }>;
  /** 429, once with each hint the API gives, and the wait that it announces; left out: it announces none. */
  throttled: Some<FixtureAnswer & { waitMs?: number }>;
  /** 500. */
  serverError: Some<FixtureAnswer>;
}

export interface LookupFixtures {
  /** The key it is asked by; left out: the destination chooses. */
  key?: 'email' | 'external_id';
  request: ExpectedRequest;
  /** The first of `contacts` as we sent it, with what the API adds. `createdMs`: epoch ms. */
  found: Some<FixtureAnswer & { contactId?: string; createdMs?: number }>;
  /** Another contact under the same key. */
  other: Some<FixtureAnswer>;
  absent: Some<FixtureAnswer>;
}

export interface UpdateFixtures {
  /** Given to an update that needs one. */
  contactId?: string;
  request: ExpectedRequest;
  updated: Some<FixtureAnswer & { contactId?: string }>;
}

export interface BulkFixtures {
  /** What the API must receive for the contacts of the first answer. */
  request: ExpectedRequest<readonly Contact[]>;
  /** Answers with the contacts they are about and the verdict on each, in the order of the contacts. */
  answered: Some<FixtureAnswer & { contacts: readonly Contact[]; verdicts: readonly ExpectedVerdict[] }>;
}
