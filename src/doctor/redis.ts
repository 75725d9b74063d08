/** The Redis that is used: version, what it forgets and when, how far away it is. */
import type { Redis } from 'ioredis';
import type { RedisHandle } from '../redis/connection.js';
import { parseInfo } from '../redis/inspect.js';
import { ok, type Remark, warning } from './remark.js';

const LOOKS = 20;
/** A run asks Redis about once for every few requests: beyond this it is felt. */
const SLOW_MS = 20;

/** What opening it has not refused already. */
export async function checkRedis(
  { where, warnings, private: own }: RedisHandle,
  redis: Redis,
): Promise<Remark[]> {
  const info = parseInfo(await redis.info());
  const name = info.has('valkey_version')
    ? `Valkey ${info.get('valkey_version')}`
    : `Redis ${info.get('redis_version')}`;
  const latencyMs = await medianPing(redis);
  const tell = `${name}, ${where}, answers in ${latencyMs.toFixed(1)} ms`;
  return [
    latencyMs > SLOW_MS
      ? warning('redis', tell, 'use a Redis that is nearer to this machine')
      : ok('redis', tell),
    ...warnings.map((sentence) => warning('redis', sentence)),
    ...(warnings.length === 0 ? [ok('redis', 'evicts nothing (maxmemory-policy noeviction)')] : []),
    persistence(info, own),
  ];
}

function persistence(info: Map<string, string>, own: boolean): Remark {
  if (own) return ok('redis', 'every command is on disk before it is answered');
  if (info.get('aof_last_write_status') === 'err' || info.get('rdb_last_bgsave_status') === 'err') {
    return warning('redis', 'Redis could not write to its disk', 'make room on its disk; its log says more');
  }
  if (info.get('aof_enabled') === '1') return ok('redis', 'commands are logged to disk (appendonly)');
  return warning(
    'redis',
    'a Redis that is restarted forgets what it was told since its last snapshot; runs are restored from their journals, runs that nobody has begun and pauses may be lost',
    'start it with --appendonly yes',
  );
}

async function medianPing(redis: Redis): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < LOOKS; i++) {
    const before = performance.now();
    await redis.ping();
    took.push(performance.now() - before);
  }
  return took.sort((a, b) => a - b)[LOOKS / 2]!;
}
