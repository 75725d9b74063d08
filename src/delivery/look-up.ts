/** Look-ups by themselves, at the account's pace: what became of rows that nobody will send again. */
import type { Redis } from 'ioredis';
import { type Clock, pause } from '../clock.js';
import type { Contact } from '../contact.js';
import type { Finding } from '../destinations/destination.js';
import type { Account } from '../destinations/registry.js';
import { define } from '../redis/scripts.js';
import { ApiClock } from './api-clock.js';
import { Circuit } from './circuit.js';
import { Pace, type Slot } from './pace.js';
import { makeSender, type Sender } from './send.js';

export interface LookUpOptions {
  redis: Redis;
  clock: Clock;
  prefix: string;
  account: Account;
  /** Silence after which a request counts as unanswered, ms. */
  timeoutMs: number;
  /** So long after the first look-up none is waited for any more, ms. */
  withinMs: number;
}

/** Requests for one row that are not answered usefully. */
const TRIES = 3;
const AGAIN_MS = 1_000;
const LONGEST_WAIT_MS = 5_000;

export class LookUps {
  /** Requests made, and those that were told to wait, since {@link taken}. */
  private requests = 0;
  private throttled = 0;
  private readonly over = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private readonly pace: Pace;
  private readonly circuit: Circuit;
  private readonly apiClock: ApiClock;
  private readonly sender: Sender;

  constructor(private readonly options: LookUpOptions) {
    const { redis, clock, prefix, account, timeoutMs } = options;
    this.pace = new Pace(define(redis), clock, prefix, account.id, account.destination.limit);
    this.circuit = new Circuit(this.pace);
    this.apiClock = new ApiClock(clock, this.pace);
    this.sender = makeSender({ baseUrl: account.options.baseUrl, timeoutMs });
  }

  /** Aborted when the time is over, or when the account may not ask. */
  get ended(): AbortSignal {
    return this.over.signal;
  }

  /** Sends as soon as the pace allows. What the destination holds of `contact`; undefined when it does not say so in time. */
  async ask(contact: Contact): Promise<Exclude<Finding, { kind: 'no_answer' }> | undefined> {
    const { destination, options } = this.options.account;
    const request = destination.lookup!.request(contact, options);
    this.timer ??= setTimeout(() => void this.end(), this.options.withinMs);
    for (let i = 0; i < TRIES; ) {
      const slot = await this.slot();
      if (slot === undefined) return undefined;
      this.requests++;
      const sent = await this.sender.send(request, () => this.pace.written(slot.slot));
      if ('answer' in sent) this.apiClock.read(sent.answer);
      const finding: Finding =
        'answer' in sent
          ? destination.lookup!.read(sent.answer, contact)
          : { kind: 'no_answer', verdict: sent.failure };
      if (finding.kind !== 'no_answer') {
        await this.circuit.noteLookUp(undefined, slot);
        return finding;
      }
      const { verdict } = finding;
      if (this.ended.aborted) return undefined;
      const httpStatus = 'answer' in sent ? sent.answer.status : undefined;
      await this.circuit.noteLookUp(verdict, { ...slot, httpStatus });
      if (verdict.kind === 'refused') this.over.abort();
      else if (verdict.kind === 'throttled') {
        this.throttled++;
        await this.pace.push(verdict.waitMs ?? AGAIN_MS, 'asked to wait');
      } else if (++i < TRIES) await pause(AGAIN_MS, this.ended);
    }
    return undefined;
  }

  /** A moment of Redis's clock in the API's, ms; ask after an answer. */
  apiMs(redisMs: number): number {
    return this.apiClock.fromRedis(redisMs);
  }

  /** What was counted since it was asked last. */
  taken(): { requests: number; retries: number; throttled: number } {
    const { requests, throttled } = this;
    this.requests = 0;
    this.throttled = 0;
    return { requests, retries: 0, throttled };
  }

  /** Ends every request in flight; they count as unanswered. */
  async end(): Promise<void> {
    clearTimeout(this.timer);
    this.over.abort();
    await this.sender.destroy();
  }

  /** Waits for a place in the account's pace; undefined: the time is over. */
  private async slot(): Promise<{ slot: Slot; probe: boolean } | undefined> {
    const { clock } = this.options;
    while (!this.ended.aborted) {
      const reserved = await this.pace.ask(1);
      this.circuit.observe(reserved);
      const [slot] = reserved.slots;
      const waitMs = slot ? slot.atMs - clock.monotonic() : reserved.waitMs;
      if (waitMs > 0) await pause(Math.min(Math.max(1, waitMs), LONGEST_WAIT_MS), this.ended);
      if (slot && !this.ended.aborted) return { slot, probe: reserved.circuit === 'probe' };
    }
    return undefined;
  }
}
