/** One real Redis for all tests that need no server of their own; each test has a key prefix of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openRedis } from '../../src/redis/connection.js';
import { provisionServer } from '../../src/redis/provision.js';

declare module 'vitest' {
  export interface ProvidedContext {
    redisSocket: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rf-shared-'));
  const handle = await openRedis({ dataDir, binary: await provisionServer() });
  project.provide('redisSocket', handle.options.path!);
  return async () => {
    const redis = handle.connect();
    const left = (await redis.keys('*')).filter((key) => !isTombstone(key));
    await handle.close();
    await rm(dataDir, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`tests left keys in Redis: ${left.slice(0, 20).join(', ')}`);
  };
}

/** What stays after a run by design: its tombstone, the account's pace, BullMQ's queue markers. */
function isTombstone(key: string): boolean {
  return /:state$|:pace$|:trouble$|:(id|meta|marker|events|stalled-check|stalled)$/.test(key);
}
