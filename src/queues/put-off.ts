/** Jobs that were put off, by the wall clock of who did so: one that is set back would let them wait for as long. */
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Gives out delayed jobs of `ours` that are due later than `longestMs` from now, which none of them was put off for. */
export async function bringForward(
  redis: Redis,
  queue: Queue,
  longestMs: number,
  nowMs: number,
  ours: (job: Job) => boolean = () => true,
): Promise<void> {
  for (const job of await queue.getJobs(['delayed'])) {
    if (!job || !ours(job)) continue;
    // `delay` alone would count from when it was added, which for one put off again is long ago.
    const due = await redis.zscore(queue.toKey('delayed'), job.id!);
    // BullMQ keeps a counter in the last twelve bits.
    if (due === null || Number(due) / 0x1000 - nowMs <= longestMs) continue;
    await job.promote().catch(() => {}); // due at this moment, or gone
  }
}
