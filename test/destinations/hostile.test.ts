/** Whatever an API answers, a destination says something about it, and never claims a success it was not told. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApiAnswer, Destination } from '../../src/destinations/destination.js';
import { DESTINATIONS } from '../../src/destinations/registry.js';
import type { Verdict } from '../../src/verdict.js';
import { answer } from './answer.js';

const CONTACT = {
  email: 'ann@example.com',
  external_id: 'C-1',
  company_id: 'c',
  type: 'customer',
  tags: ['a'],
};
const OTHER = { email: 'bob@example.com' };

const BODIES = [
  '',
  ' ',
  '<html><body>502</body></html>',
  '{',
  '{"id":"u-1"',
  'null',
  'true',
  '7',
  '"text"',
  '[]',
  '[null]',
  '{}',
  '{"id":null}',
  '{"id":{}}',
  '{"data":7}',
  '{"data":[null,7,"x",[],{"email":7}]}',
  '{"data":{"contacts":[null,7,{"email":{}},{"email":"ann@example.com","created_at":{"toString":1}}],"total":"x"}}',
  '{"data":{"contacts":{}}}',
  '{"message":7,"error":7}',
  '{"message":{"toString":1},"error":{"message":[null,{"valueOf":1}],"code":{},"details":7}}',
  '{"error":{"message":{},"code":["x"],"details":[null,{"field":{},"message":[[]]}]}}',
  '{"error":[],"details":null,"success":"no"}',
  '{"__proto__":{"id":"u-1"},"constructor":7}',
  '{"retryAfter":{"toString":1,"valueOf":1},"error":{"retryAfter":"1e999"}}',
  '{"created":7,"skipped":{},"errors":"x"}',
  '{"created":[null,7],"skipped":[{"email":{},"reason":{}}],"errors":[[],{"email":"ann@example.com","error":{"toString":1}}]}',
  `"${'x'.repeat(100_000)}"`,
];
const STATUSES = [100, 199, 200, 201, 202, 204, 207, 301, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410];
STATUSES.push(413, 418, 422, 425, 429, 451, 500, 501, 502, 503, 504, 520, 599);
const HEADERS = [{}, { 'retry-after': '', 'x-ratelimit-reset': 'NaN', date: 'never' }];

/** Everything a destination is asked to understand. */
function verdictsOf(destination: Destination, given: ApiAnswer): Verdict[] {
  const verdicts = [destination.interpret(given, CONTACT)];
  if (destination.update) verdicts.push(destination.update.interpret(given, CONTACT));
  if (destination.bulk) verdicts.push(...destination.bulk.interpret(given, [CONTACT, OTHER]));
  for (const key of [undefined, 'email', 'external_id'] as const) {
    const finding = destination.lookup?.read(given, CONTACT, key);
    if (finding?.kind === 'no_answer') verdicts.push(finding.verdict);
  }
  return verdicts;
}

/** Whether a verdict is of the shape it must have; plain code, as it is asked a hundred thousand times. */
function wellFormed(verdict: Verdict): boolean {
  const { kind, contactId, message, field, code, key, waitMs, ...rest } = verdict as Record<string, unknown>;
  const texts = [contactId, message, field, code, key].filter((text) => text !== undefined);
  const success = kind === 'created' || kind === 'updated';
  return (
    (success
      ? message === undefined
      : typeof message === 'string' && message !== '' && message.length <= 500) &&
    texts.every((text) => typeof text === 'string' && text !== '') &&
    (waitMs === undefined || (typeof waitMs === 'number' && waitMs >= 0)) &&
    Object.keys(rest).length === 0
  );
}

describe.each(DESTINATIONS.map((destination) => [destination.kind, destination] as const))(
  '%s',
  (_, destination) => {
    test.each(BODIES.map((body) => [body.slice(0, 60), body]))(
      'has a verdict on %j in any status',
      (_, body) => {
        const wrong: [number, Verdict][] = [];
        for (const status of STATUSES) {
          for (const headers of HEADERS) {
            for (const verdict of verdictsOf(destination, answer(status, body, headers))) {
              const claims = verdict.kind === 'created' || verdict.kind === 'updated';
              if (claims || !wellFormed(verdict)) wrong.push([status, verdict]);
            }
          }
        }
        expect(wrong).toEqual([]);
      },
    );

    test('has a verdict on what is nested deeper than any recursion reaches', () => {
      const nested = `${'['.repeat(5_000)}1${']'.repeat(5_000)}`;
      for (const status of [200, 400, 429]) {
        const body = `{"message":${nested},"error":${nested},"retryAfter":${nested}}`;
        expect(verdictsOf(destination, answer(status, body)).every(wellFormed)).toBe(true);
      }
    });

    test('has a verdict on any JSON', () => {
      const words = ['id', 'data', 'contacts', 'email', 'error', 'message', 'details', 'code', 'field'];
      words.push('created', 'skipped', 'errors', 'reason', 'retryAfter', 'success', 'total', 'created_at');
      const { json } = fc.letrec((tie) => ({
        json: fc.oneof(
          { maxDepth: 4 },
          fc.constantFrom<unknown>(null, true, false, 0, -1, 1e308, '', 'x', 'ann@example.com', '2024-01-01'),
          fc.array(tie('json'), { maxLength: 3 }),
          fc.dictionary(fc.constantFrom(...words), tie('json'), { maxKeys: 5 }),
        ),
      }));
      fc.assert(
        fc.property(fc.constantFrom(...STATUSES), json, (status, body) =>
          verdictsOf(destination, answer(status, JSON.stringify(body))).every(wellFormed),
        ),
        { numRuns: 300 },
      );
    });
  },
);
