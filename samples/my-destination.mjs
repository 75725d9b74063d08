/**
 * A destination of one's own: a complete example for an API that does not exist. In rowferry.yaml:
 *
 *   destinations:
 *     acme:
 *       module: ./my-destination.mjs
 *       api_key: ${ACME_API_KEY}
 *
 * Every function is pure: rowferry sends, paces, retries and keeps count.
 */
import { isDeepStrictEqual } from 'node:util';
import { defineDestination, jsonBody, normaliseEmail, usualVerdict, z } from 'rowferry';

const headersOf = ({ apiKey }) => ({
  authorization: `Bearer ${apiKey}`,
  'content-type': 'application/json',
});

export default defineDestination({
  kind: 'acme',
  options: z.looseObject({
    baseUrl: z.url({ protocol: /^https?$/ }).default('https://api.acme.example'),
    apiKey: z.string({ error: 'is not set' }).regex(/^\S+$/, 'is empty or holds spaces'),
  }),
  env: { apiKey: 'ACME_API_KEY', baseUrl: 'ACME_BASE_URL' },
  accountKey: 'apiKey',

  // What the API takes; each message is the code that the report shows.
  contact: z.strictObject({
    email: z.string({ error: 'required' }).regex(z.regexes.html5Email, 'invalid_format'),
    name: z.string().optional(),
    tags: z.array(z.string()).optional(),
    attributes: z.record(z.string(), z.unknown()).optional(),
  }),
  fields: { email: 'text', name: 'text', tags: 'list', attributes: 'object' },
  aliases: { 'full name': 'name', 'email address': 'email' },
  unmapped: 'attributes',
  identity: ({ email }) => (typeof email === 'string' ? { email: normaliseEmail(email) } : {}),
  limit: { requests: 10, perMs: 1000 },
  enforcesUniqueness: true,

  create: (contact, options) => ({
    method: 'POST',
    path: '/v1/people',
    headers: headersOf(options),
    body: JSON.stringify(contact),
  }),
  interpret(answer) {
    const body = jsonBody(answer);
    if (answer.status < 300) {
      return answer.status === 201 && typeof body?.id === 'string'
        ? { kind: 'created', contactId: body.id }
        : { kind: 'unclear', message: `HTTP ${answer.status} without a person in its body` };
    }
    if (body?.code === 'email_taken')
      return { kind: 'duplicate', key: 'email', message: 'the address is taken' };
    return usualVerdict(answer); // 429, 401, 5xx and the like mean what they mean everywhere
  },

  // Optional: whether a contact whose answer was lost is there, and ours.
  lookup: {
    request: ({ email }, options) => ({
      method: 'GET',
      path: `/v1/people?email=${encodeURIComponent(String(email))}`,
      headers: headersOf(options),
    }),
    read(answer, contact) {
      const people = jsonBody(answer)?.people;
      if (answer.status === 200 && Array.isArray(people)) {
        const held = people.find((one) => normaliseEmail(String(one?.email)) === contact.email);
        if (held === undefined) return { kind: 'absent' };
        // Ours only if everything we sent is there as we sent it.
        const same = Object.entries(contact).every(([name, value]) => isDeepStrictEqual(held[name], value));
        return { kind: 'found', contactId: String(held.id), createdMs: Date.parse(held.created_at), same };
      }
      const verdict = usualVerdict(answer);
      const useful = verdict.kind !== 'created' && verdict.kind !== 'duplicate';
      return {
        kind: 'no_answer',
        verdict: useful ? verdict : { kind: 'unclear', message: 'look-up not understood' },
      };
    },
  },
});
