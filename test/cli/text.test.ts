import { expect, test } from 'vitest';
import { cutTo, pad, shown, widthOf, wrap } from '../../src/cli/text.js';

test('widthOf counts what a terminal shows', () => {
  expect(['Ann', 'Zoë', 'Zoe\u0308', '日本', '🙂'].map(widthOf)).toEqual([3, 3, 3, 4, 2]);
});

test('cutTo never takes more than it may', () => {
  expect(cutTo('abcdef', 6)).toBe('abcdef');
  expect(cutTo('abcdef', 5)).toBe('abcd…');
  expect(cutTo('日本語', 4)).toBe('日…');
  expect(cutTo('abc', 0)).toBe('');
});

test('pad fills up to the width', () => {
  expect(pad('日', 4)).toBe('日  ');
  expect(pad('abc', 2)).toBe('abc');
});

test('shown lets nothing through that a terminal obeys', () => {
  expect(shown('a\u001b[2Jb\nc\r\nd\u0007\u202Ee\u0085')).toBe('a�[2Jb⏎c⏎d��e�');
});

test('wrap breaks at blanks, and leaves a long word whole', () => {
  expect(wrap('one two three four', 10, '  ')).toBe('one two\n  three\n  four');
  expect(wrap('abcdefghijkl', 5, '')).toBe('abcdefghijkl');
});
