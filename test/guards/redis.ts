/** A Redis that nobody else uses, so that what it was asked can be counted. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { openRedis } from '../../src/redis/connection.js';
import { provisionServer } from '../../src/redis/provision.js';

export interface CountedRedis {
  dataDir: string;
  connect(): Redis;
  /** Commands that `work` made it carry out, those inside of scripts included: command → calls. */
  during(work: () => Promise<unknown>): Promise<Map<string, number>>;
}

export async function countedRedis(): Promise<CountedRedis> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rf-guard-'));
  const handle = await openRedis({ dataDir, binary: await provisionServer() });
  onTestFinished(async () => {
    await handle.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const eye = handle.connect();
  return {
    dataDir,
    connect: () => handle.connect(),
    async during(work) {
      await eye.config('RESETSTAT');
      await work();
      const lines = (await eye.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
      const calls = new Map([...lines].map(([, command, calls]) => [command!, Number(calls)]));
      for (const ours of ['info', 'config|resetstat']) calls.delete(ours);
      return calls;
    },
  };
}

export function total(calls: ReadonlyMap<string, number>): number {
  return [...calls.values()].reduce((sum, one) => sum + one, 0);
}
