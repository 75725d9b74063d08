/** Look-ups of an `http` destination: how a contact is asked for, and what is read out of the answer. */
import type { Contact } from '../../contact.js';
import { normaliseEmail } from '../../email.js';
import type { Verdict } from '../../verdict.js';
import { holds, idOf, isObject, momentOf } from '../answers.js';
import type { Destination, Finding } from '../destination.js';
import { compileRequest, type Headers } from './account.js';
import { type Read, readAnswer } from './customs.js';
import { compileExpression, evaluated } from './expression.js';
import type { Judge } from './rules.js';
import type { HttpSettings } from './settings.js';
import { compileBody } from './template.js';

type Key = 'email' | 'external_id';
type LookupSettings = Extract<NonNullable<HttpSettings['lookup']>, { by: Key }>;

export function compileLookups(
  all: readonly LookupSettings[],
  judge: Judge,
  headers: Headers,
): NonNullable<Destination['lookup']> {
  const lookups = all.map((one) => ({
    by: one.by,
    ask: compileRequest(one, one.body === undefined ? undefined : compileBody(one.body), headers),
    read: compileFinding(one, judge),
  }));
  /** Without a key the first for which the contact has what it takes. */
  const pick = (contact: Contact, key: Key | undefined) =>
    lookups.find(({ by, ask }) => (key === undefined ? canAsk(ask, contact) : by === key));
  return {
    request(contact, options, key) {
      const lookup = pick(contact, key);
      if (lookup) return lookup.ask({ contact }, options);
      throw new Error(`no look-up by ${key ?? 'what this contact has'} is described`);
    },
    read(answer, contact, key) {
      const read = readAnswer(answer, { contact });
      return pick(contact, key)?.read(read, contact) ?? noAnswer(judge(read, 'created'));
    },
  };
}

function canAsk(ask: ReturnType<typeof compileRequest>, contact: Contact): boolean {
  try {
    ask({ contact }, { baseUrl: '' });
    return true;
  } catch {
    return false;
  }
}

function compileFinding(settings: LookupSettings, judge: Judge): (read: Read, contact: Contact) => Finding {
  const optional = (text: string | undefined) => (text === undefined ? undefined : compileExpression(text));
  const [found, id] = [compileExpression(settings.found), compileExpression(settings.id)];
  const [createdAt, same] = [optional(settings.created_at), optional(settings.same)];
  return (read, contact) => {
    const { status } = read.answer;
    if ((status === 404 && !read.foreign) || status === 204) return { kind: 'absent' };
    if (status < 200 || status > 299 || read.body === undefined) return noAnswer(judge(read, 'created'));
    const told = evaluated(found, read);
    if (Array.isArray(told) && told.length === 0) return { kind: 'absent' };
    const held = [told].flat().find(isObject);
    const about = { ...read, body: held };
    const contactId = idOf(evaluated(id, about));
    if (contactId === undefined) return { kind: 'no_answer', verdict: NOT_UNDERSTOOD };
    const createdMs = createdAt ? moment(evaluated(createdAt, about)) : Number.NaN;
    return {
      kind: 'found',
      same: same !== undefined && isSame(evaluated(same, about), contact),
      contactId,
      ...(Number.isFinite(createdMs) ? { createdMs } : {}),
    };
  };
}

const NOT_UNDERSTOOD: Verdict = { kind: 'unclear', message: 'look-up not understood' };

/** What success or repetition would mean for a look-up is nothing that could be acted on. */
function noAnswer(verdict: Verdict): Finding {
  const useless = ['created', 'updated', 'duplicate'].includes(verdict.kind);
  return { kind: 'no_answer', verdict: useless ? NOT_UNDERSTOOD : verdict };
}

function moment(told: unknown): number {
  return momentOf(typeof told === 'string' && /^\d+$/.test(told) ? Number(told) : told);
}

/** `told`: whether it is the same, or what the API holds of it. An address may come back in another spelling. */
function isSame(told: unknown, contact: Contact): boolean {
  if (!isObject(told)) return told === true;
  const { email, ...sent } = contact;
  const alike =
    typeof email === 'string' && typeof told.email === 'string'
      ? normaliseEmail(email) === normaliseEmail(told.email)
      : email === undefined;
  return alike && holds(told, sent);
}
