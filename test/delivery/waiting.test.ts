import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Circuit } from '../../src/delivery/circuit.js';
import { Pace } from '../../src/delivery/pace.js';
import { readWaiting, sayFailure } from '../../src/delivery/waiting.js';
import { define } from '../../src/redis/scripts.js';
import type { Rate } from '../../src/run.js';
import { openTestRedis } from '../helpers/redis.js';

function open(fallback: Rate | null = null) {
  const { redis, prefix } = openTestRedis();
  define(redis);
  const pace = new Pace(redis, systemClock, prefix, 'acme-1', fallback);
  const read = () => readWaiting(redis, prefix, 'acme-1', 'acme', Date.now());
  const reserve = async (slots: number) => {
    const pipeline = redis.pipeline();
    pace.reserve(pipeline, slots);
    await pipeline.exec();
  };
  return { redis, key: `${prefix}:{acme-1}:pace`, pace, read, reserve };
}

/** A few words that are ours, whatever the API said. */
const DOWN = { kind: 'unavailable', message: 'ann@example.com cannot be stored now' } as const;

test('an open circuit is told with its next try, and forgotten when it closes', async () => {
  const { redis, key, pace, read } = open();
  const circuit = new Circuit(pace);
  for (let i = 0; i < 9; i++) await circuit.note(DOWN, 503);
  expect(await read()).toBeUndefined();
  const before = Date.now();
  await circuit.note(DOWN, 503);
  const waiting = (await read())!;
  expect(waiting.why).toBe('acme does not answer: HTTP 503');
  expect(waiting.untilMs).toBeGreaterThan(before);
  expect(waiting.untilMs! % 1000).toBe(0);
  // The pause is over, the probe under way.
  await redis.hset(key, 'open_until', (Date.now() - 5_000) * 1000);
  expect(await read()).toEqual({ why: 'acme does not answer: HTTP 503' });
  // The probe fails in another way.
  await circuit.note({ kind: 'unreached', message: 'connection refused' });
  expect(await read()).toMatchObject({ why: 'acme cannot be reached: connection refused' });
  // A look-up is answered: the API lives.
  await circuit.noteLookUp(undefined, undefined, true);
  expect(await read()).toMatchObject({ why: 'acme answers look-ups, but has taken no contact yet' });
  await circuit.note({ kind: 'created' });
  expect(await read()).toBeUndefined();
});

test('an open circuit that nobody has tried for long tells nothing about now', async () => {
  const { redis, key, pace, read } = open();
  await pace.trip(1_000, 5_000, 'does not answer: HTTP 503');
  await redis.hset(key, 'open_until', (Date.now() - 120_000) * 1000);
  expect(await read()).toBeUndefined();
});

test('a wait that the API asked for is told; a slow pace and a short wait are none', async () => {
  const { pace, read, reserve } = open({ requests: 1, perMs: 3_600_000 });
  await reserve(1); // the next slot is an hour ahead
  expect(await read()).toBeUndefined();
  await pace.push(1_500, 'asked to slow down');
  expect(await read()).toBeUndefined();
  await pace.push(2 * 3_600_000, 'asked to wait');
  const waiting = (await read())!;
  expect(waiting.why).toBe('acme asked to wait');
  expect(waiting.untilMs).toBeGreaterThan(Date.now() + 3_600_000);
});

test('a failure is told in words of ours', () => {
  expect(sayFailure(DOWN, 503)).toBe('does not answer: HTTP 503');
  expect(sayFailure({ kind: 'unclear', message: 'no answer within the time limit' })).toBe(
    'does not answer: no answer within the time limit',
  );
  expect(sayFailure({ kind: 'unclear', message: 'ann@example.com?' }, 200)).toBe(
    'answers, but with no contact: HTTP 200',
  );
});
