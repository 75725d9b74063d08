/** The whole service in one process: triggers, runner and delivery. */
import { untilSignal } from '../src/cli/signals.js';
import { openRowferry } from '../src/index.js';

const rowferry = await openRowferry({ logLevel: 'info' });
try {
  rowferry.log.info({ redis: rowferry.redisPlace }, 'all started');
  const { exitCode } = await untilSignal((signal) => rowferry.serve(signal));
  process.exitCode = exitCode ?? 0;
} finally {
  await rowferry.close();
}
