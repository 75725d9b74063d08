import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { LookUps } from '../../src/delivery/look-up.js';
import { readWaiting } from '../../src/delivery/waiting.js';
import { bindAccount, findDestination } from '../../src/destinations/registry.js';
import { openTestRedis } from '../helpers/redis.js';
import { openSite } from '../helpers/site.js';
import { until } from '../helpers/world.js';

const DAY_MS = 86_400_000;

test('a look-up that is told to wait for a thousand years holds the account no longer than a plan by the month', async () => {
  const { redis, prefix } = openTestRedis();
  const site = await openSite((request, response) => {
    request.resume();
    response.writeHead(429, { 'retry-after': '31536000000' }).end('{"message":"too many requests"}');
  });
  const account = bindAccount(findDestination('sendmator'), {
    SENDMATOR_API_KEY: 'sk_test_x',
    SENDMATOR_BASE_URL: site.url,
  });
  const lookUps = new LookUps({
    redis,
    clock: systemClock,
    prefix,
    account,
    timeoutMs: 60_000,
    withinMs: 600_000,
  });
  onTestFinished(() => lookUps.end());
  const asked = lookUps.ask({ email: 'ann@example.com' });
  const waiting = () => readWaiting(redis, prefix, account.id, 'sendmator', Date.now());
  await until(async () => (await waiting()) !== undefined);
  const { why, untilMs } = (await waiting())!;
  expect(why).toBe('sendmator asked to wait');
  expect(untilMs! - Date.now()).toBeLessThan(33 * DAY_MS);
  expect(untilMs! - Date.now()).toBeGreaterThan(31 * DAY_MS);
  await lookUps.end();
  expect(await asked).toBeUndefined();
  expect(lookUps.taken()).toEqual({ requests: 1, retries: 0, throttled: 1 });
});
