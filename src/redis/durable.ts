/** Whether a server of somebody else's keeps all it has answered. */
import type { Redis } from 'ioredis';
import { parseInfo } from './inspect.js';

/**
 * True when a command is on disk before it is answered, so that the server, restarted, is no older than it was. Not
 * where a replica may have taken over, nor where the server does not tell.
 */
export async function keepsAll(redis: Redis): Promise<boolean> {
  const setting = async (name: string) => ((await redis.config('GET', name)) as string[])[1];
  try {
    if ((await setting('appendonly')) !== 'yes' || (await setting('appendfsync')) !== 'always') return false;
    const info = parseInfo(await redis.info('replication'));
    return info.get('role') === 'master' && Number(info.get('second_repl_offset')) === -1;
  } catch {
    return false; // CONFIG is kept from many
  }
}
