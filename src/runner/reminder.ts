/**
 * Enqueued runs that are not over, put into the queue of the service again whenever Redis is another server than before:
 * it may have lost its newest second, a run that was enqueued in it too.
 */
import { RunQueue } from '../queues/runs.js';
import { parseInfo } from '../redis/inspect.js';
import { listRuns, loadStatus } from '../run.js';
import type { Surroundings } from './session.js';

const LOOK_MS = 10_000;

/** Resolves when the queue has all of them. */
export async function startReminder(
  { redis, prefix, dataDir, log }: Pick<Surroundings, 'redis' | 'prefix' | 'dataDir' | 'log'>,
  dataDirId: string,
  lookMs = LOOK_MS,
): Promise<{ stop(): Promise<void> }> {
  const queue = new RunQueue(redis, prefix, dataDirId);
  let server: string | undefined;
  let looking = false;
  let stopped = false;
  await look();
  const timer = setInterval(() => void look(), lookMs);
  return {
    // A Redis that is away may never answer the look that is under way.
    async stop() {
      stopped = true;
      clearInterval(timer);
      await queue.close();
    },
  };

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      const now = parseInfo(await redis.info('server')).get('run_id');
      if (now === server) return;
      for (const run of listRuns(dataDir)) if (isDue(run)) await queue.add(run);
      server = now;
    } catch (error) {
      if (!stopped) log.warn({ error: (error as Error).message }, 'enqueued runs not looked after');
    } finally {
      looking = false;
    }
  }

  function isDue(run: string): boolean {
    try {
      const { enqueued, state } = loadStatus(dataDir, run);
      return enqueued === true && (state === 'queued' || state === 'running');
    } catch (error) {
      log.warn({ run, error: (error as Error).message }, 'run not looked after');
      return false;
    }
  }
}
