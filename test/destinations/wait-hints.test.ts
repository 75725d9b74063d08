import { expect, test } from 'vitest';
import { failure } from '../../src/destinations/answers.js';
import { announcedAllowance, announcedWait } from '../../src/destinations/wait-hints.js';

const DATE = 'Sun, 01 Feb 2026 12:00:00 GMT';
const EPOCH = Date.parse(DATE) / 1000;

const answerOf = (headers: Record<string, string>, body = '') => ({ status: 429, headers, body });

test.each<[string, Record<string, string>, object | undefined, number | undefined]>([
  ['Retry-After-Ms', { 'retry-after-ms': '1500' }, undefined, 1_500],
  ['RateLimit-Reset of the early drafts', { 'ratelimit-reset': '7' }, undefined, 7_000],
  ['RateLimit as one list', { ratelimit: 'limit=10, remaining=0, reset=5' }, undefined, 5_000],
  ['RateLimit as a structured field', { ratelimit: '"default";r=0;t=30' }, undefined, 30_000],
  ['a policy that says nothing of now', { 'ratelimit-policy': '"default";q=100;w=60' }, undefined, undefined],
  ['X-RateLimit-Reset-After', { 'x-ratelimit-reset-after': '1.5' }, undefined, 1_500],
  ['X-Rate-Limit-Reset', { 'x-rate-limit-reset': String(EPOCH + 9), date: DATE }, undefined, 9_000],
  ['a field of the body', {}, { error: { retry_after: 3 } }, 3_000],
  ['a field in milliseconds', {}, { meta: { limits: { retryAfterMs: '250' } } }, 250],
  ['a field too deep', {}, { a: { b: { c: { d: { retryAfter: 3 } } } } }, undefined],
  ['a field that is no number', {}, { retryAfter: 'soon' }, undefined],
  ['a field before the reset of the limit', { 'x-ratelimit-reset': '9' }, { retry_after: 1 }, 1_000],
  ['fields named like what every object has', {}, { constructor: 5, toString: 6 }, undefined],
])('%s', (_name, headers, body, waitMs) => {
  expect(announcedWait(answerOf(headers, body && JSON.stringify(body)))).toBe(waitMs);
});

test('what is left of a limit is told with the time until it starts anew, or not at all', () => {
  const left = (headers: Record<string, string>) => announcedAllowance(answerOf(headers));
  const epoch = { 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': String(EPOCH + 60), date: DATE };
  expect(left(epoch)).toEqual({ remaining: 3, resetMs: 60_000 });
  expect(left({ 'ratelimit-remaining': '0', 'ratelimit-reset': '5' })).toEqual({
    remaining: 0,
    resetMs: 5_000,
  });
  expect(left({ ratelimit: '"day";r=17;t=3600' })).toEqual({ remaining: 17, resetMs: 3_600_000 });
  expect(left({ 'x-ratelimit-remaining': '3' })).toBeUndefined();
  expect(left({ 'x-ratelimit-remaining': 'many', 'x-ratelimit-reset': '5' })).toBeUndefined();
  expect(left({})).toBeUndefined();
});

test('a quota that is told with its end is waited for, one without stops the run', () => {
  const verdict = (status: number, headers: Record<string, string>) =>
    failure({ status, headers, body: '{}' }, { message: 'quota' });
  expect(verdict(403, { 'retry-after': '600' })).toMatchObject({ kind: 'throttled', waitMs: 600_000 });
  expect(verdict(402, { 'retry-after': '600' })).toMatchObject({ kind: 'throttled', waitMs: 600_000 });
  expect(verdict(403, { 'x-ratelimit-reset': '600' })).toMatchObject({ kind: 'refused', code: 'http_403' });
  expect(verdict(401, { 'retry-after': '600' })).toMatchObject({ kind: 'refused' });
});
