/** Limits per minute and hour, over hours that pass when the test says so. */
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { Pace } from '../../src/delivery/pace.js';
import { paceKey, sentKey } from '../../src/redis/keys.js';
import { define } from '../../src/redis/scripts.js';
import { createRandom } from '../../src/sandbox/faults.js';
import { openTestRedis } from '../helpers/redis.js';

/** To Redis it is as if time had passed: everything that it knows of the account happened so much earlier. */
const PASS = `
for _, name in ipairs({ 'tat', 'last' }) do
  local us = redis.call('HGET', KEYS[1], name)
  if us then redis.call('HSET', KEYS[1], name, string.format('%.0f', us - ARGV[1])) end
end
local sent = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #sent, 2 do redis.call('ZADD', KEYS[2], sent[i + 1] - ARGV[1], sent[i]) end`;

test.each([
  ['30/min', 30, 60_000, 100],
  ['40/h', 40, 3_600_000, 130],
  ['300/h', 300, 3_600_000, 380],
])(
  '%s: no window has a request too many, though some are late, some are not sent, and who sends them comes and goes',
  async (_, requests, perMs, count) => {
    const { redis, prefix } = openTestRedis();
    define(redis);
    const random = createRandom(requests);
    const make = () => new Pace(redis, systemClock, prefix, 'acme-1', { requests, perMs });
    const processes = [make(), make(), make()];
    let passedMs = 0;
    const pass = async (ms: number) => {
      passedMs += ms;
      await redis.eval(PASS, 2, paceKey(prefix, 'acme-1'), sentKey(prefix, 'acme-1'), Math.ceil(ms * 1000));
    };
    const arrivedMs: number[] = [];
    let deaths = 0;
    let restedMs = 0;
    while (arrivedMs.length < count) {
      const which = Math.floor(random() * processes.length);
      const pace = processes[which]!;
      const { slots, waitMs } = await pace.ask(1);
      const [slot] = slots;
      if (slot === undefined) {
        await pass(waitMs);
        continue;
      }
      const lateMs = random() < 0.1 ? random() * 90 : 0;
      if (deaths < 2 && arrivedMs.length > (deaths + 1) * 25) {
        deaths++;
        processes[which] = make(); // it never told what became of its slot
      } else if (random() < 0.02) pace.free(slot);
      else {
        arrivedMs.push(slot.us / 1000 + passedMs + lateMs);
        pace.written({ ...slot, atMs: performance.now() - lateMs });
      }
      if (restedMs === 0 && arrivedMs.length === Math.floor(requests / 3)) {
        restedMs = perMs / 2;
        await pass(restedMs); // nobody had anything to send: no reason for a burst afterwards
      }
    }
    const tooSoon = arrivedMs.slice(requests).filter((atMs, i) => atMs - arrivedMs[i]! < perMs);
    expect(tooSoon).toEqual([]);
    const tookMs = arrivedMs.at(-1)! - arrivedMs[0]! - restedMs;
    const used = ((count - 1 + deaths) * perMs) / tookMs / requests;
    expect(used).toBeLessThanOrEqual(1);
    expect(used).toBeGreaterThan(0.95);
  },
);
