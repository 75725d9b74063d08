/** Cases about creating a contact. */
import type { Contact } from '../contact.js';
import type { Verdict } from '../verdict.js';
import { answerOf, type Candidate, type Case, each, list, noFixture, own, skip } from './candidate.js';
import type { CreateFixtures, ExpectedVerdict, FixtureAnswer, Some } from './fixtures.js';
import { hardships, judge } from './hardships.js';
import { compareVerdict, problem, show } from './judge.js';
import { creating, overTheWire, receive } from './operation.js';
import { isObject, parsed, texts, valueAt, withValue } from './paths.js';
import { compareRequest } from './request.js';
import { bodyOf } from './room.js';
import { secretCases } from './secrets.js';

export function createCases(candidate: Candidate): Case[] {
  const operation = creating(candidate);
  return [
    { name: 'create: the request', run: () => requests(candidate) },
    { name: 'create: unicode in the contact', run: () => unicode(candidate) },
    { name: 'create: unicode in the answer', run: () => unicodeAnswer(candidate) },
    { name: 'create: a huge field', run: () => huge(candidate) },
    ...secretCases(candidate, operation),
    ...answers(candidate),
    ...hardships(candidate, operation),
  ];
}

/** Sends `contact`; the JSON that arrives must be the contact's. */
async function send(candidate: Candidate, contact: Contact): Promise<void> {
  const operation = creating(candidate, contact);
  const received = await receive(candidate, operation);
  compareRequest(operation, received, candidate.fixtures.create.request, contact, contact);
}

async function requests(candidate: Candidate): Promise<void> {
  for (const contact of candidate.fixtures.contacts) await send(candidate, contact);
}

/** In each field. */
const HUGE_CHARACTERS = 32 * 1024;
const ODD_TEXT = 'Zoë Łuk 木村さん 👩‍💻 "quoted" \\ \u2028';

async function unicode(candidate: Candidate): Promise<void> {
  const wide = filledWith(candidate, ODD_TEXT);
  if (wide === undefined) {
    throw problem(
      `a text field that takes ${ODD_TEXT}`,
      'the schema `contact` refuses it in each',
      'let names and other free text be any text, or name the field in `fields`',
    );
  }
  await send(candidate, wide);
}

/** Where the schema takes it, it arrives whole; where it does not, the row is invalid before anything is sent. */
async function huge(candidate: Candidate): Promise<void> {
  const large = filledWith(candidate, 'ä'.repeat(HUGE_CHARACTERS));
  if (large !== undefined) await send(candidate, large);
}

/** The contact with `text` in every place that takes it; undefined when none does. */
function filledWith(candidate: Candidate, text: string): Contact | undefined {
  let filled: Contact | undefined;
  for (const path of places(candidate)) {
    const changed = withValue(filled ?? candidate.contact, path, text);
    if (candidate.refusal(changed) === undefined) filled = changed;
  }
  return filled;
}

/** Places in a contact for free text: text fields, and a name of the user's own among the custom fields. */
function places({ destination, contact }: Candidate): (readonly string[])[] {
  const { unmapped } = destination;
  const fields = Object.keys(destination.fields).filter((field) => destination.fields[field] === 'text');
  const paths: (readonly string[])[] = fields.map((field) => field.split('.'));
  if (unmapped === 'contact') paths.push(['note']);
  else if (unmapped !== null && isObject(valueAt(contact, unmapped.split('.')) ?? {})) {
    paths.push([...unmapped.split('.'), 'note']);
  }
  return paths;
}

const SAID = 'Ungültig: 木村さん 👩‍💻 é';

