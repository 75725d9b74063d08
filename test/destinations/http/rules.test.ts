import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApiAnswer } from '../../../src/destinations/destination.js';
import { readAnswer, usualVerdict } from '../../../src/destinations/http/customs.js';
import { compileRules, type Rule, VERDICTS } from '../../../src/destinations/http/rules.js';
import type { WaitHint } from '../../../src/destinations/http/wait.js';
import type { Verdict } from '../../../src/verdict.js';
import { answer } from '../answer.js';

const CONTACT = { email: 'ann@example.com' };

function judge(rules: Rule[], given: ApiAnswer, hints: WaitHint[] = []): Verdict {
  return compileRules(rules, hints)(readAnswer(given, { contact: CONTACT }), 'created');
}

describe('without rules', () => {
  const cases: [number, unknown, Partial<Verdict>][] = [
    [200, { id: 7 }, { kind: 'created', contactId: '7' }],
    [201, { data: { id: 'a' } }, { kind: 'created', contactId: 'a' }],
    [201, { contact: { id: 'a' } }, { kind: 'created', contactId: 'a' }],
    [201, '', { kind: 'created' }],
    [204, '', { kind: 'created' }],
    [200, 'OK', { kind: 'created' }],
    [200, '<html>', { kind: 'unclear' }],
    [200, '{"id":', { kind: 'unclear' }],
    [409, { message: 'taken' }, { kind: 'duplicate', message: 'taken' }],
    [409, '', { kind: 'duplicate', message: 'HTTP 409' }],
    [409, '<html>', { kind: 'rejected' }],
    [429, {}, { kind: 'throttled' }],
    [401, {}, { kind: 'refused', code: 'http_401' }],
    [402, {}, { kind: 'refused', code: 'http_402' }],
    [403, '<html>', { kind: 'refused', code: 'http_403' }],
    [408, {}, { kind: 'unavailable' }],
    [500, {}, { kind: 'unavailable' }],
    [503, '<html>', { kind: 'unavailable' }],
    [400, { error: { message: 'bad', code: 'c' } }, { kind: 'rejected', message: 'bad', code: 'c' }],
    [422, { errors: [{ detail: 'bad', code: 'c' }] }, { kind: 'rejected', message: 'bad', code: 'c' }],
    [404, { message: 'no such list' }, { kind: 'rejected', message: 'no such list' }],
    [404, '<html>', { kind: 'refused', code: 'http_404' }],
    [301, '', { kind: 'refused', code: 'http_301' }],
    [308, '', { kind: 'refused' }],
    [302, '', { kind: 'unclear' }],
    [304, '', { kind: 'unclear' }],
  ];
  test.each(cases)('%i with %j', (status, body, verdict) => {
    expect(judge([], answer(status, body))).toMatchObject(verdict);
    expect(usualVerdict(answer(status, body))).toMatchObject(verdict);
  });

  test('a success is what was asked for', () => {
    expect(usualVerdict(answer(200, { id: 'a' }), 'updated')).toEqual({ kind: 'updated', contactId: 'a' });
  });

  test.each<[unknown, string]>([
    [{ message: 'a', detail: 'b' }, 'a'],
    [{ detail: 'b', title: 'c' }, 'b'],
    [{ error: 'd' }, 'd'],
    [{ error: { message: 'e' } }, 'e'],
    [{ errors: [{ title: 'f', detail: '' }] }, 'f'],
    [{ message: ['g', 'h'] }, 'g; h'],
    [{ error_description: 'i', error: 'invalid_grant' }, 'i'],
    [{ message: { no: 'text' } }, 'HTTP 400'],
    [[], 'HTTP 400'],
  ])('the sentence of %j is found', (body, message) => {
    expect(judge([], answer(400, body))).toMatchObject({ message });
  });
});

