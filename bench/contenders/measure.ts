/** What every contender does the same: read its orders, be measured, tell the figures as its last line of stdout. */
import type { Database } from './peer.js';

export interface Orders {
  csv: string;
  rows: number;
  /** Origin of the stub. */
  url: string;
  concurrency: number;
  /** Data dir with a running private Redis; empty for a contender that needs none. */
  dataDir: string;
  /** For those that need one. */
  database?: Database;
}

export interface Measured {
  startedMs: number;
  /** From `startedMs` until the contender was through with everything it does. */
  wholeSeconds: number;
  /** User and system time of the process over the same stretch. */
  cpuSeconds: number;
  /** Of the process in its whole life, the TypeScript loader included. */
  peakRssMb: number;
}

/**
 * Measures `work` from its call of `begin`, once it is connected; what it returns is called afterwards, unmeasured, to
 * clean up.
 */
export async function measure(
  work: (orders: Orders, begin: () => void) => Promise<() => Promise<void>>,
): Promise<void> {
  let cpu = process.cpuUsage();
  let startedMs = Date.now();
  const cleanUp = await work(JSON.parse(process.argv[2] ?? '{}') as Orders, () => {
    cpu = process.cpuUsage();
    startedMs = Date.now();
  });
  const wholeSeconds = (Date.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  const peakRssMb = process.resourceUsage().maxRSS / 1024;
  await cleanUp();
  process.stdout.write(
    `${JSON.stringify({ startedMs, wholeSeconds, cpuSeconds, peakRssMb } satisfies Measured)}\n`,
  );
}
