/** Faults of kind, options, environment and limit. */
import { z } from 'zod';
import { acme } from '../model.js';
import { but, type Fault } from './fault.js';

const options = acme.options as unknown as z.ZodObject;

export const ACCOUNTS: Fault[] = [
  {
    fault: 'a kind with a colon',
    broken: () => but({ kind: 'Acme:eu' }),
    fails: { 'account: kind': /expected kind to be a lower-case word, but it is "Acme:eu"/ },
  },
  {
    fault: 'an account key that is no option',
    broken: () => but({ accountKey: 'accountId' }),
    fails: { 'account: environment': /expected accountKey to name an option.*`accountId` is undefined/ },
  },
  {
    fault: 'a variable with a hyphen',
    broken: () => but({ env: { ...acme.env, apiKey: 'acme-key' } }),
    fails: {
      'account: environment': /expected env to name a variable for each option, but `apiKey` has "acme-key"/,
    },
  },
  {
    fault: 'a limit in seconds',
    broken: () => but({ limit: { requests: 100, perMs: 60 } }),
    fails: {
      'account: limit':
        /expected limit.perMs to be a second at the least.*the limit is 100 requests per 60 ms/,
    },
  },
  {
    fault: 'no limit',
    broken: () => but({ limit: { requests: Number.POSITIVE_INFINITY, perMs: 1_000 } }),
    fails: { 'account: limit': /expected limit.requests to be a whole number/ },
  },
  {
    fault: 'a limit beyond any API',
    broken: () => but({ limit: { requests: 1_000_000, perMs: 1_000 } }),
    fails: { 'account: limit': /expected a limit of at most 10000 requests a second/ },
  },
  {
    fault: 'any text for an address',
    broken: () =>
      but({ options: options.extend({ baseUrl: z.string().default('https://api.acme.example') }) as never }),
    fails: { 'account: base URL': /expected `options` to refuse "" as baseUrl, but it takes it; use z.url/ },
  },
  {
    fault: 'an address that is changed',
    broken: () =>
      but({
        options: options.extend({
          baseUrl: z.url({ protocol: /^https?$/ }).transform((one) => `${one}/v2`),
        }) as never,
      }),
    fails: { 'account: base URL': /to take https:\/\/api.example.com as baseUrl and leave it, but it makes/ },
  },
  {
    fault: 'no default address',
    broken: () => but({ options: options.extend({ baseUrl: z.url({ protocol: /^https?$/ }) }) as never }),
    fails: {
      'account: base URL':
        /expected the base URL https:\/\/api.acme.example where none is given, but `options` refuses it/,
    },
  },
  {
    fault: 'credentials that may be missing',
    broken: () => but({ options: options.extend({ apiKey: z.string().optional() }) as never }),
    fails: {
      'account: apiKey is required':
        /expected `options` to refuse an account without `apiKey`, and to name it, but it takes it/,
    },
  },
  {
    fault: 'credentials that may be empty',
    broken: () => but({ options: options.extend({ apiKey: z.string() }) as never }),
    fails: { 'account: apiKey is required': /an account with an empty `apiKey`/ },
  },
];
