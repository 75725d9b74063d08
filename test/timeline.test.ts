import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadCourse, Timeline } from '../src/timeline.js';
import { scratchDir } from './helpers/scratch.js';

const at = (created: number) => ({
  created,
  updated: 0,
  skipped: 1,
  failed: 2,
  requests: created,
  retries: 0,
  throttled: 3,
});

test('a run of any length leaves a few hundred moments, from its first to its last', async () => {
  const dir = scratchDir();
  const timeline = new Timeline(dir);
  for (let s = 0; s < 5_000; s++) await timeline.note(s * 1_000, at(s));
  await timeline.note(4_999_100, at(5_000), true);
  const { moments } = loadCourse(dir);
  expect(moments.length).toBeLessThanOrEqual(400);
  expect(moments.length).toBeGreaterThan(150);
  expect(moments[0]).toEqual([0, 0, 0, 1, 2, 0, 3]);
  expect(moments.at(-1)).toEqual([4_999_100, 5_000, 0, 1, 2, 5_000, 3]);
  expect(moments.every(([ms], i) => i === 0 || ms > moments[i - 1]![0])).toBe(true);
});

test('it goes on where another runner left it; counts of reasons are made anew when the journal is read again', async () => {
  const dir = scratchDir();
  const first = new Timeline(dir);
  first.count('invalid');
  first.count(undefined);
  await first.note(1_000, at(1), true);
  const next = new Timeline(dir);
  expect(next.moments).toHaveLength(1);
  next.forgetReasons();
  next.count('rejected');
  await next.note(9_000, at(2), true);
  expect(loadCourse(dir)).toMatchObject({ moments: { length: 2 }, reasons: { rejected: 1 } });
  expect(readdirSync(dir)).toEqual(['timeline.json']);
});

test('one that is damaged, or cannot be written, stops nobody', async () => {
  const dir = scratchDir();
  writeFileSync(join(dir, 'timeline.json'), '{"mom');
  expect(loadCourse(dir)).toEqual({ moments: [], reasons: {} });
  await new Timeline(join(dir, 'gone')).note(1, at(1), true);
});
