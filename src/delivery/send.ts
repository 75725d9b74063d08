/** Sends one request of a destination over kept-alive connections and says what came of it. */
import { type ApiRequest, RESERVED_HEADERS } from '../destinations/destination.js';
import { Connection, type Peer, type Sent, type Written } from './connection.js';

export type { Sent } from './connection.js';

export interface Sender {
  /**
   * Sends at once, over an idle connection or a new one: how many are under way is the caller's business. `begun` is
   * called when it begins to be written, which on a new connection is later.
   */
  send(request: ApiRequest, begun?: () => void): Promise<Sent>;
  /** Ends every connection; requests in flight end as unclear. */
  destroy(): Promise<void>;
}

export interface SenderOptions {
  baseUrl: string;
  /** Silence after which an attempt counts as unclear: before the answer, and between two pieces of it, ms. */
  timeoutMs: number;
}

const NO_NAME = /[^!#$%&'*+\-.^_`|~\w]|^$/;
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NO_PATH = /[^\x21-\x7e\x80-\xff]/;

export function makeSender({ baseUrl, timeoutMs }: SenderOptions): Sender {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const secure = base.protocol === 'https:';
  const connections = new Set<Connection>();
  /** The one that was used last is used next: what is not needed grows old. */
  const idle: Connection[] = [];
  let destroyed = false;
  const peer: Peer = {
    host: base.hostname.replace(/^\[|\]$/g, ''),
    port: Number(base.port || (secure ? 443 : 80)),
    secure,
    timeoutMs,
    idle: (connection) => idle.push(connection),
    gone(connection) {
      connections.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
    },
  };

  function connect(): Connection {
    const connection = new Connection(peer);
    connections.add(connection);
    return connection;
  }

  function kept(): Connection | undefined {
    for (;;) {
      const connection = idle.pop();
      if (!connection?.isStale) return connection;
      connection.lose('');
    }
  }

  return {
    send: (request, begun) =>
      new Promise((resolve) => {
        const written = destroyed ? 'connections are closed' : write(request, base.host, prefix);
        if (typeof written === 'string') resolve({ failure: { kind: 'unreached', message: written } });
        else (kept() ?? connect()).send(written, begun, resolve);
      }),
    async destroy() {
      destroyed = true;
      const all = [...connections];
      for (const connection of all) connection.lose('connection closed before the answer was complete');
      await Promise.all(all.map(({ closed }) => closed));
    },
  };
}

/** What is sent, or why HTTP cannot carry it. */
function write(
  { method, path, headers, body: given }: ApiRequest,
  host: string,
  prefix: string,
): Written | string {
  const body = given ?? '';
  if (typeof body !== 'string') return 'the body of the request is no text';
  const target = prefix + path;
  if (!target.startsWith('/') || NO_PATH.test(target)) return 'the path of the request is none';
  let lines = '';
  let named = false;
  for (const name in headers) {
    if (headers[name] === undefined) continue; // as destinations without types may have it
    const value = String(headers[name]);
    if (NO_NAME.test(name) || NO_VALUE.test(value))
      return `header ${JSON.stringify(name)} has what HTTP cannot carry`;
    const lower = name.toLowerCase();
    if (RESERVED_HEADERS.has(lower)) return `header ${JSON.stringify(name)} is not for a destination to set`;
    named ||= lower === 'host';
    lines += `${name}: ${value}\r\n`;
  }
  const length = Buffer.byteLength(body); // as many as characters where all are ASCII
  if (length > 0 || (method !== 'GET' && method !== 'DELETE')) lines += `content-length: ${length}\r\n`;
  const first = `${method} ${target} HTTP/1.1\r\n`;
  const head = `${first}${named ? '' : `host: ${host}\r\n`}connection: keep-alive\r\n${lines}\r\n`;
  if (length === body.length) return { data: head + body, encoding: 'latin1' };
  if (Buffer.byteLength(head) === head.length) return { data: head + body, encoding: 'utf8' };
  return { data: Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]) };
}
