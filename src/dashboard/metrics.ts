/** Metrics for Prometheus: a page of the dashboard, and of worker processes that are told to listen. */
import { Hono } from 'hono';
import { systemClock } from '../clock.js';
import { EXIT, type Rowferry, RowferryError } from '../index.js';
import { access, checkHost } from './access.js';
import { type Bindings, explain, health, whileRedisAnswers } from './api.js';
import { cannotListen, listen } from './listen.js';

const HOST = '127.0.0.1';

export function metrics(rowferry: Rowferry): Hono<Bindings> {
  return new Hono<Bindings>().use('/metrics', whileRedisAnswers(rowferry)).get('/metrics', async (c) => {
    const { text, type } = await rowferry.metrics();
    return c.body(text, 200, { 'content-type': type, 'cache-control': 'no-store' });
  });
}

/** Delivers batches until `signal` aborts; metrics and health are served meanwhile where ROWFERRY_METRICS_PORT is set. */
export async function deliverWithMetrics(
  rowferry: Rowferry,
  signal: AbortSignal,
  concurrency?: number,
): Promise<void> {
  const { dashboard, dashboardToken, metricsPort } = rowferry.settings;
  if (metricsPort === undefined) return rowferry.deliver(signal, concurrency);
  const { host = HOST } = dashboard;
  checkHost(host, dashboardToken);
  const app = new Hono<Bindings>();
  app.route('/', health(rowferry));
  app.use(access(dashboardToken, systemClock));
  app.route('/', metrics(rowferry));
  app.onError((error, c) => explain(rowferry, error, c));
  const listening = await listen(app, host, metricsPort).catch((error: unknown) => {
    const sentence = cannotListen('The worker', `${host}:${metricsPort}`, error, 'ROWFERRY_METRICS_PORT');
    throw new RowferryError('METRICS_NOT_STARTED', sentence, EXIT.usage);
  });
  rowferry.log.info({ url: `${listening.url}/metrics` }, 'metrics are served');
  try {
    await rowferry.deliver(signal, concurrency);
  } finally {
    await listening.close();
  }
}
