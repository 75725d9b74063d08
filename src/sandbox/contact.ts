/** What the sandbox stores: contacts, the accounts that own them, and what the four APIs do differently with both. */
import type { SlidingWindow } from './window.js';

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const EMAIL =
  /^[^\s@<>()[\],;:\\".]+(?:\.[^\s@<>()[\],;:\\".]+)*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}[\p{L}\p{N}-]*[\p{L}\p{N}]$/u;

/** Whether the text is a whole address. 254 characters is the longest that SMTP can carry (RFC 5321). */
export function isEmail(text: string): boolean {
  return text.length <= 254 && EMAIL.test(text);
}

/** How the contacts of one API are named and told apart. */
export interface ContactRules {
  /** `sendmator`, `autosend`… */
  kind: string;
  ids: 'uuid' | 'object-id';
  /** Keys of which an account holds each value once. */
  unique: readonly ('email' | 'external_id')[];
  /** The API's own name for the id that its client gives to a contact; undefined = there is none. */
  externalIdField: string | undefined;
}

/** A valid contact before it is stored. */
export interface Draft {
  /** '' = none, where the API takes a phone instead. */
  email: string;
  /** null = none. */
  external_id: string | null;
  /** All else, under the API's own names. */
  fields: Fields;
}

/**
 * A stored contact. Times in epoch ms; `posts` = create requests that carried its address, stored or not.
 * A class, because hundreds of thousands of objects of one fixed shape are quicker and half as large; for the same
 * reason an API should build its `fields` with one object literal.
 */
export class Contact implements Draft {
  email: string;
  external_id: string | null;
  fields: Fields;
  /** undefined = not since it was created. */
  updated: number | undefined = undefined;
  posts = 0;

  constructor(
    readonly ordinal: number,
    readonly account: Account,
    draft: Draft,
    readonly created: number,
    readonly seeded: boolean,
  ) {
    this.email = draft.email;
    this.external_id = draft.external_id;
    this.fields = draft.fields;
  }
}

/** One key's own world at one API: contacts of other keys are neither seen nor in the way. */
export interface Account {
  readonly rules: ContactRules;
  key: string;
  /** Derived from the key, never the key itself: it is shown in answers and in the ledger. */
  keyId: string;
  /**
   * By lower-cased address: where a vendor documents a unique index, it does not tell its collation; the sandbox
   * ignores case. Where addresses need not be unique, one of the contacts with the address.
   */
  readonly byEmail: Map<string, Contact>;
  /** Empty unless the ids are unique. */
  readonly byExternalId: Map<string, Contact>;
  readonly window: SlidingWindow | undefined;
  /** Faults by address that were already met, by lower-cased address. */
  readonly faultsMet: Map<string, number>;
  /** Create requests for addresses that are not in `byEmail` (yet), by lower-cased address. */
  readonly postsBefore: Map<string, number>;
}

/** All fields of a contact under the API's own names, without the id and the times that the API adds. */
export function wholeOf({ account, email, external_id, fields }: Contact): Fields {
  const name = account.rules.externalIdField;
  return {
    ...(email !== '' && { email }),
    ...(name !== undefined && external_id !== null && { [name]: external_id }),
    ...fields,
  };
}
