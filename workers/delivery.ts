/** Delivers batches only; start as many as you like, on any machine. */
import { start } from '../src/cli/entry.js';

await start('delivery', (rowferry, signal) => rowferry.deliver(signal));
