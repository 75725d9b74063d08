/** Faults of the schema, fields, aliases, defaults and identity. */
import { z } from 'zod';
import { acme } from '../model.js';
import { but, type Fault } from './fault.js';

const schema = acme.contact as z.ZodObject;

export const CONTACTS: Fault[] = [
  {
    fault: 'a schema that refuses what the API takes',
    broken: () => but({ contact: schema.required({ name: true }) as never }),
    fails: {
      'contact: the samples are valid':
        /expected the schema `contact` to take \{"email":"bob@example.com"\}, but it refuses name/,
    },
  },
  {
    fault: 'a schema that changes the contact',
    broken: () =>
      but({ contact: schema.extend({ email: z.string().transform((one) => one.toUpperCase()) }) as never }),
    fails: {
      'contact: the samples are valid':
        /it drops or changes values, while rowferry sends a contact as it was mapped/,
    },
  },
  {
    fault: 'a schema that takes anything',
    broken: () => but({ contact: z.record(z.string(), z.unknown()) }),
    fails: {
      'contact: an empty one is not':
        /expected the schema `contact` to refuse a contact without any field, but it takes it/,
    },
  },
  {
    fault: 'a field the schema does not know',
    broken: () => but({ fields: { ...acme.fields, nickname: 'text' } }),
    fails: {
      'contact: fields':
        /to take the field nickname of the kind text, but it refuses the contact \(Unrecognized key: "nickname"\)/,
    },
  },
  {
    fault: 'a field that a lax schema drops',
    broken: () =>
      but({ fields: { ...acme.fields, nickname: 'text' }, contact: z.object(schema.shape) as never }),
    fails: {
      'contact: fields': /to take the field nickname of the kind text, but it drops or changes values/,
    },
  },
  {
    fault: 'a field of the wrong kind',
    broken: () => but({ fields: { ...acme.fields, age: 'text' } }),
    fails: { 'contact: fields': /to take the field age of the kind text, but it refuses age/ },
  },
  {
    fault: 'a field of another kind than the API takes',
    broken: () => but({ fields: { ...acme.fields, groups: 'text' } }),
    fails: {
      'contact: fields': /expected groups to be of the kind text, but the API takes \["a","b"\] there/,
    },
  },
  {
    fault: 'a kind that is none',
    broken: () => but({ fields: { ...acme.fields, name: 'string' as never } }),
    fails: { 'contact: fields': /expected name to have a known kind, but it is "string"/ },
  },
  {
    fault: 'a field that no column reaches',
    broken: () =>
      but({ fields: Object.fromEntries(Object.entries(acme.fields).filter(([name]) => name !== 'country')) }),
    fails: { 'contact: the samples are valid': /expected `fields` to have country, which the API takes/ },
  },
  {
    fault: 'an alias for a field that is none',
    broken: () => but({ aliases: { ...acme.aliases, 'Full name': 'full_name' } }),
    fails: {
      'contact: aliases':
        /expected every alias to name a field, but the alias "Full name" names "full_name", which is none/,
    },
  },
  {
    fault: 'an alias for an object',
    broken: () => but({ aliases: { ...acme.aliases, more: 'custom' } }),
    fails: { 'contact: aliases': /the alias "more" names the object custom/ },
  },
  {
    fault: 'an alias that is a field',
    broken: () => but({ aliases: { ...acme.aliases, 'External ID': 'name' } }),
    fails: { 'contact: aliases': /the alias "External ID" stands for name, but external_id is a field/ },
  },
  {
    fault: 'an alias for two fields',
    broken: () => but({ aliases: { ...acme.aliases, 'E-Mail address': 'email', 'email-address': 'name' } }),
    fails: { 'contact: aliases': /the alias "email-address" stands for email and name/ },
  },
  {
    fault: 'a place for unmapped columns that is none',
    broken: () => but({ unmapped: 'custom_fields' }),
    fails: {
      'contact: unmapped columns':
        /expected `unmapped` to be an object field, `contact` or null, but it is "custom_fields"/,
    },
  },
  {
    fault: 'a place for unmapped columns that takes none',
    broken: () => but({ unmapped: 'contact' }),
    fails: {
      'contact: unmapped columns':
        /to take favourite_colour, where unmapped columns go, but it refuses the contact/,
    },
  },
  {
    fault: 'a default that is no field',
    broken: () => but({ defaults: () => ({ company_id: 'co-1' }) }),
    fails: { 'contact: defaults': /expected defaults to be fields, but company_id is none/ },
  },
  {
    fault: 'a default the API does not take',
    broken: () => but({ defaults: () => ({ country: 'DE' }) }),
    fails: { 'contact: defaults': /to take the default of country, but it refuses country/ },
  },
  {
    fault: 'a default with the key',
    broken: () => but({ defaults: ({ apiKey }) => ({ company: apiKey }) }),
    fails: { 'contact: defaults': /expected defaults to keep the account's secrets/ },
  },
  {
    fault: 'an e-mail address as it is spelled',
    broken: () => but({ identity: ({ email }) => (typeof email === 'string' ? { email } : {}) }),
    fails: {
      'contact: identity':
        /expected identity to be the same however an e-mail address is spelled.*use normaliseEmail/,
    },
  },
  {
    fault: 'a key made of nothing',
    broken: () => but({ identity: ({ email }) => ({ email: String(email).toLowerCase().trim() }) }),
    fails: {
      'contact: identity':
        /expected no key of a contact without any field, but identity returned email: "undefined"/,
    },
  },
  {
    fault: 'an identity without keys',
    broken: () => but({ identity: () => ({}) }),
    fails: {
      'contact: identity': /expected identity to find a key in the first contact/,
      'contact: identity covers the duplicates':
        /expected identity to return email, since the API refuses a second contact with it/,
    },
  },
  {
    fault: 'a key of another name',
    broken: () => but({ identity: ({ email }) => ({ mail: email }) as never }),
    fails: {
      'contact: identity': /expected identity to return email, external_id and scope.*it returned mail/,
    },
  },
  {
    fault: 'an identity that all contacts share',
    broken: () => but({ identity: () => ({ email: 'x', external_id: 'y' }) }),
    fails: {
      'contact: identity covers the duplicates':
        /expected contacts of different keys to have different identities/,
    },
  },
];
