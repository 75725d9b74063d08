import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pauseAccount, resumeAccount } from '../../src/delivery/pause.js';
import { CODE, codeOf, decodeOutcome, type EncodedOutcome, fold, type Outcome } from '../../src/outcome.js';
import { toProgress } from '../../src/outcomes/progress.js';
import { type BatchClaim, codeAt, RunRecord } from '../../src/outcomes/settle.js';
import { readOutcomes, trimOutcomes } from '../../src/outcomes/tail.js';
import { paceKey } from '../../src/redis/keys.js';
import { call } from '../../src/redis/scripts.js';
import { openTestRedis } from '../helpers/redis.js';

const LEASE_MS = 60_000;

async function claimedRun() {
  const { redis, prefix } = openTestRedis();
  const record = new RunRecord(redis, prefix, 'run-1');
  const claimed = await record.claim('runner-1', LEASE_MS, 0);
  if ('refused' in claimed) throw new Error('refused');
  expect(claimed.verified).toBe(false); // nobody has vouched for this server yet
  await record.verify(claimed.epoch, 'runner-1', LEASE_MS, claimed.startedMs);
  const batch = (name: string, token: string, epoch = claimed.epoch): BatchClaim => ({
    run: 'run-1',
    batch: name,
    token,
    epoch,
  });
  const mark = async (claim: BatchClaim, ...rows: number[]) =>
    (await call(
      redis,
      'mark',
      record.keys.state,
      record.keys.status,
      record.keys.batches,
      paceKey(prefix, 'acme-1'),
      claim.epoch,
      claim.batch,
      claim.token,
      JSON.stringify(rows),
    )) as [string, ...number[]];
  return { redis, prefix, record, epoch: claimed.epoch, batch, mark };
}

const created = (row: number): Outcome => ({ row, status: 'created', contactId: `c${row}` });
const skipped = (row: number): Outcome => ({
  row,
  status: 'skipped',
  reason: 'duplicate_email',
  duplicateOf: 'destination',
});
const failed = (row: number): Outcome => ({ row, status: 'failed', reason: 'rejected', message: 'no' });

test('a row counts once, as the highest of what was told of it, in whatever order and however often', async () => {
  const outcome = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(created, skipped, failed))
    .map(([row, make]) => make(row));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(outcome, { maxLength: 8 }), { maxLength: 8 }), async (groups) => {
      const { redis, prefix, record, epoch } = await claimedRun();
      for (const group of groups) {
        // Within one call a row is told of once.
        const once = [...new Map(group.map((told) => [told.row, told])).values()];
        await record.settle(once, { epoch });
        await record.settle(once, { epoch });
      }
      const all = groups.flatMap((group) => [...new Map(group.map((told) => [told.row, told])).values()]);
      const expected = new Map<number, Outcome>();
      for (const told of all) expected.set(told.row, fold(expected.get(told.row), told));
      const rows = [...expected.keys()];
      expect(await record.codes(rows)).toEqual(rows.map((row) => codeOf(expected.get(row)!)));
      const count = (status: string) => [...expected.values()].filter((o) => o.status === status).length;
      expect(toProgress(await record.fields())).toMatchObject({
        created: count('created'),
        skipped: count('skipped'),
        failed: count('failed'),
      });
      // The stream folds to the same.
      const journaled = new Map<number, Outcome>();
      for (const entry of (await readOutcomes(redis, prefix, 'run-1', 1))?.entries ?? []) {
        for (const cells of JSON.parse(entry) as EncodedOutcome[]) {
          const told = decodeOutcome(cells);
          journaled.set(told.row, fold(journaled.get(told.row), told));
        }
      }
      expect(journaled).toEqual(expected);
      await redis.del(Object.values(record.keys));
    }),
    { numRuns: 60 },
  );
});

test('a worker that lost its batch gets no leave to send, and only its "created" is believed', async () => {
  const { record, batch, mark } = await claimedRun();
  const late = batch('b', 'first');
  await record.claimBatch(late);
  expect(await mark(late, 1, 2, 3)).toEqual(['ok']);
  const now = batch('b', 'second');
  expect(await record.claimBatch(now)).toEqual({ condition: 'ok', crashes: 1 });
  expect(await mark(late, 1)).toEqual(['fenced']);
  // What the first holder marked is in doubt for the second.
  expect(await mark(now, 1, 2, 3)).toEqual(['ok', CODE.attempted, CODE.attempted, CODE.attempted]);
  await record.settle([created(1), skipped(2), failed(3)], late, undefined, []);
  expect(await record.codes([1, 2, 3])).toEqual([CODE.created, CODE.attempted, CODE.attempted]);
  await record.settle([], late, undefined, [2]);
  expect(await record.codes([2])).toEqual([CODE.attempted]);
  await record.settle([], now, undefined, [2]);
  expect(await record.codes([2])).toEqual([CODE.unsettled]);
});

