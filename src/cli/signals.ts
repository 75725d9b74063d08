/** SIGINT and SIGTERM: the first asks for an orderly end, the second ends at once. */
import { EXIT } from '../errors.js';
import { CLEAR } from './progress.js';

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
    const code = name === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
    if (exitCode !== undefined) process.exit(code);
    exitCode = code;
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
