/** BullMQ's own board at `/queues`, for operators: it shows, and changes nothing. */
import { createBullBoard } from '@bull-board/api';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import type { Rowferry } from '../index.js';
import type { Bindings } from './api.js';

const PLACE = '/queues';

/** Its own scripts and styles, of which some stand in the page; nothing from another place. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

export interface Board {
  routes: Hono<Bindings>;
  close(): Promise<void>;
}

export function board(rowferry: Rowferry): Board {
  let opened: ReturnType<typeof open> | undefined;

  async function open() {
    const queues = await rowferry.showQueues();
    const server = new HonoAdapter(serveStatic).setBasePath(PLACE);
    createBullBoard({
      queues: queues.adapters,
      serverAdapter: server,
      options: { uiConfig: { boardTitle: 'rowferry queues', boardLogo: { path: '' } } },
    });
    return { app: new Hono().route(PLACE, server.registerPlugin()), close: queues.close };
  }

  const routes = new Hono<Bindings>();
  routes.use(`${PLACE}/*`, async (c, next) => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      const message = 'The queues are shown here, and not changed.';
      return c.json({ error: { code: 'READ_ONLY', message } }, 405);
    }
    await next();
    c.header('content-security-policy', POLICY);
    c.header('referrer-policy', 'no-referrer');
  });
  routes.all(`${PLACE}/*`, async (c) => {
    opened ??= open();
    return (await opened).app.fetch(c.req.raw);
  });
  routes.all(PLACE, (c) => c.redirect(`${PLACE}/`, 302));
  return {
    routes,
    async close() {
      await (await opened)?.close();
    },
  };
}
