/** Reads the answers of APIs. Whatever comes — any status, any JSON, none at all — becomes a verdict; nothing throws. */
import type { Contact } from '../contact.js';
import { normaliseEmail } from '../email.js';
import type { Verdict } from '../verdict.js';
import { type ApiAnswer, type Finding, jsonBody } from './destination.js';
import { announcedWait } from './wait-hints.js';

/** What an error says, as far as it says it. */
export interface Said {
  message?: string | undefined;
  field?: string | undefined;
  code?: string | undefined;
}

/** As much of a message as a report is made to carry. */
const LONGEST_MESSAGE = 500;

/**
 * The verdict of an answer that is no success. `status` is what the answer amounts to, where its body tells better
 * than its own status does.
 */
export function failure(answer: ApiAnswer, said: Said, status = answer.status): Verdict {
  const message = said.message ?? `HTTP ${answer.status}`;
  // A quota that is told with the time of its end is one to wait for, whatever the status.
  const quota = (status === 402 || status === 403) && answer.headers['retry-after'] !== undefined;
  if (status === 429 || quota) {
    const waitMs = announcedWait(answer, said.message);
    return { kind: 'throttled', message, ...(waitMs === undefined ? {} : { waitMs }) };
  }
  if (status === 401 || status === 402 || status === 403) {
    return { kind: 'refused', code: `http_${status}`, message };
  }
  if (status >= 500 || status === 408) return { kind: 'unavailable', message };
  if (status === 404 && jsonBody(answer) === undefined) {
    return { kind: 'refused', code: 'http_404', message: 'no such address: is the base URL right?' };
  }
  if (status >= 400) {
    return {
      kind: 'rejected',
      message,
      ...(said.field === undefined ? {} : { field: said.field }),
      ...(said.code === undefined ? {} : { code: said.code }),
    };
  }
  return { kind: 'unclear', message: `unexpected HTTP ${answer.status}` };
}

/**
 * The status that an answer amounts to: its own where that is plain, else what its error `code` stands for, so that a
 * wrong key or a `success: false` is understood in whatever status it travels.
 */
export function statusOf(
  answer: ApiAnswer,
  code: string | undefined,
  codes: ReadonlyMap<string, number>,
): number {
  const { status } = answer;
  if (status >= 500 || status === 401 || status === 402 || status === 403 || status === 429) return status;
  const unsuccessful = status < 300 && jsonBody(answer)?.success === false;
  return codes.get(code ?? '') ?? (unsuccessful ? 400 : status);
}

/** An answer that says success, by the id of the contact it must come with. */
export function success(kind: 'created' | 'updated', id: unknown, answer: ApiAnswer): Verdict {
  const contactId = idOf(id);
  return contactId === undefined
    ? { kind: 'unclear', message: `HTTP ${answer.status} without a contact in its body` }
    : { kind, contactId };
}

/** Whether a sentence says that the contact is there already. */
export function saysTaken(message: string | undefined): boolean {
  const words = /\b(already (exists?|have|been taken|taken|registered|in use|used)|is taken|duplicate)\b/i;
  return words.test(message ?? '');
}

/**
 * What `held`, the contact a look-up came back with, says about `contact`; undefined = there is none. `created`: the
 * field with the time of its creation, ISO 8601 or epoch seconds.
 */
export function findingOf(held: unknown, contact: Contact, created: string): Finding {
  if (!isObject(held)) return { kind: 'absent' };
  const { email: _, ...sent } = contact; // an API may spell it its own way
  const contactId = idOf(held.id);
  const createdMs = momentOf(held[created]);
  return {
    kind: 'found',
    same: hasEmail(held, contact) && holds(held, sent),
    ...(contactId === undefined ? {} : { contactId }),
    ...(Number.isFinite(createdMs) ? { createdMs } : {}),
  };
}

export function momentOf(value: unknown): number {
  if (typeof value === 'string') return Date.parse(value);
  if (typeof value !== 'number') return Number.NaN;
  return value < 100_000_000_000 ? value * 1000 : value; // some tell milliseconds
}

