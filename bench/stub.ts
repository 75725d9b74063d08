/**
 * The contact API of the throughput benchmark, in a process of its own, as lean as a server gets: it reads each body to
 * its end and answers every POST with 201 and a contact. It stores nothing and checks nothing and is no node:http, which
 * would cost as much as the clients that are measured. GET /_stub/take gives the count and the last time of POSTs since
 * it was last asked. Started by `child.ts`; prints its URL.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';

const PREFIX =
  '{"email":"someone@example.com","external_id":"CRM-1000000","first_name":"Ada","last_name":"Lovelace",' +
  '"tags":["customer","vip"],"is_active":true,"custom_fields":{"plan":"pro","city":"Berlin"},"metadata":{},' +
  '"created_at":"2025-01-01T00:00:00.000Z","updated_at":"2025-01-01T00:00:00.000Z","id":"0b8e2c54-7d1f-4c7e-9a43-';
const CREATED = head('201 Created', PREFIX.length + 14);
const LENGTH = /\r\ncontent-length: *(\d+)/i;

let total = 0;
let posts = 0;
let lastMs = 0;

function head(status: string, length: number): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: keep-alive\r\nkeep-alive: timeout=600\r\ncontent-length: ${length}\r\n\r\n`;
}

function answer(request: string): string {
  if (request.startsWith('POST')) {
    posts++;
    lastMs = Date.now();
    return `${CREATED}${PREFIX}${String(++total).padStart(12, '0')}"}`;
  }
  const body = JSON.stringify({ posts, lastMs });
  posts = 0;
  return head('200 OK', body.length) + body;
}

function serve(socket: Socket): void {
  let read = ''; // bytes, as latin1
  socket.setNoDelay(true);
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece: string) => {
    read += piece;
    for (;;) {
      const end = read.indexOf('\r\n\r\n');
      if (end === -1) return;
      const request = read.slice(0, end);
      const next = end + 4 + Number(LENGTH.exec(request)?.[1] ?? 0);
      if (read.length < next) return;
      read = read.slice(next);
      socket.write(answer(request), 'latin1');
    }
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
