import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileCondition, compileExpression } from '../../../src/destinations/http/expression.js';

const value = (text: string, input?: unknown, bindings?: Record<string, unknown>) =>
  compileExpression(text).value(input, bindings);

describe('an expression', () => {
  test.each<[string, unknown, unknown]>([
    ['id', { id: 7 }, 7],
    ['errors[0].code', { errors: [{ code: 'duplicate' }] }, 'duplicate'],
    ['errors[0].code', { errors: [] }, undefined],
    ['errors[0].code', { errors: { code: 'only' } }, 'only'],
    ['errors[1].code', { errors: { code: 'only' } }, undefined],
    ['errors.code', { errors: [{ code: 'a' }, { code: 'b' }] }, ['a', 'b']],
    ['a.b', { a: null }, undefined],
    ['a.b', undefined, undefined],
    ['toString', {}, undefined],
    ['constructor.name', {}, undefined],
    ['$', { a: 1 }, { a: 1 }],
    ['$match(message, /ID: (\\d+)/).groups[0]', { message: 'Existing ID: 12' }, '12'],
    ['$substringAfter(pointer, "/data/")', { pointer: '/data/email' }, 'email'],
    ['$base64encode("a:b") & $base64decode("eA==")', {}, 'YTpix'],
    ['$uppercase("zoë łuk 👩‍💻")', {}, 'ZOË ŁUK 👩‍💻'],
    ['true', { true: 1 }, true],
    ['null', {}, null],
  ])('%s over %j', (text, input, expected) => {
    expect(value(text, input)).toEqual(expected);
  });

  test('has variables', () => {
    expect(
      value(
        '$status & $headers."x-id" & $contact.email',
        {},
        { status: 4, headers: { 'x-id': 'i' }, contact: { email: 'e' } },
      ),
    ).toBe('4ie');
  });

  test.each([
    ['a(', 'Expected ")" before end of expression (at character 2)'],
    ['', 'Unexpected end of expression'],
    ['"\\q"', 'Unsupported escape sequence'],
    ['a = ', 'Unexpected end of expression'],
  ])('%j is none, and why', (text, why) => {
    expect(() => compileExpression(text)).toThrow(`is no JSONata: ${why}`);
  });

  test('throws in words what goes wrong', () => {
    expect(() => value('name + 1', { name: 'x' })).toThrow(
      'The left side of the "+" operator must evaluate to a number',
    );
  });

  test.each([
    ['calls itself for ever', '($f := function($x) { $f($x) + 1 }; $f(1))'],
    ['goes round for ever', '($f := function($x) { $f($x) }; $f(1))'],
    ['searches for ever', `$match("${'a'.repeat(50)}!", /^(a+)+$/)`],
    ['makes endless lists', '[1..9000000]'],
  ])('that %s is ended, and does not harm the next', (_, text) => {
    expect(() => value(text, {})).toThrow();
    expect(value('a & "b"', { a: 'a' })).toBe('ab');
  });

  test('that is a plain path is what JSONata makes of it', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const json = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(null, true, 0, 1, '', 'x'),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(key, tie('node'), { maxKeys: 3 }),
      ),
    })).node;
    const step = fc
      .tuple(key, fc.array(fc.nat(2), { maxLength: 2 }))
      .map(([name, at]) => name + at.map((i) => `[${i}]`).join(''));
    const path = fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => steps.join('.'));
    fc.assert(
      fc.property(path, json, (text, input) => {
        expect(value(text, input)).toEqual(value(`(${text})`, input));
      }),
      { numRuns: 500 },
    );
  });

  test('never breaks, whatever is written and whatever it is about', () => {
    const token = fc.constantFrom(
      ...'a b . [0] [ ] ( ) { } " \' ` $ $$ % * ** & + - / < = ? : := ~> , ; | ^ @ # function and or in null 1 1e999 [1..3] __proto__ constructor $merge $eval $string $lookup'.split(
        ' ',
      ),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(token, { maxLength: 12 }).map((all) => all.join(' ')),
    );
    const input = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant(undefined));
    fc.assert(
      fc.property(text, input, (written, about) => {
        try {
          const { value: read, json } = compileExpression(written);
          read(about, { status: 200 });
          const output = json(about, {});
          if (output !== undefined) JSON.parse(output);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).not.toBe('');
        }
      }),
      { numRuns: 1_500 },
    );
  });

  test('reaches no object but its own', () => {
    const input = JSON.parse(
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 2}}}',
    ) as object;
    for (const text of [
      '$merge([$, {"__proto__": {"polluted": 3}}])',
      '{"__proto__": {"polluted": 4}}',
      '$ ~> |$|{"__proto__": {"polluted": 5}}|',
      '$spread($)',
      '$lookup($, "__proto__")',
      '$each($, function($v, $k) { {$k: $v} }) ~> $merge()',
      '$sift($, function($v) { true })',
    ]) {
      try {
        value(text, input);
      } catch {
        // JSONata may refuse it
      }
      expect(({} as { polluted?: unknown }).polluted, text).toBeUndefined();
      expect(value('(polluted)', {}), text).toBeUndefined();
    }
  });

  test('takes large and deep input', () => {
    const large = { text: 'ä'.repeat(1_000_000), list: Array.from({ length: 10_000 }, (_, i) => i) };
    expect(value('$length(text) + $count(list)', large)).toBe(1_010_000);
    const deep = JSON.parse(`${'[{"a":'.repeat(20_000)}1${'}]'.repeat(20_000)}`) as unknown;
    try {
      value('$count($)', deep);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  });
});

describe('a condition', () => {
  test.each<[string, boolean]>([
    ['code = "x"', true],
    ['code = "y"', false],
    ['missing', false],
    ['code', true],
    ['code ~> /^x$/', true],
    ['list', false],
    ['code + 1', false],
    ['($a := code; $a = "x")', true],
  ])('%s: %s', (text, expected) => {
    expect(compileCondition(text)({ code: 'x', list: [] })).toBe(expected);
  });

  test('that is no JSONata is told without what is put around it', () => {
    expect(() => compileCondition('a =')).toThrow('is no JSONata: Unexpected end of expression');
    expect(() => compileCondition('a) or (b')).toThrow('is no JSONata');
  });
});
