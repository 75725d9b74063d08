/** The HTTP interface alone; runs are worked on by other processes of the same data dir. */
import { start } from '../src/cli/entry.js';
import { serveDashboard } from '../src/dashboard/server.js';

await start('dashboard', serveDashboard);
