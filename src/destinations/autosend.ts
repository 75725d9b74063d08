/**
 * AutoSend (https://api.autosend.com): POST /v1/contacts. E-mail is unique in a project; that creating an existing
 * one errs is documented, with which status is not, so the sentence decides.
 */
import { z } from 'zod';
import type { Verdict } from '../verdict.js';
import {
  failure,
  findingOf,
  hasEmail,
  isObject,
  noFinding,
  saysTaken,
  statusOf,
  success,
  textOf,
} from './answers.js';
import { type ApiAnswer, type Destination, jsonBody, jsonRequest, type Options } from './destination.js';
import { baseUrl, credential, email, identityOf, listOf, text, usualHeaders } from './fields.js';

const CONTACTS = '/v1/contacts';

export const autosend: Destination = {
  kind: 'autosend',
  options: z.looseObject({ baseUrl: baseUrl('https://api.autosend.com'), apiKey: credential }),
  env: { apiKey: 'AUTOSEND_API_KEY', baseUrl: 'AUTOSEND_BASE_URL' },
  accountKey: 'apiKey',
  contact: z.strictObject({
    email,
    firstName: text.optional(),
    lastName: text.optional(),
    userId: text.optional(),
    listIds: listOf(text).optional(),
    // A date travels as text: 2024-03-01.
    customFields: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: 'not_a_single_value' }), {
        error: 'not_an_object',
      })
      .optional(),
  }),
  fields: {
    email: 'text',
    firstName: 'text',
    lastName: 'text',
    userId: 'text',
    listIds: 'list',
    customFields: 'object',
  },
  aliases: {
    ...usualHeaders({ email: 'email', first: 'firstName', last: 'lastName', id: 'userId' }),
    list: 'listIds',
    lists: 'listIds',
    'list id': 'listIds',
  },
  unmapped: 'customFields',
  // `userId` is a reference: nothing says that it is unique.
  identity: ({ email }) => identityOf({ email }),
  limit: { requests: 2, perMs: 1_000 },
  enforcesUniqueness: true,
  create: (contact, options) => jsonRequest('POST', CONTACTS, who(options), contact),
  interpret: (answer) => interpret(answer, 'created'),
  lookup: {
    request: ({ email }, options) =>
      jsonRequest('POST', `${CONTACTS}/search/emails`, who(options), { emails: [email] }),
    read(answer, contact) {
      const data = jsonBody(answer)?.data;
      if (answer.status !== 200 || !isObject(data) || !Array.isArray(data.contacts)) {
        return noFinding(interpret(answer, 'created'));
      }
      const held: unknown = data.contacts.find((other) => hasEmail(other, contact));
      const { listIds: _, ...shown } = contact; // a contact does not show its lists
      return findingOf(held, shown, 'createdAt');
    },
  },
  update: {
    needsId: false,
    // An upsert by e-mail. Fields that are absent stay; a custom field is set to the row's value.
    request: (contact, options) => jsonRequest('POST', `${CONTACTS}/email`, who(options), contact),
    interpret: (answer) => interpret(answer, 'updated'),
  },
};

const who = (options: Options) => ({ authorization: `Bearer ${options.apiKey}` });

const STATUS = new Map([
  ['VALIDATION_FAILED', 400],
  ['UNAUTHORIZED', 401],
  ['PAYMENT_REQUIRED', 402],
  ['FORBIDDEN', 403],
  ['NOT_FOUND', 404],
  ['RATE_LIMIT_EXCEEDED', 429],
  ['SERVER_ERROR', 500],
]);

/** `{success: true, data}`, or `{success: false, error: {message, code, details: [{field, message}]}}`. */
function interpret(answer: ApiAnswer, done: 'created' | 'updated'): Verdict {
  const { status } = answer;
  const body = jsonBody(answer);
  if ((status === 200 || status === 201) && body?.success !== false) {
    return success(done, isObject(body?.data) ? body.data.id : undefined, answer);
  }
  const error = isObject(body?.error) ? body.error : { message: body?.error ?? body?.message };
  const details = Array.isArray(error.details) ? error.details.filter(isObject) : [];
  const sentences = details.map((detail) =>
    [detail.field, detail.message].map(textOf).filter(Boolean).join(': '),
  );
  const message = textOf([textOf(error.message), ...sentences].filter(Boolean));
  const field = textOf(details[0]?.field);
  const code = textOf(error.code);
  const taken = (status === 400 || status === 422) && saysTaken(message) && (field ?? 'email') === 'email';
  if (taken || (status === 409 && body !== undefined)) {
    return { kind: 'duplicate', key: 'email', message: message ?? `HTTP ${status}` };
  }
  // Codes that begin so are the plan's: more contacts than it has, a feature it lacks.
  const amounts = code?.startsWith('PLAN_') ? 402 : statusOf(answer, code, STATUS);
  return failure(answer, { message, field, code }, amounts);
}
