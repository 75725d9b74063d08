/** The watched folder: files dropped into its inbox become runs, and are archived with their reports. */
import { resolve } from 'node:path';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Clock, pause } from '../../clock.js';
import type { FolderSettings } from '../../config.js';
import { folderKey } from '../../redis/keys.js';
import { Lease } from '../../redis/lease.js';
import { Claims } from './claims.js';
import { Course, type Held, type RunAdder } from './course.js';
import { type Complete, Inbox } from './inbox.js';
import { openPlaces } from './places.js';
import { type TargetNames, Targets } from './targets.js';

const SETTLE_MS = 2_000;
const POLL_MS = 1_000;
/** Files under way at a time, so that a large one does not keep small ones waiting. */
const AT_ONCE = 8;
/** After an error that is not the file's fault, doubled each time. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A stop waits no longer for a Redis that is away. */
const STOP_MS = 3_000;

export interface FolderOptions {
  redis: Redis;
  prefix: string;
  dataDir: string;
  dataDirId: string;
  clock: Clock;
  log: Logger;
  settings: FolderSettings;
  targets: TargetNames;
  adder: RunAdder;
}

/** Looks after the folder until it is stopped. Of several processes on one data dir one does so at a time. */
export async function startFolder(options: FolderOptions): Promise<{ stop(): Promise<void> }> {
  const { settings, log } = options;
  const folder = await WatchedFolder.open(options);
  log.info({ inbox: folder.inboxDir }, 'watching');
  const end = new AbortController();
  const done = (async () => {
    while (!end.signal.aborted) {
      await folder.round();
      await pause(settings.pollMs ?? POLL_MS, end.signal);
    }
  })();
  return {
    async stop() {
      end.abort();
      const closed = new AbortController();
      const close = done.then(() => folder.close()).finally(() => closed.abort());
      await Promise.race([close, pause(STOP_MS, closed.signal)]);
    },
  };
}

/** @internal What goes on in each round. */
export class WatchedFolder {
  private readonly held = new Map<string, Held>();
  /** What is under way or waits for its turn, by run or by path. */
  private readonly busy = new Map<string, Promise<void>>();
  private readonly turns: (() => void)[] = [];
  private free = AT_ONCE;
  private readonly troubles: Troubles;
  /** See {@link Lease.taken}. */
  private taken = 0;

  private constructor(
    readonly inboxDir: string,
    private readonly inbox: Inbox,
    private readonly claims: Claims,
    private readonly course: Course,
    private readonly lease: Lease,
    { clock, log }: FolderOptions,
  ) {
    this.troubles = new Troubles(clock, log);
  }

  /** Throws FOLDER_UNUSABLE. */
  static async open(options: FolderOptions): Promise<WatchedFolder> {
    const { redis, prefix, dataDir, dataDirId, settings, clock } = options;
    const folder = resolve(settings.path ?? dataDir);
    const settleMs = settings.settleMs ?? SETTLE_MS;
    const targets = new Targets(options.targets);
    const { inbox } = await openPlaces(folder, targets.subfolders);
    const claims = new Claims(dataDir);
    await claims.open();
    const lease = new Lease(redis, folderKey(prefix, dataDirId), clock);
    const mayClaim = () => lease.held;
    const course = new Course({ ...options, folder, settleMs, claims, targets, mayClaim });
    return new WatchedFolder(inbox, new Inbox(inbox, settleMs, clock), claims, course, lease, options);
  }

  /** Looks once, and starts what there is to do. Never throws. */
  async round(): Promise<void> {
    await this.troubles.of('the watched folder', async () => {
      if (!(await this.lease.take())) return;
      // Another may have gone on meanwhile, or Redis may have lost what is in its queue.
      if (this.lease.taken !== this.taken) this.held.clear();
      this.taken = this.lease.taken;
      this.troubles.forget();
      for (const run of await this.claims.list()) this.inTurn(run, () => this.goOn(run));
      for (const file of await this.inbox.look()) {
        this.inTurn(file.path.toString('latin1'), () => this.begin(file), file.shown);
      }
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.busy.size > 0) await Promise.all(this.busy.values());
  }

  async close(): Promise<void> {
    await this.idle();
    await this.lease.end().catch(() => {});
  }

  private async begin(file: Complete): Promise<void> {
    const held = await this.course.begin(file);
    if (held === undefined) return;
    this.held.set(held.claim.run, held);
    this.inTurn(held.claim.run, () => this.goOn(held.claim.run), held.claim.shown);
  }

  private async goOn(run: string): Promise<void> {
    let held = this.held.get(run);
    if (held === undefined) {
      const claim = await this.claims.load(run);
      if (claim === undefined) return;
      held = { claim, queued: false };
      this.held.set(run, held);
    }
    if (await this.course.advance(held)) this.held.delete(run);
  }

  /** One thing at a time for each key, and not more than AT_ONCE altogether. */
  private inTurn(key: string, body: () => Promise<void>, name = key): void {
    if (this.busy.has(key)) return;
    const work = this.turn()
      .then(() => this.troubles.of(key, body, name))
      .finally(() => {
        this.busy.delete(key);
        this.free++;
        this.turns.shift()?.();
      });
    this.busy.set(key, work);
  }

  private turn(): Promise<void> {
    return new Promise((start) => {
      const go = () => {
        this.free--;
        start();
      };
      if (this.free > 0) go();
      else this.turns.push(go);
    });
  }
}

/** What goes wrong is told once, and tried again with growing pauses. */
class Troubles {
  private readonly known = new Map<string, { told: string; pauseMs: number; until: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async of(key: string, body: () => Promise<void>, name = key): Promise<void> {
    const before = this.known.get(key);
    if (before !== undefined && this.clock.monotonic() < before.until) return;
    try {
      await body();
      this.known.delete(key);
    } catch (error) {
      const { message } = error as Error;
      if (before?.told !== message)
        this.log.error({ file: name, error: message }, 'file waits; trying again');
      const pauseMs = Math.min(LONGEST_PAUSE_MS, (before?.pauseMs ?? FIRST_PAUSE_MS / 2) * 2);
      this.known.set(key, { told: message, pauseMs, until: this.clock.monotonic() + pauseMs });
    }
  }

  /** Forgets what is no longer tried. */
  forget(): void {
    const now = this.clock.monotonic();
    for (const [key, { until }] of this.known) if (now > until + LONGEST_PAUSE_MS) this.known.delete(key);
  }
}
