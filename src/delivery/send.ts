/** Sends one request of a destination over kept-alive connections and says what came of it. */
import { type Dispatcher, Pool } from 'undici';
import type { ApiAnswer, ApiRequest } from '../destinations/destination.js';
import type { Verdict } from '../verdict.js';

export type Sent = { answer: ApiAnswer } | { failure: Extract<Verdict, { kind: 'unreached' | 'unclear' }> };

export interface Sender {
  send(request: ApiRequest): Promise<Sent>;
  /** Ends every connection; requests in flight end as unclear. */
  destroy(): Promise<void>;
}

export interface SenderOptions {
  baseUrl: string;
  connections: number;
  /** Silence after which an attempt counts as unclear: before the headers, and between two pieces of the body. */
  timeoutMs: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** More than any contact API says about one contact; the rest is not read. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export function makeSender(options: SenderOptions): Sender {
  const base = new URL(options.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    connections: options.connections,
    pipelining: 1,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });

  function send(request: ApiRequest): Promise<Sent> {
    return new Promise((resolve) => {
      // Once undici has begun to write, the API may have heard us, whatever goes wrong later.
      let begun = false;
      let status = 0;
      let headers: Record<string, string> = {};
      let size = 0;
      let deadline: NodeJS.Timeout | undefined;
      const pieces: Buffer[] = [];
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {
          begun = true;
        },
        onResponseStart(controller, statusCode, received) {
          // An answer that trickles keeps every silence short: as a whole it has its limit, too.
          deadline = setTimeout(
            () => controller.abort(new Error('the answer took too long')),
            options.timeoutMs,
          );
          status = statusCode;
          headers = flat(received);
        },
        onResponseData(controller, piece) {
          size += piece.length;
          if (size > MAX_ANSWER_BYTES) controller.abort(new Error('the answer is larger than 1 MB'));
          else pieces.push(piece);
        },
        onResponseEnd() {
          clearTimeout(deadline);
          const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
          resolve({ answer: { status, headers, body: body.toString('utf8') } });
        },
        onResponseError(_controller, error) {
          clearTimeout(deadline);
          const message = describe(error);
          resolve({ failure: { kind: begun ? 'unclear' : 'unreached', message } });
        },
      };
      try {
        pool.dispatch(
          {
            method: request.method,
            path: prefix + request.path,
            headers: request.headers,
            ...(request.body === undefined ? {} : { body: request.body }),
          },
          handler,
        );
      } catch (error) {
        resolve({ failure: { kind: 'unreached', message: describe(error as Error) } });
      }
    });
  }

  return { send, destroy: () => pool.destroy() };
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
      return error.code ? `${error.code.toLowerCase()}` : error.message;
  }
}
