import { expect, test } from 'vitest';
import { limitsOf } from '../src/service.js';

test('flag and environment beat the file, which beats what rowferry does by itself', () => {
  expect(limitsOf({ settings: {} }, {})).toEqual({ concurrency: 16, timeoutMs: 30_000 });
  const account = { settings: { concurrency: 4, timeoutMs: 500 } };
  expect(limitsOf(account, {})).toEqual({ concurrency: 4, timeoutMs: 500 });
  expect(limitsOf(account, { concurrency: undefined, timeoutMs: 9 })).toEqual({
    concurrency: 4,
    timeoutMs: 9,
  });
  expect(limitsOf(account, { concurrency: 64 })).toEqual({ concurrency: 64, timeoutMs: 500 });
});