/** What the API says in other alphabets reaches the person who reads the report. */
async function unicodeAnswer(candidate: Candidate): Promise<void> {
  const fixture = list(candidate.fixtures.create.invalid)[0];
  if (fixture === undefined) return;
  const operation = creating(candidate);
  const plain = operation.read(answerOf(fixture));
  const message = 'message' in plain ? plain.message : '';
  const plainBody = parsed(bodyOf(fixture)) ?? fixture.body;
  const quoted = texts(plainBody)
    .filter(({ text }) => text.length > 3 && message.includes(text))
    .sort((a, b) => b.text.length - a.text.length)[0];
  if (quoted === undefined) {
    throw problem(
      'the message of the verdict to have what the API says of an invalid contact',
      `interpret says ${show(message)}`,
      'take the sentence from the answer',
    );
  }
  const body = parsed(
    JSON.stringify(plainBody, (_, value: unknown) => (value === quoted.text ? SAID : value)),
  );
  const said = operation.read(await overTheWire(candidate, operation, { ...fixture, body }));
  if ('message' in said && said.message.includes(SAID)) return;
  throw problem(
    `the message to hold ${SAID}, as the API sent it`,
    `interpret says ${show('message' in said ? said.message : said)}`,
    'take the sentence from the answer as it is',
  );
}

function answers(candidate: Candidate): Case[] {
  const { create } = candidate.fixtures;
  const operation = creating(candidate);
  const told = <T extends FixtureAnswer>(
    name: string,
    fixture: keyof CreateFixtures,
    what: string,
    expected: (one: T) => ExpectedVerdict | readonly [ExpectedVerdict, ExpectedVerdict],
  ): Case[] => {
    const some = create[fixture] as Some<T> | undefined;
    if (list(some).length === 0) return [noFixture(`create: ${name}`, `create.${fixture}`, what)];
    return each(`create: ${name}`, some!, (one) => judge(candidate, operation, one, expected(one)));
  };
  const duplicate = (
    key: 'email' | 'external_id',
    fixture: 'duplicateEmail' | 'duplicateExternalId',
  ): Case[] => {
    const name = `duplicate ${key}`;
    if (create[fixture] === undefined && !mustBeUnique(candidate, key)) {
      return [skip(`create: ${name}`, `the destination does not say that ${key} is unique`)];
    }
    return told(name, fixture, `the answer when the API holds the ${key} already`, () => ({
      kind: 'duplicate',
      key,
    }));
  };
  return [
    ...told<FixtureAnswer & { contactId?: string }>('created', 'created', 'the answer of success', (one) => ({
      kind: 'created',
      ...own(one, 'contactId'),
    })),
    ...duplicate('email', 'duplicateEmail'),
    ...duplicate('external_id', 'duplicateExternalId'),
    ...(create.duplicate === undefined
      ? [skip('create: duplicate of an unknown key', 'the fixtures have no such answer')]
      : told('duplicate of an unknown key', 'duplicate', 'it', () => ({
          kind: 'duplicate',
          key: undefined,
        }))),
    ...told<FixtureAnswer & { field?: string; code?: string }>(
      'validation error',
      'invalid',
      'the answer to a contact that is not valid',
      (one) => ({ kind: 'rejected', ...own(one, 'field'), ...own(one, 'code') }),
    ),
    ...told<FixtureAnswer & { verdict?: 'refused' | 'rejected' }>(
      '404',
      'notFound',
      'the answer to an address or a thing that is not there',
      ({ verdict }) =>
        verdict === undefined ? [{ kind: 'refused' }, { kind: 'rejected' }] : { kind: verdict },
    ),
    { name: 'create: another contact, the same answer', run: async () => otherContact(candidate) },
  ];
}

/** A verdict must not hang on what the contact has: many have less than the first one. */
function otherContact(candidate: Candidate): void {
  for (const fixture of [
    ...list(candidate.fixtures.create.invalid),
    ...list(candidate.fixtures.create.throttled),
  ]) {
    const { kind } = creating(candidate).read(answerOf(fixture)) as Verdict;
    for (const contact of candidate.fixtures.contacts.slice(1)) {
      const said = creating(candidate, contact).read(answerOf(fixture));
      const occasion = `HTTP ${fixture.status} about ${show(contact)}`;
      compareVerdict(said, { kind }, { reader: 'interpret', occasion });
    }
  }
}

/** Whether the destination itself says that no two contacts of the API have the same `key`. */
function mustBeUnique(candidate: Candidate, key: 'email' | 'external_id'): boolean {
  try {
    return candidate.destination.enforcesUniqueness && candidate.identity[key] !== undefined;
  } catch {
    return false; // an identity that throws fails in a case of its own
  }
}
