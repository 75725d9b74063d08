import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { identify } from '../../src/process.js';
import { folderKey } from '../../src/redis/keys.js';
import { HOLD_MS, Lease } from '../../src/redis/lease.js';
import { HandClock } from '../helpers/clock.js';
import { openTestRedis } from '../helpers/redis.js';

// Each test prolongs by itself.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  onTestFinished(() => void vi.useRealTimers());
});

function openLeases() {
  const { redis, prefix } = openTestRedis();
  const key = folderKey(prefix, 'dir');
  const one = () => {
    const clock = new HandClock();
    const lease = new Lease(redis, key, clock);
    onTestFinished(() => lease.end());
    return { lease, clock };
  };
  return { redis, key, one };
}

test('one holds it at a time, and whoever comes next has it once it is given back', async () => {
  const { one } = openLeases();
  const [first, second] = [one(), one()];
  expect(first.lease.held).toBe(false);
  expect(await first.lease.take()).toBe(true);
  expect(await first.lease.take()).toBe(true);
  expect(await second.lease.take()).toBe(false);
  await second.lease.end();
  expect(await second.lease.take()).toBe(false);
  await first.lease.end();
  expect(first.lease.held).toBe(false);
  expect(await second.lease.take()).toBe(true);
  expect([first.lease.taken, second.lease.taken]).toEqual([1, 1]);
});

test('who could not prolong it in time knows, whatever Redis may say', async () => {
  const { one } = openLeases();
  const { lease, clock } = one();
  await lease.take();
  clock.pass(HOLD_MS - 1);
  expect(lease.held).toBe(true);
  clock.pass(1);
  expect(lease.held).toBe(false);
});

test('it runs out by itself, and is had at once when its holder is known to be dead', async () => {
  const { redis, key, one } = openLeases();
  const { lease } = one();
  const here = { ...identify(process.pid), nonce: 'x' };
  await redis.set(key, JSON.stringify({ ...here, host: 'elsewhere' }), 'PX', HOLD_MS);
  expect(await lease.take()).toBe(false);
  await redis.set(key, JSON.stringify({ ...here, start: 'before' }), 'PX', HOLD_MS);
  expect(await lease.take()).toBe(true);
  expect(await redis.pttl(key)).toBeGreaterThan(HOLD_MS - 5_000);
});

test('a Redis that forgot it gives it to whoever asks first', async () => {
  const { redis, key, one } = openLeases();
  const [first, second] = [one(), one()];
  await first.lease.take();
  await redis.del(key);
  expect(await second.lease.take()).toBe(true);
  expect(await first.lease.take()).toBe(false);
  expect(first.lease.held).toBe(false);
  await redis.del(key);
  expect(await first.lease.take()).toBe(true);
  expect(first.lease.taken).toBe(2);
});

test('while it is held it is prolonged by itself', async () => {
  const { redis, key, one } = openLeases();
  const { lease } = one();
  await lease.take();
  await redis.pexpire(key, 100_000);
  vi.advanceTimersByTime(HOLD_MS / 4);
  while ((await redis.pttl(key)) > HOLD_MS);
  expect(lease.held).toBe(true);
});
