/** Where a case is sat: a server on loopback that plays one answer, and the sender rowferry itself delivers with. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeSender, type Sent } from '../delivery/send.js';
import type { ApiRequest } from '../destinations/destination.js';
import type { FixtureAnswer } from './fixtures.js';
import { problem } from './judge.js';

/** What the server does once it has heard the whole request. */
export type Play =
  | { do: 'answer'; answer: FixtureAnswer }
  /** The start of the answer, then the connection ends. */
  | { do: 'break off'; answer: FixtureAnswer }
  | { do: 'reset' }
  | { do: 'hang' };

export interface Received {
  method: string;
  /** Below the base URL. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Exchange {
  request: ApiRequest;
  received: Received;
  sent: Sent;
}

/** A path before the API's own, as a proxy may ask for: a request must stay below it. */
const PREFIX = '/proxy';
/** Never reached: every play but `hang` ends by itself. */
const PATIENCE_MS = 120_000;

/**
 * Sends what `request` makes for an account at the room's address. Rejects with a problem when the request could not be
 * sent, or arrived as another than it was made. For `hang` the client gives up after `timeoutMs`.
 */
export async function exchange(
  play: Play,
  request: (baseUrl: string) => ApiRequest,
  timeoutMs = PATIENCE_MS,
): Promise<Exchange> {
  let received: Received | undefined;
  const server = createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      received = { method, path: url.slice(PREFIX.length), headers, body: Buffer.concat(pieces) };
      perform(play, response);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`;
  const sender = makeSender({ baseUrl, timeoutMs });
  try {
    const made = request(baseUrl);
    const sent = await sender.send(made);
    if (received === undefined) {
      // A client that gives up early may do so before this server has read the request.
      if (play.do === 'hang') {
        return { request: made, sent, received: { ...made, headers: {}, body: Buffer.alloc(0) } };
      }
      const why = 'failure' in sent ? sent.failure.message : 'nothing arrived';
      throw problem(
        `a request that can be sent as ${made.method} ${made.path}`,
        `the client could not send it (${why})`,
        'encode what goes into path and headers: encodeURIComponent, URLSearchParams',
      );
    }
    compare(made, received);
    return { request: made, received, sent };
  } finally {
    await sender.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The bytes of a fixture's body. */
export function bodyOf({ body }: FixtureAnswer): string {
  return body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
}

export function headersOf({ headers = {}, body }: FixtureAnswer): Record<string, string> {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, v]) => [name.toLowerCase(), v]));
  return body === undefined ? lower : { 'content-type': 'application/json', ...lower };
}

function perform(play: Play, response: ServerResponse): void {
  if (play.do === 'hang') return;
  if (play.do === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const body = Buffer.from(bodyOf(play.answer));
  // Waits are judged by the API's own clock, so the only Date is the fixture's.
  response.sendDate = false;
  if (play.do === 'answer') {
    response.writeHead(play.answer.status, headersOf(play.answer));
    response.end(body);
    return;
  }
  response.writeHead(play.answer.status, { ...headersOf(play.answer), 'content-length': body.length + 2 });
  response.write(` ${body.subarray(0, body.length / 2)}`, () => response.socket?.destroy());
}

function compare(made: ApiRequest, received: Received): void {
  const check = (what: string, expected: unknown, came: unknown) => {
    if (expected === came) return;
    throw problem(
      `${what} ${JSON.stringify(expected)} to arrive as the request has it`,
      `${JSON.stringify(came)} arrived`,
      `make ${what} of ASCII characters that HTTP can carry, with the path starting with "/"`,
    );
  };
  check('method', made.method, received.method);
  check('path', made.path, received.path);
  for (const [name, value] of Object.entries(made.headers)) {
    check(`header ${name}`, value, received.headers[name.toLowerCase()]);
  }
  check('body', made.body ?? '', received.body.toString('utf8'));
}
