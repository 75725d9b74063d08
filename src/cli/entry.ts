/** What every process of the service shares: it opens the data dir, works until a signal, and tells errors as the command line does. */
import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { openRowferry, type Rowferry, type RowferryOptions } from '../index.js';
import { explain } from './explain.js';
import { unbroken, untilSignal } from './signals.js';

/**
 * After the machine was started its Redis may take minutes to load; a command would keep a person waiting, a service
 * keeps nobody. Then it ends all the same, so that whoever watches over it sees that it does not work.
 */
const REDIS_PATIENCE_MS = 300_000;

export const SERVICE: RowferryOptions = { logLevel: 'info', redisPatienceMs: REDIS_PATIENCE_MS };

/** Works until SIGINT or SIGTERM, whose exit code the process gets. */
export async function work(
  name: string,
  rowferry: Rowferry,
  body: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ended = await untilSignal(async (signal) => {
    const { dataDir } = rowferry.settings;
    rowferry.log.info({ dataDir, redis: rowferry.redisPlace }, `${name} started`);
    await body(signal);
  });
  process.exitCode = ended.exitCode ?? 0;
}

/** A process of its own, for `workers/`. */
export async function start(
  name: string,
  body: (rowferry: Rowferry, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    if (existsSync('.env')) loadEnvFile('.env'); // what is set already stays
    const rowferry = await openRowferry(SERVICE);
    try {
      for (const warning of rowferry.warnings) rowferry.log.warn(warning);
      await work(name, rowferry, (signal) => body(rowferry, signal));
    } finally {
      await unbroken(() => rowferry.close());
    }
  } catch (error) {
    process.exitCode = explain(error);
  }
}
