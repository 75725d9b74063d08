/**
 * The rows of all batches in this process's hands, on their way through one account: wait for a place, get a mark
 * and a slot, be sent, be understood.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import type { ApiAnswer, ApiRequest } from '../destinations/destination.js';
import type { Account } from '../destinations/registry.js';
import type { DeliveryMeter } from '../metrics.js';
import { define } from '../redis/scripts.js';
import { Allowance } from './allowance.js';
import type { Circuit } from './circuit.js';
import { attemptsText, type Step } from './decide.js';
import { Exchange } from './exchange.js';
import type { Hold, Item } from './hold.js';
import { askLeave } from './leave.js';
import { LATE_MS, type Pace, type Slot } from './pace.js';
import type { Sender } from './send.js';
import { inTurns } from './turns.js';

/** A mark older than this is asked for again before the row is sent: this process may have been stopped meanwhile. */
const LEASE_MS = 4_000;
const RECHECK_MS = 500;
const ASK_ALL_MS = 1_000;
const MOST_AT_ONCE = 200;
/** Requests to have leave for before their turn, in turns of all lanes: at first, and at the most. */
const AHEAD = 2;
const MOST_AHEAD = 16;

/** A request that may be sent: one row, or several that travel together. */
interface Cleared {
  items: Item[];
  /** The one request that tries the API while the circuit is open. */
  probe: boolean;
  /** May be sent as long as the API lives, though the circuit is open. */
  lives: boolean;
  slot: Slot;
  /** Monotonic ms at which its marks were given. */
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
  meter: DeliveryMeter;
  onError(error: Error): void;
}

export class Lanes {
  private pending: Item[] = [];
  private cleared: Cleared[] = [];
  private inFlight = 0;
  private clearing = false;
  /** Without a limit: how far ahead leave is asked for. */
  private ahead = AHEAD;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = 0;
  /** Monotonic: before then no slot is to be had. */
  private askAtMs = 0;
  private askedAllMs = 0;
  private throttledInARow = 0;
  private throttledUntilMs = 0;
  private readonly allowance = new Allowance();
  private readonly exchange: Exchange;

  constructor(private readonly options: LanesOptions) {
    define(options.redis);
    this.exchange = new Exchange(options);
  }

  add(hold: Hold): void {
    for (const item of hold.items) {
      const step = this.exchange.before(item);
      if (step) this.take(step, item);
      else if (this.stopped)
        hold.handBack(item); // taken while everything else was being handed back
      else this.pending.push(item);
    }
    // A small run does not wait for what others have brought before it.
    this.pending = inTurns(this.pending);
    this.pump();
  }

  /** Sends nothing more; rows not sent go back to their batches. Those in flight end by themselves. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { items } of this.cleared) for (const item of items) item.hold.handBack(item);
    for (const item of this.pending) item.hold.handBack(item);
    this.cleared = [];
    this.pending = [];
  }

  private pump(): void {
    if (this.stopped) return;
    const { clock, circuit, pace } = this.options;
    while (this.cleared.length > 0 && this.inFlight < this.places()) {
      const next = this.cleared[0]!;
      const now = clock.monotonic();
      const { atMs } = next.slot;
      if (atMs - now > 0.5) {
        this.wake(atMs);
        break;
      }
      this.cleared.shift();
      const late = pace.intervalMs > 0 && now - atMs > LATE_MS && !next.probe;
      const held = circuit.open && !next.probe && !(circuit.lives && next.lives);
      if (late || held || this.allowance.spent(now) || now - next.markedMs > LEASE_MS) {
        pace.free(next.slot);
        this.pending.unshift(...next.items);
      } else this.launch(next);
    }
    if (this.clearing || this.pending.length === 0 || this.wanted() === 0) return;
    if (clock.monotonic() < this.askAtMs) this.wake(this.askAtMs);
    else void this.clear();
  }

  /** How many more requests to clear now: places first, then slots; without a limit also the next few ahead. */
  private wanted(): number {
    const { pace } = this.options;
    const concurrency = this.places();
    const ahead = pace.intervalMs > 0 ? 0 : this.ahead * concurrency;
    const places = concurrency + ahead - this.inFlight - this.cleared.length;
    // Without a limit small groups would cost a round trip each: wait until a group is wanted.
    if (ahead > 0 && places < Math.min(concurrency, this.pending.length)) return 0;
    return Math.max(0, Math.min(pace.worthAsking(places), MOST_AT_ONCE));
  }

