/**
 * A server before the sandbox that answers in waves: what the API has said is held back until as many requests wait as
 * may be in flight. How rows come together in groups is then no question of speed.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'undici';
import { onTestFinished } from 'vitest';

export interface Waves {
  url: string;
  /** Requests that came. */
  requests: number;
}

/** `rows`: how many requests there will be; the last wave is as large as what is left. */
export async function inWaves(apiUrl: string, size: number, rows: number): Promise<Waves> {
  const waves: Waves = { url: '', requests: 0 };
  const api = new Client(apiUrl, { pipelining: 10 });
  let held: (() => void)[] = [];
  const hold = (answer: () => void) => {
    held.push(answer);
    const before = waves.requests - held.length;
    if (held.length < Math.min(size, rows - before)) return;
    const wave = held;
    held = [];
    for (const one of wave) one();
  };
  const server = createServer((request, response) => {
    waves.requests++;
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', async () => {
      const key = String(request.headers['x-api-key']);
      const headers = { 'content-type': 'application/json', 'x-api-key': key };
      const answered = await api.request({
        path: request.url!,
        method: request.method as 'POST',
        headers,
        body: Buffer.concat(pieces),
      });
      const body = await answered.body.text();
      hold(() => response.writeHead(answered.statusCode, { 'content-type': 'application/json' }).end(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await api.close();
  });
  waves.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return waves;
}
