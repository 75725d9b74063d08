/** Options and fields that many APIs have alike: how they are checked, and under which headers files bring them. */
import { z } from 'zod';
import type { Identity } from '../contact.js';
import { isEmailAddress, LONGEST_EMAIL, normaliseEmail } from '../email.js';

/** `required` for a value that is missing, `code` for one of another type. */
const or = (code: string) => ({
  error: ({ input }: { input?: unknown }) => (input === undefined ? 'required' : code),
});

export const text = z.string(or('not_a_text'));
export const email = z
  .string(or('invalid_format'))
  .max(LONGEST_EMAIL, 'too_long')
  .refine(isEmailAddress, 'invalid_format');
export const flag = z.boolean(or('not_a_boolean'));
export const count = z.int(or('not_an_integer')).min(0, 'out_of_range');
/** ISO 8601: a day, or a moment with or without its offset. */
export const date = z.union([z.iso.date(), z.iso.datetime({ offset: true, local: true })], or('not_a_date'));
export const object = z.record(z.string(), z.unknown(), or('not_an_object'));

export const listOf = <Item extends z.ZodType>(item: Item) => z.array(item, or('not_a_list'));
export const between = (least: number, most: number) =>
  z.number(or('not_a_number')).min(least, 'out_of_range').max(most, 'out_of_range');
export const oneOf = <Word extends string>(words: readonly Word[], code: string) => z.enum(words, or(code));

/** The sentences are shown behind the name of the variable. */
export const baseUrl = (vendor: string) => z.url({ protocol: /^https?$/ }).default(vendor);
export const credential = z.string({ error: 'is not set' }).regex(/^\S+$/, 'is empty or holds spaces');

/** An identity of those keys that a contact has. */
export function identityOf(keys: { email?: unknown; external_id?: unknown; scope?: string }): Identity {
  const identity: Identity = {};
  if (typeof keys.email === 'string') identity.email = normaliseEmail(keys.email);
  if (typeof keys.external_id === 'string') identity.external_id = keys.external_id;
  if (keys.scope !== undefined) identity.scope = keys.scope;
  return identity;
}

/** Headers that files commonly have for fields of a person, by what the API calls the field. */
export function usualHeaders(names: {
  email: string;
  first?: string;
  last?: string;
  /** Whatever the file's own system tells its people apart by. */
  id?: string;
  tags?: string;
}): Record<string, string> {
  const headers: Record<string, string> = {};
  const claim = (field: string | undefined, ...spellings: string[]) => {
    if (field !== undefined) for (const spelling of spellings) headers[spelling] = field;
  };
  claim(names.email, 'email', 'e-mail', 'email address', 'e-mail address', 'mail', 'contact email');
  claim(names.first, 'first name', 'given name', 'forename');
  claim(names.last, 'last name', 'surname', 'family name');
  claim(names.id, 'id', 'external id', 'contact id', 'customer id', 'user id');
  claim(names.tags, 'tag', 'tags', 'labels');
  return headers;
}
