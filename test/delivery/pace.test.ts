import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Circuit } from '../../src/delivery/circuit.js';
import { askRate, budgetOf, dropRate, forgetWait, Pace } from '../../src/delivery/pace.js';
import { define } from '../../src/redis/scripts.js';
import type { Rate } from '../../src/run.js';
import { openTestRedis } from '../helpers/redis.js';

const HOURLY: Rate = { requests: 1, perMs: 3_600_000 };

function open(fallback: Rate | null) {
  const { redis, prefix } = openTestRedis();
  define(redis);
  const make = () => new Pace(redis, systemClock, prefix, 'acme-1', fallback);
  const reserve = (pace: Pace, slots: number) => pace.ask(slots);
  return { redis, prefix, make, reserve };
}

test('a rate leaves 20 ms a window for what delays requests on their way; a long window is kept in parts', () => {
  const budget = (requests: number, perMs: number) => Object.values(budgetOf({ requests, perMs }));
  expect(budgetOf(null)).toEqual({ most: 0, windowUs: 0, intervalUs: 0 });
  expect(budget(200, 1_000)).toEqual([200, 1_015_000, 5_100]);
  expect(budget(2_000, 1_000)).toEqual([2_000, 1_015_000, 510]);
  expect(budget(10_000, 3_600_000)).toEqual([250, 90_015_000, 360_002]);
  expect(budget(100_000, 60_000)).toEqual([1_666, 1_014_600, 601]);
  expect(budget(0.5, 1_000)).toEqual([1, 2_015_000, 2_040_000]);
});

test('two processes share one row of slots, an interval apart, none further ahead than the horizon', async () => {
  const { make, reserve } = open({ requests: 1, perMs: 980 }); // 1 s apart
  const [a, b] = [make(), make()];
  const first = await reserve(a, 5);
  expect(first.slots).toHaveLength(1);
  expect(a.intervalMs).toBe(1_000);
  const second = await reserve(b, 5);
  expect(second.slots).toHaveLength(0);
  expect(second.waitMs).toBeGreaterThan(0);
  expect(second.waitMs).toBeLessThanOrEqual(1_000);
  expect(b.worthAsking(16)).toBe(1);
});

describe('a request counts from when it was written', () => {
  const TWO: Rate = { requests: 2, perMs: 600_000 };

  test('one that was late makes the one a window later wait as long', async () => {
    const { make, reserve } = open({ requests: 1, perMs: 600_000 });
    const pace = make();
    const [slot] = (await reserve(pace, 1)).slots;
    const inTime = await reserve(pace, 1);
    pace.written({ ...slot!, atMs: slot!.atMs - 50_000 });
    const late = await reserve(pace, 1);
    expect(late.waitMs - inTime.waitMs).toBeGreaterThan(49_000);
    expect(late.waitMs - inTime.waitMs).toBeLessThan(51_000);
  });

  test('one whose answer was late may have been late itself', async () => {
    const { make, reserve } = open({ requests: 1, perMs: 600_000 });
    const pace = make();
    const [slot] = (await reserve(pace, 1)).slots;
    pace.answered({ atMs: 0, us: 0, writtenMs: performance.now() }); // what an answer takes is next to nothing
    const inTime = await reserve(pace, 1);
    const atMs = performance.now() - 50_000;
    pace.answered({ ...slot!, atMs, writtenMs: atMs });
    const late = await reserve(pace, 1);
    expect(late.waitMs - inTime.waitMs).toBeGreaterThan(49_000);
    expect(late.waitMs - inTime.waitMs).toBeLessThan(51_000);
  });

  test('the first answer turns out to have been late when a quicker one comes', async () => {
    const { make, reserve } = open({ requests: 1, perMs: 600_000 });
    const pace = make();
    const [slot] = (await reserve(pace, 1)).slots;
    const atMs = performance.now() - 50_000;
    pace.answered({ ...slot!, atMs, writtenMs: atMs });
    const notKnown = await reserve(pace, 1);
    pace.answered({ atMs: 0, us: 0, writtenMs: performance.now() });
    const late = await reserve(pace, 1);
    expect(late.waitMs - notKnown.waitMs).toBeGreaterThan(49_000);
    expect(late.waitMs - notKnown.waitMs).toBeLessThan(51_000);
  });

  test('what was not sent does not count', async () => {
    const { redis, prefix, make, reserve } = open(TWO);
    const pace = make();
    const [slot] = (await reserve(pace, 1)).slots;
    await redis.hset(`${prefix}:{acme-1}:pace`, { tat: 0, last: 0 }); // as if time had passed
    expect((await reserve(pace, 1)).slots).toHaveLength(1);
    await redis.hset(`${prefix}:{acme-1}:pace`, { tat: 0, last: 0 });
    expect((await reserve(pace, 1)).slots).toHaveLength(0);
    await redis.hset(`${prefix}:{acme-1}:pace`, { tat: 0, last: 0 });
    pace.free(slot!);
    expect((await reserve(pace, 1)).slots).toHaveLength(1);
  });
});

