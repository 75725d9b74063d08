import { expect, test } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { ApiClock } from '../../src/delivery/api-clock.js';
import { Pace } from '../../src/delivery/pace.js';
import { openTestRedis } from '../helpers/redis.js';

/** What the three clocks say when ours says 0. The API's is two hours ahead of Redis's. */
const REDIS_MS = 1_700_000_000_000;
const API_AHEAD_MS = 7_200_000;
const TOLERANCE_MS = 2_000;

function open() {
  let nowMs = 0;
  const clock: Clock = { now: () => 0, monotonic: () => nowMs, random: () => 0 };
  const pace = new Pace(openTestRedis().redis, clock, 'test', 'acme-1', null);
  const apiClock = new ApiClock(clock, pace);
  return {
    pace,
    apiClock,
    /** A reply of Redis: asked, answered there, and read here, each so much later. */
    redis(waitMs: number, lateMs: number) {
      const askedMs = nowMs;
      nowMs += waitMs;
      const redisUs = (REDIS_MS + nowMs) * 1_000;
      nowMs += lateMs;
      pace.read([0, 0, redisUs, 0, '', 0], askedMs);
    },
    /** An answer of the API, read so much later than it was written. */
    api(lateMs: number) {
      const date = new Date(REDIS_MS + nowMs + API_AHEAD_MS).toUTCString();
      nowMs += lateMs;
      apiClock.read({ status: 201, headers: { date }, body: '' });
    },
    pass(ms: number) {
      nowMs += ms;
    },
    /** How much later than it really was a moment is put by {@link ApiClock.fromRedis}. */
    tooLateMs(): number {
      const really = apiClock.sentAt(undefined);
      return apiClock.fromRedis(really) - (REDIS_MS + nowMs + API_AHEAD_MS);
    },
  };
}

test('a moment is never put later in the clock of the API than it was, and at most a second and the tolerance earlier', () => {
  const { redis, api, pass, tooLateMs } = open();
  for (const lateMs of [0, 3, 40]) {
    redis(2, lateMs);
    api(lateMs);
    pass(777);
  }
  expect(tooLateMs()).toBeLessThanOrEqual(-TOLERANCE_MS);
  expect(tooLateMs()).toBeGreaterThan(-TOLERANCE_MS - 1_100);
});

test.each([
  ['this process was stopped before it read the reply', 1, 12_500],
  ['Redis was stopped before it replied', 12_500, 1],
])('%s: no moment is put later for that', (_why, waitMs, lateMs) => {
  const { redis, api, pass, tooLateMs } = open();
  redis(1, 1);
  api(1);
  pass(1_000);
  redis(waitMs, lateMs);
  api(1);
  pass(1_000);
  redis(1, 1);
  expect(tooLateMs()).toBeLessThanOrEqual(-TOLERANCE_MS);
  expect(tooLateMs()).toBeGreaterThan(-TOLERANCE_MS - 1_100);
});

test('a clock of Redis that is set is followed, forward and back', () => {
  const { pace } = open();
  const at = (redisMs: number) => pace.read([0, 0, redisMs * 1_000, 0, '', 0], 0);
  at(REDIS_MS);
  at(REDIS_MS + 60_000);
  expect(pace.redisNowMs()).toBe(REDIS_MS + 60_000);
  at(REDIS_MS - 60_000);
  expect(pace.redisNowMs()).toBe(REDIS_MS - 60_000);
});
