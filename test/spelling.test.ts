import { expect, test } from 'vitest';
import { didYouMean } from '../src/spelling.js';

test.each([
  ['ratte', 'rate'],
  ['tiemout', 'timeout'],
  ['apiKey', 'api_key'],
  ['RATE', 'rate'],
  ['api-key', 'api_key'],
])('%s is nearly %s', (word, meant) => {
  expect(didYouMean(word, ['kind', 'rate', 'timeout', 'api_key'])).toBe(` Did you mean "${meant}"?`);
});

test.each(['', 'colour', 'k', 'map'])('%j is like none', (word) => {
  expect(didYouMean(word, ['kind', 'rate', 'timeout', 'api_key'])).toBe('');
});

test('a single letter or digit is like no other', () => {
  expect(didYouMean('7', ['1', '2'])).toBe('');
});
