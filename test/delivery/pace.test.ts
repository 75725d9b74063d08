import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Circuit } from '../../src/delivery/circuit.js';
import { askRate, dropRate, intervalUs, Pace } from '../../src/delivery/pace.js';
import { define } from '../../src/redis/scripts.js';
import type { Rate } from '../../src/run.js';
import { openTestRedis } from '../helpers/redis.js';

const HOURLY: Rate = { requests: 1, perMs: 3_600_000 };

function open(fallback: Rate | null) {
  const { redis, prefix } = openTestRedis();
  define(redis);
  const make = () => new Pace(redis, systemClock, prefix, 'acme-1', fallback);
  const reserve = async (pace: Pace, slots: number) => {
    const pipeline = redis.pipeline();
    const askedMs = systemClock.monotonic();
    pace.reserve(pipeline, slots);
    const [reply] = (await pipeline.exec())!;
    return pace.read(reply![1], askedMs);
  };
  return { redis, prefix, make, reserve };
}

test('an interval leaves 20 ms a window for what delays requests on their way', () => {
  expect(intervalUs(null)).toBe(0);
  expect(intervalUs({ requests: 200, perMs: 1_000 })).toBe(5_100);
  expect(intervalUs({ requests: 10_000, perMs: 3_600_000 })).toBe(360_002);
});

test('two processes share one row of slots, an interval apart, none further ahead than the horizon', async () => {
  const { make, reserve } = open({ requests: 1, perMs: 980 }); // 1 s apart
  const [a, b] = [make(), make()];
  const first = await reserve(a, 5);
  expect(first).toMatchObject({ granted: 1, intervalMs: 1_000 });
  const second = await reserve(b, 5);
  expect(second.granted).toBe(0);
  expect(second.waitMs).toBeGreaterThan(0);
  expect(second.waitMs).toBeLessThanOrEqual(1_000);
  expect(b.worthAsking(16)).toBe(1);
});

test('without a limit everything is granted', async () => {
  const { make, reserve } = open(null);
  const pace = make();
  expect(await reserve(pace, 64)).toMatchObject({ granted: 64, intervalMs: 0, circuit: '' });
  expect(pace.worthAsking(64)).toBe(64);
});

test('the lowest rate of the living runs wins; a run that asks no longer does not count', async () => {
  const { redis, prefix, make, reserve } = open(null);
  const soon = Date.now() + 60_000;
  await askRate(redis, prefix, 'acme-1', 'fast', null, soon);
  await askRate(redis, prefix, 'acme-1', 'slow', HOURLY, soon);
  await askRate(redis, prefix, 'acme-1', 'dead', { requests: 1, perMs: 86_400_000 }, Date.now() - 1);
  expect((await reserve(make(), 1)).intervalMs).toBe(3_600_020);
  await dropRate(redis, prefix, 'acme-1', 'slow');
  expect((await reserve(make(), 1)).intervalMs).toBe(0);
});

test('a wait that the API announces holds everybody', async () => {
  const { make, reserve } = open(null);
  const [a, b] = [make(), make()];
  await a.push(30_000, 'asked to wait');
  await b.push(1_000, 'asked to slow down'); // the longer one stands
  const reply = await reserve(b, 1);
  expect(reply.granted).toBe(0);
  expect(reply.waitMs).toBeGreaterThan(20_000);
});

test('ten failures in a row open the circuit for all; one probe at a time; its answer closes it', async () => {
  const { redis, prefix, make, reserve } = open(null);
  const [a, b] = [make(), make()];
  const circuit = new Circuit(a);
  const down = { kind: 'unavailable', message: 'HTTP 503' } as const;
  for (let i = 0; i < 9; i++) await circuit.note(down, {});
  expect(circuit.open).toBe(false);
  await circuit.note(down, {});
  expect(circuit.open).toBe(true);
  expect(await reserve(b, 5)).toMatchObject({ granted: 0, circuit: 'open' });
  // The pause is over.
  await redis.hset(`${prefix}:{acme-1}:pace`, 'open_until', 1);
  expect(await reserve(b, 5)).toMatchObject({ granted: 1, circuit: 'probe' });
  expect(await reserve(a, 5)).toMatchObject({ granted: 0, circuit: 'open' });
  // The probe fails: a longer pause.
  await circuit.note(down, {});
  const again = await reserve(a, 5);
  expect(again.circuit).toBe('open');
  expect(again.waitMs).toBeGreaterThan(1_000);
  await circuit.note({ kind: 'created' }, {});
  expect(await reserve(b, 5)).toMatchObject({ granted: 5, circuit: '' });
});

