/** Cases about asking whether the API holds a contact. */
import type { ApiAnswer, Finding } from '../destinations/destination.js';
import { answerOf, type Candidate, type Case, each, list, noFixture, own, skip } from './candidate.js';
import type { FixtureAnswer, LookupFixtures, Some } from './fixtures.js';
import { hardships } from './hardships.js';
import { agrees, problem, show } from './judge.js';
import { lookingUp, overTheWire, receive } from './operation.js';
import { parsed, texts, withValue } from './paths.js';
import { compareRequest } from './request.js';
import { bodyOf, type Received } from './room.js';
import { secretCases } from './secrets.js';

export function lookupCases(candidate: Candidate): Case[] {
  const fixtures = list(candidate.fixtures.lookup);
  if (candidate.destination.lookup === undefined) {
    if (fixtures.length === 0) return [skip('look-up', 'the destination has none')];
    return [
      {
        name: 'look-up',
        run: () =>
          Promise.reject(new Error('the fixtures have a look-up, the destination has none; add `lookup`.')),
      },
    ];
  }
  if (fixtures.length === 0) return [noFixture('look-up', 'lookup', 'its request and the answers to it')];
  return fixtures.flatMap((one) => casesOf(candidate, one));
}

function casesOf(candidate: Candidate, fixtures: LookupFixtures): Case[] {
  const operation = lookingUp(candidate, fixtures);
  const { name } = operation;
  if (fixtures.request === undefined) return [noFixture(name, 'lookup.request', 'method and path')];
  const told = <T extends FixtureAnswer>(
    what: string,
    fixture: 'found' | 'other' | 'absent',
    check: (finding: Finding, one: T) => void,
  ): Case[] => {
    const some = fixtures[fixture] as Some<T> | undefined;
    const full = `${name}: ${what}`;
    if (list(some).length === 0) return [noFixture(full, `lookup.${fixture}`, 'the answer')];
    return each(full, some as Some<T>, async (one) => {
      check(operation.find(await overTheWire(candidate, operation, one)), one);
    });
  };
  return [
    {
      name: `${name}: the request`,
      async run() {
        const received = await receive(candidate, operation);
        compareRequest(operation, received, fixtures.request, candidate.contact);
      },
    },
    { name: `${name}: a key of odd characters`, run: () => oddKey(candidate, fixtures) },
    ...secretCases(candidate, operation),
    ...told<FixtureAnswer & { contactId?: string; createdMs?: number }>(
      'found ours',
      'found',
      (finding, one) => {
        const expected = { kind: 'found', same: true, ...own(one, 'contactId'), ...own(one, 'createdMs') };
        if (agrees(finding, expected)) return;
        throw problem(
          show(expected),
          `lookup.read says ${show(finding)}`,
          '`same` is true when every field we sent is there as we sent it, whatever the API adds; createdMs is in ms',
        );
      },
    ),
    ...told("found another's", 'other', (finding) => {
      if (finding.kind === 'found' && !finding.same) return;
      throw problem(
        'found with same: false for a contact with our key and other content',
        `lookup.read says ${show(finding)}`,
        'compare every field we sent, not the key alone: only what is surely ours may be called created',
      );
    }),
    ...told('absent', 'absent', (finding) => {
      if (finding.kind === 'absent') return;
      throw problem(
        'absent for an answer without the contact',
        `lookup.read says ${show(finding)}`,
        'return { kind: "absent" }, and take no contact of another key for it',
      );
    }),
    { name: `${name}: every field counts`, run: async () => everyField(candidate, fixtures) },
    ...hardships(candidate, operation),
  ];
}

/**
 * Of every text that the answer repeats: had we sent another, the contact found would not be ours. Where the text tells
 * scopes apart, there would be none at all.
 */
function everyField(candidate: Candidate, fixtures: LookupFixtures): void {
  const { destination, identity } = candidate;
  const keys = new Set<string>(Object.values(identity).filter((key) => key !== undefined));
  for (const fixture of list(fixtures.found)) {
    const answer: ApiAnswer = answerOf(fixture);
    for (const { path, text } of texts(candidate.contact)) {
      if (keys.has(text) || !bodyOf(fixture).includes(JSON.stringify(text))) continue;
      const other = withValue(candidate.contact, path, `${text}x`);
      const finding = lookingUp(candidate, fixtures, other).find(structuredClone(answer));
      if (finding.kind === 'found' && !finding.same) continue;
      const { scope } = candidate.call('identity', () => destination.identity(structuredClone(other)));
      if (finding.kind === 'absent' && scope !== identity.scope) continue;
      throw problem(
        `found with same: false where the contact we sent has another ${path.join('.')}`,
        `lookup.read says ${show(finding)}`,
        'compare every field we sent, at any depth',
      );
    }
  }
}

const ODD = { email: 'a+b&c=d/e#f%g@example.com', external_id: 'A/B+1 2?c=d&e#f%g ä' };

/** What is asked for must arrive as it is, in path, query or body. */
async function oddKey(candidate: Candidate, fixtures: LookupFixtures): Promise<void> {
  const { contact, identity } = candidate;
  const odd: string[] = [];
  let asked = contact;
  for (const key of ['email', 'external_id'] as const) {
    if (identity[key] === undefined || (fixtures.key !== undefined && fixtures.key !== key)) continue;
    const place = texts(contact).find(
      ({ text }) => text.trim().toLowerCase() === identity[key]!.toLowerCase(),
    );
    const other = place === undefined ? asked : withValue(asked, place.path, ODD[key]);
    if (place === undefined || candidate.refusal(other) !== undefined) continue;
    asked = other;
    odd.push(ODD[key]);
  }
  if (odd.length === 0) return;
  const operation = lookingUp(candidate, fixtures, asked);
  const received = await receive(candidate, operation);
  const arrived = wordsOf(received);
  if (odd.some((key) => arrived.some((word) => word.toLowerCase() === key.toLowerCase()))) return;
  throw problem(
    `the look-up to ask for ${odd.join(' or ')}`,
    `${received.method} ${received.path} arrived, where nothing reads like it`,
    'encode the key: URLSearchParams for a query, encodeURIComponent for a part of the path',
  );
}

/** Everything a server reads out of a request: parts of the path, values of the query, texts of the body. */
function wordsOf({ path, body }: Received): string[] {
  const url = new URL(path, 'http://exam');
  const parts = url.pathname.split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  const json = parsed(body.toString('utf8'));
  return [...parts, ...url.searchParams.values(), ...texts(json).map(({ text }) => text)];
}
