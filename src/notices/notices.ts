/** The notices of a data dir: noted when a run ends, handed over by whoever of its processes has the lease. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Clock, pause } from '../clock.js';
import type { NotificationEntry } from '../config/notifications.js';
import { RowferryError } from '../errors.js';
import { noticesKey } from '../redis/keys.js';
import { Lease } from '../redis/lease.js';
import { isRunThere, loadPlan, loadStatus } from '../run.js';
import { noticeOf, type RunEnd, testNotice } from './compose.js';
import { Courier, type CourierOptions } from './courier.js';
import { Expectations } from './expected.js';
import { type Letter, Outbox } from './outbox.js';
import { send } from './send.js';

const POLL_MS = 1_000;
/** A stop waits no longer for what is on its way, nor for a Redis that is away. */
const STOP_MS = 3_000;
/** A process that ends after its run tries so often, and so long. */
const LAST_TRIES = 3;
const LAST_MS = 10_000;
/** Whoever has the lease for longer is a service, which goes on. */
const LEASE_MS = 2_000;
const LOOK_MS = 100;

/** How a run ended for this process alone: it was not broken. */
const NO_FAILURE = ['RUN_ALIVE', 'RUN_OVER', 'RUN_INTERRUPTED'];

export interface NoticesOptions {
  redis: Redis;
  prefix: string;
  dataDir: string;
  dataDirId: string;
  entries: readonly NotificationEntry[];
  clock: Clock;
  log: Logger;
}

export class Notices {
  private readonly outbox: Outbox;
  /** Noted here and not known to be taken. */
  private own: Letter[] = [];
  private sending: Promise<void> = Promise.resolve();

  constructor(private readonly options: NoticesOptions) {
    this.outbox = new Outbox(options.dataDir);
  }

  /** Puts on disk what is to be told of a run's end. Never rejects: the run has ended whoever hears of it. */
  async note(end: RunEnd): Promise<void> {
    const { entries, log } = this.options;
    for (const entry of entries) {
      try {
        const notice = noticeOf(end, entry);
        if (notice !== undefined) this.own.push(await this.outbox.put(notice, entry.name));
      } catch (error) {
        log.error({ run: end.plan.run, to: entry.name, error: (error as Error).message }, 'notice not noted');
      }
    }
  }

  /** As {@link note}, of a run that could not be worked on. */
  async noteFailure(run: string, error: Error): Promise<void> {
    const { dataDir, clock } = this.options;
    const ours = error instanceof RowferryError;
    if ((ours && NO_FAILURE.includes(error.code)) || !isRunThere(dataDir, run)) return;
    const { code = error.name } = error as Error & { code?: string };
    const message = ours ? error.message : `an unexpected error (${code}); the log says more`;
    const plan = loadPlan(dataDir, run);
    const { epoch } = loadStatus(dataDir, run);
    await this.note({ plan, event: 'failed', atMs: clock.now(), epoch, message });
  }

  /** Sends an entry a notice that is none, once and past the outbox. Resolves with why it was not taken. */
  async test(entry: NotificationEntry): Promise<string | undefined> {
    const { clock } = this.options;
    if (entry.channel === undefined) return entry.unset.join('; ');
    const notice = testNotice(entry, clock.now());
    const sent = await send(entry.channel, entry.name, notice, {
      clock,
      signal: new AbortController().signal,
    });
    return sent.taken ? sent.but : sent.why;
  }

  /** Hands over notices, and sees what has not come, until it is stopped. Of several processes one does so at a time. */
  start(): { stop(): Promise<void> } {
    if (this.options.entries.length === 0) return { stop: async () => {} };
    const { dataDir, entries, clock, log } = this.options;
    const end = new AbortController();
    const lease = this.lease();
    const onTrouble = ({ file, to }: Letter, why: string) =>
      log.warn({ file, to, why }, 'notice waits; trying again');
    const courier = this.courier(lease, onTrouble);
    const expectations = new Expectations(dataDir, entries, this.outbox, clock);
    let taken = 0;
    let told = '';
    const round = async () => {
      this.own = []; // the loop sees to them
      if (!(await lease.take())) return;
      if (lease.taken !== taken) {
        expectations.forget();
        await this.outbox.tidy();
      }
      taken = lease.taken;
      await expectations.look();
      await courier.round(end.signal);
      told = '';
    };
    const done = (async () => {
      while (!end.signal.aborted) {
        await round().catch((error: Error) => {
          if (error.message !== told) log.error({ error: error.message }, 'notices wait; trying again');
          told = error.message;
        });
        await pause(POLL_MS, end.signal);
      }
    })();
    return {
      async stop() {
        end.abort();
        await endSoon(done.then(() => lease.end()));
      },
    };
  }

  /** For a process that is no service: hands over what waits in the background, with few tries; see {@link sent}. */
  sendNow(): void {
    this.sending = this.sending.then(() => this.sendSoon()).catch(() => {}); // it stays in the outbox
  }

  /** Resolves when nothing more is tried. */
  async sent(): Promise<void> {
    await this.sending;
  }

  private async sendSoon(): Promise<void> {
    if (this.own.length === 0) return;
    const { clock, log } = this.options;
    const lease = this.lease();
    const courier = this.courier(lease);
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), LAST_MS);
    const begunMs = clock.monotonic();
    try {
      for (;;) {
        const held = await Promise.race([lease.take(), pause(LAST_MS, end.signal).then(() => false)]);
        if (held) await courier.round(end.signal);
        const waiting = await this.outbox.list();
        this.own = this.own.filter(({ file }) => waiting.some((letter) => letter.file === file));
        if (this.own.length === 0) return;
        if (!held && clock.monotonic() - begunMs > LEASE_MS && !end.signal.aborted) return;
        const untilMs = begunMs + LAST_MS;
        if (end.signal.aborted || this.own.every((letter) => isLeft(letter, courier, untilMs))) break;
        await pause(LOOK_MS, end.signal);
      }
      log.warn(leftText(this.own, courier));
    } finally {
      clearTimeout(timer);
      end.abort();
      this.own = [];
      await endSoon(lease.end());
    }
  }

  private lease(): Lease {
    const { redis, prefix, dataDirId, clock } = this.options;
    return new Lease(redis, noticesKey(prefix, dataDirId), clock);
  }

  private courier(lease: Lease, onTrouble?: CourierOptions['onTrouble']): Courier {
    const { entries, clock, log } = this.options;
    const { outbox } = this;
    const mayGoOn = () => lease.held;
    return new Courier({ outbox, entries, clock, log, mayGoOn, ...(onTrouble && { onTrouble }) });
  }
}

/** `1 notice is not taken yet (ops: HTTP 500); …` */
function leftText(letters: readonly Letter[], { troubles }: Courier): string {
  const whys = new Set(letters.map(({ file, to }) => `${to}: ${troubles.get(file)?.why ?? 'not tried'}`));
  const one = letters.length === 1;
  return `${letters.length} ${one ? 'notice is' : 'notices are'} not taken yet (${[...whys].join(', ')}); the next process on this data dir that works on runs goes on trying`;
}

/** Not to be tried again by this process. */
function isLeft({ file }: Letter, { troubles }: Courier, untilMs: number): boolean {
  const trouble = troubles.get(file);
  return trouble !== undefined && (trouble.tries >= LAST_TRIES || trouble.untilMs > untilMs);
}

async function endSoon(ended: Promise<void>): Promise<void> {
  const closed = new AbortController();
  const end = ended.catch(() => {}).finally(() => closed.abort());
  await Promise.race([end, pause(STOP_MS, closed.signal)]);
}
