/** What a row becomes for a destination after mapping and validation: exactly the JSON the API takes. */
export type Contact = Record<string, unknown>;

/** The keys by which a destination (and rowferry inside a file) tells two contacts apart. */
export interface Identity {
  email?: string;
  external_id?: string;
  /** Contacts of different scopes never repeat each other, e.g. those of two companies. */
  scope?: string;
}

export type KeyKind = 'e' | 'x';

/** The keys of a contact, each with its kind and within its scope. */
export function keysOf(identity: Identity): [KeyKind, string][] {
  const keys: [KeyKind, string][] = [];
  const within = identity.scope === undefined ? '' : `${identity.scope}\n`;
  if (identity.email !== undefined) keys.push(['e', within + identity.email]);
  if (identity.external_id !== undefined) keys.push(['x', within + identity.external_id]);
  return keys;
}