describe('a rule', () => {
  const given = answer(409, { code: 'dup', errors: [{ field: 'email' }], ids: [1, 2] }, { 'x-kind': 'a' });
  const fits: [string, Omit<Rule, 'verdict'>, boolean][] = [
    ['a status', { status: 409 }, true],
    ['another status', { status: 400 }, false],
    ['a text of a status', { status: '409' }, true],
    ['a class', { status: '4xx' }, true],
    ['a class in capitals', { status: '4XX' }, true],
    ['another class', { status: '5xx' }, false],
    ['one of several', { status: [400, '4xx'] }, true],
    ['a header', { header: { 'X-Kind': 'a' } }, true],
    ['one of several values', { header: { 'x-kind': ['b', 'a'] } }, true],
    ['another value', { header: { 'x-kind': 'b' } }, false],
    ['no such header', { header: { constructor: 'a' } }, false],
    ['a path', { body: { code: 'dup' } }, true],
    ['a path and one of several values', { body: { 'errors[0].field': ['phone', 'email'] } }, true],
    ['another value at a path', { body: { code: 'other' } }, false],
    ['an expression as a path', { body: { '$count(ids)': 2 } }, true],
    ['a missing path', { body: { nothing: null } }, false],
    ['a condition', { if: 'code = "dup" and $status = 409' }, true],
    ['a condition about headers', { if: '$headers."x-kind" = "a"' }, true],
    ['a condition about the contact', { if: '$contact.email = "ann@example.com"' }, true],
    ['a condition that does not hold', { if: 'code = "x"' }, false],
    ['a condition that fails', { if: 'code + 1' }, false],
    ['all of them', { status: 409, header: { 'x-kind': 'a' }, body: { code: 'dup' }, if: 'code' }, true],
    ['all but one', { status: 409, header: { 'x-kind': 'a' }, body: { code: 'dup' }, if: 'no' }, false],
    ['nothing', {}, true],
  ];
  test.each(fits)('with %s', (_, conditions, expected) => {
    const { kind } = judge([{ ...conditions, verdict: 'unavailable' }], given);
    expect(kind).toBe(expected ? 'unavailable' : 'duplicate');
  });

  test('before another wins', () => {
    const rules: Rule[] = [
      { status: 400, verdict: 'refused' },
      { status: '4xx', verdict: 'rejected', message: "'first'" },
      { status: 409, verdict: 'unclear' },
    ];
    expect(judge(rules, given)).toMatchObject({ kind: 'rejected', message: 'first' });
  });

  test('tells id, key, field, code and message by expressions', () => {
    const body = { a: { id: 7, who: 'external_id', what: 'phone', why: 'bad', code: 12 } };
    const words = { id: 'a.id', key: 'a.who', field: 'a.what', code: 'a.code', message: '"it is " & a.why' };
    const of = (verdict: Rule['verdict']) => judge([{ ...words, verdict }], answer(400, body));
    expect(of('created')).toEqual({ kind: 'created', contactId: '7' });
    expect(of('updated')).toEqual({ kind: 'updated', contactId: '7' });
    expect(of('duplicate')).toEqual({
      kind: 'duplicate',
      key: 'external_id',
      contactId: '7',
      message: 'it is bad',
    });
    expect(of('rejected')).toEqual({ kind: 'rejected', field: 'phone', code: '12', message: 'it is bad' });
    expect(of('refused')).toEqual({ kind: 'refused', code: '12', message: 'it is bad' });
    for (const kind of ['unavailable', 'unclear', 'throttled'] as const) {
      expect(of(kind)).toEqual({ kind, message: 'it is bad' });
    }
  });

  test.each([
    ['email', 'email'],
    ['external_id', 'external_id'],
    ["'em' & 'ail'", 'email'],
    ["'phone'", undefined],
    ['missing', undefined],
    ['code + 1', undefined],
  ])('with the key %s is a duplicate by %s', (key, expected) => {
    expect(judge([{ verdict: 'duplicate', key }], given)).toEqual({
      kind: 'duplicate',
      ...(expected && { key: expected }),
      message: 'HTTP 409',
    });
  });

  test('about success wants the id it names, and something like an API', () => {
    const rules: Rule[] = [{ status: 200, verdict: 'created', id: 'data.id' }];
    expect(judge(rules, answer(200, { data: { id: 'a' } }))).toEqual({ kind: 'created', contactId: 'a' });
    for (const body of [{ id: 'a' }, {}, [], '', 'null', '<html>', '{"data":{"id":']) {
      expect(judge(rules, answer(200, body)), String(body)).toMatchObject({ kind: 'unclear' });
    }
    expect(judge([{ status: 200, verdict: 'created' }], answer(200, { id: 'a' }))).toEqual({
      kind: 'created',
      contactId: 'a',
    });
    expect(judge([{ status: 200, verdict: 'created' }], answer(200, '<html>'))).toMatchObject({
      kind: 'unclear',
    });
  });

  test('about success makes any other success unclear', () => {
    const rules: Rule[] = [{ status: 201, verdict: 'created' }];
    expect(judge(rules, answer(200, { id: 'a' }))).toMatchObject({
      kind: 'unclear',
      message: 'unexpected HTTP 200',
    });
    expect(judge(rules, answer(409, {}))).toMatchObject({ kind: 'duplicate' });
  });

  test('believes no page that a contact is there', () => {
    expect(judge([{ status: 409, verdict: 'duplicate', key: 'email' }], answer(409, '<html>'))).toMatchObject(
      { kind: 'rejected' },
    );
  });
});

