/** Answers judged by rules that were written down, not programmed: the first that fits says what the answer means. */
import type { Verdict } from '../../verdict.js';
import { failure, idOf, textOf } from '../answers.js';
import { announcedWait } from '../wait-hints.js';
import { own, type Read, usual, usualId, whatIsSaid } from './customs.js';
import { compileCondition, compileExpression, evaluated } from './expression.js';
import { compileHints, type WaitHint } from './wait.js';

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
