/** Listens for HTTP until it is closed. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Bindings } from './api.js';

/** An upload may take hours, but not be silent for so long. */
const SILENCE_MS = 120_000;
const GRACE_MS = 3_000;

export interface Listening {
  url: string;
  /** Lets answers under way end, for a moment. */
  close(): Promise<void>;
}

/** Rejects with Node's error when it cannot listen there. */
export async function listen(app: Hono<Bindings>, host: string, port: number): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: { requestTimeout: 0 },
  }) as Server;
  server.timeout = SILENCE_MS;
  server.listen(port, host);
  await once(server, 'listening');
  const { address, port: bound, family } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`;
  return { url, close: () => close(server) };
}

/** A sentence for that error. `setting` names another port. */
export function cannotListen(who: string, where: string, error: unknown, setting: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'EADDRINUSE' ? 'another process listens there' : (code ?? message);
  return `${who} cannot listen on ${where}: ${why}. Name another port in ${setting} (0: any free one).`;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(timer);
}
