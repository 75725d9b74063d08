/** Works on enqueued runs; their batches are delivered by other processes. */
import { untilSignal } from '../src/cli/signals.js';
import { openRowferry } from '../src/index.js';

const rowferry = await openRowferry({ logLevel: 'info' });
try {
  rowferry.log.info({ redis: rowferry.redisPlace }, 'runner started');
  const { exitCode } = await untilSignal((signal) => rowferry.serve(signal, { parts: ['runner'] }));
  process.exitCode = exitCode ?? 0;
} finally {
  await rowferry.close();
}