  /** Requests in flight at the most. */
  private places(): number {
    const { concurrency, clock } = this.options;
    return this.allowance.places(concurrency, clock.monotonic());
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

  private async clear(): Promise<void> {
    this.clearing = true;
    const again = await this.clearThese(this.nextRequests(this.choose()));
    this.clearing = false;
    this.askAtMs = this.options.clock.monotonic() + again;
    this.pump();
  }

  /** How many requests to get leave for; puts the rows first that should be. */
  private choose(): number {
    const { circuit, account } = this.options;
    const most = this.wanted();
    if (!circuit.open) return most;
    const tried = this.pending.filter((item) => item.since > 0);
    const fresh = this.pending.filter((item) => item.since === 0);
    // A look-up of a row that failed proves that the API lives; another attempt of it would prove little.
    this.pending = account.destination.lookup ? [...tried, ...fresh] : [...fresh, ...tried];
    return circuit.lives ? Math.min(most, Math.max(1, tried.length + circuit.fresh)) : most;
  }

  /** Takes the rows of the next requests out of those that wait. */
  private nextRequests(most: number): Item[][] {
    const requests: Item[][] = [];
    let at = 0;
    while (requests.length < most && at < this.pending.length) {
      const together = [this.pending[at++]!];
      const atOnce = this.exchange.atOnce(together[0]!);
      while (together.length < atOnce && at < this.pending.length) {
        const next = this.pending[at]!;
        if (this.exchange.atOnce(next) === 1) break;
        together.push(next);
        at++;
      }
      requests.push(together);
    }
    this.pending.splice(0, at);
    return requests;
  }

  /** Gets marks and slots for `requests`. Returns the ms after which to ask again, 0 = at once. */
  private async clearThese(requests: Item[][]): Promise<number> {
    const { clock, circuit, pace, concurrency } = this.options;
    const busy = this.inFlight > 0;
    // Others that wait behind may be void by now (cancelled, halted): asked about once in a while, without rows.
    const others = new Set<Hold>();
    if (clock.monotonic() - this.askedAllMs > ASK_ALL_MS) {
      this.askedAllMs = clock.monotonic();
      for (const { hold } of this.pending) others.add(hold);
    }
    const items = requests.flat();
    const waits = circuit.lives && circuit.fresh === 0 && items.every((item) => item.since === 0);
    const leave = await askLeave(this.options, requests, others, waits ? 0 : requests.length).catch(
      this.options.onError,
    );
    if (!leave) {
      // Redis went away: nothing was sent, nothing is lost.
      this.putBack(items);
      return RECHECK_MS;
    }
    if (busy && this.cleared.length === 0 && this.inFlight < concurrency) this.lookFurther();
    const { reserved, markedMs, marked, unsure, over } = leave;
    const { slots } = reserved;
    circuit.observe(reserved);
    for (const hold of over) this.drop(hold, items);

    let used = 0;
    const waiting: Item[] = [...unsure];
    for (const request of requests) {
      const ready = request.filter((item) => marked.has(item) && this.stillDue(item));
      if (ready.length === 0) continue;
      const probe = reserved.circuit === 'probe';
      const lives = reserved.circuit === 'open';
      const fresh = ready[0]!.since === 0;
      if (used === slots.length || this.stopped || (lives && fresh && circuit.fresh === 0)) {
        waiting.push(...ready);
        continue;
      }
      for (const item of ready) item.probe = probe;
      if (probe) this.probeByLookUp(ready[0]!);
      if (lives && fresh) circuit.fresh--;
      this.cleared.push({ items: ready, probe, lives, slot: slots[used++]!, markedMs });
    }
    for (const slot of slots.slice(used)) pace.free(slot);
    this.putBack(waiting);
    if (slots.length === 0) return Math.max(1, Math.min(reserved.waitMs, 5_000));
    return unsure.length > 0 ? RECHECK_MS : 0;
  }

  /**
   * Lanes stood still because leave came late: Redis is slow to say so, where it has to have every mark on disk first.
   * After a crash more rows are in doubt then, so not where the API would let a contact be created twice.
   */
  private lookFurther(): void {
    if (!this.options.account.destination.enforcesUniqueness) return;
    this.ahead = Math.min(2 * this.ahead, MOST_AHEAD);
  }

  /** False when the mark told something about the row that settles it or sends it elsewhere. */
  private stillDue(item: Item): boolean {
    const step = this.exchange.before(item);
    if (step) this.take(step, item);
    return step === undefined;
  }

  /** A row that failed before proves little by failing again: whether the API lives is told by looking the row up. */
  private probeByLookUp(item: Item): void {
    if (item.since === 0 || item.errand || !this.options.account.destination.lookup) return;
    const otherwise = {
      row: item.row,
      status: 'failed',
      reason: 'unconfirmed',
      message: `${attemptsText(item.attempts)} without a clear answer; it may have been created`,
      attempts: item.attempts,
    } as const;
    item.errand = { do: 'look_up', otherwise, proof: true };
  }

  private putBack(items: readonly Item[]): void {
    if (this.stopped) for (const item of items) item.hold.handBack(item);
    else this.pending.unshift(...items);
  }

  /** Rows of this hold may not be sent any more. Their batch ends; whoever runs the run adds them again. */
  private drop(hold: Hold, asked: readonly Item[]): void {
    hold.dropped = true;
    const of = (item: Item) => item.hold === hold;
    const all = [
      ...asked.filter(of),
      ...this.pending.filter(of),
      ...this.cleared.flatMap(({ items }) => items.filter(of)),
    ];
    this.pending = this.pending.filter((item) => !of(item));
    for (const cleared of this.cleared) {
      cleared.items = cleared.items.filter((item) => !of(item));
      if (cleared.items.length === 0) this.options.pace.free(cleared.slot);
    }
    this.cleared = this.cleared.filter(({ items }) => items.length > 0);
    for (const item of all) hold.handBack(item);
  }

  private launch({ items, slot }: Cleared): void {
    const { sender, clock, pace, meter } = this.options;
    let request: ApiRequest;
    try {
      request = this.exchange.request(items);
    } catch (error) {
      pace.free(slot);
      const message = this.exchange.withoutSecrets(`destination_error: ${(error as Error).message}`);
      for (const { hold, row } of items) hold.settle({ row, status: 'failed', reason: 'rejected', message });
      return;
    }
    this.inFlight++;
    const [first] = items as [Item];
    first.hold.count('requests');
    if (first.attempts > 0 && creates(first)) first.hold.count('retries');
    for (const item of items) if (creates(item)) item.marked = false;
    const sentMs = clock.monotonic();
    void sender
      .send(request, () => pace.written(slot))
      .then((sent) => {
        this.inFlight--;
        const answer = 'answer' in sent ? sent.answer : undefined;
        if (answer) pace.answered(slot);
        meter.request(answer?.status, clock.monotonic() - sentMs);
        if (answer && answer.status !== 429) this.mindAllowance(answer);
        try {
          this.takeAll(this.exchange.understand(items, sent), items, sentMs);
        } catch (error) {
          this.options.onError(error as Error);
          for (const item of items) {
            item.since ||= this.exchange.apiClock.sentAt(sentMs);
            item.hold.putOff(item);
          }
        }
        this.pump();
      });
  }

  private takeAll(steps: readonly Step[], items: readonly Item[], sentMs: number): void {
    const throttled = steps.find((step) => step.do === 'throttle');
    if (throttled) this.throttled(items[0]!.hold, throttled.waitMs);
    else this.throttledInARow = 0;
    for (let i = items.length - 1; i >= 0; i--) this.take(steps[i]!, items[i]!, sentMs);
  }

  private take(step: Step, item: Item, sentMs?: number): void {
    const { hold } = item;
    switch (step.do) {
      case 'settle':
        hold.settle(step.outcome);
        return;
      case 'retry':
        // Throttled or refused, what was asked is asked again; tried again, the row starts over.
        delete item.errand;
        if (step.inDoubt && item.since === 0) item.since = this.exchange.apiClock.sentAt(sentMs);
        if (step.spent) {
          item.attempts++;
          hold.putOff(item);
          return;
        }
        break;
      case 'halt': {
        const why = { halt_code: step.code, halt_message: step.message };
        void hold.record.setState('halted', ['running'], why).catch(this.options.onError);
        break;
      }
      case 'throttle':
        break;
      default:
        item.errand = step;
    }
    this.requeue(item);
  }

  /** The API says that nothing is left: what would be sent now would only be told to wait. */
  private mindAllowance(answer: ApiAnswer): void {
    const waitMs = this.allowance.read(answer, this.options.clock.monotonic());
    if (waitMs === 0) return;
    void this.options.pace.push(waitMs, 'asked to wait').catch(this.options.onError);
  }

  private throttled(hold: Hold, announcedMs: number | undefined): void {
    hold.count('throttled');
    // Without a hint: 1, 2, 4 … 60 s, for as long as nothing else is answered.
    const now = this.options.clock.monotonic();
    const waitMs = announcedMs ?? Math.min(60_000, 1_000 * 2 ** Math.min(this.throttledInARow, 6));
    // Those that were in flight together are one reason to wait, not many.
    if (announcedMs === undefined && now < this.throttledUntilMs) return;
    this.throttledUntilMs = now + waitMs;
    this.throttledInARow++;
    this.options.meter.wait(waitMs);
    void this.options.pace
      .push(
        waitMs,
        announcedMs === undefined ? 'asked to slow down' : 'asked to wait',
        announcedMs === undefined,
      )
      .catch(this.options.onError);
  }

  private requeue(item: Item): void {
    if (this.stopped || item.hold.dropped) item.hold.handBack(item);
    // While the circuit is open every probe is another row: one that always fails must not stand for the API. But one
    // that was looked for, and is to be sent now, goes first: as long as others are looked for, none is sent.
    else if (this.options.circuit.open && !isDecided(item)) this.pending.push(item);
    else this.pending.unshift(item);
  }
}

function isDecided({ errand }: Item): boolean {
  return errand?.do === 'create' || errand?.do === 'update';
}

function creates({ errand }: Item): boolean {
  return errand === undefined || errand.do === 'create';
}
