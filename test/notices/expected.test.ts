import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Expectations } from '../../src/notices/expected.js';
import { Outbox } from '../../src/notices/outbox.js';
import { lastOccasion } from '../../src/queues/schedules.js';
import { createRun, newRunId, type RunPlan } from '../../src/run.js';
import { HandClock } from '../helpers/clock.js';
import { scratchDir } from '../helpers/scratch.js';
import { entryFor, waiting } from './helpers.js';

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

/** It is midnight of 31 January 2026 in UTC; expected by 06:00 in Berlin, which is 05:00. */
function setUp(sync?: string) {
  const dataDir = scratchDir();
  const [clock, outbox] = [new HandClock(), new Outbox(dataDir)];
  const expected = { cron: '0 6 * * *', timezone: 'Europe/Berlin', ...(sync && { sync }) };
  const open = () =>
    new Expectations(dataDir, [entryFor('', { expect: expected }), entryFor('')], outbox, clock);
  const arrive = (plan: Partial<RunPlan>) => {
    const run = newRunId(clock.now());
    const createdAt = new Date(clock.now()).toISOString();
    return createRun(dataDir, { run, createdAt, trigger: 'folder', ...plan } as RunPlan);
  };
  const missing = () => waiting(dataDir).filter((name) => name.startsWith('missing'));
  return { dataDir, clock, open, arrive, missing };
}

test('no file by its time is told once, a minute later; a file, and it is quiet again', async () => {
  const { dataDir, clock, open, arrive, missing } = setUp();
  const expectations = open();
  await expectations.look();
  clock.pass(5 * HOUR + MINUTE - 1);
  await expectations.look();
  expect(missing()).toEqual([]);
  clock.pass(1);
  await expectations.look();
  await expectations.look();
  expect(missing()).toEqual(['missing-ops-20260131T050000Z.ops.json']);
  expect(JSON.parse(readFileSync(join(dataDir, 'notices', missing()[0]!), 'utf8'))).toEqual({
    id: 'missing-ops-20260131T050000Z',
    event: 'missing',
    at: '2026-01-31T05:01:00.000Z',
    text: 'No file has arrived in the watched folder since 2026-01-30 06:00; expected by 2026-01-31 06:00 (Europe/Berlin)',
    since: '2026-01-30T05:00:00.000Z',
    by: '2026-01-31T05:00:00.000Z',
  });
  clock.pass(3 * HOUR);
  await arrive({});
  clock.pass(DAY);
  await expectations.look();
  expect(missing()).toHaveLength(1);
  clock.pass(DAY);
  await expectations.look();
  expect(missing()).toHaveLength(2);
});

test('a run without change, one that retries and one of another sync are not what was expected', async () => {
  const folder = setUp();
  const one = folder.open();
  await one.look();
  await folder.arrive({ trigger: 'script' });
  await folder.arrive({ retryOf: 'another' });
  folder.clock.pass(6 * HOUR);
  await one.look();
  expect(folder.missing()).toHaveLength(1);

  const ofSync = setUp('nightly');
  const two = ofSync.open();
  await two.look();
  await ofSync.arrive({ sync: 'weekly' });
  await ofSync.arrive({ sync: 'nightly', noChange: 'No change since run x.' });
  ofSync.clock.pass(6 * HOUR);
  await two.look();
  expect(ofSync.missing()).toHaveLength(1);
  await ofSync.arrive({ sync: 'nightly', trigger: 'schedule' });
  ofSync.clock.pass(DAY);
  await two.look();
  expect(ofSync.missing()).toHaveLength(1);
});

test('over a restart: what passed while nobody looked is judged once, when what lies there has had time to come', async () => {
  const { clock, open, arrive, missing } = setUp();
  await open().look();
  clock.pass(3 * DAY + 6 * HOUR);
  const second = open();
  await second.look();
  expect(missing()).toEqual([]);
  clock.pass(MINUTE);
  await second.look();
  expect(missing()).toEqual(['missing-ops-20260203T050000Z.ops.json']);
  clock.pass(DAY);
  const third = open();
  await third.look();
  clock.pass(MINUTE - 1);
  await arrive({});
  clock.pass(1);
  await third.look();
  expect(missing()).toHaveLength(1);
});

test('the occasion before a moment, of schedules that are due often and of those that are not', () => {
  const at = Date.UTC(2026, 0, 31, 12, 0, 30);
  const last = (cron: string, timezone = 'UTC') =>
    new Date(lastOccasion({ cron, timezone }, at)!).toISOString();
  expect(last('* * * * *')).toBe('2026-01-31T12:00:00.000Z');
  expect(last('0 6 * * 1-5')).toBe('2026-01-30T06:00:00.000Z');
  expect(last('0 6 1 * *', 'Europe/Berlin')).toBe('2026-01-01T05:00:00.000Z');
  expect(last('0 0 29 2 *')).toBe('2024-02-29T00:00:00.000Z');
});
