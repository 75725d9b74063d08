/** A run's part in its account's memory: what need not be sent, what is under way, what became of it. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import type { Contact } from '../contact.js';
import type { Account } from '../destinations/registry.js';
import { decodeOutcome, type EncodedOutcome, type Outcome } from '../outcome.js';
import { type Accepts, Memory, type Recalled, type Trace, traceOf } from '../outcomes/memory.js';
import type { RunPlan } from '../run.js';

/** Well within the time after which the run would count as gone. */
const SHOW_MS = 60_000;

export interface Around {
  redis: Redis;
  prefix: string;
  clock: Clock;
  /** Whether this server, once restarted, is no older than it was. */
  durable(): Promise<boolean>;
  log: Logger;
}

export class Remembering {
  private readonly memory: Memory;
  /** undefined: the account has no memory, or had none when the run came. */
  generation: string | undefined;
  private readonly underWay = new Map<number, Trace>();
  private shownMs = 0;

  private constructor(
    private readonly around: Around,
    private readonly plan: RunPlan,
    private readonly account: Account,
  ) {
    this.memory = new Memory(around.redis, around.prefix, account.id, plan.run);
  }

  /** Only an incremental run makes a memory where there is none. Call before anything is sent. */
  static async begin(around: Around, plan: RunPlan, account: Account): Promise<Remembering> {
    const own = new Remembering(around, plan, account);
    await own.enter(false);
    return own;
  }

  /** Shows others that this run is still there; once in a while is enough. */
  async show(): Promise<void> {
    if (this.around.clock.monotonic() - this.shownMs >= SHOW_MS) await this.renew();
  }

  /** After Redis was restarted or has lost something: what is under way is noted again. Call before anything is sent. */
  async renew(): Promise<void> {
    const before = this.generation;
    await this.enter(true);
    if (this.generation === before || this.generation === undefined) return;
    await this.ask('none', [...this.underWay.values()]);
  }

  /**
   * What is known of rows of which nothing was sent yet, by row: the outcomes of those that need not be sent. The others
   * count as under way from now on.
   */
  async recall(
    rows: readonly { row: number; contact: Contact }[],
  ): Promise<ReadonlyMap<number, Outcome | 'changed'>> {
    const { plan } = this;
    return this.look(rows, plan.incremental ? plan.onDuplicate : 'none');
  }

  /** These rows are going to be sent: they are under way from now on. */
  async claim(rows: readonly { row: number; contact: Contact }[]): Promise<void> {
    await this.look(rows, 'none');
  }

  /** Outcomes have been journaled. */
  async remember(outcomes: readonly EncodedOutcome[]): Promise<void> {
    if (this.generation === undefined || this.underWay.size === 0) return;
    const rows: { trace: Trace; outcome: Outcome }[] = [];
    for (const encoded of outcomes) {
      const trace = this.underWay.get(encoded[0]);
      if (trace === undefined) continue;
      this.underWay.delete(encoded[0]);
      rows.push({ trace, outcome: decodeOutcome(encoded) });
    }
    // What is not remembered is sent once more by the next run: nothing to end this one for.
    try {
      if (rows.length > 0) await this.memory.remember(this.generation, rows);
    } catch (error) {
      const { run } = this.plan;
      this.around.log.warn(
        { run, error: (error as Error).message },
        'Redis does not take what was delivered',
      );
    }
  }

  /** None of its requests is in flight. A run that ends otherwise stays noted until they are surely over. */
  async leave(): Promise<void> {
    await this.memory.leave();
  }

  private async look(
    rows: readonly { row: number; contact: Contact }[],
    accepts: Accepts,
  ): Promise<ReadonlyMap<number, Outcome | 'changed'>> {
    const known = new Map<number, Outcome | 'changed'>();
    if (this.generation === undefined || rows.length === 0) return known;
    const { destination } = this.account;
    const traces = rows.flatMap(
      ({ row, contact }) => traceOf(row, contact, destination.identity(contact)) ?? [],
    );
    // Before the answer is known: were Redis to lose it, they would have to be noted again.
    for (const trace of traces) this.underWay.set(trace.row, trace);
    for (const [i, recalled] of (await this.ask(accepts, traces)).entries()) {
      const { row } = traces[i]!;
      if (recalled === 'sent') continue;
      known.set(row, recalled);
      if (recalled !== 'changed') this.underWay.delete(row);
    }
    return known;
  }

  private async ask(accepts: Accepts, traces: readonly Trace[]): Promise<Recalled[]> {
    const { plan, account } = this;
    // Where the API refuses a second contact with one of the keys, only an update can move a key.
    const moves = plan.onDuplicate === 'update' || !account.destination.enforcesUniqueness;
    for (;;) {
      const generation = this.generation;
      if (generation === undefined) return [];
      const recalled = await this.memory.recall(generation, accepts, moves, traces);
      if (recalled !== 'lost') return recalled;
      await this.enter(true);
      // Another memory: what was under way before is not noted there.
      if (this.generation !== generation) await this.ask('none', [...this.underWay.values()]);
    }
  }

  private async enter(again: boolean): Promise<void> {
    const { around, plan } = this;
    const durable = await around.durable();
    const known = again ? { generation: this.generation } : undefined;
    this.generation = await this.memory.enter(plan.incremental ?? false, durable, known);
    this.shownMs = around.clock.monotonic();
  }
}
