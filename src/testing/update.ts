/** Cases about bringing a contact up to date. */
import { type Candidate, type Case, each, list, noFixture, own, skip } from './candidate.js';
import { hardships, judge } from './hardships.js';
import { receive, updating } from './operation.js';
import { compareRequest } from './request.js';
import { secretCases } from './secrets.js';

export function updateCases(candidate: Candidate): Case[] {
  const { destination, fixtures } = candidate;
  if (destination.update === undefined) {
    if (fixtures.update === undefined) return [skip('update', 'the destination has none')];
    return [
      {
        name: 'update',
        run: () =>
          Promise.reject(new Error('the fixtures have an update, the destination has none; add `update`.')),
      },
    ];
  }
  if (fixtures.update === undefined)
    return [noFixture('update', 'update', 'its request and the answer to it')];
  const { contactId, request, updated } = fixtures.update;
  if (destination.update.needsId && contactId === undefined) {
    return [noFixture('update', 'update.contactId', 'the id the update is made by')];
  }
  if (request === undefined) return [noFixture('update', 'update.request', 'method and path')];
  const operation = updating(candidate);
  return [
    {
      name: 'update: the request',
      async run() {
        const received = await receive(candidate, operation);
        compareRequest(operation, received, request, candidate.contact, candidate.contact);
      },
    },
    ...secretCases(candidate, operation),
    ...(list(updated).length === 0
      ? [noFixture('update: updated', 'update.updated', 'the answer of success')]
      : each('update: updated', updated, (one) =>
          judge(candidate, operation, one, { kind: 'updated', ...own(one, 'contactId') }),
        )),
    ...hardships(candidate, operation),
  ];
}