describe('a wait', () => {
  const date = 'Sun, 01 Feb 2026 12:00:00 GMT';
  const now = Date.parse(date) / 1000;
  const later = 'Sun, 01 Feb 2026 12:00:30 GMT';
  const hint = (header: string, unit: WaitHint['in'] = 'auto'): WaitHint => ({ header, in: unit });
  const cases: [string, WaitHint[], Record<string, string>, unknown, number | undefined][] = [
    ['in seconds', [hint('X-Reset', 'seconds')], { 'x-reset': '17' }, {}, 17_000],
    ['in parts of seconds', [hint('x-reset', 'seconds')], { 'x-reset': '0.5' }, {}, 500],
    ['in milliseconds', [hint('x-reset', 'milliseconds')], { 'x-reset': '250' }, {}, 250],
    ['until a moment', [hint('x-reset', 'epoch')], { 'x-reset': String(now + 9), date }, {}, 9_000],
    [
      'until a moment in milliseconds',
      [hint('x-reset', 'epoch')],
      { 'x-reset': String((now + 9) * 1000), date },
      {},
      9_000,
    ],
    ['until a moment that is over', [hint('x-reset', 'epoch')], { 'x-reset': String(now - 9), date }, {}, 0],
    ['until a moment by no clock', [hint('x-reset', 'epoch')], { 'x-reset': String(now + 9) }, {}, undefined],
    ['until a date', [hint('x-reset', 'date')], { 'x-reset': later, date }, {}, 30_000],
    ['told by itself: seconds', [hint('x-reset')], { 'x-reset': '17' }, {}, 17_000],
    ['told by itself: a moment', [hint('x-reset')], { 'x-reset': String(now + 9), date }, {}, 9_000],
    ['told by itself: a date', [hint('x-reset')], { 'x-reset': '2026-02-01T12:00:05Z', date }, {}, 5_000],
    ['in the body', [{ body: 'error.retry', in: 'seconds' }], {}, { error: { retry: 4 } }, 4_000],
    [
      'in the body as text',
      [{ body: '$match(message, /(\\d+) ms/).groups[0]', in: 'milliseconds' }],
      {},
      { message: 'in 40 ms' },
      40,
    ],
    [
      'of the first that says one',
      [hint('x-a'), hint('x-b'), hint('x-c')],
      { 'x-a': 'soon', 'x-b': '2', 'x-c': '3' },
      {},
      2_000,
    ],
    ['by custom when none says one', [hint('x-a')], { 'retry-after': '7' }, {}, 7_000],
    ['by custom in the sentence', [], {}, { message: 'try again in 2 minutes' }, 120_000],
    ['below zero is none', [hint('x-a', 'seconds')], { 'x-a': '-5' }, {}, undefined],
    ['without end is none', [hint('x-a', 'seconds')], { 'x-a': '1e999' }, {}, undefined],
    ['of no number is none', [hint('x-a', 'seconds')], { 'x-a': '' }, {}, undefined],
    ['that is no text is none', [{ body: 'x', in: 'auto' }], {}, { x: { y: 1 } }, undefined],
  ];
  test.each(cases)('%s', (_, hints, headers, body, waitMs) => {
    const verdict = judge([], answer(429, body, headers), hints);
    expect(verdict).toEqual({
      kind: 'throttled',
      message: expect.any(String) as string,
      ...(waitMs === undefined ? {} : { waitMs }),
    });
  });

  test('is told of throttled answers only', () => {
    expect(judge([], answer(503, {}, { 'x-a': '3' }), [hint('x-a')])).not.toHaveProperty('waitMs');
    expect(
      judge([{ status: 503, verdict: 'throttled' }], answer(503, {}, { 'x-a': '3' }), [hint('x-a')]),
    ).toMatchObject({ waitMs: 3_000 });
  });
});

