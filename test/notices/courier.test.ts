import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { NotificationEntry } from '../../src/config/notifications.js';
import { Courier } from '../../src/notices/courier.js';
import { Outbox } from '../../src/notices/outbox.js';
import { HandClock } from '../helpers/clock.js';
import { scratchDir } from '../helpers/scratch.js';
import { entryFor, NOTICE, openHook, waiting } from './helpers.js';

function openCourier(entries: NotificationEntry[]) {
  const dataDir = scratchDir();
  const [outbox, clock, told] = [new Outbox(dataDir), new HandClock(), [] as string[]];
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const mine = { free: true };
  const courier = new Courier({
    outbox,
    entries,
    clock,
    log,
    mayGoOn: () => mine.free,
    onTrouble: ({ to }, why) => void told.push(`${to}: ${why}`),
  });
  const round = () => courier.round(new AbortController().signal);
  return { dataDir, outbox, clock, told, lines, mine, round };
}

test('500s and then 200: tried again with growing pauses, taken once, told once', async () => {
  const hook = await openHook((n) => (n <= 3 ? 500 : 200));
  const { dataDir, outbox, clock, told, round } = openCourier([entryFor(hook.url)]);
  await outbox.put(NOTICE, 'ops');
  await outbox.put(NOTICE, 'ops'); // noted again after a crash
  const pauses = [750, 1_500, 3_000];
  for (const [i, pause] of pauses.entries()) {
    await round();
    expect(hook.got).toHaveLength(i + 1);
    clock.pass(pause - 1);
    await round();
    expect(hook.got).toHaveLength(i + 1);
    clock.pass(1);
  }
  await round();
  await round();
  expect(hook.got).toHaveLength(4);
  expect(new Set(hook.got.map(({ headers }) => headers['rowferry-notice-id']))).toEqual(new Set([NOTICE.id]));
  expect(waiting(dataDir)).toEqual([]);
  expect(told).toEqual(['ops: HTTP 500']);
});

test('a receiver that asks for time gets it; others do not wait for it', async () => {
  const slow = await openHook((n) => (n === 1 ? 429 : 200), { 'retry-after': '120' });
  const quick = await openHook();
  const courier = openCourier([entryFor(slow.url, { name: 'slow' }), entryFor(quick.url, { name: 'quick' })]);
  const { outbox, clock, round } = courier;
  for (const to of ['slow', 'quick']) await outbox.put(NOTICE, to);
  await round();
  clock.pass(119_000);
  await round();
  expect([slow.got.length, quick.got.length]).toEqual([1, 1]);
  clock.pass(1_000);
  await round();
  expect([slow.got.length, quick.got.length]).toEqual([2, 1]);
});

test('in order; nothing is tried beyond the first that is not taken, nor without the lease', async () => {
  const hook = await openHook((n) => (n === 1 ? 503 : 200));
  const { outbox, clock, mine, round } = openCourier([entryFor(hook.url)]);
  for (const id of ['20260101-a', '20260102-b', '20260103-c']) await outbox.put({ ...NOTICE, id }, 'ops');
  mine.free = false;
  await round();
  expect(hook.got).toEqual([]);
  mine.free = true;
  await round();
  clock.pass(60_000);
  await round();
  const ids = hook.got.map(({ headers }) => headers['rowferry-notice-id']);
  expect(ids).toEqual(['20260101-a', '20260102-b', '20260103-c', '20260101-a']);
});

test('after three days it is given up, and said; what is damaged as well; nobody else has to know the entry', async () => {
  const hook = await openHook(() => 404);
  const { dataDir, outbox, clock, lines, told, round } = openCourier([
    entryFor(hook.url),
    { name: 'later', on: [], unset: ['r.yaml:1:1 SLACK is not set'] },
  ]);
  for (const to of ['ops', 'gone', 'later']) await outbox.put(NOTICE, to);
  writeFileSync(join(dataDir, 'notices', 'half.ops.json'), '{"id":');
  await round();
  expect(told).toEqual(
    expect.arrayContaining(['gone: there is no entry "gone" here', 'later: r.yaml:1:1 SLACK is not set']),
  );
  expect(waiting(dataDir)).toHaveLength(4); // the one that is damaged has not had its turn
  clock.pass(3 * 86_400_000 - 1);
  await round();
  expect(waiting(dataDir)).toHaveLength(3);
  clock.pass(3_600_000);
  await round();
  expect(waiting(dataDir)).toEqual([]);
  expect(lines.filter((line) => line.includes('given up'))).toHaveLength(4);
  expect(lines.join('')).not.toContain(hook.url);
});
