/**
 * The record of a run in Redis: who may send what, and what became of each row. All decisions are taken by atomic,
 * repeatable scripts, so that any process may die, or speak twice, at any moment.
 */
import type { Redis } from 'ioredis';
import { codeOf, encodeOutcome, type Outcome } from '../outcome.js';
import { type RunKeys, runKeys } from '../redis/keys.js';
import { call } from '../redis/scripts.js';
import type { Counts } from '../run.js';

/**
 * Why rows of a run must not be sent now. `gone` and `unverified`: Redis lost something and the runner has not
 * restored it yet: wait. `paused`: the account is, by hand: wait. `orphaned`: no living runner. `stale`: another runner took over and sends the rows again.
 * `fenced`: another worker holds the batch. Else the state the run is in.
 */
export type Condition =
  | 'ok'
  | 'gone'
  | 'unverified'
  | 'orphaned'
  | 'stale'
  | 'fenced'
  | 'paused'
  | 'halted'
  | 'cancelling'
  | 'closed';

/** A worker's hold on one batch. */
export interface BatchClaim {
  run: string;
  /** BullMQ job id. */
  batch: string;
  /** Unique to this hold; whoever claims the batch next fences it. */
  token: string;
  /** Epoch of the runner that enqueued the batch. */
  epoch: string;
}

/** What a worker learned since it last settled. */
export type Tally = Counts;

export interface LiveRun {
  /** `ok`; `gone` or `unverified`: restore and verify; `lapsed`: we were late, batches may have been dropped; `stale`: stop. */
  condition: 'ok' | 'gone' | 'stale' | 'unverified' | 'lapsed';
  fields: Record<string, string>;
}

const NO_TALLY: Tally = { requests: 0, retries: 0, throttled: 0 };

export class RunRecord {
  readonly keys: RunKeys;

  constructor(
    private readonly redis: Redis,
    prefix: string,
    readonly run: string,
  ) {
    this.keys = runKeys(prefix, run);
  }

  /** The runner whose lease has not run out. */
  async holder(): Promise<string | undefined> {
    const [[seconds, micros], [aliveUntil, runner]] = await Promise.all([
      this.redis.time(),
      this.redis.hmget(this.keys.state, 'alive_until', 'runner'),
    ]);
    if (Number(aliveUntil ?? 0) <= Number(seconds) * 1_000 + Number(micros) / 1_000) return undefined;
    return runner ?? undefined;
  }

  /** Takes the run for `runner`. Refused while another runner lives, unless that is the one known to be `dead`. */
  async claim(
    runner: string,
    leaseMs: number,
    leastEpoch: number,
    dead = '',
  ): Promise<
    | { epoch: string; verified: boolean; startedMs: number }
    | { refused: 'closed' }
    | { refused: 'alive'; runner: string }
  > {
    const reply = (await call(
      this.redis,
      'claim_run',
      this.keys.state,
      runner,
      leaseMs,
      leastEpoch,
      dead,
    )) as string[];
    if (reply[0] === 'closed') return { refused: 'closed' };
    if (reply[0] === 'alive') return { refused: 'alive', runner: reply[1]! };
    return { epoch: reply[1]!, verified: reply[2] === '1', startedMs: Number(reply[3]) };
  }

  async heartbeat(epoch: string, leaseMs: number): Promise<LiveRun> {
    const [condition, ...pairs] = (await call(
      this.redis,
      'heartbeat',
      this.keys.state,
      epoch,
      leaseMs,
    )) as string[];
    return { condition: condition as LiveRun['condition'], fields: toFields(pairs) };
  }

  /** Marks this server as one on which the run's state is whole. Counts are raised to `known` where it has forgotten. */
  async verify(
    epoch: string,
    runner: string,
    leaseMs: number,
    startedMs: number,
    known: Counts = NO_TALLY,
  ): Promise<boolean> {
    const { requests, retries, throttled } = known;
    const counts = [requests, retries, throttled];
    const { state } = this.keys;
    return (await call(this.redis, 'verify', state, epoch, runner, leaseMs, startedMs, ...counts)) === 'ok';
  }

  /** Raises rows to codes known from the journal; at most 500 pairs a call. */
  async restore(epoch: string, rows: readonly (readonly [row: number, code: number])[]): Promise<void> {
    for (let i = 0; i < rows.length; i += 500) {
      const part = rows.slice(i, i + 500);
      await call(this.redis, 'restore', this.keys.state, this.keys.status, epoch, ...part.flat());
    }
  }

