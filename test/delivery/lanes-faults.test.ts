/** What lanes see to when something goes wrong between leave, request and answer: real Redis and HTTP, a clock that jumps. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Clock } from '../../src/clock.js';
import { Circuit } from '../../src/delivery/circuit.js';
import { Hold } from '../../src/delivery/hold.js';
import { Lanes } from '../../src/delivery/lanes.js';
import { Pace, type Slot } from '../../src/delivery/pace.js';
import { makeSender } from '../../src/delivery/send.js';
import { bindAccount, findDestination } from '../../src/destinations/registry.js';
import { type BatchClaim, RunRecord } from '../../src/outcomes/settle.js';
import type { BatchRow } from '../../src/queues/batches.js';
import type { Rate } from '../../src/run.js';
import { openTestRedis } from '../helpers/redis.js';
import { openSite } from '../helpers/site.js';
import { until } from '../helpers/world.js';

const LEASE_MS = 60_000;
const PAST_THE_LEASE_MS = 5_000;

interface Asked {
  what: string;
  answer(status: number, body?: object, headers?: Record<string, string>): void;
}

/** A run, a batch of it in one process's hands, and an API that answers when the test says so. */
async function open({
  rate = null as Rate | null,
  concurrency = 1,
  kind = 'sendmator',
  update = false,
} = {}) {
  const { redis, prefix } = openTestRedis();
  const clock = { aheadMs: 0, now: Date.now, random: () => 0.5 } as Clock & { aheadMs: number };
  clock.monotonic = () => performance.now() + clock.aheadMs;
  const asked: Asked[] = [];
  const site = await openSite((request, response) => {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => {
      const about = body === '' ? '' : ` ${(JSON.parse(body) as { email: string }).email}`;
      asked.push({
        what: `${request.method}${about}`,
        answer: (status, said = {}, headers = {}) =>
          response.writeHead(status, headers).end(JSON.stringify(said)),
      });
    });
  });
  const name = kind.toUpperCase();
  const account = bindAccount(findDestination(kind), {
    [`${name}_API_KEY`]: 'sk_test_x',
    [`${name}_BASE_URL`]: site.url,
  });
  const record = new RunRecord(redis, prefix, 'run-1');
  const claimed = await record.claim('runner-1', LEASE_MS, 0);
  if ('refused' in claimed) throw new Error('refused');
  await record.verify(claimed.epoch, 'runner-1', LEASE_MS, claimed.startedMs);
  const pace = new Pace(redis, clock, prefix, account.id, rate);
  const circuit = new Circuit(pace);
  const sender = makeSender({ baseUrl: site.url, timeoutMs: 60_000 });
  const failures: Error[] = [];
  const onError = (error: Error) => void failures.push(error);
  const meter = { request() {}, wait() {} };
  const lanes = new Lanes({ redis, clock, account, pace, circuit, sender, concurrency, meter, onError });
  const holds: Hold[] = [];
  onTestFinished(async () => {
    lanes.stop();
    await sender.destroy();
    for (const hold of holds) await hold.flush();
    expect(failures).toEqual([]);
  });
  const claim = (token: string): BatchClaim => ({
    run: 'run-1',
    batch: 'run-1-1',
    token,
    epoch: claimed.epoch,
  });
  /** A batch of `count` rows; `past`: the attempts of each, and since when it is in doubt. */
  const take = async (count: number, ...past: number[]) => {
    await record.claimBatch(claim('ours'));
    const rows = Array.from({ length: count }, (_, i) => [
      i + 1,
      { email: `p${i + 1}@example.com` },
      ...past,
    ]);
    const batch = { run: 'run-1', epoch: claimed.epoch, attempts: 5, update, rows: rows as BatchRow[] };
    const hold = new Hold(record, claim('ours'), batch, claimed.startedMs);
    holds.push(hold);
    lanes.add(hold);
    return hold;
  };
  const heard = async (count: number) => {
    await until(() => asked.length >= count);
    return asked[count - 1]!;
  };
  return { clock, asked, heard, record, claim, take, lanes, pace, circuit };
}

const CREATED = { id: 'c-1' };
const TAKEN = { message: 'Contact with email p1@example.com already exists' };

test('stopped for longer than its marks are good for, a worker asks again before it sends, and sends nothing of what another has', async () => {
  const { clock, asked, heard, record, claim, take } = await open();
  const hold = await take(2);
  const first = await heard(1);
  await until(async () => (await record.codes([2]))[0] === 1); // the second has leave, and waits for the lane
  clock.aheadMs = PAST_THE_LEASE_MS;
  await record.claimBatch(claim('another'));
  first.answer(201, CREATED);
  await hold.finished;
  expect(asked.map(({ what }) => what)).toEqual(['POST p1@example.com']);
  expect(hold.handedBack.map(([row]) => row)).toEqual([2]);
});

test('a row that is settled already is not sent', async () => {
  const { asked, heard, record, claim, take } = await open();
  await record.claimBatch(claim('before'));
  await record.settle([{ row: 2, status: 'created', contactId: 'c-2' }], claim('before'));
  const hold = await take(2);
  (await heard(1)).answer(201, CREATED);
  await hold.finished;
  expect(asked).toHaveLength(1);
  expect(hold.handedBack).toEqual([]);
});