test('whatever comes gets a verdict in due form', () => {
  const words = { id: 'id', key: 'key', field: 'errors[0].field', code: 'code', message: 'message' };
  const judges = VERDICTS.flatMap((verdict) => [
    compileRules(
      [{ ...words, verdict }],
      [
        { header: 'x-a', in: 'auto' },
        { body: 'wait', in: 'auto' },
      ],
    ),
    compileRules(
      [
        { if: 'code', verdict },
        { body: { 'errors.field': 'x' }, verdict },
      ],
      [],
    ),
  ]);
  const name = fc.constantFrom(
    'id',
    'key',
    'code',
    'message',
    'errors',
    'error',
    'data',
    'field',
    'wait',
    '__proto__',
  );
  const json = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<unknown>(null, '', 'email', 7, -1, 1e300, true, 'x'.repeat(2_000)),
      fc.array(tie('node'), { maxLength: 2 }),
      fc.dictionary(name, tie('node'), { maxKeys: 4 }),
    ),
  })).node;
  const body = fc.oneof(
    json.map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '<html>', '{'),
  );
  const headers = fc.dictionary(
    fc.constantFrom('x-a', 'retry-after', 'date', 'x-ratelimit-reset'),
    fc.oneof(fc.string(), fc.nat().map(String)),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...judges),
      fc.integer({ min: 100, max: 599 }),
      headers,
      body,
      (of, status, given, text) => {
        const verdict = of(
          readAnswer({ status, headers: given, body: text }, { contact: CONTACT }),
          'created',
        );
        const { kind, message, contactId, field, code, key, waitMs, ...rest } = verdict as Record<
          string,
          unknown
        >;
        expect(VERDICTS).toContain(kind);
        expect(rest).toEqual({});
        if (kind === 'created' || kind === 'updated') expect(message).toBeUndefined();
        else expect(message).toMatch(/^.{1,500}$/s);
        for (const word of [contactId, field, code]) if (word !== undefined) expect(word).toMatch(/./s);
        expect(['email', 'external_id', undefined]).toContain(key);
        if (waitMs !== undefined) expect(waitMs).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 600 },
  );
});

test('an answer of a depth nobody would write is judged all the same', () => {
  const body = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  expect(judge([{ if: 'a.b', verdict: 'created' }], answer(200, body))).toMatchObject({ kind: 'unclear' });
});
