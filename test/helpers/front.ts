/** A server before the sandbox that may answer in its place: limits and outages that the sandbox has no words for. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Answered {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** What is said of a request: an answer of its own, or headers to be added to that of the sandbox. */
export type Said = Answered | { added: Record<string, string> } | undefined;

/**
 * `say` is asked as soon as a request is there; its own answers go out when all that went to the sandbox before is
 * answered. The URL, in place of the sandbox's.
 */
export async function frontOf(sandboxUrl: string, say: () => Said): Promise<string> {
  const forwarded = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const said = say();
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (said && 'status' in said) {
        const { status, headers, body } = said;
        void Promise.all(forwarded).then(() => response.writeHead(status, headers).end(body ?? ''));
        return;
      }
      const { method = 'GET', url = '/', headers } = request;
      const body = method === 'GET' ? undefined : Buffer.concat(pieces);
      const answered = fetch(sandboxUrl + url, { method, headers: kept(headers), ...(body && { body }) })
        .then(async (answer) => {
          const type = { 'content-type': 'application/json', date: answer.headers.get('date') ?? '' };
          response.writeHead(answer.status, { ...type, ...said?.added }).end(await answer.text());
        })
        .catch(() => void response.destroy())
        .finally(() => forwarded.delete(answered));
      forwarded.add(answered);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function kept(headers: IncomingHttpHeaders): Record<string, string> {
  const names = ['x-api-key', 'authorization', 'content-type'];
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}
