/** Cases about functions that do nothing but return: no change to what they are given, no memory, no clock. */
import { isDeepStrictEqual } from 'node:util';
import type { Contact } from '../contact.js';
import type { ApiAnswer, Options } from '../destinations/destination.js';
import { answerOf, type Candidate, type Case, list } from './candidate.js';
import type { FixtureAnswer } from './fixtures.js';
import { problem } from './judge.js';

export function purityCases(candidate: Candidate): Case[] {
  const { destination, fixtures } = candidate;
  const { defaults, lookup, update, bulk } = destination;
  const cases: Case[] = [];
  /** One function, called with each of the lists of arguments. */
  const pure = <Given extends unknown[]>(
    name: string,
    calls: () => readonly Given[],
    of: (...given: Given) => unknown,
  ): void => {
    cases.push({ name: `purity: ${name}`, run: () => twice(candidate, name, calls(), of) });
  };

  const options = () => accounts(candidate).map((account): [Options] => [account]);
  const contacts = () => fixtures.contacts.map((contact): [Contact] => [contact]);
  const requests = () =>
    accounts(candidate).flatMap((account) =>
      fixtures.contacts.map((contact): [Contact, Options] => [contact, account]),
    );
  const answers = (some: object) => () =>
    Object.values(some)
      .flatMap((one: unknown) => list(one))
      .filter(isAnswer)
      .map((answer): [ApiAnswer, Contact] => [answerOf(answer), candidate.contact]);

  pure('identity', contacts, (contact) => destination.identity(contact));
  pure('create', requests, (contact, account) => destination.create(contact, account));
  pure('interpret', answers(fixtures.create), (answer, contact) => destination.interpret(answer, contact));
  if (defaults) pure('defaults', options, (account) => destination.defaults!(account));
  for (const told of lookup === undefined ? [] : list(fixtures.lookup)) {
    const { key } = told;
    const by = key === undefined ? '' : ` by ${key}`;
    pure(`lookup.request${by}`, requests, (contact, account) => lookup!.request(contact, account, key));
    pure(`lookup.read${by}`, answers(told), (answer, contact) => lookup!.read(answer, contact, key));
  }
  if (update && fixtures.update) {
    const contactId = update.needsId ? fixtures.update.contactId : undefined;
    pure('update.request', requests, (contact, account) => update.request(contact, account, contactId));
    pure('update.interpret', answers(fixtures.update), (answer, contact) =>
      update.interpret(answer, contact),
    );
  }
  if (bulk && fixtures.bulk) {
    const { answered } = fixtures.bulk;
    const all = () =>
      accounts(candidate).map((account): [readonly Contact[], Options] => [fixtures.contacts, account]);
    const about = () =>
      list(answered).map((one): [ApiAnswer, readonly Contact[]] => [answerOf(one), one.contacts]);
    pure('bulk.request', all, (contacts_, account) => bulk.request(contacts_, account));
    pure('bulk.interpret', about, (answer, contacts_) => bulk.interpret(answer, contacts_));
  }
  return cases;
}

/** All calls, and later all again in the other order with frozen arguments: each must return what it returned. */
async function twice<Given extends unknown[]>(
  candidate: Candidate,
  name: string,
  calls: readonly Given[],
  of: (...given: Given) => unknown,
): Promise<void> {
  const first = calls.map((given) => {
    const copies = structuredClone(given);
    const returned = structuredClone(candidate.call(name, () => of(...copies)));
    if (isDeepStrictEqual(copies, given)) return returned;
    throw problem(
      `${name} to leave what it is given as it is`,
      'it changed it',
      'make a copy ({ ...contact }): the same contact is sent again after an outage',
    );
  });
  await laterClock();
  for (const [i, given] of [...calls.entries()].reverse()) {
    const frozen = deepFreeze(structuredClone(given));
    const again = candidate.call(`${name} with frozen arguments`, () => of(...frozen));
    if (isDeepStrictEqual(again, first[i])) continue;
    throw problem(
      `${name} to return the same for the same arguments`,
      'it returned something else the second time',
      'let it use its arguments only: no variable outside of it, no clock, no chance',
    );
  }
}

/** The fixtures' account, and one with other values of every option that is a text. */
function accounts(candidate: Candidate): Options[] {
  const options = candidate.account('http://127.0.0.1:1');
  const other = { ...options };
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'string' && name !== 'baseUrl') other[name] = `${value}2`;
  }
  return [options, other];
}

function isAnswer(value: unknown): value is FixtureAnswer {
  return typeof value === 'object' && value !== null && 'status' in value;
}

/** Until the clock shows another millisecond. */
async function laterClock(): Promise<void> {
  const before = Date.now();
  while (Date.now() <= before + 1) await new Promise((resolve) => setTimeout(resolve, 1));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