describe('slots that were missed', () => {
  const rate: Rate = { requests: 1_000, perMs: 980 }; // 1 ms apart
  const spacing = ({ slots }: { slots: { us: number }[] }) =>
    (slots.at(-1)!.us - slots[0]!.us) / (slots.length - 1);

  test.each([
    ['a moment ago are made up for, at a third more than the rate', 10, 750],
    ['before a rest are not', 3_000, 1_000],
  ])('%s', async (_, restMs, apartUs) => {
    const { redis, prefix, make, reserve } = open(rate);
    const us = Date.now() * 1_000;
    await redis.hset(`${prefix}:{acme-1}:pace`, { tat: us - 300_000, last: us - restMs * 1_000 });
    expect(spacing(await reserve(make(), 20))).toBeCloseTo(apartUs, -1);
  });

  test('because nobody used them are granted once more', async () => {
    const { make, reserve } = open(rate);
    const pace = make();
    const { slots } = await reserve(pace, 20);
    for (const slot of slots.slice(1)) pace.free(slot);
    expect(spacing(await reserve(pace, 10))).toBeCloseTo(750, -1);
  });
});

test('without a limit everything is granted', async () => {
  const { make, reserve } = open(null);
  const pace = make();
  expect(await reserve(pace, 64)).toMatchObject({ slots: { length: 64 }, circuit: '' });
  expect(pace.worthAsking(64)).toBe(64);
});

test('the lowest rate of the living runs wins; a run that asks no longer does not count', async () => {
  const { redis, prefix, make, reserve } = open(null);
  const soon = 60_000;
  await askRate(redis, prefix, 'acme-1', 'fast', null, soon);
  await askRate(redis, prefix, 'acme-1', 'slow', HOURLY, soon);
  await askRate(redis, prefix, 'acme-1', 'dead', { requests: 1, perMs: 86_400_000 }, -1);
  const pace = make();
  await reserve(pace, 1);
  expect(pace.intervalMs).toBe(3_600_020);
  await dropRate(redis, prefix, 'acme-1', 'slow');
  await reserve(pace, 1);
  expect(pace.intervalMs).toBe(0);
});

test('a wait that the API announces holds everybody', async () => {
  const { make, reserve } = open(null);
  const [a, b] = [make(), make()];
  await a.push(30_000, 'asked to wait');
  await b.push(1_000, 'asked to slow down'); // the longer one stands
  const reply = await reserve(b, 1);
  expect(reply.slots).toHaveLength(0);
  expect(reply.waitMs).toBeGreaterThan(20_000);
});

test.each([
  ['a year', 365 * 86_400_000, 31 * 86_400_000, 32 * 86_400_000],
  ['for ever', Number.POSITIVE_INFINITY, 31 * 86_400_000, 32 * 86_400_000],
  ['less than no time', -5_000, 0, 100],
  ['who knows', Number.NaN, 0, 100],
])('a wait of %s is one within bounds', async (_, announcedMs, leastMs, mostMs) => {
  const { make, reserve } = open(null);
  const pace = make();
  await pace.push(announcedMs, 'asked to wait');
  const { waitMs, slots } = await reserve(pace, 1);
  if (slots.length === 0) expect(waitMs).toBeGreaterThanOrEqual(leastMs);
  else expect(leastMs).toBe(0);
  expect(waitMs).toBeLessThanOrEqual(mostMs);
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
  expect(await reserve(b, 5)).toMatchObject({ slots: { length: 0 }, circuit: 'open' });
  // The pause is over.
  await redis.hset(`${prefix}:{acme-1}:pace`, 'open_until', 1);
  expect(await reserve(b, 5)).toMatchObject({ slots: { length: 1 }, circuit: 'probe' });
  expect(await reserve(a, 5)).toMatchObject({ slots: { length: 0 }, circuit: 'open' });
  // The probe fails: a longer pause.
  await circuit.note(down, {});
  const again = await reserve(a, 5);
  expect(again.circuit).toBe('open');
  expect(again.waitMs).toBeGreaterThan(1_000);
  await circuit.note({ kind: 'created' }, {});
  expect(await reserve(b, 5)).toMatchObject({ slots: { length: 5 }, circuit: '' });
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
  expect(await ask(5)).toMatchObject({ slots: { length: 0 }, circuit: 'open', lives: false });
  await pauseIsOver();
  expect(await ask(5)).toMatchObject({ slots: { length: 1 }, circuit: 'probe', lives: false });
  await circuit.noteLookUp(undefined, { probe: true });
  expect(circuit).toMatchObject({ open: true, lives: true, fresh: 1 });
  // Everybody is told; no slots for nobody, but when to ask again.
  expect(await reserve(b, 5)).toMatchObject({ slots: { length: 5 }, circuit: 'open', lives: true });
  const none = await reserve(b, 0);
  expect(none).toMatchObject({ slots: { length: 0 }, circuit: 'open', lives: true });
  expect(none.waitMs).toBeGreaterThan(0);
  expect(none.waitMs).toBeLessThanOrEqual(1_000);
  // Failures are the rows' own now, however many: the pause does not grow, the life goes on.
  await pauseIsOver();
  expect(await ask(5)).toMatchObject({ slots: { length: 1 }, circuit: 'probe', lives: true });
  for (let i = 0; i < 20; i++) await circuit.note(down, { probe: i === 0 });
  const next = await ask(5);
  expect(next).toMatchObject({ slots: { length: 5 }, circuit: 'open', lives: true });
  // Answered, but not the probe: no row that was never sent for that.
  circuit.fresh = 0;
  await circuit.noteLookUp(undefined, {});
  expect(circuit.fresh).toBe(0);
  // Not even a look-up is answered: an outage again, for all.
  await circuit.noteLookUp(down, {});
  expect(circuit).toMatchObject({ open: true, lives: false });
  expect(await reserve(b, 5)).toMatchObject({ slots: { length: 0 }, circuit: 'open', lives: false });
  await circuit.noteLookUp(undefined, {});
  await circuit.note({ kind: 'created' }, {});
  expect(await reserve(b, 5)).toMatchObject({ slots: { length: 5 }, circuit: '', lives: false });
});

