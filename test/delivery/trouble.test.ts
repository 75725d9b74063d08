import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { readTrouble, Trouble } from '../../src/delivery/trouble.js';
import { troubleKey } from '../../src/redis/keys.js';
import type { Verdict } from '../../src/verdict.js';
import { openTestRedis } from '../helpers/redis.js';

const SECRET = 'sk_secret ada@example.com';

function place() {
  const { redis, prefix } = openTestRedis();
  let now = Date.parse('2026-01-31T10:00:00.000Z');
  const failures: Error[] = [];
  const make = () => {
    const clock = { ...systemClock, now: () => now };
    const account = { id: 'sendmator-1' };
    return new Trouble({ redis, clock, prefix, account, onError: (error) => failures.push(error) });
  };
  const read = () => readTrouble(redis, prefix, 'sendmator-1');
  const later = (ms: number) => {
    now += ms;
  };
  return { redis, prefix, make, read, failures, later };
}

const unavailable: Verdict = { kind: 'unavailable', message: SECRET };

test('errors are kept by kind, the latest first, each with how often; never the words of the API', async () => {
  const { make, read, later, redis, prefix, failures } = place();
  const [one, another] = [make(), make()];
  for (let i = 0; i < 5_000; i++) one.note(unavailable, 503);
  later(1_000);
  one.note({ kind: 'throttled', message: SECRET }, 429);
  await one.close();
  later(60_000);
  another.note(unavailable, 503);
  another.note({ kind: 'refused', code: SECRET, message: SECRET }, 401);
  for (const fine of ['created', 'updated', 'duplicate', 'rejected'] as const) {
    another.note({ kind: fine, message: SECRET } as Verdict, 200);
  }
  await another.close();
  expect(await read()).toEqual([
    {
      at: '2026-01-31T10:01:01.000Z',
      since: '2026-01-31T10:01:01.000Z',
      says: 'refuses every contact: HTTP 401',
      httpStatus: 401,
      times: 1,
    },
    {
      at: '2026-01-31T10:01:01.000Z',
      since: '2026-01-31T10:00:00.000Z',
      says: 'does not answer: HTTP 503',
      httpStatus: 503,
      times: 5_001,
    },
    {
      at: '2026-01-31T10:00:01.000Z',
      since: '2026-01-31T10:00:01.000Z',
      says: 'asked us to wait: HTTP 429',
      httpStatus: 429,
      times: 1,
    },
  ]);
  const key = troubleKey(prefix, 'sendmator-1');
  expect((await redis.lrange(key, 0, -1)).join()).not.toMatch(/sk_secret|ada@/);
  expect(await redis.pttl(key)).toBeGreaterThan(6 * 86_400_000);
  expect(failures).toEqual([]);
});

test('many errors cost one command now and then, and many kinds a short list', async () => {
  const { make, read, redis } = place();
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))![1]);
  const trouble = make();
  const before = await commands();
  for (let i = 0; i < 10_000; i++) trouble.note(unavailable, 500 + (i % 3));
  await trouble.close();
  expect((await commands()) - before).toBeLessThan(200); // other tests use this Redis, too
  for (let status = 500; status < 560; status++) {
    const one = make();
    one.note(unavailable, status);
    await one.close();
  }
  const errors = await read();
  expect(errors).toHaveLength(20);
  expect(errors[0]).toMatchObject({ httpStatus: 559, times: 1 });
});

test('what ends because delivery ends is no error', async () => {
  const { make, read } = place();
  const trouble = make();
  await trouble.close();
  trouble.note(unavailable, undefined);
  await trouble.close();
  expect(await read()).toEqual([]);
});
