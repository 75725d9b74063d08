import { randomFillSync } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { Memory, type Trace, traceOf } from '../../src/outcomes/memory.js';
import { openRedis } from '../../src/redis/connection.js';
import { provisionServer } from '../../src/redis/provision.js';
import { openTestRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';

const RUN = '20260101-000000-abcdef';

async function entered() {
  const { redis, prefix } = openTestRedis();
  const memory = new Memory(redis, prefix, 'sendmator-1', RUN);
  const generation = await memory.enter(true, true);
  return { redis, prefix, memory, generation: generation! };
}

const identity = { email: 'a@example.com', external_id: '1' };

test('what a contact is remembered by does not depend on the order of its fields, and on nothing else but them', () => {
  const trace = (contact: Record<string, unknown>) => traceOf(1, contact, identity)!.packed.toString('hex');
  const one = trace({ email: 'a@example.com', tags: ['x', 'y'], custom: { a: 1, b: null } });
  expect(trace({ custom: { b: null, a: 1 }, tags: ['x', 'y'], email: 'a@example.com' })).toBe(one);
  expect(trace({ email: 'a@example.com', tags: ['y', 'x'], custom: { a: 1, b: null } })).not.toBe(one);
  expect(trace({ email: 'a@example.com', tags: ['x', 'y'], custom: { a: '1', b: null } })).not.toBe(one);
  expect(trace({ email: 'a@example.com', tags: ['x', 'y'], custom: { a: 1 } })).not.toBe(one);
});

test('a contact without keys is none that could be remembered; scopes and kinds of keys are told apart', () => {
  expect(traceOf(1, { phone: '1' }, {})).toBeUndefined();
  const keys = [{ email: 'k' }, { external_id: 'k' }, { email: 'k', scope: 's' }].map((given) =>
    traceOf(1, {}, given)!.packed.subarray(13, 19).toString('hex'),
  );
  expect(new Set(keys).size).toBe(3);
});

test('without an incremental run there is no memory, and nothing of it but who is there', async () => {
  const { redis, prefix } = openTestRedis();
  const memory = new Memory(redis, prefix, 'sendmator-1', RUN);
  expect(await memory.enter(false, true)).toBeUndefined();
  expect(await redis.keys(`${prefix}*`)).toEqual([`${prefix}:{sendmator-1}:memory:runs`]);
  await memory.leave();
  expect(await redis.keys(`${prefix}*`)).toEqual([]);
});

test('nothing of a contact can be read in Redis, and what was under way is gone when it is settled', async () => {
  const { redis, prefix, memory, generation } = await entered();
  const trace = traceOf(7, { email: 'a@example.com' }, identity)!;
  await memory.recall(generation, 'skip', false, [trace]);
  expect(await redis.hlen(`${prefix}:{sendmator-1}:memory:underway`)).toBe(2);
  await memory.remember(generation, [{ trace, outcome: { row: 7, status: 'created' } }]);
  await memory.leave();
  const keys = await redis.keys(`${prefix}*`);
  expect(keys).toHaveLength(3); // two buckets, and the hash about them
  for (const key of keys) expect((await redis.dumpBuffer(key))!.toString('latin1')).not.toContain('example');
});

test('a memory of another generation is not answered from, nor written to', async () => {
  const { memory } = await entered();
  const trace = traceOf(1, {}, identity)!;
  expect(await memory.recall('1', 'skip', false, [trace])).toBe('lost');
  expect(await memory.remember('1', [{ trace, outcome: { row: 1, status: 'created' } }])).toBe(false);
});

/**
 * At a million contacts with two keys each of the 16 384 buckets holds 122 records. So does each of 512 buckets with a
 * thirty-second part of them, and a bucket costs the same however many there are.
 */
test('a contact with two keys costs at most 40 bytes at a million of them', async () => {
  const handle = await openRedis({ dataDir: scratchDir(), binary: await provisionServer() });
  onTestFinished(() => handle.close());
  const redis = handle.connect();
  const contacts = Math.round(1_000_000 / 32);
  const memory = new Memory(redis, 'rowferry', 'sendmator-0123456789ab', RUN);
  const generation = (await memory.enter(true, true))!;
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))![1]);
  const fill = async (first: number, last: number) => {
    for (let row = first; row <= last; row += 1_000) {
      const traces = Array.from({ length: Math.min(1_000, last + 1 - row) }, (_, i) => anyTrace(row + i));
      await memory.recall(generation, 'skip', false, traces);
      await memory.remember(
        generation,
        traces.map((trace) => ({ trace, outcome: { row: trace.row, status: 'created' } })),
      );
    }
  };
  await fill(1, 100); // the scripts themselves are in Redis's memory, too
  const before = await used();
  await fill(101, 100 + contacts);
  expect(((await used()) - before) / contacts).toBeLessThanOrEqual(40);
});

function anyTrace(row: number): Trace {
  const trace = traceOf(row, {}, identity)!;
  randomFillSync(trace.packed, 5);
  trace.packed[12]! &= 0b11111100;
  for (const key of [13, 20]) trace.packed.writeUInt16BE(trace.packed.readUInt16BE(key) % 512, key);
  return trace;
}
