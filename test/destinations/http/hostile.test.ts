/** Whatever an API answers and a file holds, the examples return something in due form, or say in an Error why not. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Contact } from '../../../src/contact.js';
import { VERDICTS } from '../../../src/destinations/http/rules.js';
import type { Verdict } from '../../../src/verdict.js';
import { destinationOf, optionsOf, SAMPLES } from './sample.js';

const name = fc.constantFrom(
  ...'id email code category title detail message errors error data contacts contact metadata meta source success'.split(
    ' ',
  ),
  ...'duplicate_identifiers duplicate_profile_id pointer new_members email_address properties attributes __proto__'.split(
    ' ',
  ),
);
const word = fc.constantFrom<unknown>(
  ...[
    'CONFLICT',
    'Member Exists',
    'duplicate_parameter',
    'duplicate_profile',
    'conflict',
    'duplicate',
    'ext_id',
    'email',
  ],
  ...[
    'already exists with id=',
    'is already a list member',
    'ann@example.com',
    '',
    null,
    true,
    false,
    0,
    -1,
    1e300,
  ],
);
const json = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    word,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(name, tie('node'), { maxKeys: 5 }),
  ),
})).node;
const body = fc.oneof(
  { weight: 6, arbitrary: json.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.constantFrom('', '<html>', '{', 'null', '[]', '[null]') },
);
const status = fc.constantFrom(200, 201, 202, 204, 207, 301, 400, 401, 404, 409, 422, 423, 429, 500, 503);
const headers = fc.dictionary(
  fc.constantFrom('retry-after', 'x-ratelimit-reset', 'x-sib-ratelimit-reset', 'date'),
  fc.constantFrom('', '7', '-7', '1e999', 'soon', 'Sun, 01 Feb 2026 12:00:00 GMT', '1769947200'),
);
const contact = fc
  .dictionary(
    fc.oneof(name, fc.constantFrom('userId', 'ext_id', 'external_id', 'firstname', 'tags', 'merge_fields')),
    json,
  )
  .map((held) => held as Contact);

function wellFormed(verdict: Verdict): boolean {
  const { kind, message, waitMs, contactId } = verdict as Record<string, unknown>;
  const success = kind === 'created' || kind === 'updated';
  return (
    (VERDICTS as readonly unknown[]).includes(kind) &&
    (success ? message === undefined : typeof message === 'string' && message !== '') &&
    (waitMs === undefined || (Number.isFinite(waitMs) && Number(waitMs) >= 0)) &&
    (contactId === undefined || (typeof contactId === 'string' && contactId !== ''))
  );
}

describe.each(SAMPLES)('%s', (sample) => {
  const destination = destinationOf(sample, {
    ACTIVECAMPAIGN_URL: 'https://example.api-us1.com',
    MAILCHIMP_DC: 'us19',
  });
  const options = optionsOf(destination);
  const { lookup, update, bulk } = destination;

  test('any answer', () => {
    fc.assert(
      fc.property(status, headers, body, contact, (code, given, text, about) => {
        const answer = { status: code, headers: given, body: text };
        const verdicts = [destination.interpret(answer, about), update!.interpret(answer, about)];
        for (const key of [undefined, 'email', 'external_id'] as const) {
          const finding = lookup!.read(answer, about, key);
          if (finding.kind === 'no_answer') verdicts.push(finding.verdict);
        }
        const each = bulk?.interpret(answer, [about, {}]) ?? [];
        expect(each).toHaveLength(bulk ? 2 : 0);
        for (const verdict of [...verdicts, ...each])
          expect(wellFormed(verdict), JSON.stringify(verdict)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('any contact', () => {
    fc.assert(
      fc.property(contact, (about) => {
        for (const request of [
          () => destination.create(about, options),
          () => lookup!.request(about, options),
          () => update!.request(about, options, '7'),
          () => bulk?.request([about, about], options),
        ]) {
          try {
            const { path, body: text } = request() ?? { path: '/', body: undefined };
            expect(path).toMatch(/^\/[\x21-\x7e]*$/);
            if (text !== undefined) JSON.parse(text);
          } catch (error) {
            expect((error as Error).message).toMatch(
              /which is blank|came out blank|cannot hold|no look-up by/,
            );
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

test('nothing of it all has changed an object that is not ours', () => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.keys(Array.prototype)).toEqual([]);
});