test('nothing listens any more: an outage, whatever look-ups said a moment ago', async () => {
  const { make, reserve } = open(null);
  const pace = make();
  const circuit = new Circuit(pace);
  for (let i = 0; i < 10; i++) await circuit.note({ kind: 'unclear', message: 'reset' }, {});
  await circuit.noteLookUp(undefined, {});
  expect(await reserve(pace, 5)).toMatchObject({ slots: { length: 5 }, lives: true });
  await circuit.note({ kind: 'unreached', message: 'connection refused' }, {});
  expect(await reserve(pace, 5)).toMatchObject({ slots: { length: 0 }, circuit: 'open', lives: false });
});

test('a failure now and then is no outage', async () => {
  const { make, reserve } = open(null);
  const circuit = new Circuit(make());
  for (let i = 0; i < 50; i++) {
    await circuit.note({ kind: 'unclear', message: 'reset' }, {});
    if (i % 5 === 0) await circuit.note({ kind: 'duplicate', message: 'there' }, {});
  }
  expect(circuit.open).toBe(false);
  expect((await reserve(make(), 3)).slots).toHaveLength(3);
});

describe('an API that is too fast for us without saying by how much', () => {
  const RATE: Rate = { requests: 10, perMs: 980 }; // 100 ms apart

  test('is asked more slowly, by all, and at the old rate again in the course of time', async () => {
    const { redis, prefix, make, reserve } = open(RATE);
    const [a, b] = [make(), make()];
    const key = `${prefix}:{acme-1}:pace`;
    const passed = async (minutes: number) => {
      const at = Number(await redis.hget(key, 'slow_at'));
      await redis.hset(key, { slow_at: at - minutes * 60e6, tat: 0, asked_until: 0 });
    };
    await a.push(1_000, 'asked to slow down', true);
    await b.push(1_000, 'asked to slow down', true); // the same reason
    await reserve(b, 1);
    expect(b.intervalMs).toBeGreaterThan(145);
    expect(b.intervalMs).toBeLessThanOrEqual(150);
    await passed(0);
    await a.push(1_000, 'asked to slow down', true);
    await reserve(b, 1);
    expect(b.intervalMs).toBeGreaterThan(215);
    await passed(1);
    await reserve(b, 1);
    expect(b.intervalMs).toBeLessThan(165);
    await passed(10);
    await reserve(b, 1);
    expect(b.intervalMs).toBeLessThan(101);
  });

  test('one that says how long to wait changes no rate', async () => {
    const { make, reserve } = open(RATE);
    const pace = make();
    await pace.push(1_000, 'asked to wait');
    await reserve(pace, 1);
    expect(pace.intervalMs).toBe(100);
  });
});

test('however long an API is down, it is tried again within five seconds', async () => {
  const { redis, prefix, make } = open(null);
  const pace = make();
  const pauses: number[] = [];
  for (let i = 0; i < 12; i++) {
    pauses.push(Math.round((await pace.trip(1_000, 5_000, 'does not answer')) / 1000));
    await redis.hset(`${prefix}:{acme-1}:pace`, 'open_until', 1);
  }
  expect(pauses).toEqual([1, 2, 4, ...new Array<number>(9).fill(5)]);
});

test('a wait that is longer than somebody would wait is forgotten by him, a shorter one is not', async () => {
  const { redis, prefix, make, reserve } = open(null);
  const pace = make();
  await pace.push(3_600_000, 'asked to wait');
  await forgetWait(redis, prefix, 'acme-1', 7_200_000);
  expect((await reserve(pace, 1)).slots).toHaveLength(0);
  await forgetWait(redis, prefix, 'acme-1', 60_000);
  expect((await reserve(pace, 1)).slots).toHaveLength(1);
});

test('the rate a run asks for holds until its lease ends in the clock of Redis, whatever the time is elsewhere', async () => {
  const { redis, prefix, make, reserve } = open(null);
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  onTestFinished(() => void vi.useRealTimers());
  await askRate(redis, prefix, 'acme-1', 'run', HOURLY, 60_000);
  const pace = make();
  await reserve(pace, 1);
  expect(pace.intervalMs).toBe(3_600_020);
});
