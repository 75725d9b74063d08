/**
 * What `kind: http` is described by in `rowferry.yaml`. Expressions and paths are compiled here once, only to see whether
 * they can be, so that every fault is told at its place.
 */
import { z } from 'zod';
import { RESERVED_HEADERS } from '../destination.js';
import { FIELD_TYPES } from './contact.js';
import { compileCondition, compileExpression } from './expression.js';
import { VERDICTS } from './rules.js';
import { compilePath } from './template.js';

/** Requests, and the time they are allowed in. */
export const LIMIT = /^([1-9]\d{0,6})\/([1-9]\d{0,3})?(s|min|h|d)$/;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const text = z.string('is not text; write it in quotes').min(1, 'is empty');
const method = z.enum(METHODS, `is none of ${METHODS.join(', ')}`);
const flag = z.boolean('is neither true nor false');
const key = z.enum(['email', 'external_id'], 'is neither email nor external_id');
/** A template, or JSONata when it is text. */
const body = z.unknown();

const expression = text.check((given) => tryOut(given, compileExpression));
const condition = text.check((given) => tryOut(given, compileCondition));
const path = text.check((given) => tryOut(given, compilePath));

const NO_STATUS = 'is no status like 409 or 4xx';
const status = z.union(
  [
    z.int(NO_STATUS).min(100, NO_STATUS).max(599, NO_STATUS),
    z.string().regex(/^([1-5]xx|[1-5]\d\d)$/i, NO_STATUS),
  ],
  NO_STATUS,
);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], { error: 'is no plain value' });
const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'is no name of a header')
  .refine((name) => !RESERVED_HEADERS.has(name.toLowerCase()), 'is a header that rowferry writes itself');
const headerValue = z
  .string('is not text; write it in quotes')
  .trim()
  .regex(/^[\t\x20-\x7e\x80-\xff]+$/, 'is empty, or holds what a header cannot');
/** zod says "Invalid input" of both; what the one that was meant lacks is of more use. */
const oneOrMore = <T extends z.ZodType>(one: T) => {
  const more = z.array(one).min(1, 'is empty');
  const error = ({ input }: { input?: unknown }) =>
    (Array.isArray(input) ? more : one)
      .safeParse(input)
      .error?.issues.map(({ path, message }) => [...path.map(inWords), message].join(' '))
      .join('; ');
  return z.union([one, more], { error });
};
const inWords = (step: PropertyKey) => (typeof step === 'number' ? `#${step + 1}` : String(step));
const recordOf = <K extends z.ZodString, V extends z.ZodType>(name: K, value: V) =>
  z.record(name, value, {
    error: (issue) =>
      issue.code === 'invalid_key' ? issue.issues[0]?.message : 'is no map of names to values',
  });

export const ruleSettings = z.strictObject({
  status: oneOrMore(status).optional(),
  header: recordOf(text, oneOrMore(text)).optional(),
  body: recordOf(expression, oneOrMore(scalar)).optional(),
  if: condition.optional(),
  verdict: z.enum(VERDICTS, `is none of ${VERDICTS.join(', ')}`),
  id: expression.optional(),
  key: expression.optional(),
  field: expression.optional(),
  code: expression.optional(),
  message: expression.optional(),
});

const waitSettings = z
  .strictObject({
    header: text.optional(),
    body: expression.optional(),
    in: z
      .enum(
        ['auto', 'seconds', 'milliseconds', 'epoch', 'date'],
        'is none of auto, seconds, milliseconds, epoch, date',
      )
      .default('auto'),
  })
  .refine(
    ({ header, body }) => (header === undefined) !== (body === undefined),
    'needs either header or body',
  );

const lookupSettings = z.strictObject({
  /** The key it asks by. */
  by: key.default('email'),
  method: method.default('GET'),
  path,
  body: body.optional(),
  /** Where the contact stands in the answer; of a list, the first. An empty list (or a 404): the API does not hold it. */
  found: expression.default('$'),
  /** Over what was found: its id, the time of its creation, and what it holds of ours: true, or an object to compare. */
  id: expression.default('id'),
  created_at: expression.optional(),
  same: expression.optional(),
});

const fieldSettings = z.union(
  [
    z.enum(FIELD_TYPES),
    z.strictObject({
      type: z.enum(FIELD_TYPES),
      required: flag.optional(),
      unique: flag.optional(),
      aliases: z.array(text).optional(),
      default: z.json().optional(),
    }),
  ],
  {
    error: `is neither a type (${FIELD_TYPES.join(', ')}) nor { type, required, unique, aliases, default }`,
  },
);

export const httpShape = z.strictObject({
  kind: z.literal('http').optional(),
  /** Origin and any path prefix. */
  base_url: z.url({ protocol: /^https?$/, error: 'is not an http(s) URL' }),
  /** Sent with every request; taken for secrets, but for a few that never are: see account.ts. */
  headers: recordOf(headerName, headerValue).default({}),
  basic_auth: z.strictObject({ username: z.string(), password: z.string() }).optional(),
  /** Other values that no report may show, e.g. a key in a path. */
  secrets: z.array(text).default([]),
  fields: recordOf(text, fieldSettings),
  /** An object field, or `contact`; left out: columns that are no fields are not sent. */
  unmapped: text.nullable().default(null),
  create: z.strictObject({ method: method.default('POST'), path, body: body.optional() }),
  answers: z.array(ruleSettings).default([]),
  wait: z.array(waitSettings).default([]),
  lookup: oneOrMore(lookupSettings).optional(),
  update: z
    .strictObject({
      method: method.default('PATCH'),
      path,
      /** Default: that of `create`. */
      body: body.optional(),
      answers: z.array(ruleSettings).default([]),
    })
    .optional(),
  bulk_create: z
    .strictObject({
      max: z.int('is no whole number').min(2, 'is less than 2').max(10_000, 'is more than 10000'),
      method: method.default('POST'),
      path,
      body: body.optional(),
      /** A list of `{verdict, id, key, field, code, message}`, one for each of `$contacts`, in their order. */
      results: expression,
    })
    .optional(),
  /** What the API allows, e.g. `100/10s`. */
  limit: text.regex(LIMIT, 'is no limit like 10/s, 100/10s, 700/min or 10000/h').default('5/s'),
  /** Whether the API itself refuses a second contact with the same key. */
  enforces_uniqueness: flag.default(false),
});

export type HttpSettings = z.infer<typeof httpShape>;

function tryOut(given: z.core.ParsePayload<string>, compile: (text: string) => unknown): void {
  try {
    compile(given.value);
  } catch (error) {
    const { message } = error as Error;
    given.issues.push({ code: 'custom', message, input: given.value });
  }
}