test('a newer runner makes batches of the older one void', async () => {
  const { redis, record, batch, mark, epoch } = await claimedRun();
  const old = batch('b', 't');
  await record.claimBatch(old);
  await record.orphan(epoch);
  expect(await mark(old, 1)).toEqual(['orphaned']);
  const next = await record.claim('runner-2', LEASE_MS, 0);
  expect(next).toMatchObject({ epoch: '2', verified: true });
  expect(await mark(old, 1)).toEqual(['stale']);
  expect((await record.claimBatch(old)).condition).toBe('stale');
  expect(await record.settle([failed(1)], { epoch })).toBe('stale');
  expect((await record.heartbeat(epoch, LEASE_MS)).condition).toBe('stale');
  expect(await trimOutcomes(redis, 'x', 'run-1', epoch, '1-0')).toBe(false);
});

test('one runner at a time, unless the one that holds the run is known to be dead', async () => {
  const { record } = await claimedRun();
  expect(await record.claim('runner-2', LEASE_MS, 0)).toEqual({ refused: 'alive', runner: 'runner-1' });
  expect(await record.claim('runner-2', LEASE_MS, 0, 'runner-1')).toMatchObject({ epoch: '2' });
  // The epoch on disk wins over a Redis that has forgotten.
  expect(await record.claim('runner-3', LEASE_MS, 7, 'runner-2')).toMatchObject({ epoch: '8' });
});

test('no leave to send on a server on which the run was not verified, in a halted or in a cancelled run', async () => {
  const { redis, record, batch, mark, epoch } = await claimedRun();
  const claim = batch('b', 't');
  await record.claimBatch(claim);
  await redis.hset(record.keys.state, 'server', 'another');
  expect(await mark(claim, 1)).toEqual(['unverified']);
  expect((await record.heartbeat(epoch, LEASE_MS)).condition).toBe('unverified');
  await record.verify(epoch, 'runner-1', LEASE_MS, 1);
  expect(await mark(claim, 1)).toEqual(['ok']);
  await record.setState('halted', ['running']);
  expect(await mark(claim, 1)).toEqual(['halted']);
  await record.setState('cancelling', ['halted']);
  expect(await mark(claim, 1)).toEqual(['cancelling']);
});

test('a closed run takes no outcome; what comes late is kept apart', async () => {
  const { redis, record, batch, epoch } = await claimedRun();
  await record.settle([skipped(1)], { epoch });
  await record.close(epoch);
  expect(await record.settle([created(1)], batch('b', 't'))).toBe('closed');
  expect(await record.addendum()).toEqual(['[1,0,null,null,null,"c1"]']);
  expect(await record.claim('runner-2', LEASE_MS, 0)).toEqual({ refused: 'closed' });
  expect(await redis.exists(record.keys.status, record.keys.stream, record.keys.batches)).toBe(0);
});

test('restoring raises what is lower, counts it, and can be repeated', async () => {
  const { redis, record, epoch } = await claimedRun();
  await record.settle([created(1)], { epoch });
  const rows = [
    [1, CODE.failed],
    [2, CODE.created],
    [3, CODE.attempted],
    [70_001, CODE.skippedHere],
  ] as const;
  await record.restore(epoch, rows);
  await record.restore(epoch, rows);
  expect(await record.codes([1, 2, 3, 70_001])).toEqual([
    CODE.created,
    CODE.created,
    CODE.attempted,
    CODE.skippedHere,
  ]);
  const packed = await record.packedCodes(70_000, 10);
  expect(codeAt(packed, 70_000, 70_001)).toBe(CODE.skippedHere);
  expect(codeAt(packed, 70_000, 70_009)).toBe(CODE.unsettled);
  expect(toProgress(await record.fields())).toMatchObject({ created: 2, skipped: 1, failed: 0 });
  await redis.del(record.keys.state);
  expect(await record.settle([created(4)], { epoch })).toBe('gone');
});

test('verifying raises the counts to what was known, and never lowers them', async () => {
  const { redis, record, batch, epoch } = await claimedRun();
  await record.settle([], batch('b', 't'), { requests: 12, retries: 3, throttled: 1 });
  await record.verify(epoch, 'runner-1', LEASE_MS, 1, { requests: 10, retries: 5, throttled: 0 });
  expect(toProgress(await record.fields())).toMatchObject({ requests: 12, retries: 5, throttled: 1 });
  await redis.del(record.keys.state);
  await record.verify(epoch, 'runner-1', LEASE_MS, 1, { requests: 10, retries: 5, throttled: 2 });
  await record.settle([], batch('b', 't'), { requests: 1, retries: 0, throttled: 0 });
  expect(toProgress(await record.fields())).toMatchObject({ requests: 11, retries: 5, throttled: 2 });
});

test('nothing is marked while the account is paused by hand', async () => {
  const { redis, prefix, record, batch, mark } = await claimedRun();
  const claim = batch('b', 'token-1');
  await record.claimBatch(claim);
  await pauseAccount(redis, prefix, 'acme-1', 1_000);
  expect(await mark(claim, 1, 2)).toEqual(['paused']);
  expect(codeAt(await record.packedCodes(0, 16), 0, 1)).toBe(0);
  expect(await resumeAccount(redis, prefix, 'acme-1')).toBe(true);
  expect(await mark(claim, 1, 2)).toEqual(['ok']);
  await pauseAccount(redis, prefix, 'acme-1', 1_000);
  await record.setState('cancelling', ['running']);
  expect(await mark(claim, 1)).toEqual(['cancelling']); // a run can be ended meanwhile
});
