/** Delivers batches only; start as many as you like, on any machine. */
import { start } from '../src/cli/entry.js';
import { deliverWithMetrics } from '../src/dashboard/metrics.js';

await start('delivery', deliverWithMetrics);