/** The finding of a look-up that was not answered with contacts. */
export function noFinding(verdict: Verdict): Finding {
  const useless = verdict.kind === 'created' || verdict.kind === 'updated';
  return {
    kind: 'no_answer',
    verdict: useless ? { kind: 'unclear', message: 'look-up not understood' } : verdict,
  };
}

export function hasEmail(held: unknown, contact: Contact): held is Record<string, unknown> {
  return (
    isObject(held) &&
    typeof held.email === 'string' &&
    normaliseEmail(held.email) === normaliseEmail(String(contact.email))
  );
}

/** Whether `held` has every value of `sent`, at any depth. What the API adds of its own does not matter. */
export function holds(held: unknown, sent: unknown): boolean {
  if (Array.isArray(sent)) {
    return Array.isArray(held) && held.length === sent.length && sent.every((v, i) => holds(held[i], v));
  }
  if (isObject(sent)) {
    return isObject(held) && Object.entries(sent).every(([name, value]) => holds(held[name], value));
  }
  if (typeof sent === 'string' && typeof held === 'string' && sent !== held) {
    // An API that knows dates may spell them in full: 2024-03-01 comes back as 2024-03-01T00:00:00.000Z.
    return (
      [sent, held].every((text) => /^\d{4}-\d\d-\d\d/.test(text)) && Date.parse(sent) === Date.parse(held)
    );
  }
  return held === sent;
}

/** A verdict and the part of a bulk answer it was read from: an object with the keys of the contact it is about. */
export interface Told {
  about: Record<string, unknown>;
  verdict: Verdict;
}

/**
 * The verdicts told about `contacts`, in their order: by e-mail and external_id, else by e-mail, else by external_id.
 * Each is said of one contact only; who is not mentioned is unclear.
 */
export function inOrder(contacts: readonly Contact[], all: readonly Told[]): Verdict[] {
  const verdicts = contacts.map((): Verdict | undefined => undefined);
  const left = new Set(all);
  for (const way of WAYS) {
    // By key, so that an answer of a hundred thousand parts takes no time for each of the contacts.
    const byKey = new Map<string, Told[]>();
    for (const one of left) {
      const key = way.told(one.about);
      if (key === undefined) continue;
      const group = byKey.get(key);
      if (group) group.push(one);
      else byKey.set(key, [one]);
    }
    for (const group of byKey.values()) group.reverse(); // the first is taken first
    for (const [i, contact] of contacts.entries()) {
      const key = verdicts[i] === undefined ? way.asked(contact) : undefined;
      const one = key === undefined ? undefined : byKey.get(key)?.pop();
      if (one === undefined) continue;
      verdicts[i] = one.verdict;
      left.delete(one);
    }
  }
  return verdicts.map((verdict) => verdict ?? NOT_MENTIONED);
}

type KeyOf = (keys: Record<string, unknown>) => string | undefined;

const emailOf: KeyOf = ({ email }) => (typeof email === 'string' ? normaliseEmail(email) : undefined);
const externalIdOf: KeyOf = ({ external_id }) => (typeof external_id === 'string' ? external_id : undefined);
const bothOf: KeyOf = (keys) => {
  const email = emailOf(keys);
  return email === undefined ? undefined : JSON.stringify([email, externalIdOf(keys)]);
};

/** The ways to tell whom a part is about, the surest first. */
const WAYS: readonly { told: KeyOf; asked: KeyOf }[] = [
  { told: bothOf, asked: bothOf },
  { told: emailOf, asked: emailOf },
  {
    told: (about) => (idOf(about.email) === undefined ? externalIdOf(about) : undefined),
    asked: externalIdOf,
  },
];

const NOT_MENTIONED: Verdict = { kind: 'unclear', message: 'the answer does not mention this contact' };

/** A message of any JSON type in words; undefined when it says nothing. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = Array.isArray(value) ? value.map(wordsOf).join('; ') : wordsOf(value);
  return text.trim() === '' ? undefined : text.slice(0, LONGEST_MESSAGE);
}

function wordsOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return ''; // nested beyond all measure
  }
}

export function idOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
