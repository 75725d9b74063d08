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
  const contacts = () => fixtures.contacts.map((contact): [Contact] => [contact]);
  const requests = () =>
    accounts(candidate).flatMap((options) =>
      fixtures.contacts.map((contact): [Contact, Options] => [contact, options]),
    );
  const answers = (some: object): [ApiAnswer, Contact][] =>
    Object.values(some)
      .flatMap((one: unknown) => list(one))
      .filter(isAnswer)
      .map((answer) => [answerOf(answer), candidate.contact]);

  /** One function, called with each of the lists of arguments. */
  const pure = <Given extends unknown[]>(
    name: string,
    calls: () => readonly Given[],
    of: (...given: Given) => unknown,
  ): Case => ({ name: `purity: ${name}`, run: () => twice(candidate, name, calls(), of) });

  return [
    pure('identity', contacts, (contact) => destination.identity(contact)),
    pure('create', requests, (...given) => destination.create(...given)),
    pure(
      'interpret',
      () => answers(fixtures.create),
      (...given) => destination.interpret(...given),
    ),
    ...(defaults === undefined
      ? []
      : [
          pure(
            'defaults',
            () => accounts(candidate).map((options): [Options] => [options]),
            (options) => destination.defaults!(options),
          ),
        ]),
    ...(lookup === undefined
      ? []
      : list(fixtures.lookup).flatMap((one) => [
          pure('lookup.request', requests, (...given) => lookup.request(...given, one.key)),
          pure(
            'lookup.read',
            () => answers(one),
            (...given) => lookup.read(...given, one.key),
          ),
        ])),
    ...(update === undefined || fixtures.update === undefined
      ? []
      : [
          pure('update.request', requests, (...given) =>
            update.request(...given, fixtures.update?.contactId),
          ),
          pure(
            'update.interpret',
            () => answers(fixtures.update!),
            (...given) => update.interpret(...given),
          ),
        ]),
    ...(bulk === undefined || fixtures.bulk === undefined
      ? []
      : [
          pure(
            'bulk.request',
            () =>
              accounts(candidate).map((options): [readonly Contact[], Options] => [
                fixtures.contacts,
                options,
              ]),
            (...given) => bulk.request(...given),
          ),
          pure(
            'bulk.interpret',
            () =>
              list(fixtures.bulk!.answered).map((one): [ApiAnswer, readonly Contact[]] => [
                answerOf(one),
                one.contacts,
              ]),
            (...given) => bulk.interpret(...given),
          ),
        ]),
  ];
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
