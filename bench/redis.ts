/**
 * The private Redis of a benchmark, started as rowferry starts it, in a data dir of its own. The benchmark is a member
 * beside the contender: it reads what Redis spent, and it is the last to leave, so that the server ends with it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { importDist } from './dist.js';

/** `always` is how rowferry starts it. */
export type Durability = 'always' | 'everysec' | 'off';

export interface RedisCost {
  cpuSeconds: number;
  commands: number;
  peakMb: number;
}

const leaving = new Set<() => Promise<void>>();

export interface BenchRedis {
  dataDir: string;
  connection: Redis;
  /** Since it was started. */
  cost(): Promise<RedisCost>;
  /** Stops the server and removes the data dir. May be called again. */
  close(): Promise<void>;
}

export async function startRedis(durability: Durability = 'always'): Promise<BenchRedis> {
  const { openRedis } = await importDist('redis/connection');
  const dataDir = await mkdtemp(join(tmpdir(), 'rowferry-bench-'));
  const handle = await openRedis({ dataDir, binary: process.env.ROWFERRY_REDIS_BIN });
  const connection = handle.connect();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= handle.close().then(() => rm(dataDir, { recursive: true, force: true }));
    leaving.delete(close);
    return closing;
  };
  leaving.add(close);
  if (durability === 'everysec') await connection.config('SET', 'appendfsync', 'everysec');
  if (durability === 'off') await connection.config('SET', 'appendonly', 'no');
  return {
    dataDir,
    connection,
    async cost() {
      const info = await connection.info();
      const read = (name: string) => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
      return {
        cpuSeconds: read('used_cpu_user') + read('used_cpu_sys'),
        commands: read('total_commands_processed'),
        peakMb: read('used_memory_peak') / 1024 ** 2,
      };
    },
    close,
  };
}

export async function closeAllRedis(): Promise<void> {
  await Promise.all([...leaving].map((close) => close()));
}
