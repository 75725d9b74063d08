/** What a run must not leave behind once everybody has gone: keys in Redis, processes, sockets, locks. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** Stays by design: the account's pace and memory, schedules, BullMQ's markers of a queue, the lease of who lives. */
const STAYS =
  /:pace$|:trouble$|:memory(:\d+)?$|:(id|meta|marker|events|stalled-check|stalled)$|:lease$|:schedules-[^:]*:/;

/** Keys at `socket` that a run that is over may not have, runs whose tombstone is none, and rates that are still asked for. */
export async function keysLeft(socket: string): Promise<string[]> {
  const redis = new Redis(socket, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    const left: string[] = [];
    for (const key of await redis.keys('*')) {
      // A run that is over asks for no rate.
      const fields = key.endsWith(':pace') ? await redis.hkeys(key) : [];
      for (const name of fields) if (name.startsWith('r:')) left.push(`${key} ${name}`);
      if (STAYS.test(key)) continue;
      const ends = (await redis.ttl(key)) > 0;
      const tombstone = async () => JSON.stringify(await redis.hgetall(key)) === '{"state":"closed"}';
      // For a while: what a worker brought after the run was closed, and the account's log of requests, one window long
      // (of its own limit, where workers asked for slots while nobody lived to ask for the run's rate).
      const may = /:(addendum|sent)$/.test(key) || (key.endsWith(':state') && (await tombstone()));
      if (!ends || !may) left.push(key);
    }
    return left;
  } finally {
    redis.disconnect();
  }
}

/** Processes whose command line or working directory is of `dir`. Linux only; elsewhere none is seen. */
export function processesOf(dir: string): string[] {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
        .replaceAll('\0', ' ')
        .trim();
      const ours = command.includes(dir) || readlinkSync(join('/proc', pid, 'cwd')).startsWith(dir);
      return ours && command !== '' ? [`${pid} ${command}`] : [];
    } catch {
      return []; // gone by now, or somebody else's
    }
  });
}

/** Sockets and locks below `dir`. */
export function socketsAndLocks(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSocket() || /^lock|\.lock$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name));
}
