/**
 * The contact API of the benchmarks, in a process of its own, as lean as a server gets: it reads each body to its end
 * and answers every POST with 201 and a contact. It checks nothing and is no node:http, which would cost as much as the
 * clients that are measured. GET /_stub/take tells what came since it was last asked. Started by api.ts with its options
 * as JSON; prints its URL.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { StubOptions, Taken } from './api.js';

const PREFIX =
  '{"email":"someone@example.com","external_id":"CRM-1000000","first_name":"Ada","last_name":"Lovelace",' +
  '"tags":["customer","vip"],"is_active":true,"custom_fields":{"plan":"pro","city":"Berlin"},"metadata":{},' +
  '"created_at":"2025-01-01T00:00:00.000Z","updated_at":"2025-01-01T00:00:00.000Z","id":"0b8e2c54-7d1f-4c7e-9a43-';
const CREATED = head('201 Created', PREFIX.length + 14);
const LENGTH = /\r\ncontent-length: *(\d+)/i;
/** As data.ts writes it. */
const ROW = /"external_id":"CRM-(\d+)"/;
const BEFORE_FIRST = 1_000_000;

const { latencyMs = 0, rows = 0 } = JSON.parse(process.argv[2] ?? '{}') as StubOptions;
/** How often each row came, where that is asked for. */
const came = new Uint8Array(rows + 1);

let total = 0;
let since = fresh();
let cpu = process.cpuUsage();

function fresh(): Omit<Taken, 'cpuSeconds'> {
  return { posts: 0, others: 0, firstMs: 0, lastMs: 0, repeated: [] };
}

function head(status: string, length: number): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: keep-alive\r\nkeep-alive: timeout=600\r\ncontent-length: ${length}\r\n\r\n`;
}

function answer(request: string, body: string): string {
  if (request.startsWith('POST')) {
    since.posts++;
    since.lastMs = Date.now();
    since.firstMs ||= since.lastMs;
    if (rows > 0) {
      const row = Number(ROW.exec(body)?.[1]) - BEFORE_FIRST;
      if (++came[row]! > 1) since.repeated.push(row);
    }
    return `${CREATED}${PREFIX}${String(++total).padStart(12, '0')}"}`;
  }
  since.others++;
  return `${head('404 Not Found', 2)}{}`;
}

/** With `keep` the counts go on. */
function taken(keep: boolean): string {
  const { user, system } = process.cpuUsage(cpu);
  const told = JSON.stringify({ ...since, cpuSeconds: (user + system) / 1e6 } satisfies Taken);
  if (!keep) {
    since = fresh();
    cpu = process.cpuUsage();
  }
  return `${head('200 OK', told.length)}${told}`;
}

function serve(socket: Socket): void {
  let read = ''; // bytes, as latin1
  socket.setNoDelay(true);
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  const write = (text: string) => {
    if (!socket.destroyed) socket.write(text, 'latin1');
  };
  socket.on('data', (piece: string) => {
    read += piece;
    for (;;) {
      const end = read.indexOf('\r\n\r\n');
      if (end === -1) return;
      const request = read.slice(0, end);
      const next = end + 4 + Number(LENGTH.exec(request)?.[1] ?? 0);
      if (read.length < next) return;
      const body = rows > 0 ? read.slice(end + 4, next) : '';
      read = read.slice(next);
      if (request.startsWith('GET /_stub/')) write(taken(request.startsWith('GET /_stub/look')));
      else if (latencyMs === 0) write(answer(request, body));
      else setTimeout(write, latencyMs, answer(request, body));
    }
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
