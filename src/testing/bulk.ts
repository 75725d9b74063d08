/** Cases about several contacts in one request. */

import { isDeepStrictEqual } from 'node:util';
import type { Contact } from '../contact.js';
import { answerOf, type Candidate, type Case, each, list, noFixture, skip } from './candidate.js';
import type { BulkFixtures, ExpectedVerdict } from './fixtures.js';
import { hardships } from './hardships.js';
import { agrees, compareVerdict, problem, show } from './judge.js';
import { bulking, overTheWire, receive } from './operation.js';
import { texts, withValue } from './paths.js';
import { compareRequest, jsonOf } from './request.js';
import { secretCases } from './secrets.js';

type Answered = Extract<BulkFixtures['answered'], { status: number }>;

export function bulkCases(candidate: Candidate): Case[] {
  const { destination, fixtures } = candidate;
  if (destination.bulk === undefined) {
    if (fixtures.bulk === undefined) return [skip('bulk', 'the destination has none')];
    return [
      {
        name: 'bulk',
        run: () =>
          Promise.reject(new Error('the fixtures have a bulk, the destination has none; add `bulk`.')),
      },
    ];
  }
  const answered = list(fixtures.bulk?.answered) as readonly Answered[];
  const first = answered[0];
  if (fixtures.bulk === undefined || first === undefined) {
    return [noFixture('bulk', 'bulk', 'its request, and answers with the verdict on each contact')];
  }
  if (fixtures.bulk.request === undefined) return [noFixture('bulk', 'bulk.request', 'method and path')];
  const uneven = answered.some(
    ({ contacts, verdicts }) => contacts?.length !== verdicts?.length || contacts.length < 2,
  );
  if (uneven) return [noFixture('bulk', 'bulk.answered', 'two contacts or more, and a verdict on each')];
  const operation = bulking(candidate, first.contacts);
  return [
    { name: 'bulk: max', run: async () => max(destination.bulk!.max) },
    { name: 'bulk: the request', run: () => request(candidate, fixtures.bulk!, first) },
    ...secretCases(candidate, operation),
    ...each('bulk: each contact its verdict', answered, (one) => eachVerdict(candidate, one)),
    ...each('bulk: more contacts than the answer tells of', answered, async (one) => more(candidate, one)),
    ...each('bulk: fewer contacts than the answer tells of', answered, async (one) => fewer(candidate, one)),
    ...hardships(candidate, operation),
  ];
}

function max(most: number): void {
  if (Number.isSafeInteger(most) && most >= 2) return;
  throw problem(
    'bulk.max to be a whole number of contacts, 2 at the least',
    `it is ${show(most)}`,
    'set it to what the API documents, or leave `bulk` out',
  );
}

async function request(candidate: Candidate, fixtures: BulkFixtures, { contacts }: Answered): Promise<void> {
  const operation = bulking(candidate, contacts);
  const received = await receive(candidate, operation);
  compareRequest(operation, received, fixtures.request, contacts);
  if (fixtures.request.body !== undefined) return;
  if (lists(jsonOf(operation, received)).some((inner) => isDeepStrictEqual(inner, contacts))) return;
  throw problem(
    `a body that lists the ${contacts.length} contacts as they are, in their order`,
    `${show(received.body.toString('utf8'))} arrived`,
    'list them in bulk.request, or tell the fixtures the body the API takes',
  );
}

/** Every list in `value`, at any depth. */
function lists(value: unknown): unknown[][] {
  if (typeof value !== 'object' || value === null) return [];
  return [...(Array.isArray(value) ? [value] : []), ...Object.values(value).flatMap(lists)];
}

async function eachVerdict(candidate: Candidate, { contacts, verdicts, ...answer }: Answered): Promise<void> {
  const operation = bulking(candidate, contacts);
  const said = operation.readEach(await overTheWire(candidate, operation, answer));
  for (const [i, verdict] of said.entries()) {
    const occasion = `contact ${i + 1} of ${contacts.length}, ${show(contacts[i])}, in the answer ${show(answer.body)}`;
    compareVerdict(verdict, verdicts[i]!, { reader: 'bulk.interpret', occasion });
  }
}

/** One contact more, of which the answer says nothing: it may have been stored or not. */
function more(candidate: Candidate, { contacts, verdicts, ...answer }: Answered): void {
  const stranger = strangerTo(candidate, contacts);
  const said = bulking(candidate, [...contacts, stranger]).readEach(answerOf(answer));
  compareVerdict(
    said.at(-1)!,
    { kind: 'unclear' },
    { reader: 'bulk.interpret', occasion: 'a contact the answer does not mention' },
  );
  asBefore(said.slice(0, -1), verdicts, 'one contact more was sent than the answer tells of');
}

function fewer(candidate: Candidate, { contacts, verdicts, ...answer }: Answered): void {
  const said = bulking(candidate, contacts.slice(0, -1)).readEach(answerOf(answer));
  asBefore(said, verdicts, 'one contact less was sent than the answer tells of');
}

/** Who cannot tell any more whose verdict is whose says unclear; a verdict must not slip to another contact. */
function asBefore(
  said: ReturnType<ReturnType<typeof bulking>['readEach']>,
  verdicts: readonly ExpectedVerdict[],
  when: string,
): void {
  for (const [i, verdict] of said.entries()) {
    if (verdict.kind === 'unclear' || agrees(verdict, verdicts[i]!)) continue;
    throw problem(
      `contact ${i + 1} to be ${verdicts[i]!.kind} or unclear when ${when}`,
      `bulk.interpret says ${verdict.kind}`,
      'find the verdict of a contact by its key, or say unclear of all when the counts differ',
    );
  }
}

/** A contact like the first, with keys that none of `contacts` has. */
function strangerTo(candidate: Candidate, contacts: readonly Contact[]): Contact {
  const known = new Set(contacts.flatMap((contact) => Object.values(keysOf(candidate, contact))));
  const free = candidate.fixtures.contacts.find((contact) =>
    Object.values(keysOf(candidate, contact)).every((key) => !known.has(key)),
  );
  if (free !== undefined) return free;
  const keys = new Set(Object.values(keysOf(candidate, candidate.contact)));
  return texts(candidate.contact)
    .filter(({ text }) => keys.has(text.trim().toLowerCase()) || keys.has(text))
    .reduce((contact, { path, text }) => withValue(contact, path, `stranger-${text}`), candidate.contact);
}

function keysOf({ destination }: Candidate, contact: Contact): Record<string, string> {
  const { scope: _, ...keys } = destination.identity(structuredClone(contact));
  return keys;
}
