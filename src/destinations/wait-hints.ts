/** How APIs say how long to wait, and what is left of their limit: the headers and body fields that are in use. */
import { type ApiAnswer, jsonBody } from './destination.js';

/** Fields of a body, nested or not, by the milliseconds that one of their units is. */
const BODY_FIELDS: Record<string, number> = {
  retryAfter: 1000,
  retry_after: 1000,
  retryAfterSeconds: 1000,
  retry_after_seconds: 1000,
  retryAfterMs: 1,
  retry_after_ms: 1,
};
const DEEPEST = 4;

const RESETS = ['x-ratelimit-reset-after', 'x-ratelimit-reset', 'x-rate-limit-reset', 'ratelimit-reset'];
const REMAININGS = ['x-ratelimit-remaining', 'x-rate-limit-remaining', 'ratelimit-remaining'];

/**
 * The wait an API announces, in ms: `Retry-After` as seconds or HTTP date, `Retry-After-Ms`, else a "try again in N
 * seconds" in `sentence`, else a field of the body like `retry_after`, else when its limit starts anew. Dates are judged
 * by the API's own Date header, so a wrong local clock does no harm.
 */
export function announcedWait(answer: ApiAnswer, sentence = ''): number | undefined {
  const { 'retry-after': after, 'retry-after-ms': afterMs } = answer.headers;
  if (after !== undefined) {
    if (isNumber(after)) return Number(after) * 1000;
    const waitMs = Date.parse(after) - apiNow(answer);
    if (!Number.isNaN(waitMs)) return Math.max(0, waitMs);
  }
  if (afterMs !== undefined && isNumber(afterMs)) return Number(afterMs);
  const told = /\bin (\d{1,15}(?:\.\d+)?) ?(second|minute|hour)/i.exec(sentence);
  if (told) {
    const unit = { second: 1000, minute: 60_000, hour: 3_600_000 }[told[2]!.toLowerCase()] ?? 1000;
    return Number(told[1]) * unit;
  }
  return inBody(jsonBody(answer), DEEPEST) ?? untilReset(answer);
}

/** What an API says is left of its limit: requests, and the ms until it starts anew. */
export function announcedAllowance(answer: ApiAnswer): { remaining: number; resetMs: number } | undefined {
  const { headers } = answer;
  const name = REMAININGS.find((one) => headers[one] !== undefined);
  const said = name === undefined ? structured(headers.ratelimit, 'r', 'remaining') : headers[name];
  if (said === undefined || !isNumber(said)) return undefined;
  const resetMs = untilReset(answer);
  return resetMs === undefined ? undefined : { remaining: Number(said), resetMs };
}

/** Seconds from now, or a moment in epoch seconds or milliseconds, as its size tells. */
function untilReset(answer: ApiAnswer): number | undefined {
  const { headers } = answer;
  const name = RESETS.find((one) => headers[one] !== undefined);
  const said = name === undefined ? structured(headers.ratelimit, 't', 'reset') : headers[name];
  if (said === undefined || !isNumber(said)) return undefined;
  const reset = Number(said);
  if (reset < 1_000_000_000) return reset * 1000;
  const waitMs = (reset < 100_000_000_000 ? reset * 1000 : reset) - apiNow(answer);
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

/** A parameter of `RateLimit: "default";r=0;t=5`, or of the older `RateLimit: limit=10, remaining=0, reset=5`. */
function structured(header: string | undefined, ...names: readonly string[]): string | undefined {
  return header === undefined
    ? undefined
    : new RegExp(`(?:^|[;,\\s])(?:${names.join('|')})=(\\d+)`).exec(header)?.[1];
}

function inBody(value: unknown, depth: number): number | undefined {
  if (typeof value !== 'object' || value === null || depth === 0) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const unit = Object.hasOwn(BODY_FIELDS, name) ? BODY_FIELDS[name] : undefined;
    if (
      unit !== undefined &&
      (typeof inner === 'number' || typeof inner === 'string') &&
      isNumber(String(inner))
    )
      return Number(inner) * unit;
    const found = inBody(inner, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isNumber(text: string): boolean {
  return /^\s*\d{1,15}(\.\d+)?\s*$/.test(text); // digits without end are no number
}

function apiNow({ headers }: ApiAnswer): number {
  return Date.parse(headers.date ?? '');
}
