/** Answers judged by rules that were written down, not programmed: the first that fits says what the answer means. */
import type { Verdict } from '../../verdict.js';
import { failure, idOf, isObject, momentOf, textOf } from '../answers.js';
import { type ApiAnswer, announcedWait } from '../destination.js';
import { type Bindings, compileCondition, compileExpression, type Expression } from './expression.js';

/** What a rule may conclude. `unreached` is known to rowferry alone. */
export const VERDICTS = [
  'created',
  'updated',
  'duplicate',
  'rejected',
  'throttled',
  'unavailable',
  'unclear',
  'refused',
] as const;
export type VerdictKind = (typeof VERDICTS)[number];

type Scalar = string | number | boolean | null;

/** Conditions, all of which must hold, and what follows. Texts of the second part are expressions over the body. */
export interface Rule {
  /** `409`, `4xx`, or several. */
  status?: number | string | (number | string)[] | undefined;
  /** Header → value, or one of several. */
  header?: Record<string, string | string[]> | undefined;
  /** Expression → value, or one of several. */
  body?: Record<string, Scalar | Scalar[]> | undefined;
  if?: string | undefined;
  verdict: VerdictKind;
  id?: string | undefined;
  /** `email`, `external_id`, or an expression that says one of them. */
  key?: string | undefined;
  field?: string | undefined;
  code?: string | undefined;
  message?: string | undefined;
}

/** Where an answer says how long to wait. */
export interface WaitHint {
  header?: string | undefined;
  body?: string | undefined;
  /** `auto`: seconds when small, else a moment since 1970; what is no number is a date. */
  in: 'auto' | 'seconds' | 'milliseconds' | 'epoch' | 'date';
}

/** An answer with its body parsed once. */
export interface Read {
  answer: ApiAnswer;
  /** undefined: empty, or no JSON. */
  body: unknown;
  /** A page, or JSON that was cut off: whoever said this, it is not the API speaking of a contact. */
  foreign: boolean;
  bindings: Bindings;
}