test('a row that somebody marked and never told of is in doubt: that it is taken is not believed before a look-up', async () => {
  const { heard, take } = await open({ concurrency: 2 });
  await take(1);
  await heard(1); // sent, and never answered: to who comes next it is as if its worker had died
  const hold = await take(1);
  (await heard(2)).answer(409, TAKEN);
  expect((await heard(3)).what).toBe('GET');
  expect(hold.items[0]).toMatchObject({ errand: { do: 'look_up' } });
});

test.each([
  ['429', 429, { 'retry-after': '0' }],
  ['403 that says how long to wait', 403, { 'retry-after': '0' }],
])('doubt is sticky: a %s later, a duplicate is looked up all the same', async (_, status, headers) => {
  const { heard, take } = await open();
  await take(1, 1, Date.now());
  (await heard(1)).answer(status, {}, headers);
  (await heard(2)).answer(409, TAKEN);
  expect((await heard(3)).what).toBe('GET');
});

test('what was not sent loses its mark when the process stops; a row in doubt keeps it', async () => {
  for (const [past, code] of [
    [[], 0],
    [[1, Date.now()], 1],
  ] as const) {
    const { heard, record, take, lanes } = await open();
    const hold = await take(2, ...past);
    const first = await heard(1);
    await until(async () => (await record.codes([2]))[0] === 1);
    lanes.stop();
    first.answer(201, CREATED);
    await hold.finished;
    await hold.flush();
    expect(hold.handedBack.map(([row]) => row)).toEqual([2]);
    expect(await record.codes([1, 2])).toEqual([10, code]);
  }
});

test.each([
  ['a 429 loses its mark', 429, 0],
  ['a 500 keeps it', 500, 1],
])('a row whose answer is %s', async (_, status, code) => {
  const { heard, record, take, lanes } = await open();
  const hold = await take(1);
  const first = await heard(1);
  lanes.stop();
  first.answer(status);
  await hold.finished;
  await hold.flush();
  expect(await record.codes([1])).toEqual([code]);
  expect(hold.leftovers(() => 0)).toHaveLength(status === 500 ? 1 : 0);
});

test('refused, the run is halted; the row goes back as it was', async () => {
  const { heard, record, take } = await open();
  const hold = await take(1);
  (await heard(1)).answer(401, { message: 'invalid key' });
  await hold.finished;
  await hold.flush();
  expect(await record.fields()).toMatchObject({ state: 'halted' });
  expect(hold.handedBack).toMatchObject([[1, { email: 'p1@example.com' }, 0, 0]]);
  expect(await record.codes([1])).toEqual([0]);
});

test('an outage spends attempts until it is known as one, and then none', async () => {
  const { heard, asked, take, lanes, circuit } = await open({ concurrency: 13 });
  const hold = await take(13);
  await heard(13);
  lanes.stop();
  for (const { answer } of asked) answer(503);
  await hold.finished;
  expect(circuit.open).toBe(true);
  const spent = hold.leftovers(() => 0).flatMap(({ batch }) => batch.rows);
  expect(spent).toHaveLength(9);
  expect(hold.handedBack.map(([, , attempts]) => attempts)).toEqual([0, 0, 0, 0]);
  // Nobody knows what became of them, though.
  for (const [, , , since] of [...spent, ...hold.handedBack]) expect(since).toBeGreaterThan(0);
});

test('after an outage, a row that was looked for is sent before others are looked for', async () => {
  const { heard, take, pace } = await open({ kind: 'clemta', update: true });
  await pace.trip(1, 1, 'does not answer: HTTP 503');
  await take(3);
  const first = await heard(1);
  expect(first.what).toBe('GET');
  first.answer(200, { success: true, data: { contacts: [], total: 0 } });
  const second = await heard(2);
  expect(second.what).toMatch(/^POST/);
  second.answer(201, { success: true, data: { id: 'c-1' } });
  expect((await heard(3)).what).toBe('GET');
});

test('nothing is sent before its slot', async () => {
  const { asked, heard, take, pace } = await open({ rate: { requests: 40, perMs: 1_000 }, concurrency: 4 });
  const early: number[] = [];
  const written = pace.written.bind(pace);
  vi.spyOn(pace, 'written').mockImplementation((slot: Slot) => {
    early.push(slot.atMs - performance.now());
    written(slot);
  });
  const hold = await take(6);
  for (let i = 1; i <= 6; i++) (await heard(i)).answer(201, CREATED);
  await hold.finished;
  expect(asked).toHaveLength(6);
  expect(early.filter((ms) => ms > 1)).toEqual([]);
});

test('a slot that passed by while the process stood still is given up: another is reserved for its row', async () => {
  const { clock, heard, take, pace } = await open({ rate: { requests: 40, perMs: 1_000 } });
  const read = pace.read.bind(pace);
  const granted: number[] = [];
  vi.spyOn(pace, 'read').mockImplementation((reply, askedMs) => {
    const reservation = read(reply, askedMs);
    for (const { us } of reservation.slots) granted.push(us);
    if (granted.length === 1) clock.aheadMs = 150; // until the next line
    return reservation;
  });
  const freed = vi.spyOn(pace, 'free');
  const written = vi.spyOn(pace, 'written');
  const hold = await take(1);
  (await heard(1)).answer(201, CREATED);
  await hold.finished;
  expect(freed.mock.calls.map(([{ us }]) => us)).toContain(granted[0]);
  expect(written.mock.calls.map(([{ us }]) => us)).toEqual([granted.at(-1)]);
  expect(granted.length).toBeGreaterThan(1);
});
