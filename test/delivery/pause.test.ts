import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { askRate, Pace } from '../../src/delivery/pace.js';
import { pauseAccount, readAccountState, resumeAccount } from '../../src/delivery/pause.js';
import { readWaiting } from '../../src/delivery/waiting.js';
import { define } from '../../src/redis/scripts.js';
import { openTestRedis } from '../helpers/redis.js';

const SINCE = Date.UTC(2026, 0, 31, 12, 0);

function open(limit: { requests: number; perMs: number } | null) {
  const { redis, prefix } = openTestRedis();
  define(redis);
  const pace = new Pace(redis, systemClock, prefix, 'acme-1', limit);
  const reserve = async (slots: number) => {
    const { slots: granted, waitMs } = await pace.ask(slots);
    return { granted: granted.length, waitMs };
  };
  const why = async () => (await readWaiting(redis, prefix, 'acme-1', 'acme', Date.now()))?.why;
  return { redis, prefix, pace, reserve, why };
}

test.each([null, { requests: 100, perMs: 1_000 }])(
  'paused, nothing is granted at the rate %j, also no probe; resumed, it goes on at once',
  async (limit) => {
    const { redis, prefix, pace, reserve, why } = open(limit);
    expect((await reserve(1)).granted).toBe(1);
    await pauseAccount(redis, prefix, 'acme-1', SINCE);
    const refused = await reserve(1);
    expect(refused.granted).toBe(0);
    expect(refused.waitMs).toBeGreaterThan(0);
    expect(refused.waitMs).toBeLessThanOrEqual(1_000); // asked for again soon
    await pace.trip(1, 1, 'does not answer: HTTP 503');
    await redis.hset(pace.key, 'open_until', 1);
    for (let i = 0; i < 3; i++) expect((await reserve(1)).granted).toBe(0);
    expect(await why()).toMatch(
      /^acme is paused by hand since 2026-01-31T12:00Z; "rowferry destinations resume acme" lets/,
    ); // whatever else there is
    await pace.closeCircuit();

    expect(await resumeAccount(redis, prefix, 'acme-1')).toBe(true);
    expect(await resumeAccount(redis, prefix, 'acme-1')).toBe(false);
    expect(await why()).toBeUndefined();
    // Its slots were not used up meanwhile: the next is an interval ahead of the last.
    const next = await reserve(1);
    expect(next.granted + (next.waitMs <= 40 ? 1 : 0)).toBeGreaterThan(0);
  },
);

test('pausing twice keeps the first moment; the state of an account tells its rate, circuit and runs', async () => {
  const { redis, prefix, pace } = open(null);
  expect(await pauseAccount(redis, prefix, 'acme-1', SINCE)).toBe(SINCE);
  expect(await pauseAccount(redis, prefix, 'acme-1', SINCE + 5)).toBe(SINCE);
  await askRate(redis, prefix, 'acme-1', 'run-1', { requests: 10, perMs: 980 }, 10_000);
  await askRate(redis, prefix, 'acme-1', 'run-2', { requests: 10, perMs: 1_980 }, 10_000);
  await askRate(redis, prefix, 'acme-1', 'dead', { requests: 1, perMs: 60_000 }, -1);
  await pace.trip(1_000, 5_000, 'does not answer: HTTP 503');
  expect(await readAccountState(redis, prefix, 'acme-1', Date.now())).toEqual({
    pausedMs: SINCE,
    circuit: 'open',
    intervalMs: 200,
    runs: expect.arrayContaining(['run-1', 'run-2']),
  });
  expect(await readAccountState(redis, prefix, 'other', SINCE)).toEqual({ circuit: 'closed', runs: [] });
});
