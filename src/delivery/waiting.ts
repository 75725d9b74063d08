/** Why nobody sends to an account right now, for those who watch: a few words of ours, kept beside its pace. */
import type { Redis } from 'ioredis';
import { paceKey } from '../redis/keys.js';
import type { Verdict } from '../verdict.js';
import { sayPaused } from './pause.js';

/** Why a run waits. */
export interface Waiting {
  /** E.g. `sendmator does not answer: HTTP 503`. */
  why: string;
  /** When it is tried again, ms since the epoch, in whole seconds; undefined: not known, or right now. */
  untilMs?: number;
}

export type Failure = Extract<Verdict, { kind: 'unavailable' | 'unclear' | 'unreached' }>;

/** What follows the destination's name. Never the API's own words: they may quote a value or a key. */
export function sayFailure(failure: Failure, httpStatus?: number): string {
  if (failure.kind === 'unreached') return `cannot be reached: ${failure.message}`;
  if (httpStatus === undefined) return `does not answer: ${failure.message}`; // a transport error, in our words
  if (failure.kind === 'unavailable') return `does not answer: HTTP ${httpStatus}`;
  return `answers, but with no contact: HTTP ${httpStatus}`;
}

/** Shorter waits are the pace of an API that says often how fast it is. */
const WORTH_TELLING_US = 2_000_000;
/** A circuit that nobody has tried for so long tells of a time when nobody sent. */
const FORGOTTEN_US = 60_000_000;

/** Why the account with this id waits; undefined when it does not. One round trip. `nowMs`: our clock. */
export async function readWaiting(
  redis: Redis,
  prefix: string,
  account: string,
  destination: string,
  nowMs: number,
): Promise<Waiting | undefined> {
  const [fields, time] = (await redis
    .pipeline()
    .hmget(paceKey(prefix, account), 'open_until', 'probe_until', 'said', 'asked_until', 'asked', 'paused')
    .time()
    .exec())!;
  if (fields![0] || time![0]) throw fields![0] ?? time![0];
  const [open, probe, said, askedUntil, asked, paused] = fields![1] as (string | null)[];
  const [seconds, micros] = time![1] as [number, number];
  const now = Number(seconds) * 1_000_000 + Number(micros);
  if (paused) return { why: sayPaused(destination, Number(paused)) };
  if (open && said && now - Math.max(Number(open), Number(probe)) < FORGOTTEN_US) {
    return told(said, Number(open) - now);
  }
  if (asked && Number(askedUntil) - now > WORTH_TELLING_US) return told(asked, Number(askedUntil) - now);
  return undefined;

  function told(words: string, leftUs: number): Waiting {
    const why = `${destination} ${words}`;
    return leftUs > 0 ? { why, untilMs: Math.ceil((nowMs + leftUs / 1000) / 1000) * 1000 } : { why };
  }
}
