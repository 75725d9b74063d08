/** The service over HTTP: what the command line does with runs, for other machines and for pages. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { EXIT, type Rowferry, RowferryError } from '../index.js';
import { loadPlan } from '../run.js';
import { readParameters } from './parameters.js';
import { PATIENCE_MS } from './patience.js';
import { readRowQuery } from './row-query.js';
import { type RunIndex, readRunQuery } from './run-index.js';
import type { Uploads } from './upload.js';

export type Bindings = { Bindings: HttpBindings };

const REPORT_FILES: Record<string, string> = {
  'summary.json': 'application/json; charset=utf-8',
  'outcomes.csv': 'text/csv; charset=utf-8',
  'failed.csv': 'text/csv; charset=utf-8',
  'skipped.csv': 'text/csv; charset=utf-8',
  'report.html': 'text/html; charset=utf-8',
};

const REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Whether the process lives, and whether it can work: for whoever watches over it, without a token. */
export function health(rowferry: Rowferry): Hono<Bindings> {
  return new Hono<Bindings>()
    .get('/healthz', (c) => c.json({ ok: true }))
    .get('/readyz', async (c) => {
      const ok = await rowferry.answers(PATIENCE_MS);
      return c.json({ ok }, ok ? 200 : 503);
    });
}

/** Commands wait for a Redis that is away; whoever asks over HTTP should not. */
export function whileRedisAnswers(rowferry: Rowferry): MiddlewareHandler<Bindings> {
  return async (_c, next) => {
    if (await rowferry.answers(PATIENCE_MS)) return next();
    throw new RowferryError(
      'REDIS_AWAY',
      'Redis does not answer at the moment; try again later.',
      EXIT.noRedis,
    );
  };
}

/** Below `/api`. */
export function api(rowferry: Rowferry, index: RunIndex, uploads: Uploads): Hono<Bindings> {
  const routes = new Hono<Bindings>();
  routes.use(async (c, next) => {
    c.header('cache-control', 'no-store');
    await next();
  });
  routes.use(whileRedisAnswers(rowferry));

  routes.get('/runs', async (c) => c.json(await index.page(readRunQuery(new URL(c.req.url).searchParams))));

  routes.post('/runs', async (c) => {
    const { file, ...options } = readParameters(new URL(c.req.url).searchParams);
    const added =
      file === undefined
        ? await uploads.take(c.env.incoming, options, c.req.header('idempotency-key'))
        : await uploads.start(file, options);
    c.header('location', `/api/runs/${added.run}`);
    return c.json(added, added.repeated ? 200 : 201);
  });

  routes.get('/runs/:run', async (c) => c.json(await rowferry.status(c.req.param('run'))));

  routes.post('/runs/:run/cancel', async (c) => {
    const run = c.req.param('run');
    await rowferry.enqueueCancel(run);
    return c.json({ run }, 202);
  });

  routes.post('/runs/:run/resume', async (c) => {
    const run = c.req.param('run');
    await rowferry.handOver(run);
    return c.json({ run }, 202);
  });

  routes.post('/runs/:run/retry', async (c) => {
    let warnings: string[] = [];
    const started = (_plan: unknown, told: string[]) => {
      warnings = told;
    };
    const run = await rowferry.enqueueRetry(c.req.param('run'), { started });
    c.header('location', `/api/runs/${run}`);
    return c.json({ run, warnings }, 201);
  });

  routes.get('/destinations', async (c) => c.json({ destinations: await rowferry.destinations() }));

  routes.post('/destinations/:name/pause', async (c) =>
    c.json(await rowferry.pauseDestination(c.req.param('name'))),
  );

  routes.post('/destinations/:name/resume', async (c) =>
    c.json(await rowferry.resumeDestination(c.req.param('name'))),
  );

  routes.get('/schedules', async (c) => c.json({ schedules: await rowferry.schedules() }));

  routes.post('/schedules/:sync/run', async (c) =>
    c.json(await rowferry.enqueueSync(c.req.param('sync')), 201),
  );

  routes.get('/runs/:run/rows', async (c) =>
    c.json(await rowferry.rows(c.req.param('run'), readRowQuery(new URL(c.req.url).searchParams))),
  );

  routes.get('/runs/:run/report', async (c) => c.json(await rowferry.report(c.req.param('run'))));

  routes.get('/runs/:run/report/:file', (c) =>
    reportFile(c, rowferry, c.req.param('run'), c.req.param('file')),
  );
  return routes;
}

async function reportFile(c: Context, rowferry: Rowferry, run: string, file: string): Promise<Response> {
  const type = REPORT_FILES[file];
  const { reportDir } = loadPlan(rowferry.settings.dataDir, run);
  const path = join(reportDir, run, type === undefined ? '' : file);
  const info = await stat(path).catch(() => undefined);
  if (type === undefined || !info?.isFile()) {
    const sentence = `Run ${run} has no ${type ? file : 'such file'} in its report (yet); there may be: ${Object.keys(REPORT_FILES).join(', ')}.`;
    throw new RowferryError('NO_REPORT', sentence, EXIT.usage);
  }
  // No longer than it is now: its length is told before.
  const body = Readable.toWeb(createReadStream(path, { end: Math.max(0, info.size - 1) }));
  return c.body(info.size === 0 ? '' : (body as ReadableStream), 200, {
    'content-type': type,
    'content-length': String(info.size),
    // The page of a report has no script, and may run none: it is looked at as it is.
    ...(file === 'report.html'
      ? { 'content-security-policy': REPORT_POLICY }
      : { 'content-disposition': `attachment; filename="${run}-${file}"` }),
  });
}

const NOT_THERE = new Set(['RUN_UNKNOWN', 'RUN_ID_MALFORMED', 'NO_REPORT', 'FILE_UNKNOWN']);
const NOT_NOW = new Set([
  'SYNC_BUSY',
  'SYNC_HELD',
  'RUN_OVER',
  'RUN_ALIVE',
  'RUN_EXISTS',
  'NOTHING_TO_RETRY',
  'UPLOADS_FULL',
]);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** What a person needs to know, as JSON; what should not happen goes to the log alone. */
export function explain(rowferry: Rowferry, error: Error, c: Context): Response {
  const { code = '', message } = error as NodeJS.ErrnoException;
  // Where things lie on this machine is nothing to whoever asks from another.
  const told = message.replaceAll(rowferry.settings.dataDir, 'the data dir');
  if (error instanceof RowferryError) return say(statusOf(error), error.code, told);
  if (FULL.has(code)) return say(507, 'DISK_FULL', 'The disk of the service is full; nothing was added.');
  if (c.env.incoming.readableAborted)
    return say(400, 'UPLOAD_BROKEN', 'The connection was lost; nothing was added.');
  rowferry.log.error({ error: error.stack ?? message }, 'request failed');
  return say(500, 'UNEXPECTED', 'This should not have happened; the log of the service says more.');

  function say(status: ContentfulStatusCode, code: string, message: string): Response {
    return c.json({ error: { code, message } }, status);
  }
}

function statusOf({ code, exitCode }: RowferryError): ContentfulStatusCode {
  if (NOT_THERE.has(code)) return 404;
  if (NOT_NOW.has(code)) return 409;
  if (code === 'SOURCE_TOO_LARGE') return 413;
  if (code === 'KEY_REUSED') return 422;
  if (exitCode === EXIT.noRedis) return 503;
  return exitCode === EXIT.usage ? 400 : 500;
}
