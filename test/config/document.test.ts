import { expect, test } from 'vitest';
import { type Fault, readDocument } from '../../src/config/document.js';

/** `$` is written as `§`, so that no test looks like a template string. */
const read = (text: string, environment: Record<string, string> = {}) =>
  readDocument(text.replaceAll('§', '$'), environment);

const told = ({ line, column, path, message }: Fault) => [line, column, path.join('.'), message];

test('variables are replaced in values, wherever they stand in a text', () => {
  const { value, faults, unset } = read(
    'a: §{ONE}\nb: "x-§{ONE}-§{TWO}"\nc: ["§{TWO}", 3, true, null]\nd: >\n  §{ONE}\n§{ONE}: key\n',
    { ONE: '1', TWO: 'a: b # c' },
  );
  expect(value).toEqual({
    a: '1',
    b: 'x-1-a: b # c',
    c: ['a: b # c', 3, true, null],
    d: '1\n',
    '${ONE}': 'key',
  });
  expect([faults, unset]).toEqual([[], []]);
});

test('a default stands in for what is not set or blank; two dollars for one', () => {
  const { value, unset } = read('a: §{NO:-there}\nb: §{BLANK:-}\nc: §{SET:-no}\nd: §§{NO}\n', {
    BLANK: '',
    SET: 'yes',
  });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is meant
  expect(value).toEqual({ a: 'there', b: '', c: 'yes', d: '${NO}' });
  expect(unset).toEqual([]);
});

test('a variable that is not set is told with its place, one that is blank too', () => {
  const { value, unset } = read('a:\n  - b: §{NO}/§{BLANK}\n', { BLANK: '' });
  expect(value).toEqual({ a: [{ b: '/' }] });
  expect(unset.map(told)).toEqual([
    [2, 5, 'a.0.b', 'the environment variable NO is not set'],
    [2, 5, 'a.0.b', 'the environment variable BLANK is not set'],
  ]);
});

test.each(['§{', '§{}', '§{a-b}', '§{A:=1}', 'x§{ A }'])('%s is a fault', (text) => {
  const { faults } = read(`a: '${text}'\n`, { A: '1', a: '1' });
  expect(faults.map(told)).toEqual([[1, 1, 'a', expect.stringMatching(/^has a \$\{ that begins no/)]]);
});

test('what is no YAML is told once, without the text that stands there', () => {
  const { faults, value } = read('a: 1\na: 2\nkey: "sk_live_open\nb: sk_live_two: x\nc: d: e\n');
  expect(value).toBeUndefined();
  expect(faults.map(({ line, column }) => [line, column])).toContainEqual([2, 1]);
  for (const { message } of faults) {
    expect(message).toMatch(/^is no YAML here: \S/);
    expect(message).not.toContain('sk_live');
  }
  expect(read('a: 1\na: 2\nb: 1\nb: 2\n').faults.map(({ line }) => line)).toEqual([2, 4]);
  expect(read('a: { b: [1, 2\nc: { d: e }\nf: ]\n').faults).toHaveLength(1);
});

test('a variable between brackets is no YAML without quotes, and the fault says so', () => {
  for (const text of ['a: { kind: x, key: §{ONE} }\n', 'a: [§{ONE}]\n']) {
    const { faults } = read(text, { ONE: '1' });
    expect(faults[0]?.message).toMatch(/between \{ \} or \[ \] a \$\{…\} is written in quotes$/);
  }
});

test('tags nobody knows are faults, not silently dropped', () => {
  expect(read('a: !secret x\n').faults.map(told)).toEqual([
    [1, 4, '', expect.stringContaining('Unresolved tag') as string],
  ]);
});

test('anchors are followed, and one inside itself is a fault', () => {
  const { value, faultAt } = read('a: &x { b: "§{ONE}" }\nc: *x\n', { ONE: '1' });
  expect(value).toEqual({ a: { b: '1' }, c: { b: '1' } });
  expect(told(faultAt(['c', 'b'], 'm'))).toEqual([1, 9, 'c.b', 'm']);
  expect(read('a: &x\n  b: *x\n').faults.map(told)).toEqual([[2, 6, 'a.b', '*x stands for nothing']]);
});

test('the place of something missing is that of what it is missing from', () => {
  const { faultAt } = read('# comment\na:\n  b:\n    c: 1\n');
  expect(told(faultAt(['a', 'b', 'c'], 'm'))).toEqual([4, 5, 'a.b.c', 'm']);
  expect(told(faultAt(['a', 'b', 'x', 'y'], 'm'))).toEqual([3, 3, 'a.b.x.y', 'm']);
  expect(told(faultAt(['x'], 'm'))).toEqual([2, 1, 'x', 'm']);
});

test('a key called like a prototype is a key', () => {
  const { value } = read('__proto__: { polluted: true }\n');
  expect(Object.keys(value as object)).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('an empty file is one without anything', () => {
  expect(read('').value).toBeNull();
  expect(read('# nothing\n').faults).toEqual([]);
});

test('aliases that would stand for millions of values are a fault, told once', () => {
  let text = 'a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n';
  for (let i = 1; i < 9; i++)
    text += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`;
  const { faults } = read(text);
  expect(faults.map(({ message }) => message)).toEqual(['holds more than 100000 values']);
});