test('a look-up that is answered while creating fails: rows that failed go on, of the others one with each probe', async () => {
  const { redis, prefix, make, reserve } = open(null);
  const [a, b] = [make(), make()];
  const circuit = new Circuit(a);
  const down = { kind: 'unavailable', message: 'HTTP 500' } as const;
  const pauseIsOver = () => redis.hset(`${prefix}:{acme-1}:pace`, 'open_until', 1);
  const ask = async (slots: number) => {
    const reply = await reserve(a, slots);
    circuit.observe(reply);
    return reply;
  };
  for (let i = 0; i < 10; i++) await circuit.note(down, {});
  expect(await ask(5)).toMatchObject({ granted: 0, circuit: 'open', lives: false });
  await pauseIsOver();
  expect(await ask(5)).toMatchObject({ granted: 1, circuit: 'probe', lives: false });
  await circuit.noteLookUp(undefined, { probe: true });
  expect(circuit).toMatchObject({ open: true, lives: true, fresh: 1 });
  // Everybody is told; no slots for nobody, but when to ask again.
  expect(await reserve(b, 5)).toMatchObject({ granted: 5, circuit: 'open', lives: true });
  const none = await reserve(b, 0);
  expect(none).toMatchObject({ granted: 0, circuit: 'open', lives: true });
  expect(none.waitMs).toBeGreaterThan(0);
  expect(none.waitMs).toBeLessThanOrEqual(1_000);
  // Failures are the rows' own now, however many: the pause does not grow, the life goes on.
  await pauseIsOver();
  expect(await ask(5)).toMatchObject({ granted: 1, circuit: 'probe', lives: true });
  for (let i = 0; i < 20; i++) await circuit.note(down, { probe: i === 0 });
  const next = await ask(5);
  expect(next).toMatchObject({ granted: 5, circuit: 'open', lives: true });
  // Answered, but not the probe: no row that was never sent for that.
  circuit.fresh = 0;
  await circuit.noteLookUp(undefined, {});
  expect(circuit.fresh).toBe(0);
  // Not even a look-up is answered: an outage again, for all.
  await circuit.noteLookUp(down, {});
  expect(circuit).toMatchObject({ open: true, lives: false });
  expect(await reserve(b, 5)).toMatchObject({ granted: 0, circuit: 'open', lives: false });
  await circuit.noteLookUp(undefined, {});
  await circuit.note({ kind: 'created' }, {});
  expect(await reserve(b, 5)).toMatchObject({ granted: 5, circuit: '', lives: false });
});

test('nothing listens any more: an outage, whatever look-ups said a moment ago', async () => {
  const { make, reserve } = open(null);
  const pace = make();
  const circuit = new Circuit(pace);
  for (let i = 0; i < 10; i++) await circuit.note({ kind: 'unclear', message: 'reset' }, {});
  await circuit.noteLookUp(undefined, {});
  expect(await reserve(pace, 5)).toMatchObject({ granted: 5, lives: true });
  await circuit.note({ kind: 'unreached', message: 'connection refused' }, {});
  expect(await reserve(pace, 5)).toMatchObject({ granted: 0, circuit: 'open', lives: false });
});

test('a failure now and then is no outage', async () => {
  const { make, reserve } = open(null);
  const circuit = new Circuit(make());
  for (let i = 0; i < 50; i++) {
    await circuit.note({ kind: 'unclear', message: 'reset' }, {});
    if (i % 5 === 0) await circuit.note({ kind: 'duplicate', message: 'there' }, {});
  }
  expect(circuit.open).toBe(false);
  expect((await reserve(make(), 3)).granted).toBe(3);
});
