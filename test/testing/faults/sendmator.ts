/** Faults of Sendmator's destination. */
import { jsonBody } from '../../../src/destinations/destination.js';
import { sendmator } from '../../../src/destinations/sendmator.js';
import type { Fault } from './fault.js';

const lookup = sendmator.lookup!;

export const SENDMATOR: Fault[] = [
  {
    fault: 'a key guessed from the whole sentence',
    broken: () => ({
      ...sendmator,
      interpret: (answer, contact) => {
        const verdict = sendmator.interpret(answer, contact);
        return verdict.kind === 'duplicate'
          ? { ...verdict, key: /mail/.test(answer.body) ? 'email' : 'external_id' }
          : verdict;
      },
    }),
    fails: { 'create: duplicate of an unknown key (1 of 2)': /expected duplicate without key/ },
  },
  {
    fault: 'one of the two envelopes',
    broken: () => ({
      ...sendmator,
      interpret: (answer, contact) =>
        sendmator.interpret(
          { ...answer, body: JSON.stringify({ ...jsonBody(answer), error: 'Error' }) },
          contact,
        ),
    }),
    fails: {
      'create: duplicate email (2 of 2)':
        /expected duplicate with key "email" for HTTP 409, but interpret says duplicate/,
      'create: validation error (2 of 3)': /expected rejected with field "email" with code "invalid_format"/,
      'create: 429 (1 of 5)': /expected throttled with waitMs 60000/,
    },
  },
  {
    fault: 'a search that is not encoded',
    broken: () => ({
      ...sendmator,
      lookup: {
        ...lookup,
        request: (contact, account) => ({
          ...lookup.request(contact, account),
          path: `/api/v1/contacts?search=${contact.email}&limit=100`,
        }),
      },
    }),
    fails: { 'look-up: a key of odd characters': /expected the look-up to ask for a\+b&c=d/ },
  },
  {
    fault: 'the first contact that is found',
    broken: () => ({
      ...sendmator,
      lookup: {
        ...lookup,
        read: (answer, contact) => {
          const data = jsonBody(answer)?.data;
          return Array.isArray(data) && data.length > 0
            ? { kind: 'found', same: true }
            : lookup.read(answer, contact);
        },
      },
    }),
    fails: {
      'look-up: absent (2 of 2)': /expected absent for an answer without the contact/,
      "look-up: found another's (1 of 2)": /expected found with same: false/,
    },
  },
];
