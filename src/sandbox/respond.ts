/** Turns decisions into bytes: honest answers, and faults acted out on the socket. */
import type { ServerResponse } from 'node:http';
import type { Answer, SandboxApi } from './api.js';
import type { Fault } from './faults.js';

/** What is done to the client: a whole answer, half of one, or none. */
export type Act =
  | { kind: 'answer' | 'truncate'; answer: Answer; delayMs?: number }
  | { kind: 'reset' | 'drop' | 'hang' };

const SLOW_MS = 300;
const THROTTLE_SECONDS = 1;

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
      return { kind: 'truncate', answer: accepted ?? carryOut() };
    case 'reset':
    case 'drop':
    case 'hang':
      return { kind: fault.shows };
  }
}

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