export function readAnswer(answer: ApiAnswer, about: Bindings): Read {
  let body: unknown;
  let foreign = false;
  try {
    body = JSON.parse(answer.body);
  } catch {
    foreign = /^\s*[<{["]/.test(answer.body);
  }
  return {
    answer,
    body,
    foreign,
    bindings: { status: answer.status, headers: answer.headers, ...about },
  };
}

/** `done`: what a success means where no rule knows one. */
export type Judge = (read: Read, done: 'created' | 'updated') => Verdict;

export function compileRules(rules: readonly Rule[], hints: readonly WaitHint[]): Judge {
  const waitOf = compileHints(hints);
  // Who describes success says by that what is none.
  const described = rules.some(({ verdict }) => verdict === 'created' || verdict === 'updated');
  const compiled = rules.map((rule) => ({
    fits: compileConditions(rule),
    conclude: compileConclusion(rule),
  }));
  return (read, done) => {
    const found = compiled.find(({ fits }) => fits(read));
    const verdict = found ? found.conclude(read) : usual(read, described ? undefined : done);
    if (verdict.kind !== 'throttled') return verdict;
    const waitMs = waitOf(read) ?? announcedWait(read.answer, verdict.message);
    return { kind: 'throttled', message: verdict.message, ...(waitMs === undefined ? {} : { waitMs }) };
  };
}

/**
 * What an answer means by the customs of HTTP: 2xx is `done`, 409 a duplicate, 429 throttled for as long as is
 * announced, 401, 402 and 403 refused, 408 and 5xx unavailable, any other 4xx rejected.
 */
export function usualVerdict(answer: ApiAnswer, done: 'created' | 'updated' = 'created'): Verdict {
  return usual(readAnswer(answer, {}), done);
}

function usual({ answer, body, foreign }: Read, done: 'created' | 'updated' | undefined): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    if (done === undefined) return { kind: 'unclear', message: `unexpected HTTP ${status}` };
    if (foreign) return { kind: 'unclear', message: `HTTP ${status} with something else than JSON` };
    const contactId = usualId(body);
    return contactId === undefined ? { kind: done } : { kind: done, contactId };
  }
  const said = whatIsSaid(body);
  if (status === 409 && !foreign) return { kind: 'duplicate', message: said.message ?? 'HTTP 409' };
  if (status === 301 || status === 307 || status === 308) {
    const message = 'the API has moved: is the base URL right, and https where it must be?';
    return { kind: 'refused', code: `http_${status}`, message };
  }
  return failure(answer, said);
}

function compileConditions(rule: Rule): (read: Read) => boolean {
  const tests: ((read: Read) => boolean)[] = [];
  const { status, header, body } = rule;
  if (status !== undefined) {
    const wanted = [status].flat().map((one) => String(one).toLowerCase());
    tests.push(({ answer }) =>
      wanted.some((one) => one === String(answer.status) || one === `${Math.floor(answer.status / 100)}xx`),
    );
  }
  for (const [name, value] of Object.entries(header ?? {})) {
    const wanted = [value].flat();
    tests.push(({ answer }) => {
      const given = own(answer.headers, name.toLowerCase());
      return given !== undefined && wanted.includes(given);
    });
  }
  for (const [path, value] of Object.entries(body ?? {})) {
    const [expression, wanted] = [compileExpression(path), [value].flat()];
    tests.push((read) => wanted.includes(evaluated(expression, read) as Scalar));
  }
  if (rule.if !== undefined) {
    const holds = compileCondition(rule.if);
    tests.push(({ body, bindings }) => holds(body, bindings));
  }
  return (read) => tests.every((test) => test(read));
}

function compileConclusion(rule: Rule): (read: Read) => Verdict {
  const { verdict } = rule;
  const optional = (text: string | undefined) => (text === undefined ? undefined : compileExpression(text));
  const [id, field, code, message] = [rule.id, rule.field, rule.code, rule.message].map(optional);
  const literal = rule.key === 'email' || rule.key === 'external_id' ? rule.key : undefined;
  const key = literal === undefined ? optional(rule.key) : undefined;
  return (read) => {
    const told: Told = {
      id: id && evaluated(id, read),
      key: literal ?? (key && evaluated(key, read)),
      field: field && evaluated(field, read),
      code: code && evaluated(code, read),
      message: message && evaluated(message, read),
    };
    if (verdict === 'created' || verdict === 'updated') {
      if (!id) told.id = usualId(read.body);
      // A success that does not hold the id it should hold is not understood.
      if (read.foreign || (id && idOf(told.id) === undefined)) {
        return { kind: 'unclear', message: `HTTP ${read.answer.status} without a contact in its body` };
      }
    }
    return conclude(verdict, told, read);
  };
}

/** What is told about a contact, by a rule or in an answer about several. */
export interface Told {
  id?: unknown;
  key?: unknown;
  field?: unknown;
  code?: unknown;
  message?: unknown;
}

/** Makes a verdict of what was told; what was not is looked for where APIs commonly say it. */
export function conclude(kind: VerdictKind, told: Told, { answer, body, foreign }: Read): Verdict {
  const said = whatIsSaid(body);
  const message = textOf(told.message) ?? said.message ?? `HTTP ${answer.status}`;
  const code = idOf(told.code) ?? said.code;
  const field = textOf(told.field);
  const contactId = idOf(told.id);
  const withId = contactId === undefined ? {} : { contactId };
  switch (kind) {
    case 'created':
    case 'updated':
      return { kind, ...withId };
    case 'duplicate': {
      if (foreign) return failure(answer, said);
      const { key } = told;
      return { kind, ...(key === 'email' || key === 'external_id' ? { key } : {}), ...withId, message };
    }
    case 'rejected':
      return {
        kind,
        ...(field === undefined ? {} : { field }),
        ...(code === undefined ? {} : { code }),
        message,
      };
    case 'refused':
      return { kind, code: code ?? `http_${answer.status}`, message };
    default:
      return { kind, message };
  }
}

/** An expression that fails has no value. */
export function evaluated(expression: Expression, { body, bindings }: Read): unknown {
  try {
    return expression.value(body, bindings);
  } catch {
    return undefined;
  }
}

function compileHints(hints: readonly WaitHint[]): (read: Read) => number | undefined {
  const compiled = hints.map(({ header, body, in: unit }) => {
    const expression = body === undefined ? undefined : compileExpression(body);
    return (read: Read) => {
      const told = expression
        ? evaluated(expression, read)
        : own(read.answer.headers, String(header).toLowerCase());
      return waitIn(unit, told, Date.parse(read.answer.headers.date ?? ''));
    };
  });
  return (read) => {
    for (const hint of compiled) {
      const waitMs = hint(read);
      if (waitMs !== undefined) return waitMs;
    }
    return undefined;
  };
}

/** Moments are judged by the API's own Date header, `apiNow`: a wrong clock here does no harm. */
function waitIn(unit: WaitHint['in'], told: unknown, apiNow: number): number | undefined {
  if (typeof told !== 'string' && typeof told !== 'number') return undefined;
  const number = typeof told === 'number' || /^\s*\d/.test(told) ? Number(told) : Number.NaN;
  const seconds = unit === 'seconds' || (unit === 'auto' && number < 1_000_000_000);
  if (seconds || unit === 'milliseconds') {
    const waitMs = seconds ? number * 1000 : number;
    return waitMs >= 0 && Number.isFinite(waitMs) ? waitMs : undefined;
  }
  const dated = unit === 'date' || (unit === 'auto' && Number.isNaN(number));
  const at = dated ? Date.parse(String(told)) : momentOf(number);
  const waitMs = Math.max(0, at - apiNow);
  return Number.isFinite(waitMs) ? waitMs : undefined;
}

/** Where APIs commonly say what is wrong. */
function whatIsSaid(body: unknown): { message?: string | undefined; code?: string | undefined } {
  if (!isObject(body)) return {};
  const list = Array.isArray(body.errors) ? body.errors : [];
  const places = [body, body.error, list[0]].filter(isObject);
  const first = (names: readonly string[], read: (value: unknown) => string | undefined) => {
    for (const place of places) {
      for (const name of names) {
        const told = read(own(place, name));
        if (told !== undefined) return told;
      }
    }
    return undefined;
  };
  const plain = (value: unknown) =>
    typeof value === 'string' || Array.isArray(value) ? textOf(value) : undefined;
  return {
    message: first(['message', 'detail', 'title', 'error_description', 'error'], plain),
    code: first(['code'], idOf),
  };
}

function usualId(body: unknown): string | undefined {
  if (!isObject(body)) return undefined;
  const places = [body, body.data, body.contact].filter(isObject);
  return places.map((place) => idOf(own(place, 'id'))).find((id) => id !== undefined);
}

function own<T>(object: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
