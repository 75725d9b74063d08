/** Adds runs: watched folder and schedules. They are worked on by other processes. */
import { untilSignal } from '../src/cli/signals.js';
import { openRowferry } from '../src/index.js';

const rowferry = await openRowferry({ logLevel: 'info' });
try {
  rowferry.log.info({ redis: rowferry.redisPlace }, 'triggers started');
  const { exitCode } = await untilSignal((signal) => rowferry.serve(signal, { parts: ['triggers'] }));
  process.exitCode = exitCode ?? 0;
} finally {
  await rowferry.close();
}
