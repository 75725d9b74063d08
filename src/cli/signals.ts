/** SIGINT and SIGTERM: the first asks for an orderly end, the second ends at once. */
import { EXIT } from '../errors.js';
import { CLEAR } from './progress.js';

/** Rows in flight have ten seconds; what waits for a Redis that is away would wait for ever. */
const END_MS = 20_000;

let told = false;

/** The exit code of a first signal; the second, or too long a time, ends the process wherever it is. */
function heed(name: NodeJS.Signals): number {
  const code = name === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  if (told) process.exit(code);
  told = true;
  setTimeout(() => process.exit(code), END_MS).unref(); // as kill -9: nothing is lost
  return code;
}

/**
 * Calls `body`, which a first signal does not break off: closing, after which a private Redis would be left without
 * anybody who ends it.
 */
export async function unbroken(body: () => Promise<void>): Promise<void> {
  process.on('SIGINT', heed);
  process.on('SIGTERM', heed);
  try {
    await body();
  } finally {
    process.off('SIGINT', heed);
    process.off('SIGTERM', heed);
  }
}

/**
 * Calls `body` with a signal that aborts on SIGINT or SIGTERM, and returns its result with the exit code of the signal,
 * if one came. `awaited`: what a person then waits for.
 */
export async function untilSignal<T>(
  body: (signal: AbortSignal) => Promise<T>,
  awaited = '; rows in flight are awaited',
): Promise<{ result: T; exitCode: number | undefined }> {
  const ending = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    exitCode = heed(name);
    const clear = process.stderr.isTTY ? CLEAR : '';
    process.stderr.write(`${clear}rowferry: ending${awaited} (once more to end at once)\n`);
    ending.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return { result: await body(ending.signal), exitCode };
  } catch (error) {
    // The library knows of no signals: it says "interrupted", which one it was is known here.
    if (exitCode !== undefined) Object.assign(error as object, { exitCode });
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
