/**
 * The rows of all batches in this process's hands, on their way through one account: wait for a place, get a mark
 * and a slot (one round trip for the next few), be sent, be understood.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import type { ApiRequest, Finding } from '../destinations/destination.js';
import type { Account } from '../destinations/registry.js';
import type { Condition } from '../outcomes/settle.js';
import { define, pipe } from '../redis/scripts.js';
import { ApiClock } from './api-clock.js';
import type { Circuit } from './circuit.js';
import { afterCreate, afterLookUp, beforeCreate, type RowState, type Rules, type Step } from './decide.js';
import type { Hold, Item } from './hold.js';
import { LATE_MS, type Pace } from './pace.js';
import type { Sender, Sent } from './send.js';

/** A mark older than this is asked for again before the row is sent: this process may have been stopped meanwhile. */
const LEASE_MS = 4_000;
const RECHECK_MS = 500;
/** A wait that is announced as over already must not become a hot loop. */
const LEAST_WAIT_MS = 100;
const WARM_UP_MS = 1_000;
const FREE_EVERY = 10;
const ASK_ALL_MS = 1_000;
const MOST_AT_ONCE = 100;
const LONGEST_WAIT_MS = 86_400_000;

interface Cleared {
  item: Item;
  /** The one request that tries the API while the circuit is open. */
  probe: boolean;
  /** May be sent as long as the API lives, though the circuit is open. */
  lives: boolean;
  /** Monotonic ms: when it may be sent, and when its mark was given. */
  atMs: number;
  markedMs: number;
}

export interface LanesOptions {
  redis: Redis;
  clock: Clock;
  account: Account;
  pace: Pace;
  circuit: Circuit;
  sender: Sender;
  /** Requests in flight at the most. */
  concurrency: number;
  onError(error: Error): void;
}

export class Lanes {
  private pending: Item[] = [];
  private cleared: Cleared[] = [];
  private inFlight = 0;
  private clearing = false;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = 0;
  /** Monotonic: before then no slot is to be had. */
  private askAtMs = 0;
  private askedAllMs = 0;
  private firstSlotMs: number | undefined;
  private warmUpSlots = 0;
  private throttledInARow = 0;
  private readonly apiClock: ApiClock;
  private readonly secrets: string[];

  constructor(private readonly options: LanesOptions) {
    define(options.redis);
    this.apiClock = new ApiClock(options.clock, options.pace);
    const { baseUrl: _, ...credentials } = options.account.options;
    this.secrets = Object.values(credentials).filter(
      (value): value is string => typeof value === 'string' && value.length > 3,
    );
  }

  add(hold: Hold): void {
    for (const item of hold.items) {
      const step = beforeCreate(this.state(item, item.attempts), this.rules(item));
      if (step) this.take(step, item);
      else this.pending.push(item);
    }
    this.pump();
  }

  /** Sends nothing more; rows not sent go back to their batches. Those in flight end by themselves. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { item } of this.cleared) item.hold.handBack(item);
    for (const item of this.pending) item.hold.handBack(item);
    this.cleared = [];
    this.pending = [];
  }

  private pump(): void {
    if (this.stopped) return;
    const { clock, concurrency, circuit, pace } = this.options;
    while (this.cleared.length > 0 && this.inFlight < concurrency) {
      const next = this.cleared[0]!;
      const now = clock.monotonic();
      if (next.atMs - now > 0.5) {
        this.wake(next.atMs);
        break;
      }
      this.cleared.shift();
      const late = pace.intervalMs > 0 && now - next.atMs > LATE_MS && !next.probe;
      const held = circuit.open && !next.probe && !(circuit.lives && next.lives);
      if (late || held || now - next.markedMs > LEASE_MS) this.pending.unshift(next.item);
      else this.launch(next.item);
    }
    if (this.clearing || this.pending.length === 0 || this.wanted() === 0) return;
    if (clock.monotonic() < this.askAtMs) this.wake(this.askAtMs);
    else void this.clear();
  }

  /** How many more rows to clear now: places first, then slots; without a limit also the next few ahead. */
  private wanted(): number {
    const { concurrency, pace } = this.options;
    const ahead = pace.intervalMs > 0 ? 0 : 2 * concurrency;
    const places = concurrency + ahead - this.inFlight - this.cleared.length;
    // Without a limit small groups would cost a round trip each: wait until a group is wanted.
    if (ahead > 0 && places < Math.min(concurrency, this.pending.length)) return 0;
    return Math.max(0, Math.min(pace.worthAsking(places), MOST_AT_ONCE));
  }

