/** The `runs-<data dir>` queue: one BullMQ job is one run. It carries the run's id alone; the plan is on disk. */
import { type ConnectionOptions, DelayedError, type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { pause } from '../clock.js';
import { queuePrefix } from '../redis/keys.js';

function runsQueueName(dataDirId: string): string {
  return `runs-${dataDirId}`;
}

/** Longer than the job of a worker that died stays in its hands. */
const LOOKS = 200;
const LOOK_MS = 100;

export class RunQueue {
  private readonly queue: Queue;

  constructor(connection: Redis, prefix: string, dataDirId: string) {
    this.queue = new Queue(runsQueueName(dataDirId), {
      connection: connection as ConnectionOptions,
      prefix: queuePrefix(prefix),
      skipVersionCheck: true,
    });
    this.queue.on('error', () => {}); // the connection's owner reports it
  }

  /** Adding a run twice is adding it once. */
  async add(run: string): Promise<void> {
    await this.queue.add('run', { run }, { jobId: run, removeOnComplete: true, removeOnFail: true });
  }

  /** Adds a run that ended its turn a moment ago: its job may still be in the hands of whoever worked on it. */
  async addAgain(run: string): Promise<void> {
    for (let looks = 0; looks < LOOKS; looks++) {
      const job = await this.queue.getJob(run);
      if (job === undefined || !(await job.isActive())) break;
      await pause(LOOK_MS);
    }
    await this.add(run);
  }

  async counts(): Promise<{ waiting: number; active: number; delayed: number }> {
    const { wait = 0, active = 0, delayed = 0 } = await this.queue.getJobCounts('wait', 'active', 'delayed');
    return { waiting: wait, active, delayed };
  }

  /** Whether a worker lives that takes runs. */
  async served(): Promise<boolean> {
    // Some managed servers list no clients: then nobody is seen.
    return (await this.queue.getWorkersCount().catch(() => 0)) > 0;
  }

  /** Takes a waiting run out. A run that a runner holds stays: it is told through its record. */
  async remove(run: string): Promise<void> {
    await this.queue.remove(run).catch(() => 0);
  }

  async close(): Promise<void> {
    await this.queue.close();
  }
}

/** Takes runs and gives them to `handle`; `false` from it hands the run back for another runner. */
export class RunWorker {
  private readonly worker: Worker;

  constructor(
    options: { connection: Redis; prefix: string; dataDirId: string; runsAtOnce: number; againMs: number },
    handle: (run: string) => Promise<boolean>,
    onError: (error: Error) => void,
  ) {
    this.worker = new Worker(
      runsQueueName(options.dataDirId),
      async (job: Job, token) => {
        if (await handle((job.data as { run: string }).run)) return;
        // Held by another runner, or let go of: looked at again when that one's lease has run out, if it died.
        await job.moveToDelayed(Date.now() + options.againMs, token);
        throw new DelayedError();
      },
      {
        connection: options.connection as ConnectionOptions,
        prefix: queuePrefix(options.prefix),
        concurrency: options.runsAtOnce,
        lockDuration: 10_000,
        stalledInterval: 5_000,
        maxStalledCount: 1_000_000_000,
        skipVersionCheck: true,
      },
    );
    this.worker.on('error', onError);
    this.worker.on('failed', (_job, error) => onError(error));
  }

  async ready(): Promise<void> {
    await this.worker.waitUntilReady();
  }

  async close(): Promise<void> {
    await this.worker.close();
  }
}
