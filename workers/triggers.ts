/** Adds runs: watched folder and schedules. They are worked on by other processes. */
import { start } from '../src/cli/entry.js';

await start('triggers', (rowferry, signal) => rowferry.serve(signal, { parts: ['triggers'] }));
