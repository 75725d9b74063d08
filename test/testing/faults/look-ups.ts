import { jsonBody } from '../../../src/destinations/destination.js';
import { acme } from '../model.js';
import { type Fault, looking } from './fault.js';

export const LOOK_UPS: Fault[] = [
  {
    fault: 'no look-up any more',
    broken: () => {
      const { lookup: _, ...rest } = acme;
      return rest;
    },
    fails: { 'look-up': /the fixtures have a look-up, the destination has none/ },
  },
  {
    fault: 'one address for both keys',
    broken: () => looking({ request: (contact, account) => acme.lookup!.request(contact, account, 'email') }),
    fails: {
      'look-up by external_id: the request':
        /expected GET \/people\/by-external-id\/C-1, but GET \/people\/by-email/,
      'look-up by external_id: a key of odd characters': /expected the look-up to ask for A\/B\+1 2/,
    },
  },
  {
    fault: 'a key as it is in the path',
    broken: () =>
      looking({
        request: ({ email }, account) => ({
          ...acme.create({}, account),
          method: 'GET',
          path: `/people/by-email/${email}`,
        }),
      }),
    fails: {
      'look-up by email: the request':
        /expected GET \/people\/by-email\/ann%40example.com, but GET \/people\/by-email\/ann@example.com/,
      'look-up by email: a key of odd characters':
        /expected the look-up to ask for a\+b&c=d\/e#f%g@example.com.*URLSearchParams for a query/,
    },
  },
  {
    fault: 'asks without the key of the account',
    broken: () => looking({ request: (...given) => ({ ...acme.lookup!.request(...given), headers: {} }) }),
    fails: {
      'look-up by email: the secret apiKey': /but it is not there; put it there in lookup.request/,
      'look-up by external_id: the secret apiKey': /it is not there/,
    },
  },
  {
    fault: 'takes whoever has the key for ours',
    broken: () =>
      looking({
        read: (...given) => {
          const finding = acme.lookup!.read(...given);
          return finding.kind === 'found' ? { ...finding, same: true } : finding;
        },
      }),
    fails: {
      "look-up by email: found another's":
        /expected found with same: false for a contact with our key and other content/,
      "look-up by external_id: found another's": /compare every field we sent, not the key alone/,
      'look-up by email: every field counts':
        /expected found with same: false where the contact we sent has another name/,
      'look-up by external_id: every field counts': /has another name/,
    },
  },
  {
    fault: 'compares neither lists nor objects',
    broken: () =>
      looking({
        read: (answer, { groups: _, billing: _1, ...flat }, key) => acme.lookup!.read(answer, flat, key),
      }),
    fails: { 'look-up by email: every field counts': /where the contact we sent has another groups\.0/ },
  },
  {
    fault: 'takes what the API adds for a difference',
    broken: () =>
      looking({
        read: (answer, contact, key) => {
          const finding = acme.lookup!.read(answer, contact, key);
          const same = JSON.stringify(jsonBody(answer)) === JSON.stringify(contact);
          return finding.kind === 'found' ? { ...finding, same } : finding;
        },
      }),
    fails: {
      'look-up by email: found ours':
        /expected \{"kind":"found","same":true,.*lookup.read says .*"same":false/,
      'look-up by external_id: found ours': /whatever the API adds/,
    },
  },
  {
    fault: 'seconds for milliseconds',
    broken: () =>
      looking({
        read: (...given) => {
          const finding = acme.lookup!.read(...given);
          return finding.kind === 'found' ? { ...finding, createdMs: finding.createdMs! / 1000 } : finding;
        },
      }),
    fails: {
      'look-up by email: found ours':
        /expected createdMs in milliseconds since the epoch.*multiply seconds by 1000/,
    },
  },
  {
    fault: 'what is not understood is not there',
    broken: () =>
      looking({
        read: (...given) => {
          const finding = acme.lookup!.read(...given);
          return finding.kind === 'no_answer' && finding.verdict.kind !== 'throttled'
            ? { kind: 'absent' }
            : finding;
        },
      }),
    fails: {
      'look-up by email: HTML with 200': /expected unclear for HTTP 200, but lookup.read says absent/,
      'look-up by email: HTML with 404': /expected refused for HTTP 404, but lookup.read says absent/,
      'look-up by email: 500': /expected unavailable for HTTP 500, but lookup.read says absent/,
      'look-up by email: 401': /expected refused for HTTP 401, but lookup.read says absent/,
      'look-up by email: any status with any body':
        /for HTTP 200 with the body "", but lookup.read says absent/,
    },
  },
  {
    fault: 'what is not there is not understood',
    broken: () =>
      looking({
        read: (...given) => {
          const finding = acme.lookup!.read(...given);
          return finding.kind === 'absent'
            ? { kind: 'no_answer', verdict: { kind: 'unclear', message: 'nobody' } }
            : finding;
        },
      }),
    fails: {
      'look-up by email: absent': /expected absent for an answer without the contact, but lookup.read says/,
      'look-up by external_id: absent': /expected absent/,
    },
  },
  {
    fault: 'a finding of its own',
    broken: () => looking({ read: () => ({ kind: 'maybe' }) as never }),
    fails: {
      'look-up by email: found ours': /expected found with `same`, absent, or no_answer with a verdict/,
    },
  },
];
