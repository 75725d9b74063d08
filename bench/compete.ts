/**
 * One contender, once: in a process of its own, on the same stub and the same file, with a Redis of its own that is new.
 * The stub counts what arrives: a contender whose POSTs are not as many as the rows fails the benchmark.
 */
import { accountEnv, type Stub } from './api.js';
import { cleanEnv, resultOf, startEntry } from './child.js';
import type { Measured, Orders } from './contenders/measure.js';
import type { Database } from './contenders/peer.js';
import { type Durability, startRedis } from './redis.js';
import type { Column, Figures } from './scenario.js';

/** The files in `contenders/` that say what each of them is. */
export type Contender = 'loop' | 'best' | 'job-per-row' | 'rowferry' | 'graphile-worker' | 'pg-boss';
const ON_REDIS: readonly Contender[] = ['job-per-row', 'rowferry'];

const IN_FLIGHT = 50;
export const IN_FLIGHT_TOLD = `${IN_FLIGHT} requests in flight`;

/**
 * `delivered`: from its first step until the last row is at the API. `whole`: until the contender is through, rowferry
 * with its report.
 */
export const COLUMNS = {
  delivered: { key: 'delivered', title: 'delivered/s', spread: true, ratio: true },
  whole: { key: 'whole', title: 'whole/s', spread: true, ratio: true },
  cpu: { key: 'cpu', title: 'CPU s', digits: 2 },
  cpuPerRow: { key: 'cpuPerRow', title: 'CPU µs/row', digits: 1, ratio: true },
  redisCpu: { key: 'redisCpu', title: 'Redis CPU s', digits: 2 },
  stubCpu: { key: 'stubCpu', title: 'stub CPU s', digits: 2 },
  rss: { key: 'rss', title: 'RSS MB' },
  redisPeak: { key: 'redisPeak', title: 'Redis MB', digits: 1 },
  requests: { key: 'requests', title: 'requests/row', digits: 3 },
  commands: { key: 'commands', title: 'Redis commands/row', digits: 3 },
} as const satisfies Record<string, Column>;

export async function compete(
  name: Contender,
  stub: Stub,
  file: { csv: string; rows: number },
  { durability, database }: { durability?: Durability; database?: Database } = {},
): Promise<Figures> {
  const redis = ON_REDIS.includes(name) ? await startRedis(durability) : undefined;
  try {
    const before = await redis?.cost();
    await stub.take();
    const own = { dataDir: redis?.dataDir ?? '', ...(database && { database }) };
    const orders: Orders = { ...file, url: stub.url, concurrency: IN_FLIGHT, ...own };
    const env = cleanEnv(accountEnv(stub.url));
    const told = (await resultOf(
      startEntry(`./contenders/${name}.ts`, [JSON.stringify(orders)], env),
    )) as Measured;
    const came = await stub.take();
    if (came.posts !== file.rows)
      throw new Error(`${name}: ${came.posts} requests reached the stub for ${file.rows} rows`);
    const after = await redis?.cost();
    return {
      delivered: file.rows / ((came.lastMs - told.startedMs) / 1000),
      whole: file.rows / told.wholeSeconds,
      cpu: told.cpuSeconds,
      cpuPerRow: (told.cpuSeconds * 1e6) / file.rows,
      rss: told.peakRssMb,
      stubCpu: came.cpuSeconds,
      requests: (came.posts + came.others) / file.rows,
      redisCpu: after && after.cpuSeconds - before!.cpuSeconds,
      redisPeak: after?.peakMb,
      commands: after && (after.commands - before!.commands) / file.rows,
    };
  } finally {
    await redis?.close();
  }
}
