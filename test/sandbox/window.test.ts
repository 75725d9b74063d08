import { describe, expect, test } from 'vitest';
import { SlidingWindow } from '../../src/sandbox/window.js';
import { createClock, OTHER_KEY, openSandbox } from './helpers.js';

const contact = (n: number) => ({ email: `user${n}@example.com` });

describe('limit', () => {
  test('is a strict sliding window', async () => {
    const clock = createClock();
    const { post, state } = await openSandbox({ now: clock.now, limit: { requests: 3, windowMs: 1000 } });
    const statuses: number[] = [];
    // Two at the end of one second and two at the start of the next: a fixed window would let all pass.
    for (const [at, wait] of [900, 0, 200, 0].entries()) {
      clock.advance(wait);
      statuses.push((await post(contact(at))).status);
    }
    expect(statuses).toEqual([201, 201, 201, 429]);
    clock.advance(799.9);
    expect((await post(contact(4))).status).toBe(429);
    clock.advance(0.2);
    expect((await post(contact(5))).status).toBe(201);
    expect((await post(contact(6))).status).toBe(201);
    expect((await post(contact(7))).status).toBe(429);
    expect(state.stored).toBe(5);
  });

  test('refuses in the documented words and headers, before anything is done', async () => {
    const clock = createClock(10_000_250);
    const { post, stats, ledger } = await openSandbox({
      now: clock.now,
      limit: { requests: 1, windowMs: 60_000 },
    });
    const first = await post(contact(1));
    expect(first.headers.get('x-ratelimit-limit')).toBe('1');
    expect(first.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(first.headers.get('x-ratelimit-reset')).toBe('10061');
    clock.advance(500);
    const second = await post(contact(2));
    expect(second.status).toBe(429);
    expect(second.body).toEqual({
      error: { type: 'rate_limit_error', message: 'Rate limit exceeded. Try again in 60 seconds.' },
    });
    expect(second.headers.get('retry-after')).toBeNull();
    expect(second.headers.get('x-ratelimit-reset')).toBe('10061');
    expect((await ledger()).map(({ email }) => email)).toEqual(['user1@example.com']);
    expect(await stats()).toMatchObject({
      requests: 2,
      limited: 1,
      by_status: { 201: 1, 429: 1 },
      max_in_window: 2,
    });
  });

  test('counts each key by itself and reads like writes', async () => {
    const { post, get } = await openSandbox({
      now: createClock().now,
      limit: { requests: 2, windowMs: 1000 },
    });
    expect((await post(contact(1))).headers.get('x-ratelimit-remaining')).toBe('1');
    expect((await get('/contacts')).headers.get('x-ratelimit-remaining')).toBe('0');
    expect((await get('/contacts')).status).toBe(429);
    expect((await get('/contacts', OTHER_KEY)).status).toBe(200);
  });

  test('spares the endpoints under /_sandbox', async () => {
    const { admin, stats } = await openSandbox({ limit: { requests: 1, windowMs: 60_000 } });
    for (let n = 0; n < 3; n += 1) expect((await admin('GET', '/stats')).status).toBe(200);
    expect((await stats()).requests).toBe(0);
  });

  test('stands in the headers of requests without an account too', async () => {
    const { post } = await openSandbox({ limit: { requests: 5, windowMs: 1000 } });
    const { status, headers } = await post(contact(1), null);
    expect(status).toBe(401);
    expect(headers.get('x-ratelimit-limit')).toBe('5');
    expect(headers.get('x-ratelimit-remaining')).toBe('5');
    expect(headers.get('x-ratelimit-reset')).toMatch(/^\d{10}$/);
  });
});

describe('SlidingWindow', () => {
  test('agrees with a plain list of times, through growth and wrapping', () => {
    const window = new SlidingWindow(100);
    let times: number[] = [];
    let peak = 0;
    let now = 0;
    for (let n = 0; n < 5000; n += 1) {
      now += n % 400 === 399 ? 60 : ((n * 31) % 17) / 20;
      window.add(now);
      times = [...times.filter((time) => now - time < 100), now];
      peak = Math.max(peak, times.length);
      expect(window.trim(now)).toBe(times.length);
      expect(window.oldest).toBe(times[0]);
    }
    expect(peak).toBeGreaterThan(64);
    expect(window.peak).toBe(peak);
    expect(window.trim(now + 100)).toBe(0);
    expect(window.oldest).toBeUndefined();
  });
});
