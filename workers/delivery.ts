/** Delivers batches only; start as many as you like, on any machine. */
import { untilSignal } from '../src/cli/signals.js';
import { openRowferry } from '../src/index.js';

const rowferry = await openRowferry({ logLevel: 'info' });
try {
  rowferry.log.info({ redis: rowferry.redisPlace }, 'delivery started');
  const { exitCode } = await untilSignal((signal) => rowferry.deliver(signal));
  process.exitCode = exitCode ?? 0;
} finally {
  await rowferry.close();
}
