import { jsonBody } from '../../../src/destinations/destination.js';
import { acme } from '../model.js';
import { body, bulking, type Fault } from './fault.js';

export const BULKS: Fault[] = [
  {
    fault: 'no bulk any more',
    broken: () => {
      const { bulk: _, ...rest } = acme;
      return rest;
    },
    fails: { bulk: /the fixtures have a bulk, the destination has none/ },
  },
  {
    fault: 'one contact at the most',
    broken: () => bulking({ max: 1 }),
    fails: { 'bulk: max': /expected bulk.max to be a whole number of contacts, 2 at the least, but it is 1/ },
  },
  {
    fault: 'sends the first contact alone',
    broken: () =>
      bulking({ request: (contacts, account) => acme.bulk!.request(contacts.slice(0, 1), account) }),
    fails: { 'bulk: the request': /expected a body that lists the 2 contacts as they are, in their order/ },
  },
  {
    fault: 'sends the key in the body',
    broken: () =>
      bulking({
        request: (contacts, account) => ({
          ...acme.bulk!.request(contacts, account),
          ...body({ contacts, key: account.apiKey }),
        }),
      }),
    fails: { 'bulk: the secret apiKey': /it is in the body as well/ },
  },
  {
    fault: 'verdicts in the order of the answer',
    broken: () =>
      bulking({
        interpret: (answer, contacts) => {
          const results = jsonBody(answer)?.results;
          if (!Array.isArray(results)) return acme.bulk!.interpret(answer, contacts);
          return contacts.map((contact, i) =>
            acme.interpret(
              { status: Number(results[i]?.status), headers: {}, body: JSON.stringify(results[i] ?? '') },
              contact,
            ),
          );
        },
      }),
    fails: {
      'bulk: each contact its verdict':
        /expected created with contactId "p-1" for contact 1 of 2, .*but bulk.interpret says duplicate/,
      'bulk: fewer contacts than the answer tells of':
        /expected contact 1 to be created or unclear .*find the verdict of a contact by its key/,
    },
  },
  {
    fault: 'a verdict for each entry of the answer',
    broken: () =>
      bulking({
        interpret: (answer, contacts) => {
          const results = jsonBody(answer)?.results;
          const verdicts = acme.bulk!.interpret(answer, contacts);
          return Array.isArray(results) ? results.map((_, i) => verdicts[i]!) : verdicts;
        },
      }),
    fails: {
      'bulk: more contacts than the answer tells of':
        /expected one verdict for each of 3 contacts, whatever the answer .*but bulk.interpret returned 2/,
      'bulk: fewer contacts than the answer tells of': /expected one verdict for each of 1 contacts/,
    },
  },
  {
    fault: 'who is not mentioned is created',
    broken: () =>
      bulking({
        interpret: (answer, contacts) =>
          acme
            .bulk!.interpret(answer, contacts)
            .map((verdict) =>
              verdict.kind === 'unclear' && answer.status === 207 ? { kind: 'created' } : verdict,
            ),
      }),
    fails: {
      'bulk: more contacts than the answer tells of':
        /expected unclear for a contact the answer does not mention, but bulk.interpret says created/,
    },
  },
  {
    fault: 'one verdict for the whole request',
    broken: () =>
      bulking({
        interpret: (answer, contacts) =>
          answer.status === 207
            ? acme.bulk!.interpret(answer, contacts)
            : acme.bulk!.interpret(answer, contacts.slice(0, 1)),
      }),
    fails: {
      'bulk: 500':
        /expected one verdict for each of 2 contacts, whatever the answer \(here HTTP 500\), but bulk.interpret returned 1/,
    },
  },
  {
    fault: 'the first contact alone is told',
    broken: () =>
      bulking({
        interpret: (answer, contacts) =>
          acme
            .bulk!.interpret(answer, contacts)
            .map((verdict, i) =>
              i > 0 && answer.status === 401 ? { kind: 'unclear', message: 'not reached' } : verdict,
            ),
      }),
    fails: {
      'bulk: 401':
        /expected the same verdict on every contact for an answer about the whole request \(HTTP 401\)/,
    },
  },
];
