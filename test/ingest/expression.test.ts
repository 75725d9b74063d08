import { describe, expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { compileExpression, SLOW } from '../../src/ingest/expression.js';
import { openIngest } from '../../src/ingest/ingest.js';
import { Unfit } from '../../src/ingest/unfit.js';
import { mappingSchema } from '../../src/mapping.js';
import { scratchFile } from '../helpers/scratch.js';

const NOW = Date.UTC(2026, 0, 31);

/** The value of `text` over a record, or how it fails. */
async function value(text: string, record: Record<string, string> = {}): Promise<unknown> {
  const made = await compileExpression(text, NOW).evaluate(record);
  return made instanceof Unfit ? `${made.code}: ${made.expected}` : made;
}

describe('an expression', () => {
  test.each([
    ["$number(Spent) > 1000 ? 'gold' : 'basic'", 'gold'],
    ["`First Name` & ' ' & Last", 'Ann Lee'],
    ['$split(Tags, "/")', ['a', 'b']],
    ['{"plan": Plan, "spent": $number(Spent)}', { spent: 1200 }],
    ['Plan', undefined],
    ['$now()', '2026-01-31T00:00:00.000Z'],
    ['$fromMillis($millis(), "[Y0001]")', '2026'],
  ])('%s', async (text, expected) => {
    const record = { Spent: '1200', 'First Name': 'Ann', Last: 'Lee', Tags: 'a/b' };
    expect(await value(text, record)).toEqual(expected);
  });

  test('gives plain JSON', async () => {
    const list = await value('[1..3]');
    expect(Object.getOwnPropertyNames(list)).toEqual(['0', '1', '2', 'length']);
    expect(await value('$uppercase')).toBe('expression_failed: its result is a function');
    expect(await value('{"a": [$uppercase]}')).toBe('expression_failed: its result is a function');
    expect(await value('1/0')).toBe('expression_failed: its result is no finite number');
  });

  test('that fails says why', async () => {
    expect(await value('$number(Spent)', { Spent: 'x' })).toBe(
      'expression_failed: Unable to cast value to a number: "x"',
    );
    expect(await value("$error('too young')")).toBe('expression_failed: too young');
    expect(await value('$now("[Y]")')).toMatch(/^expression_failed: .*now/);
  });

  test.each([
    ['endless', '($f := function($n) { $f($n) }; $f(1))', /20000 steps/],
    ['endless and deep', '($f := function($n) { 1 + $f($n) }; $f(1))', /Stack overflow/],
    ['of too many elements', '[1..100000]', /maximum sequence length/],
    ['of too many steps', '$map([1..9999], function($x) { $x * 2 * 2 * 2 })', /20000 steps/],
  ])('that is %s is stopped, and works for the next row', async (_, text, sentence) => {
    expect(await value(text)).toMatch(sentence);
    const expression = compileExpression(`Stop = 'no' ? 'fine' : ${text}`, NOW);
    expect(await expression.evaluate({})).toBeInstanceOf(Unfit);
    expect(await expression.evaluate({ Stop: 'no' })).toBe('fine');
  });

  test.each(['$random()', '$shuffle([1])', '$map([1], $eval)', '$eval(Cell)'])('%s is refused', (text) => {
    expect(() => compileExpression(text, NOW)).toThrow(
      /uses \$(random|shuffle|eval), which is not to be had/,
    );
  });

  test('that is none is refused with the place', () => {
    expect(() => compileExpression('a +', NOW)).toThrow(
      'jsonata "a +" is not understood at character 3: Unexpected end of expression',
    );
  });

  test.each([
    'constructor',
    '`__proto__`',
    'toString',
    'a.constructor',
    '$.constructor.constructor',
    "$lookup($, 'constructor')",
    "$lookup($$, '__proto__')",
    '$constructor',
    '$toString',
    '$keys($)[$ = "__proto__"]',
  ])('%s finds no prototype', async (text) => {
    expect(await value(text, { a: 'x' })).toBeUndefined();
  });

  test.each([
    '{"__proto__": {"polluted": 1}}',
    '$merge([{"__proto__": {"polluted": 1}}, {"a": 1}])',
    '$ ~> |$|{"__proto__": {"polluted": 1}}|',
    '$ ~> |$|{"constructor": {"prototype": {"polluted": 1}}}|',
    '$sift($merge([$, {"__proto__": {"polluted": 1}}]), function($v) { true })',
  ])('%s touches no prototype', async (text) => {
    await value(text, { a: 'x' });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('sees a header of any name as a column', async () => {
    const record = Object.fromEntries([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
    expect(await value('`__proto__` & constructor', record)).toBe('12');
  });

  test('names the columns it reads', () => {
    const { names } = compileExpression('$number(Spent) > 1 ? `First Name` : Tags[0].x', NOW);
    expect([...names].sort()).toEqual(['First Name', 'Spent', 'Tags', 'x']);
  });
});

/** Twice as long for each letter; the line end is what it never finds. */
const BOMB = `$contains(Name, /^(a+)+$/) ? 'all' : 'some'`;

test('a search that would take years costs its row, and nothing else waits for it for long', async () => {
  const expression = compileExpression(BOMB, NOW);
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  expect(await expression.evaluate({ Name: `${'a'.repeat(60)}!` })).toMatchObject({ code: SLOW });
  clearInterval(others);
  expect(turns).toBeGreaterThan(0);
  expect(await expression.evaluate({ Name: 'aaa' })).toBe('all');
});

test('a mapping that searches in vain over row after row is halted with a sentence, and not gone through', async () => {
  const text = `email,Name\n${Array.from({ length: 1_000 }, (_, i) => `p${i}@example.com,${'a'.repeat(60)}!\n`).join('')}`;
  const path = scratchFile(text);
  const source = { path, name: 'people.csv', bytes: text.length, sha256: '', lines: 1_001 };
  const mapping = mappingSchema.parse({ map: { first_name: { jsonata: BOMB } } });
  const plan = { source, dialect: PLAIN, mapping, createdAt: '2026-01-31T00:00:00Z' };
  const { rows } = await openIngest(plan, {
    destination: sendmator,
    options: { baseUrl: 'http://127.0.0.1' },
  });
  await expect(rows.next()).rejects.toMatchObject({
    code: 'EXPRESSION_SLOW',
    exitCode: 4,
    message:
      'map.first_name: its expression was ended over 3 rows, the last of them on line 4, because it did not end within 0.5 s. Mend the regular expression in it, which tries too many ways to match (as (a+)+ does).',
  });
});
