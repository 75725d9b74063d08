/** The whole service in one process: triggers, runner, delivery and dashboard. */
import { start } from '../src/cli/entry.js';
import { serveWithDashboard } from '../src/dashboard/server.js';

await start('all', serveWithDashboard);
