/** Turns decisions into bytes: honest answers, and faults acted out on the socket. */
import type { ServerResponse } from 'node:http';
import type { Answer, SandboxApi } from './api.js';
import type { Fault } from './faults.js';

/** Ways to send an answer that is not simply there. */
type Partly = 'truncate' | 'trickle' | 'stall' | 'close';

/** What is done to the client: a whole answer, half of one, or none. */
export type Act =
  | { kind: 'answer' | Partly; answer: Answer; delayMs?: number }
  | { kind: 'reset' | 'drop' | 'hang' };

const SLOW_MS = 300;
const THROTTLE_SECONDS = 1;
const PIECES = 4;
const PIECE_MS = 50;

const BAD_GATEWAY: Answer = {
  status: 502,
  raw: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n',
  headers: { 'content-type': 'text/html' },
};

/** What becomes of a request under a fault. `carryOut` is called only if the fault lets the request through. */
export function underFault(fault: Fault, api: SandboxApi, now: number, carryOut: () => Answer): Act {
  const accepted = fault.accepts ? carryOut() : undefined;
  const answer = (given: Answer, headers?: Record<string, string>): Act => ({
    kind: 'answer',
    answer: headers ? { ...given, headers: { ...given.headers, ...headers } } : given,
  });
  const throttled = api.failure({ kind: 'throttled', seconds: THROTTLE_SECONDS });
  switch (fault.shows) {
    case 'throttle-seconds':
      return answer(throttled, { 'retry-after': String(THROTTLE_SECONDS) });
    case 'throttle-date':
      // HTTP dates have whole seconds: exactly one second after this answer's own Date.
      return answer(throttled, { 'retry-after': new Date(now + THROTTLE_SECONDS * 1000).toUTCString() });
    case 'throttle-sentence':
      return answer(throttled);
    case 'throttle-silent':
      return answer(SILENT);
    case 'throttle-reset':
      return answer(SILENT, { 'x-ratelimit-reset': String(Math.floor(now / 1000) + THROTTLE_SECONDS) });
    case 'throttle-draft':
      return answer(SILENT, { 'ratelimit-remaining': '0', 'ratelimit-reset': String(THROTTLE_SECONDS) });
    case 'throttle-structured':
      return answer(SILENT, { ratelimit: `"default";r=0;t=${THROTTLE_SECONDS}` });
    case 'throttle-milliseconds':
      return answer(SILENT, { 'retry-after-ms': String(THROTTLE_SECONDS * 1000) });
    case 'throttle-field':
      return answer({ status: 429, body: { error: { code: 'slow_down', retry_after: THROTTLE_SECONDS } } });
    case 'error':
      return answer(api.failure({ kind: 'error' }));
    case 'reject':
      return answer(api.failure({ kind: 'rejected' }));
    case 'refuse':
      return answer(api.failure({ kind: 'unauthorized' }));
    case 'quota':
      return answer(api.failure({ kind: 'quota' }));
    case 'html':
      return answer(BAD_GATEWAY);
    case 'empty':
      return answer({ status: 200, raw: '' });
    case 'slow':
      return { kind: 'answer', answer: accepted ?? carryOut(), delayMs: SLOW_MS };
    case 'truncate':
    case 'trickle':
    case 'stall':
    case 'close':
      return { kind: fault.shows, answer: accepted ?? carryOut() };
    case 'reset':
    case 'drop':
    case 'hang':
      return { kind: fault.shows };
  }
}

/** A 429 as a proxy words it that knows nothing of the API. */
const SILENT: Answer = { status: 429, raw: 'Too Many Requests\n', headers: { 'content-type': 'text/plain' } };

type Headers = Record<string, string | number>;

/** Writes an act to the socket. `limits` = the headers of the rate limit, if there is one. */
export function perform(res: ServerResponse, act: Act, now: number, limits: Headers | undefined): void {
  switch (act.kind) {
    case 'answer':
      res.end(writeHead(res, act.answer, now, limits));
      return;
    case 'truncate': {
      const body = Buffer.from(writeHead(res, act.answer, now, limits));
      // Content-Length promises the whole: a client that believes it knows that the answer is broken.
      res.write(body.subarray(0, body.length >> 1), () => res.socket?.destroy());
      return;
    }
    case 'trickle':
      trickle(res, Buffer.from(writeHead(res, act.answer, now, limits)), 0);
      return;
    case 'stall': {
      const body = Buffer.from(writeHead(res, act.answer, now, limits));
      res.write(body.subarray(0, body.length >> 1));
      return;
    }
    case 'close': {
      const { socket } = res;
      res.end(writeHead(res, act.answer, now, limits), () => socket?.destroy());
      return;
    }
    case 'reset':
      res.socket?.resetAndDestroy();
      return;
    case 'drop':
      res.socket?.destroy();
      return;
    case 'hang':
      return;
  }
}

/** The piece at `at`, then the rest. A client that has gone away ends it. */
function trickle(res: ServerResponse, body: Buffer, at: number): void {
  const end = Math.min(body.length, at + Math.ceil(body.length / PIECES));
  if (end === body.length) {
    res.end(body.subarray(at));
    return;
  }
  res.write(body.subarray(at, end));
  setTimeout(() => !res.destroyed && trickle(res, body, end), PIECE_MS);
}

function writeHead(res: ServerResponse, answer: Answer, now: number, limits: Headers | undefined): string {
  // Kept a string: node sends it together with the head in one write.
  const body = answer.raw ?? JSON.stringify(answer.body);
  const headers: Headers = {
    date: httpDate(now),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  };
  res.writeHead(answer.status, Object.assign(headers, limits, answer.headers));
  return body;
}

let datedSecond = Number.NaN;
let dateText = '';

/** The Date header by the sandbox's own clock (which tests inject), formatted once per second. */
function httpDate(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== datedSecond) {
    datedSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
