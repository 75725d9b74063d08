/** Something that one process at a time may do. It is prolonged while its holder lives, and free soon after its death. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import { identify, lifeOf, type ProcessIdentity } from '../process.js';
import { call } from './scripts.js';

/** A holder that is silent for so long has lost it. */
export const HOLD_MS = 10_000;

export class Lease {
  private readonly me = JSON.stringify({ ...identify(process.pid), nonce: randomUUID() });
  /** How often it was taken anew: after another had it, or Redis forgot it, what is known from before may not be true. */
  taken = 0;
  private until = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private asking: Promise<boolean> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly key: string,
    private readonly clock: Clock,
  ) {}

  /** Judged by a clock that goes on while the process is stopped: who wakes late knows that it lost it. */
  get held(): boolean {
    return this.clock.monotonic() < this.until;
  }

  /** Takes it if it is to be had, and keeps it from then on. Of a holder known to be dead it is had at once. */
  async take(): Promise<boolean> {
    this.timer ??= setInterval(() => this.ask().catch(() => {}), HOLD_MS / 4).unref();
    return this.ask();
  }

  /** Gives it back. */
  async end(): Promise<void> {
    clearInterval(this.timer);
    this.until = Number.NEGATIVE_INFINITY;
    await this.call(0, '');
  }

  /** One question at a time: while Redis is away they would pile up. */
  private ask(): Promise<boolean> {
    this.asking ??= this.askOnce().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async askOnce(): Promise<boolean> {
    let asked = this.clock.monotonic();
    let reply = await this.call(HOLD_MS, '');
    if (reply.startsWith('{') && lifeOf(JSON.parse(reply) as ProcessIdentity) === 'dead') {
      asked = this.clock.monotonic();
      reply = await this.call(HOLD_MS, reply);
    }
    this.until = reply.startsWith('{') ? Number.NEGATIVE_INFINITY : asked + HOLD_MS;
    if (reply === 'taken') this.taken++;
    return this.held;
  }

  private async call(ms: number, dead: string): Promise<string> {
    return String(await call(this.redis, 'lease', this.key, this.me, ms, dead));
  }
}
