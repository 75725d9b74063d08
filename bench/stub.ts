/**
 * The contact API of the throughput benchmark, in a process of its own: as fast as node:http gets, it reads each body
 * to its end and answers every POST with 201 and a contact. It stores nothing and checks nothing, so that what is
 * measured is the client. GET /_stub/take gives the count and the last time of POSTs since it was last asked.
 * Started by `child.ts`; prints its URL.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PREFIX =
  '{"email":"someone@example.com","external_id":"CRM-1000000","first_name":"Ada","last_name":"Lovelace",' +
  '"tags":["customer","vip"],"is_active":true,"custom_fields":{"plan":"pro","city":"Berlin"},"metadata":{},' +
  '"created_at":"2025-01-01T00:00:00.000Z","updated_at":"2025-01-01T00:00:00.000Z","id":"0b8e2c54-7d1f-4c7e-9a43-';

let total = 0;
let posts = 0;
let lastMs = 0;

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ posts, lastMs }));
    posts = 0;
    return;
  }
  request.resume();
  request.on('end', () => {
    posts++;
    lastMs = Date.now();
    const body = `${PREFIX}${String(++total).padStart(12, '0')}"}`;
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
