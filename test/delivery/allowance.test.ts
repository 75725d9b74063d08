import { expect, test } from 'vitest';
import { Allowance } from '../../src/delivery/allowance.js';

const says = (remaining: number, reset: number) => ({
  status: 201,
  headers: { 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset': String(reset) },
  body: '',
});

test('near its end no more requests are in flight than are left; at its end all wait until it starts anew', () => {
  const allowance = new Allowance();
  expect(allowance.places(16, 0)).toBe(16);
  expect(allowance.read(says(100, 60), 0)).toBe(0);
  expect(allowance.places(16, 1)).toBe(16);
  expect(allowance.read(says(3, 60), 0)).toBe(0);
  expect(allowance.places(16, 1)).toBe(3);
  expect(allowance.read(says(8, 59), 1_000)).toBe(0); // overtaken by the one before
  expect(allowance.places(16, 1_000)).toBe(3);
  expect(allowance.spent(1)).toBe(false);
  expect(allowance.read(says(0, 60), 1_000)).toBe(60_000);
  expect(allowance.spent(60_999)).toBe(true);
  expect(allowance.places(16, 60_999)).toBe(1); // who asks then is told to wait
  expect(allowance.spent(61_000)).toBe(false);
  expect(allowance.places(16, 61_000)).toBe(16);
});

test('a window of a second or two is left to the pace, whose interval is finer than a header', () => {
  const allowance = new Allowance();
  expect(allowance.read(says(0, 2), 0)).toBe(0);
  expect(allowance.spent(1)).toBe(false);
  expect(allowance.places(16, 1)).toBe(16);
});
