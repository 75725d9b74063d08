/** The HTTP server of the service: health, the API, and pages. */
import { once } from 'node:events';
import { Hono } from 'hono';
import { systemClock } from '../clock.js';
import { EXIT, type Rowferry, RowferryError } from '../index.js';
import { access, checkHost, Failures } from './access.js';
import { api, type Bindings, explain, health } from './api.js';
import { files } from './files.js';
import { cannotListen, listen } from './listen.js';
import { Live } from './live.js';
import { hasLoggedIn, login } from './login.js';
import { metrics } from './metrics.js';
import { assets, pages } from './pages.js';
import { RunIndex } from './run-index.js';
import { Shelf } from './shelf.js';
import { Uploads } from './upload.js';
import { events } from './watch.js';

const HOST = '127.0.0.1';
const USUAL_PORT = 8080;
/** The disk sets a limit, too; this one keeps a sender that never ends from filling it. */
const MOST_BYTES = 10 * 1024 ** 3;
/** Of one check: tens of millions of rows. */
const CHECK_MS = 15 * 60_000;

export interface Dashboard {
  /** Where it answers; undefined: nowhere, as the usual port was taken. */
  url: string | undefined;
  /** Lets answers under way end, for a moment. */
  close(): Promise<void>;
}

export interface DashboardOptions {
  /** The usual port being taken is an error, too. */
  required?: boolean;
  /** Default: 8080. */
  usualPort?: number;
  /** Of one file that is sent here. */
  mostBytes?: number;
  /** A check that takes longer is ended; default: 15 minutes. */
  checkMs?: number;
}

/** Throws a sentence when it would be open to everybody, or cannot listen where it was told to. */
export async function startDashboard(rowferry: Rowferry, options: DashboardOptions = {}): Promise<Dashboard> {
  const { dashboard, dashboardToken } = rowferry.settings;
  const { host = HOST, port } = dashboard;
  const asked = port ?? options.usualPort ?? USUAL_PORT;
  checkHost(host, dashboardToken);
  const app = new Hono<Bindings>();
  app.use(async (c, next) => {
    await next();
    c.header('x-content-type-options', 'nosniff');
  });
  app.route('/', health(rowferry));
  const failures = new Failures(systemClock);
  app.use(
    access({
      token: dashboardToken,
      failures,
      hasLoggedIn: (c) => dashboardToken !== undefined && hasLoggedIn(c, dashboardToken, systemClock),
    }),
  );
  app.route('/', metrics(rowferry));
  app.route('/', assets());
  if (dashboardToken !== undefined) app.route('/', login(dashboardToken, systemClock, failures));
  app.route('/', pages(dashboardToken !== undefined));
  const index = new RunIndex(rowferry);
  const live = new Live(rowferry);
  app.route('/api/events', events(rowferry, index, live));
  const { mostBytes = MOST_BYTES, checkMs = CHECK_MS } = options;
  const shelf = new Shelf(rowferry.settings.dataDir, mostBytes);
  const sent = files(rowferry, shelf, checkMs);
  app.route('/api/files', sent.routes);
  app.route('/api', api(rowferry, index, new Uploads(rowferry, mostBytes, shelf)));
  const { board } = await import('./board.js'); // commands that serve nothing do without it
  const queues = board(rowferry);
  app.route('/', queues.routes);
  app.notFound((c) =>
    c.json({ error: { code: 'NOT_FOUND', message: `There is no ${c.req.path} here.` } }, 404),
  );
  app.onError((error, c) => explain(rowferry, error, c));

  try {
    const { url, close } = await listen(app, host, asked);
    rowferry.log.info({ url }, 'dashboard listens');
    return {
      url,
      async close() {
        live.close();
        sent.close();
        await close();
        await queues.close();
      },
    };
  } catch (error) {
    sent.close();
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const sentence = cannotListen('The service', `${host}:${asked}`, error, 'ROWFERRY_DASHBOARD_PORT');
    if (port !== undefined || options.required || !taken) {
      throw new RowferryError('DASHBOARD_NOT_STARTED', sentence, EXIT.usage);
    }
    rowferry.log.warn(`${sentence} It goes on without.`);
    return { url: undefined, close: async () => {} };
  }
}

/** The whole service in one process, until `signal` aborts. */
export async function serveWithDashboard(
  rowferry: Rowferry,
  signal: AbortSignal,
  options: Parameters<Rowferry['serve']>[1] = {},
): Promise<void> {
  const dashboard = await startDashboard(rowferry);
  try {
    await rowferry.serve(signal, options);
  } finally {
    await dashboard.close();
  }
}

/** The dashboard alone, until `signal` aborts. */
export async function serveDashboard(rowferry: Rowferry, signal: AbortSignal): Promise<void> {
  const dashboard = await startDashboard(rowferry, { required: true });
  if (!signal.aborted) await once(signal, 'abort');
  await dashboard.close();
}