  /** A worker takes a batch; `crashes` counts the holders that never let go of it. */
  async claimBatch(claim: BatchClaim): Promise<{ condition: Condition; crashes: number }> {
    const [condition, crashes] = (await call(
      this.redis,
      'claim_batch',
      this.keys.state,
      this.keys.batches,
      claim.epoch,
      claim.batch,
      claim.token,
    )) as [Condition, number];
    return { condition, crashes };
  }

  async releaseBatch(claim: BatchClaim, finished: boolean): Promise<void> {
    await call(this.redis, 'release_batch', this.keys.batches, claim.batch, claim.token, finished ? 1 : 0);
  }

  /**
   * Settles outcomes for a worker or the runner, and takes back marks (`unmark`: rows surely not stored by the attempt
   * they were marked for).
   */
  async settle(
    outcomes: readonly Outcome[],
    by: BatchClaim | { epoch: string },
    tally: Tally = NO_TALLY,
    unmark: readonly number[] = [],
  ): Promise<'ok' | 'gone' | 'closed' | 'stale'> {
    // Packed into two arguments: each one of a call costs as much as the outcome of a row.
    const rows: number[] = [];
    let lines = '';
    for (const outcome of outcomes) {
      rows.push(outcome.row, codeOf(outcome));
      lines += lines === '' ? encodeOutcome(outcome) : `\n${encodeOutcome(outcome)}`;
    }
    for (const row of unmark) rows.push(row, 0);
    const { state, status, stream, batches, addendum } = this.keys;
    return (await call(
      this.redis,
      'settle',
      state,
      status,
      stream,
      batches,
      addendum,
      by.epoch,
      'batch' in by ? by.batch : '',
      'batch' in by ? by.token : '',
      tally.requests,
      tally.retries,
      tally.throttled,
      JSON.stringify(rows),
      lines,
    )) as 'ok' | 'gone' | 'closed' | 'stale';
  }

  /** The codes of `rows`, in their order. */
  async codes(rows: readonly number[]): Promise<number[]> {
    const codes: number[] = [];
    for (let i = 0; i < rows.length; i += 1000) {
      const part = rows.slice(i, i + 1000).flatMap((row) => ['GET', 'u4', `#${row}`]);
      if (part.length > 0) {
        codes.push(...((await this.redis.call('BITFIELD', this.keys.status, ...part)) as number[]));
      }
    }
    return codes;
  }

  /** The packed codes of rows `first` … `first + count - 1`; read them with {@link codeAt}. `first` must be even. */
  async packedCodes(first: number, count: number): Promise<Buffer> {
    return this.redis.getrangeBuffer(this.keys.status, first / 2, Math.ceil((first + count) / 2) - 1);
  }

  /** Moves the run to `to` when it is in one of `from` (`-`: not in Redis yet). Returns the state afterwards. */
  async setState(
    to: 'halted' | 'cancelling',
    from: readonly string[],
    fields: Record<string, string> = {},
  ): Promise<string> {
    const pairs = Object.entries(fields).flat();
    return (await call(this.redis, 'set_state', this.keys.state, to, from.join(','), ...pairs)) as string;
  }

  /** Notes how many rows were read, and about how many there are, for those who watch. */
  async noteRows(rows: number, total: number, readAll: boolean): Promise<void> {
    await this.redis.hset(this.keys.state, 'rows', rows, 'total', total, 'read_all', readAll ? 1 : 0);
  }

  /** Identity of the Redis process; another after every start. */
  async serverId(): Promise<string | undefined> {
    return /run_id:([0-9a-f]+)/.exec(await this.redis.info('server'))?.[1];
  }

  async fields(): Promise<Record<string, string>> {
    return this.redis.hgetall(this.keys.state);
  }

  /** Lets the run go without ending it: workers stop sending its rows at once. */
  async orphan(epoch: string): Promise<void> {
    await call(this.redis, 'heartbeat', this.keys.state, epoch, 0);
  }

  /** Removes the run's keys, leaving a tombstone. */
  async close(epoch: string): Promise<void> {
    const { state, status, stream, batches } = this.keys;
    await call(this.redis, 'close_run', state, status, stream, batches, epoch);
  }

  async addendum(): Promise<string[]> {
    return this.redis.lrange(this.keys.addendum, 0, -1);
  }
}

/** The code of `row` in a buffer of {@link RunRecord.packedCodes} that starts at row `first`. */
export function codeAt(packed: Buffer, first: number, row: number): number {
  const byte = packed[(row - first) >> 1] ?? 0;
  return row % 2 === 0 ? byte >> 4 : byte & 15;
}

function toFields(pairs: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) fields[pairs[i]!] = pairs[i + 1]!;
  return fields;
}
