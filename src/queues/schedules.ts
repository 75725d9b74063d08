/** The `schedules-<data dir>` queue: one BullMQ job scheduler is the schedule of one sync, one of its jobs an occasion. */
import {
  type ConnectionOptions,
  DelayedError,
  getNextMillis,
  type Job,
  Queue,
  UnrecoverableError,
  Worker,
} from 'bullmq';
import type { Redis } from 'ioredis';
import { queuePrefix } from '../redis/keys.js';
import { bringForward } from './put-off.js';

/** When a sync runs by itself. */
export interface Schedule {
  /** Five fields, or six with seconds first. */
  cron: string;
  /** IANA name. */
  timezone: string;
}

/** One moment at which a sync is due. */
export interface DueOccasion {
  sync: string;
  /** When it was due, ms since the epoch: late for one that passed by while nobody was there. */
  atMs: number;
  /** Given out before: whoever had it died, let go of it or failed. */
  again: boolean;
}

/** `again`: given out once more, in so many ms. */
export type OccasionEnd = 'done' | { againMs: number };

const OCCASIONS_AT_ONCE = 16;
/** After an occasion that failed: 30 s, one minute, two. */
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = FIRST_PAUSE_MS * 2 ** (ATTEMPTS - 2);
/** How often it is looked whether the clock was set back meanwhile. */
const SWEEP_MS = 10_000;
/**
 * As cron has it: a clock that is set back by less makes nothing due twice; one that is set back by more was wrong, and
 * what is due goes by the new time.
 */
export const WRONG_CLOCK_MS = 3 * 3_600_000;

export function schedulesQueueName(dataDirId: string): string {
  return `schedules-${dataDirId}`;
}

/** The first moment after `fromMs` that `cron` means; undefined: there is none. Throws for what is no cron expression. */
export function nextOccasion({ cron, timezone }: Schedule, fromMs: number): number | undefined {
  return getNextMillis(fromMs, { pattern: cron, tz: timezone });
}

const DAY_MS = 86_400_000;
/** Looked through one after the other: a schedule that is due often is found in the first, without a thousand steps. */
const SPANS_MS = [60_000, 3_600_000, DAY_MS, 8 * DAY_MS, 32 * DAY_MS, 367 * DAY_MS, 5 * 366 * DAY_MS];

/** The last moment up to `beforeMs` that `cron` means; undefined: there was none in years. */
export function lastOccasion(schedule: Schedule, beforeMs: number): number | undefined {
  for (const span of SPANS_MS) {
    let last: number | undefined;
    let next = nextOccasion(schedule, beforeMs - span);
    while (next !== undefined && next <= beforeMs) {
      last = next;
      next = nextOccasion(schedule, next);
    }
    if (last !== undefined) return last;
  }
  return undefined;
}

export interface ScheduleOptions {
  connection: Redis;
  prefix: string;
  dataDirId: string;
}

function openQueue({ connection, prefix, dataDirId }: ScheduleOptions): Queue {
  const queue = new Queue(schedulesQueueName(dataDirId), {
    connection: connection as ConnectionOptions,
    prefix: queuePrefix(prefix),
    skipVersionCheck: true,
  });
  queue.on('error', () => {}); // the connection's owner reports it
  return queue;
}

/** Begins the schedule of a sync anew, with its next occasion from now on. */
async function put(queue: Queue, sync: string, { cron, timezone }: Schedule): Promise<void> {
  const opts = {
    removeOnComplete: true,
    removeOnFail: true,
    attempts: ATTEMPTS,
    backoff: { type: 'exponential', delay: FIRST_PAUSE_MS },
  };
  await queue.upsertJobScheduler(
    sync,
    { pattern: cron, tz: timezone },
    { name: 'occasion', data: { sync }, opts },
  );
}

/** Whether an occasion that waits for `nextMs` was planned by a clock that was wrong. */
function isOfWrongClock(schedule: Schedule, nextMs: number): boolean {
  const due = nextOccasion(schedule, Date.now());
  return due !== undefined && nextMs - due > WRONG_CLOCK_MS;
}

/**
 * Makes the schedulers of a data dir equal to `schedules`, by sync. One that is as it was stays: the occasion it has
 * waiting may have passed by meanwhile, and is the one that is caught up on.
 */
export async function makeSchedules(
  options: ScheduleOptions,
  schedules: ReadonlyMap<string, Schedule>,
): Promise<void> {
  const queue = openQueue(options);
  try {
    const known = await queue.getJobSchedulers();
    for (const { key } of known) if (!schedules.has(key)) await queue.removeJobScheduler(key);
    for (const [sync, schedule] of schedules) {
      const scheduler = known.find(({ key }) => key === sync);
      const same = scheduler?.pattern === schedule.cron && scheduler.tz === schedule.timezone;
      if (same && (await queue.getJob(`repeat:${sync}:${scheduler.next}`))) continue;
      await put(queue, sync, schedule);
    }
  } finally {
    await queue.close();
  }
}

/** Gives each occasion to one of the workers on this data dir. What `handle` throws is tried again a few times. */
export class ScheduleWorker {
  private readonly worker: Worker;
  private readonly queue: Queue;
  private readonly sweep: NodeJS.Timeout;

  constructor(
    private readonly options: ScheduleOptions,
    handle: (occasion: DueOccasion) => Promise<OccasionEnd>,
    onError: (error: Error) => void,
  ) {
    this.worker = new Worker(
      schedulesQueueName(options.dataDirId),
      async (job: Job, token) => {
        const atMs = Number(job.id?.split(':').at(-1));
        const { sync } = job.data as { sync: string };
        if (!(atMs > 0)) throw new UnrecoverableError(`${job.id} is no occasion`);
        const end = await handle({ sync, atMs, again: job.attemptsStarted > 1 || job.stalledCounter > 0 });
        if (end === 'done') return;
        await job.moveToDelayed(Date.now() + end.againMs, token);
        throw new DelayedError();
      },
      {
        connection: options.connection as ConnectionOptions,
        prefix: queuePrefix(options.prefix),
        concurrency: OCCASIONS_AT_ONCE,
        lockDuration: 10_000,
        stalledInterval: 5_000,
        // A crash is no verdict on an occasion.
        maxStalledCount: 1_000_000_000,
        skipVersionCheck: true,
      },
    );
    this.worker.on('error', onError);
    this.queue = openQueue(options);
    this.sweep = setInterval(() => void this.setRight().catch(onError), SWEEP_MS);
  }

  /** After the clock was set back nothing waits for the time that it showed before. */
  private async setRight(): Promise<void> {
    const { queue, options } = this;
    for (const { key, pattern, tz, next } of await queue.getJobSchedulers()) {
      const schedule = { cron: pattern!, timezone: tz! };
      if (isOfWrongClock(schedule, next!)) await put(queue, key, schedule);
    }
    const wasGivenOut = (job: Job) => job.attemptsStarted > 0;
    await bringForward(options.connection, queue, LONGEST_PAUSE_MS + SWEEP_MS, Date.now(), wasGivenOut);
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  async close(): Promise<void> {
    clearInterval(this.sweep);
    await this.worker.close();
    await this.queue.close();
  }
}
