import type { ApiAnswer } from '../../../src/destinations/destination.js';
import type { Verdict } from '../../../src/verdict.js';
import { acme } from '../model.js';
import { body, but, creating, type Fault } from './fault.js';

const quoting = (verdict: Verdict, { headers }: ApiAnswer): Verdict =>
  verdict.kind === 'refused' && headers['www-authenticate'] !== undefined
    ? { ...verdict, message: headers['www-authenticate'] }
    : verdict;

export const REQUESTS: Fault[] = [
  {
    fault: 'another path',
    broken: () => creating(() => ({ path: '/persons' })),
    fails: {
      'create: the request':
        /expected POST \/people, but POST \/persons arrived; mend method or path in create/,
    },
  },
  {
    fault: 'the whole address as the path',
    broken: () => creating((_, { baseUrl }) => ({ path: `${baseUrl}/people` })),
    fails: {
      'create: no answer': /expected a path below the base URL that starts with "\/"/,
      'create: reset before the answer': /expected a path below the base URL/,
      'create: answer broken off': /expected a path below the base URL/,
    },
  },
  {
    fault: 'a header the API does not know',
    broken: () =>
      creating((_, { apiKey }) => ({
        headers: { 'x-key': String(apiKey), 'content-type': 'application/json' },
      })),
    fails: {
      'create: the request':
        /expected the header Authorization as the fixtures have it, but no such header arrived/,
    },
  },
  {
    fault: 'no content type',
    broken: () => creating((_, { apiKey }) => ({ headers: { authorization: `Bearer ${apiKey}` } })),
    fails: { 'create: the request': /expected the header content-type to name JSON, but there is none/ },
  },
  {
    fault: 'a body that is no text',
    broken: () => creating((contact) => ({ body: contact })),
    fails: { 'create: the request': /expected a body that is a string, not \{"email"/ },
  },
  {
    fault: 'a line break in a header',
    broken: () =>
      creating(({ email }, { apiKey }) => ({
        headers: { authorization: `Bearer ${apiKey}`, 'x-for': `${email}\n` },
      })),
    fails: {
      'create: the request':
        /expected a request that can be sent as POST \/people, but the client could not send it/,
    },
  },
  {
    fault: 'a form in place of JSON',
    broken: () => creating((contact) => ({ body: new URLSearchParams(contact as never).toString() })),
    fails: { 'create: the request': /expected a body of JSON, but \d+ bytes that are none arrived/ },
  },
  {
    fault: 'tidies what it is given',
    broken: () => creating((contact) => body({ ...contact, name: String(contact.name ?? '').slice(0, 50) })),
    fails: {
      'create: the request': /expected the body .* arrived; send the contact's values as they are in create/,
      'create: a huge field': /expected the body/,
    },
  },
  {
    fault: 'sends ASCII only',
    broken: () => creating((contact) => ({ body: JSON.stringify(contact).replace(/[^ -~]/g, '?') })),
    fails: {
      'create: unicode in the contact': /expected the body/,
      'create: a huge field': /expected the body/,
    },
  },
  {
    fault: 'the key in the address',
    broken: () => creating((_, { apiKey }) => ({ path: `/people?key=${apiKey}` })),
    fails: {
      'create: the secret apiKey':
        /expected the value of `apiKey` in the headers of the request and nowhere else, but it is in the path as well/,
    },
  },
  {
    fault: 'the key in the body',
    broken: () => creating((contact, { apiKey }) => body({ ...contact, apiKey })),
    fails: {
      'create: the secret apiKey': /but it is in the body as well; take it out of the body in create/,
    },
  },
  {
    fault: 'no key at all',
    broken: () => creating(() => ({ headers: { 'content-type': 'application/json' } })),
    fails: { 'create: the secret apiKey': /but it is not there; put it there in create/ },
  },
  {
    fault: 'a header that quotes the key as its message',
    broken: () =>
      but({
        interpret: (answer, contact) => quoting(acme.interpret(answer, contact), answer),
        lookup: {
          ...acme.lookup!,
          read(answer, contact, key) {
            const finding = acme.lookup!.read(answer, contact, key);
            if (finding.kind !== 'no_answer') return finding;
            return { kind: 'no_answer', verdict: quoting(finding.verdict, answer) };
          },
        },
        update: {
          ...acme.update!,
          interpret: (answer, contact) => quoting(acme.update!.interpret(answer, contact), answer),
        },
        bulk: {
          ...acme.bulk!,
          interpret: (answer, contacts) =>
            acme.bulk!.interpret(answer, contacts).map((verdict) => quoting(verdict, answer)),
        },
      }),
    fails: Object.fromEntries(
      ['create', 'look-up by email', 'look-up by external_id', 'update', 'bulk'].map((name) => [
        `${name}: the secret apiKey comes back`,
        /to keep the account's secrets, but what it returned holds the value of `apiKey`/,
      ]),
    ),
  },
  {
    fault: 'the key in a message',
    broken: () => {
      let key: unknown;
      const remembering = creating((_, { apiKey }) => {
        key = apiKey;
        return {};
      });
      return {
        ...remembering,
        interpret: (answer, contact) =>
          answer.status === 401
            ? { kind: 'refused', code: 'http_401', message: `${key} is refused` }
            : acme.interpret(answer, contact),
      };
    },
    fails: {
      'create: 401':
        /expected interpret to keep the account's secrets, but what it returned holds the value of `apiKey`/,
    },
  },
  {
    fault: 'the key in an error',
    broken: () =>
      creating((_, { apiKey }) => {
        throw new Error(`bad key ${apiKey}`);
      }),
    fails: { 'create: created': /expected create to return, but it threw Error: bad key \*\*\*;/ },
  },
];
