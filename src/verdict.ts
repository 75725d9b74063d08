/** What one answer of a destination means for one contact. */
export type Verdict =
  | { kind: 'created'; contactId?: string }
  | { kind: 'updated'; contactId?: string }
  /** The destination already holds one of the contact's keys; `key` says which, `contactId` who has it, where the answer tells. */
  | { kind: 'duplicate'; key?: 'email' | 'external_id'; contactId?: string; message: string }
  /** The API looked at this contact and said no; sending it again would change nothing. */
  | { kind: 'rejected'; field?: string; code?: string; message: string }
  /** Not looked at, come back later. `waitMs` as announced by the API, if it was. */
  | { kind: 'throttled'; waitMs?: number; message: string }
  /** The API is in trouble (5xx). It may have stored the contact. */
  | { kind: 'unavailable'; message: string }
  /** Nothing that could be understood came back: the contact may have been stored. */
  | { kind: 'unclear'; message: string }
  /** Never reached the API (connection refused, no such host): surely not stored. */
  | { kind: 'unreached'; message: string }
  /** The account may not do this (credentials, plan, quota): true for every other contact as well. */
  | { kind: 'refused'; code: string; message: string };
