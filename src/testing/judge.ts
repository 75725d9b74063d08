/** Compares what a destination says with what it should, and puts the difference into one sentence. */
import type { Verdict } from '../verdict.js';
import type { ExpectedVerdict } from './fixtures.js';

/** What an operation made of an answer; a look-up that was understood has no verdict. */
export type Said = Verdict | { kind: 'found' | 'absent' };

/** What was expected, what came instead, and what to mend. */
export function problem(expected: string, came: string, mend: string): Error {
  return new Error(`expected ${expected}, but ${came}; ${mend}.`);
}

const MEND: Record<Verdict['kind'], string> = {
  created: 'return { kind: "created", contactId } with the id the answer gives the contact',
  updated: 'return { kind: "updated" }',
  duplicate:
    'return { kind: "duplicate", key, message } when the API holds the contact already, with `key` only if it says which',
  rejected: 'return { kind: "rejected", field, code, message } with what the answer says about this contact',
  throttled:
    'return { kind: "throttled", waitMs, message } with the wait the answer announces, in ms (announcedWait reads the usual hints)',
  unavailable: 'return { kind: "unavailable", message }, so that the row is tried again',
  unclear:
    'return { kind: "unclear", message }: what cannot be understood is no success, and the contact may have been stored all the same',
  unreached: 'leave this verdict to rowferry',
  refused:
    'return { kind: "refused", code, message }, so that the run halts before it fails every row in the same way',
};

/** Compares `said` with the first of `expected`; any of them will do, the first is what a good destination says. */
export function compareVerdict(
  said: Said,
  expected: ExpectedVerdict | readonly [ExpectedVerdict, ...ExpectedVerdict[]],
  { reader, occasion }: { reader: string; occasion: string },
): void {
  const allowed = isList(expected) ? expected : [expected];
  if (allowed.some((one) => agrees(said, one))) return;
  throw problem(
    `${allowed.map(inWords).join(' or ')} for ${occasion}`,
    `${reader} says ${inWords(said as ExpectedVerdict)}${'message' in said ? ` (“${short(said.message)}”)` : ''}`,
    MEND[allowed[0]!.kind],
  );
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Whether `said` has every property of `expected`. */
export function agrees(said: object, expected: object): boolean {
  return Object.entries(expected).every(([name, value]) => (said as Record<string, unknown>)[name] === value);
}

const DETAILS = ['contactId', 'key', 'field', 'code', 'waitMs'] as const;

/** `throttled with waitMs 60000`, `duplicate without key`. */
function inWords(verdict: ExpectedVerdict): string {
  const details = DETAILS.filter((name) => Object.hasOwn(verdict, name)).map((name) =>
    verdict[name] === undefined ? `without ${name}` : `with ${name} ${JSON.stringify(verdict[name])}`,
  );
  return [verdict.kind, ...details].join(' ');
}

const SPOKEN = new Set(['duplicate', 'rejected', 'throttled', 'unavailable', 'unclear', 'refused']);
const SILENT = new Set(['created', 'updated']);

/** What is wrong with the form of a verdict; undefined = nothing. */
export function verdictFault(verdict: unknown): string | undefined {
  if (typeof verdict !== 'object' || verdict === null) return `a verdict, which ${show(verdict)} is not`;
  const { kind, message, waitMs, ...rest } = verdict as Record<string, unknown>;
  if (kind === 'unreached') return 'any verdict but unreached, which only rowferry can know';
  const spoken = SPOKEN.has(String(kind));
  if (!spoken && !SILENT.has(String(kind))) return `a verdict of a known kind, which ${show(kind)} is not`;
  if (spoken && (typeof message !== 'string' || message.trim() === '')) {
    return `a message in the verdict ${String(kind)}, for the person who reads the report`;
  }
  if (waitMs !== undefined && !(typeof waitMs === 'number' && Number.isFinite(waitMs) && waitMs >= 0)) {
    return `waitMs to be a number of milliseconds or absent, which ${show(waitMs)} is not`;
  }
  if (kind === 'refused' && (typeof rest.code !== 'string' || rest.code === '')) {
    return 'a code in the verdict refused, which names the halt';
  }
  for (const name of ['contactId', 'field', 'code']) {
    if (rest[name] !== undefined && typeof rest[name] !== 'string') {
      return `${name} to be a string or absent, which ${show(rest[name])} is not`;
    }
  }
  if (rest.key !== undefined && rest.key !== 'email' && rest.key !== 'external_id') {
    return `key to be "email", "external_id" or absent, which ${show(rest.key)} is not`;
  }
  return undefined;
}

export function show(value: unknown): string {
  return short(typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)));
}

export function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
