import { acme } from '../model.js';
import { type Fault, updating } from './fault.js';

export const UPDATES: Fault[] = [
  {
    fault: 'no update any more',
    broken: () => {
      const { update: _, ...rest } = acme;
      return rest;
    },
    fails: { update: /the fixtures have an update, the destination has none/ },
  },
  {
    fault: 'an update that creates',
    broken: () => updating({ request: (contact, account) => acme.create(contact, account) }),
    fails: {
      'update: the request':
        /expected PATCH \/people\/p-1, but POST \/people arrived; mend method or path in update.request/,
    },
  },
  {
    fault: 'an update that says created',
    broken: () => updating({ interpret: acme.interpret }),
    fails: {
      'update: updated':
        /expected updated with contactId "p-1" for HTTP 200, but update.interpret says created/,
    },
  },
  {
    fault: 'an update with the key in the path',
    broken: () =>
      updating({
        request: (contact, account, id) => ({
          ...acme.update!.request(contact, account, id),
          path: `/people/${id}?key=${account.apiKey}`,
        }),
      }),
    fails: {
      'update: the secret apiKey': /it is in the path as well; take it out of the path in update.request/,
    },
  },
  {
    fault: 'an update that is always well',
    broken: () => updating({ interpret: () => ({ kind: 'updated', contactId: 'p-1' }) }),
    fails: {
      'update: 401': /expected refused for HTTP 401, but update.interpret says updated/,
      'update: HTML with 200': /expected unclear for HTTP 200, but update.interpret says updated/,
      'update: any status with any body': /update.interpret says updated/,
    },
  },
];
