/** A destination of one's own without code: its requests, and what their answers mean, are written in `rowferry.yaml`. */
import type { z } from 'zod';
import type { Contact } from '../contact.js';
import type { Verdict } from '../verdict.js';
import { isObject } from './answers.js';
import type { Destination } from './destination.js';
import { compileRequest, describeAccount, type Headers } from './http/account.js';
import { httpSettings } from './http/check.js';
import { describeContact } from './http/contact.js';
import { type Read, readAnswer } from './http/customs.js';
import { compileExpression, evaluated } from './http/expression.js';
import { compileLookups } from './http/lookup.js';
import { compileRules, conclude, type Judge, VERDICTS } from './http/rules.js';
import { type HttpSettings, LIMIT } from './http/settings.js';
import { type Body, compileBody, placeholdersOf } from './http/template.js';

export { httpSettings } from './http/check.js';

/**
 * Makes the destination. `settings` as in the file, with `${…}` replaced; throws a ZodError for what `httpSettings`
 * refuses. Its options are filled by the settings: nothing else needs to be given.
 */
export function httpDestination(settings: z.input<typeof httpSettings>): Destination {
  const given = httpSettings.parse(settings);
  const { create, lookup, update, bulk_create: bulk } = given;
  const { options, accountKey, headers } = describeAccount(given);
  const judge = compileRules(given.answers, given.wait);
  const createBody = create.body === undefined ? wholeContact : compileBody(create.body);
  const askToCreate = compileRequest(create, createBody, headers);
  return {
    kind: 'http',
    options,
    env: {},
    accountKey,
    ...describeContact(given.fields, given.unmapped),
    limit: limitOf(given.limit),
    enforcesUniqueness: given.enforces_uniqueness,
    create: (contact, account) => askToCreate({ contact }, account),
    interpret: (answer, contact) => judge(readAnswer(answer, { contact }), 'created'),
    ...(lookup === undefined ? {} : { lookup: compileLookups([lookup].flat(), judge, headers) }),
    ...(update === undefined ? {} : { update: compileUpdate(given, update, createBody, headers) }),
    ...(bulk === undefined ? {} : { bulk: compileBulk(bulk, createBody, judge, headers) }),
  };
}

const wholeContact: Body = ({ contact }) => JSON.stringify(contact);

function limitOf(text: string): { requests: number; perMs: number } {
  const [, requests, count, unit] = LIMIT.exec(text)!;
  const unitMs = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit!]!;
  return { requests: Number(requests), perMs: Number(count ?? 1) * unitMs };
}

function compileUpdate(
  { answers, wait }: HttpSettings,
  settings: NonNullable<HttpSettings['update']>,
  createBody: Body,
  headers: Headers,
): NonNullable<Destination['update']> {
  const body = settings.body === undefined ? createBody : compileBody(settings.body);
  const ask = compileRequest(settings, body, headers);
  // What the rules of `create` say about success and repetition has no meaning here; the rest has.
  const others = answers.filter(({ verdict }) => !['created', 'updated', 'duplicate'].includes(verdict));
  const judge = compileRules([...settings.answers, ...others], wait);
  return {
    needsId: usesId(settings),
    request: (contact, options, contactId) => ask({ contact, contactId }, options),
    interpret: (answer, contact) => judge(readAnswer(answer, { contact }), 'updated'),
  };
}

function usesId({ path, body }: NonNullable<HttpSettings['update']>): boolean {
  if (placeholdersOf(path).has('contact_id')) return true;
  return typeof body === 'string' ? /\$contact_id\b/.test(body) : placeholdersOf(body).has('contact_id');
}

function compileBulk(
  settings: NonNullable<HttpSettings['bulk_create']>,
  createBody: Body,
  judge: Judge,
  headers: Headers,
): NonNullable<Destination['bulk']> {
  const listOf = (contacts: readonly Contact[]) =>
    `[${contacts.map((contact) => createBody({ contact }) ?? 'null').join(',')}]`;
  const body = compileBody(settings.body ?? { contacts: '{{contacts}}' });
  const ask = compileRequest(settings, body, headers);
  const results = compileExpression(settings.results);
  return {
    max: settings.max,
    request: (contacts, options) => ask({ contact: {}, contacts: listOf(contacts) }, options),
    interpret(answer, contacts) {
      const read = readAnswer(answer, { contacts: JSON.parse(listOf(contacts)) as unknown });
      if (answer.status < 200 || answer.status > 299 || read.body === undefined) {
        const verdict = ofAll(judge(read, 'created'));
        return contacts.map(() => verdict);
      }
      const told = [evaluated(results, read)].flat();
      // JSONata leaves out what has no value: from there on everything would be said of another.
      if (told.length !== contacts.length) told.length = 0;
      return contacts.map((_, i) => ofOne(told[i], read));
    },
  };
}

function ofOne(told: unknown, read: Read): Verdict {
  const kind = isObject(told) ? VERDICTS.find((verdict) => verdict === told.verdict) : undefined;
  if (isObject(told) && kind !== undefined) return conclude(kind, told, read);
  return { kind: 'unclear', message: 'the answer does not say what became of this contact' };
}

/** A success or a repetition cannot be said of several contacts at once. */
function ofAll(verdict: Verdict): Verdict {
  if (!['created', 'updated', 'duplicate'].includes(verdict.kind)) return verdict;
  return { kind: 'unclear', message: 'the answer does not say what became of each contact' };
}
