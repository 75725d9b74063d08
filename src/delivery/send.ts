/** Sends one request of a destination over kept-alive connections and says what came of it. */
import { buildConnector, Client, type Dispatcher } from 'undici';
import { certificateFault } from '../certificate.js';
import type { ApiAnswer, ApiRequest } from '../destinations/destination.js';
import type { Verdict } from '../verdict.js';

export type Sent = { answer: ApiAnswer } | { failure: Extract<Verdict, { kind: 'unreached' | 'unclear' }> };

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
  /** Silence after which an attempt counts as unclear: before the headers, and between two pieces of the body. */
  timeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** More than any contact API says about one contact; the rest is not read. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export function makeSender({ baseUrl, timeoutMs }: SenderOptions): Sender {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  // One for all: they share their TLS sessions. Certificates are checked whatever the environment says.
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, rejectUnauthorized: true });
  // A client is one connection. undici's Pool would choose one for every request, which costs as much as the request.
  const clients: Client[] = [];
  const idle: Client[] = [];

  function freeClient(): Client {
    const free = idle.pop();
    if (free) return free;
    const client = new Client(base.origin, {
      connect,
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    clients.push(client);
    return client;
  }

  function send({ method, path, headers, body }: ApiRequest, begun?: () => void): Promise<Sent> {
    return new Promise((resolve) => {
      const client = freeClient();
      const exchange = new Exchange(timeoutMs, begun, (sent) => {
        idle.push(client);
        resolve(sent);
      });
      // Whatever goes wrong, here or later, undici tells the exchange.
      client.dispatch(
        { method, path: prefix + path, headers, ...(body === undefined ? {} : { body }) },
        exchange,
      );
    });
  }

  return {
    send,
    async destroy() {
      await Promise.all(clients.map((client) => client.destroy()));
    },
  };
}

/** One request and its answer, as undici tells of them. */
class Exchange implements Dispatcher.DispatchHandler {
  /** Once undici has begun to write, the API may have heard us, whatever goes wrong later. */
  private begun = false;
  private status = 0;
  private headers: Record<string, string> = {};
  private size = 0;
  private deadline: NodeJS.Timeout | undefined;
  private readonly pieces: Buffer[] = [];

  constructor(
    private readonly timeoutMs: number,
    private readonly begins: (() => void) | undefined,
    private readonly done: (sent: Sent) => void,
  ) {}

  onRequestStart(): void {
    this.begun = true;
    this.begins?.();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.status = status;
    this.headers = flat(headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.size += piece.length;
    if (this.size > MAX_ANSWER_BYTES) {
      controller.abort(new Error('the answer is larger than 1 MB'));
      return;
    }
    this.pieces.push(piece);
    // An answer that trickles keeps every silence short: from its second piece on it has a limit as a whole, too.
    if (this.pieces.length === 2) {
      const tooLong = () => controller.abort(new Error('the answer took too long'));
      this.deadline = setTimeout(tooLong, this.timeoutMs);
    }
  }

  onResponseEnd(): void {
    clearTimeout(this.deadline);
    const { status, headers, pieces } = this;
    const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    this.done({ answer: { status, headers, body: body.toString('utf8') } });
  }

  onResponseError(_controller: unknown, error: Error): void {
    clearTimeout(this.deadline);
    this.done({ failure: { kind: this.begun ? 'unclear' : 'unreached', message: describe(error) } });
  }
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) result[name] = Array.isArray(value) ? value.at(-1)! : value;
  }
  return result;
}

/** A transport error in words, without anything that was sent. */
function describe(error: Error & { code?: string }): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'host name not found';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'connection broken before the answer was complete';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'no connection within the time limit';
    case 'UND_ERR_HEADERS_TIMEOUT':
      return 'no answer within the time limit';
    case 'UND_ERR_BODY_TIMEOUT':
      return 'the answer stopped half way';
    default:
      return certificateFault(error.code) ?? (error.code ? error.code.toLowerCase() : error.message);
  }
}
