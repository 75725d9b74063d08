/**
 * The private Redis of a benchmark, started as rowferry starts it, in a data dir of its own. The benchmark is a member
 * beside the contender: it reads what Redis spent, and it is the last to leave, so that the server ends with it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importDist } from './dist.js';

export interface RedisCost {
  cpuSeconds: number;
  peakMb: number;
  version: string;
}

const leaving = new Set<() => Promise<void>>();

export interface BenchRedis {
  dataDir: string;
  /** Since it was started. */
  cost(): Promise<RedisCost>;
  /** Stops the server and removes the data dir. May be called again. */
  close(): Promise<void>;
}

export async function startRedis(): Promise<BenchRedis> {
  const { openRedis } = await importDist('redis/connection');
  const dataDir = await mkdtemp(join(tmpdir(), 'rowferry-bench-'));
  const handle = await openRedis({ dataDir, binary: process.env.ROWFERRY_REDIS_BIN });
  const redis = handle.connect();
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= handle.close().then(() => rm(dataDir, { recursive: true, force: true }));
    leaving.delete(close);
    return closing;
  };
  leaving.add(close);
  return {
    dataDir,
    async cost() {
      const info = await redis.info();
      const read = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? '';
      return {
        cpuSeconds: Number(read('used_cpu_user')) + Number(read('used_cpu_sys')),
        peakMb: Number(read('used_memory_peak')) / 1024 ** 2,
        version: read('redis_version'),
      };
    },
    close,
  };
}

export async function closeAllRedis(): Promise<void> {
  await Promise.all([...leaving].map((close) => close()));
}
