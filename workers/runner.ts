/** Works on enqueued runs; their batches are delivered by other processes. */
import { start } from '../src/cli/entry.js';

await start('runner', (rowferry, signal) => rowferry.serve(signal, { parts: ['runner'] }));
