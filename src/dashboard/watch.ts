/** What pages watch: below `/api/events`. */
import { Hono } from 'hono';
import type { DestinationView, Rowferry } from '../index.js';
import { ADVICE } from '../report/advice.js';
import { runDir } from '../run.js';
import { loadCourse } from '../timeline.js';
import type { Bindings } from './api.js';
import type { Live } from './live.js';
import { type RunIndex, readRunQuery } from './run-index.js';

export function events(rowferry: Rowferry, index: RunIndex, live: Live): Hono<Bindings> {
  const routes = new Hono<Bindings>();

  routes.get('/runs', (c) => {
    const query = readRunQuery(new URL(c.req.url).searchParams);
    return live.stream(c, `runs ${JSON.stringify(query)}`, async () => ({ runs: await index.page(query) }));
  });

  routes.get('/runs/:run', (c) => {
    const run = c.req.param('run');
    return live.stream(c, `run ${run}`, async () => {
      const [view, all] = await Promise.all([rowferry.status(run), destinations(rowferry)]);
      const { moments, reasons } = loadCourse(runDir(rowferry.settings.dataDir, run));
      const destination = all.find(({ name }) => name === view.destination);
      return {
        meanings: ADVICE,
        run: { view, reasons: view.summary?.reasons ?? reasons, destination },
        timeline: moments,
      };
    });
  });

  routes.get('/destinations', (c) =>
    live.stream(c, 'destinations', async () => ({ destinations: await withRequests(rowferry) })),
  );

  routes.get('/schedules', (c) =>
    live.stream(c, 'schedules', async () => ({ schedules: await rowferry.schedules() })),
  );
  return routes;
}

/** A dashboard without any credentials still shows runs. */
async function destinations(rowferry: Rowferry): Promise<DestinationView[]> {
  return rowferry.destinations().catch(() => []);
}

/** With the requests so far of those of its living runs that are ours. */
async function withRequests(rowferry: Rowferry): Promise<(DestinationView & { requests: number })[]> {
  return Promise.all(
    (await rowferry.destinations()).map(async (view) => {
      const runs = await Promise.allSettled(view.runs.map((run) => rowferry.status(run)));
      const requests = runs.map((run) => (run.status === 'fulfilled' ? run.value.progress.requests : 0));
      return { ...view, requests: requests.reduce((sum, one) => sum + one, 0) };
    }),
  );
}
