import { expect, inject, test } from 'vitest';
import { openTestRedis } from '../helpers/redis.js';
import { keysLeft } from './leavings.js';

test('what a finished run may leave is its tombstone and what came too late, both for a while; all else is told', async () => {
  const { redis, prefix } = openTestRedis();
  const left = async () => (await keysLeft(inject('redisSocket'))).filter((key) => key.includes(prefix));
  const run = (name: string) => `${prefix}:{run-1}:${name}`;
  const queue = (name: string) => `{${prefix}}:deliver-acme-1:${name}`;
  const sent = `${prefix}:{acme-1}:sent`;
  const stays = [run('state'), run('addendum'), sent, `${prefix}:{acme-1}:pace`, queue('meta'), queue('id')];
  const closed = async () => {
    await redis.del(...stays);
    await redis.hset(run('state'), 'state', 'closed');
    await redis.expire(run('state'), 86_400);
    await redis.rpush(run('addendum'), '[1]');
    await redis.expire(run('addendum'), 86_400);
    await redis.zadd(sent, 1, '1');
    await redis.expire(sent, 91);
    await redis.hset(`${prefix}:{acme-1}:pace`, 'tat', 1);
    await redis.set(queue('meta'), 1);
    await redis.set(queue('id'), 1);
  };
  await closed();
  expect(await left()).toEqual([]);

  for (const key of [run('state'), run('addendum'), sent]) {
    await redis.persist(key);
    expect(await left(), `${key} for ever`).toEqual([key]);
    await closed();
  }
  await redis.hset(run('state'), 'epoch', 2);
  expect(await left(), 'no tombstone').toEqual([run('state')]);
  await closed();
  await redis.hset(`${prefix}:{acme-1}:pace`, 'r:run-1', '1 1 1 1');
  expect(await left(), 'a rate that nobody asks for any more').toEqual([`${prefix}:{acme-1}:pace r:run-1`]);
  await closed();

  const others = [run('status'), run('outcomes'), run('batches'), queue('wait'), queue('run-1-1')];
  others.push(queue('run-1-1:lock'), `${prefix}:{acme-1}:memory:underway`);
  for (const key of others) {
    for (const seconds of [86_400, 0]) {
      await redis.set(key, 'x');
      if (seconds > 0) await redis.expire(key, seconds);
      expect(await left()).toEqual([key]);
      await redis.del(key);
    }
  }
});