  /** Pumps at `atMs`, monotonic, or earlier if asked to. */
  private wake(atMs: number): void {
    if (this.timer !== undefined && this.timerAtMs <= atMs) return;
    clearTimeout(this.timer);
    this.timerAtMs = atMs;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.pump();
      },
      Math.max(1, atMs - this.options.clock.monotonic()),
    );
  }

  /** Gets marks and slots for the next rows in one round trip. */
  private async clear(): Promise<void> {
    this.clearing = true;
    const items = this.choose();
    let again = 0;
    try {
      again = await this.clearThese(items);
    } catch (error) {
      // Redis went away: nothing was sent, nothing is lost.
      this.options.onError(error as Error);
      this.putBack(items.filter((item) => !this.cleared.some((cleared) => cleared.item === item)));
      again = RECHECK_MS;
    }
    this.clearing = false;
    this.askAtMs = this.options.clock.monotonic() + again;
    this.pump();
  }

  /** The next rows to get leave for. */
  private choose(): Item[] {
    const { circuit, account } = this.options;
    let most = this.wanted();
    if (circuit.open) {
      const tried = this.pending.filter((item) => item.since > 0);
      const fresh = this.pending.filter((item) => item.since === 0);
      // A look-up of a row that failed proves that the API lives; another attempt of it would prove little.
      this.pending = account.destination.lookup ? [...tried, ...fresh] : [...fresh, ...tried];
      if (circuit.lives) most = Math.min(most, Math.max(1, tried.length + circuit.fresh));
    }
    return this.pending.splice(0, most);
  }

  /** Returns the ms after which to ask again, 0 = at once. */
  private async clearThese(items: Item[]): Promise<number> {
    const { redis, pace, circuit, clock } = this.options;
    const groups = byHold(items);
    // Others that wait behind may be void by now (cancelled, halted): asked about once in a while, without rows.
    if (clock.monotonic() - this.askedAllMs > ASK_ALL_MS) {
      this.askedAllMs = clock.monotonic();
      const asked = new Set(groups.map(([hold]) => hold));
      for (const { hold } of this.pending) {
        if (!asked.has(hold)) {
          asked.add(hold);
          groups.push([hold, []]);
        }
      }
    }
    const pipeline = redis.pipeline();
    const waits = circuit.lives && circuit.fresh === 0 && items.every((item) => item.since === 0);
    pace.reserve(pipeline, waits ? 0 : items.length);
    for (const [hold, group] of groups) {
      const { keys } = hold.record;
      const { epoch, batch, token } = hold.claim;
      const rows = JSON.stringify(group.map((item) => item.row));
      pipe(redis, pipeline, 'mark', keys.state, keys.status, keys.batches, epoch, batch, token, rows);
    }
    const [reserved, ...marks] = (await pipeline.exec()) ?? [];
    const markedMs = clock.monotonic();
    const error = reserved?.[0] ?? marks.find(([failed]) => failed)?.[0];
    if (error || reserved === undefined) throw error ?? new Error('no reply');
    const slots = pace.read(reserved[1]);
    circuit.observe(slots);

    const ready = new Set<Item>();
    let recheck = 0;
    for (const [i, [hold, group]] of groups.entries()) {
      const [condition, ...codes] = marks[i]![1] as [Condition, ...number[]];
      if (condition === 'ok') {
        for (const [n, item] of group.entries()) {
          const before = codes[n] ?? 0;
          if (before > 1) {
            hold.alreadySettled();
            continue;
          }
          // A mark that is not ours is somebody's who sent the row and never told: a crash, or an earlier attempt.
          if (before === 1 && !item.marked) hold.doubt(item);
          item.marked = true;
          ready.add(item);
        }
      } else if (condition === 'gone' || condition === 'unverified') {
        recheck = RECHECK_MS;
        this.putBack(group);
      } else {
        this.drop(hold, group);
      }
    }

    let slot = 0;
    const waiting: Item[] = [];
    for (const item of items) {
      if (!ready.has(item)) continue;
      const step = item.otherwise
        ? undefined
        : beforeCreate(this.state(item, item.attempts), this.rules(item));
      while (slot < slots.granted && this.leaveFree(slots.firstMs + slot * slots.intervalMs)) slot++;
      const probe = slots.circuit === 'probe';
      const lives = slots.circuit === 'open';
      if (step) this.take(step, item);
      else if (slot < slots.granted && !this.stopped && (!lives || item.since > 0 || circuit.fresh > 0)) {
        item.probe = probe;
        if (probe) this.probeByLookUp(item);
        if (lives && item.since === 0) circuit.fresh--;
        this.cleared.push({
          item,
          probe,
          lives,
          atMs: slots.firstMs + slot++ * slots.intervalMs,
          markedMs,
        });
      } else waiting.push(item);
    }
    this.putBack(waiting);
    if (slots.granted === 0) return Math.max(1, Math.min(slots.waitMs, 5_000));
    return recheck;
  }

  /**
   * The first requests of a process open connections and are late for it, which the window of the next second sees as
   * a burst: every tenth slot of the first second stays free, so that there is room for them.
   */
  private leaveFree(slotMs: number): boolean {
    const { pace, circuit } = this.options;
    if (pace.intervalMs === 0 || circuit.open) return false; // a probe is never given up
    this.firstSlotMs ??= slotMs;
    return slotMs - this.firstSlotMs < WARM_UP_MS && ++this.warmUpSlots % FREE_EVERY === 0;
  }

  /** A row that failed before proves little by failing again: whether the API lives is told by looking the row up. */
  private probeByLookUp(item: Item): void {
    if (item.since === 0 || item.otherwise || !this.options.account.destination.lookup) return;
    item.proof = true;
    item.otherwise = {
      row: item.row,
      status: 'failed',
      reason: 'unconfirmed',
      message: `${item.attempts} attempts without a clear answer; it may have been created`,
      attempts: item.attempts,
    };
  }

  private putBack(items: Item[]): void {
    if (this.stopped) for (const item of items) item.hold.handBack(item);
    else this.pending.unshift(...items);
  }

  /** Rows of this hold may not be sent any more. Their batch ends; whoever runs the run adds them again. */
  private drop(hold: Hold, group: Item[]): void {
    hold.dropped = true;
    const of = (item: Item) => item.hold === hold;
    const all = [...group, ...this.pending.filter(of), ...this.cleared.map((c) => c.item).filter(of)];
    this.pending = this.pending.filter((item) => !of(item));
    this.cleared = this.cleared.filter((cleared) => !of(cleared.item));
    for (const item of all) hold.handBack(item);
  }

  private launch(item: Item): void {
    const { account, sender, clock } = this.options;
    const { destination } = account;
    let request: ApiRequest;
    try {
      request = item.otherwise
        ? destination.lookup!.request(item.contact, account.options)
        : destination.create(item.contact, account.options);
    } catch (error) {
      const message = `destination_error: ${(error as Error).message}`;
      item.hold.settle({ row: item.row, status: 'failed', reason: 'rejected', message });
      return;
    }
    this.inFlight++;
    item.hold.count('requests');
    if (item.attempts > 0 && !item.otherwise) item.hold.count('retries');
    item.marked = false;
    const sentMs = clock.monotonic();
    void sender.send(request).then((sent) => {
      this.inFlight--;
      try {
        this.understand(item, sent, sentMs);
      } catch (error) {
        this.options.onError(error as Error);
        item.since ||= this.apiClock.sentAt(sentMs);
        item.hold.putOff(item);
      }
      this.pump();
    });
  }

  private understand(item: Item, sent: Sent, sentMs: number): void {
    const { destination } = this.options.account;
    const status = 'answer' in sent ? sent.answer.status : undefined;
    if ('answer' in sent) {
      this.apiClock.read(sent.answer);
      sent.answer.body = this.withoutSecrets(sent.answer.body);
    }
    if (item.otherwise) {
      const { otherwise } = item;
      const finding: Finding =
        'answer' in sent
          ? destination.lookup!.read(sent.answer, item.contact)
          : { kind: 'no_answer', verdict: sent.failure };
      const failed = finding.kind === 'no_answer' ? finding.verdict : undefined;
      void this.options.circuit.noteLookUp(failed, item.probe).catch(this.options.onError);
      if (failed && failed.kind !== 'throttled') this.throttledInARow = 0;
      if (item.proof && finding.kind === 'absent') {
        delete item.otherwise;
        delete item.proof;
        this.requeue(item);
        return;
      }
      const state = this.state(item, item.attempts, status);
      const step = afterLookUp(
        finding,
        otherwise,
        this.apiClock.fromRedis(item.since),
        state,
        this.rules(item),
      );
      // Throttled or refused, the look-up is still to be made; tried again, the row starts over.
      if (step.do === 'retry') {
        delete item.otherwise;
        delete item.proof;
      }
      this.take(step, item, sentMs);
      return;
    }
    const verdict = 'answer' in sent ? destination.interpret(sent.answer, item.contact) : sent.failure;
    void this.options.circuit.note(verdict, item.probe).catch(this.options.onError);
    if (verdict.kind !== 'throttled') this.throttledInARow = 0;
    // A refused connection and a 429 leave the mark this row had before: nothing of ours can have landed.
    item.marked = verdict.kind === 'unreached' || verdict.kind === 'throttled' || verdict.kind === 'refused';
    const step = afterCreate(verdict, this.state(item, item.attempts + 1, status), this.rules(item));
    if (step.do === 'look_up') item.attempts++;
    this.take(step, item, sentMs);
  }

  /** An API may quote the key it was given; from here on its words go to Redis and reports. */
  private withoutSecrets(body: string): string {
    let clean = body;
    for (const secret of this.secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    return clean;
  }

  private take(step: Step, item: Item, sentMs?: number): void {
    const { hold } = item;
    if (step.do === 'settle') {
      hold.settle(step.outcome);
      return;
    }
    if (step.do === 'retry') {
      if (step.inDoubt && item.since === 0) item.since = this.apiClock.sentAt(sentMs);
      if (step.spent) {
        item.attempts++;
        hold.putOff(item);
        return;
      }
    }
    if (step.do === 'look_up') item.otherwise = step.otherwise;
    if (step.do === 'throttle') this.throttled(hold, step.waitMs);
    if (step.do === 'halt') {
      const why = { halt_code: step.code, halt_message: step.message };
      void hold.record.setState('halted', ['running'], why).catch(this.options.onError);
    }
    this.requeue(item);
  }

  private throttled(hold: Hold, announcedMs: number | undefined): void {
    hold.count('throttled');
    // Without a hint: 1, 2, 4 … 60 s, for as long as nothing else is answered.
    const waitMs = announcedMs ?? Math.min(60_000, 1_000 * 2 ** Math.min(this.throttledInARow, 6));
    this.throttledInARow++;
    void this.options.pace
      .push(Math.min(LONGEST_WAIT_MS, Math.max(LEAST_WAIT_MS, waitMs)))
      .catch(this.options.onError);
  }

  private requeue(item: Item): void {
    if (this.stopped || item.hold.dropped) item.hold.handBack(item);
    // While the circuit is open every probe is another row: one that always fails must not stand for the API.
    else if (this.options.circuit.open) this.pending.push(item);
    else this.pending.unshift(item);
  }

  private state(item: Item, attempts: number, httpStatus?: number): RowState {
    return {
      row: item.row,
      attempts,
      inDoubt: item.since !== 0,
      ...(httpStatus === undefined ? {} : { httpStatus }),
    };
  }

  private rules({ hold }: Item): Rules {
    const { account, circuit } = this.options;
    return {
      attempts: hold.batch.attempts,
      canLookUp: account.destination.lookup !== undefined,
      circuitOpen: circuit.open && !circuit.lives,
      enforcesUniqueness: account.destination.enforcesUniqueness,
    };
  }
}

function byHold(items: readonly Item[]): [Hold, Item[]][] {
  const groups = new Map<Hold, Item[]>();
  for (const item of items) {
    const group = groups.get(item.hold);
    if (group) group.push(item);
    else groups.set(item.hold, [item]);
  }
  return [...groups];
}
