/** Files that are sent first and started later, below `/api/files`: in between they are checked. */
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import { type Rowferry, RowferryError } from '../index.js';
import type { Bindings } from './api.js';
import { type CheckProgress, Checks } from './checks.js';
import { readParameters } from './parameters.js';
import type { Shelf } from './shelf.js';

const SWEEP_MS = 15 * 60_000;
/** Proxies and the server itself end connections that are silent. */
const SILENCE_MS = 15_000;

export interface Files {
  routes: Hono<Bindings>;
  close(): void;
}

/** `checkMs`: a check that takes longer is ended. */
export function files(rowferry: Rowferry, shelf: Shelf, checkMs: number): Files {
  const checks = new Checks(rowferry, checkMs);
  const sweep = () =>
    void shelf.sweep(Date.now()).catch((error: Error) => {
      rowferry.log.warn({ error: error.message }, 'files that were sent here are not cleared up');
    });
  sweep();
  const timer = setInterval(sweep, SWEEP_MS);
  const routes = new Hono<Bindings>();
  routes.use(async (c, next) => {
    c.header('cache-control', 'no-store');
    await next();
  });

  routes.post('/', async (c) => {
    const { name } = readParameters(new URL(c.req.url).searchParams);
    return c.json(await shelf.put(c.env.incoming, name), 201);
  });

  routes.delete('/:file', async (c) => {
    await shelf.drop(c.req.param('file'));
    return c.body(null, 204);
  });

  routes.post('/:file/check', async (c) => {
    const { name: _, ...options } = readParameters(new URL(c.req.url).searchParams);
    const path = await shelf.find(c.req.param('file'));
    c.header('content-type', 'application/x-ndjson; charset=utf-8');
    c.header('x-accel-buffering', 'no');
    return stream(c, async (out) => {
      const left = new AbortController();
      out.onAbort(() => left.abort());
      let last: object = { event: 'waiting' };
      const say = async (news: object) => {
        last = news;
        await out.write(`${JSON.stringify(news)}\n`);
      };
      const progress = (how: CheckProgress) => void say({ event: 'progress', ...how });
      const again = setInterval(() => void say(last), SILENCE_MS);
      try {
        await say(last);
        const check = await checks.check(path, options, left.signal, progress);
        await say({ event: 'result', ...check });
      } catch (error) {
        await say({ event: 'error', error: told(error as Error, path) });
      } finally {
        clearInterval(again);
      }
    });
  });

  return {
    routes,
    close() {
      clearInterval(timer);
      checks.close();
    },
  };

  function told(error: Error, path: string): { code: string; message: string } {
    if (!(error instanceof RowferryError)) {
      rowferry.log.error({ error: error.stack ?? error.message }, 'check failed');
      return {
        code: 'UNEXPECTED',
        message: 'This should not have happened; the log of the service says more.',
      };
    }
    const name = path.split('/').at(-1)!;
    const message = error.message
      .replaceAll(path, name)
      .replaceAll(rowferry.settings.dataDir, 'the data dir');
    return { code: error.code, message };
  }
}
