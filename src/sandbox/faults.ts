/**
 * Which fault meets which request: pure decisions, acted out by `respond.ts`.
 * Two scripts exist: the address itself (`throttle-twice.12@example.com`), and probabilities from a seeded PRNG.
 */
import { isFields } from './contact.js';

/** What the client gets to see of a fault. */
export type Shown =
  | 'throttle-seconds'
  | 'throttle-date'
  | 'throttle-sentence'
  | 'throttle-silent'
  | 'throttle-reset'
  | 'throttle-draft'
  | 'throttle-structured'
  | 'throttle-milliseconds'
  | 'throttle-field'
  | 'error'
  | 'reject'
  | 'refuse'
  | 'quota'
  | 'html'
  | 'empty'
  | 'slow'
  | 'reset'
  | 'drop'
  | 'truncate'
  | 'trickle'
  | 'stall'
  | 'close'
  | 'hang';

export interface Fault {
  /** Under this name it is counted in the statistics. */
  readonly name: string;
  readonly shows: Shown;
  /** Whether the request is carried out before the fault shows. */
  readonly accepts: boolean;
  /** How many requests for one address meet it. */
  readonly times: number;
}

function fault(name: string, shows: Shown, times: number, accepts = false): Fault {
  return { name, shows, times, accepts };
}

const BY_LOCAL_PART: ReadonlyMap<string, Fault> = new Map(
  [
    fault('throttle-once', 'throttle-seconds', 1),
    fault('throttle-twice', 'throttle-seconds', 2),
    fault('throttle-date', 'throttle-date', 1),
    fault('throttle-body', 'throttle-sentence', 1),
    // What other APIs have for a hint; `silent` has none.
    fault('throttle-silent', 'throttle-silent', 1),
    fault('throttle-reset', 'throttle-reset', 1),
    fault('throttle-draft', 'throttle-draft', 1),
    fault('throttle-structured', 'throttle-structured', 1),
    fault('throttle-milliseconds', 'throttle-milliseconds', 1),
    fault('throttle-field', 'throttle-field', 1),
    fault('error-once', 'error', 1),
    fault('error-twice', 'error', 2),
    fault('error-always', 'error', Number.POSITIVE_INFINITY),
    fault('error-after-accept', 'error', 1, true),
    fault('reject', 'reject', Number.POSITIVE_INFINITY),
    fault('refuse', 'refuse', Number.POSITIVE_INFINITY),
    fault('quota', 'quota', Number.POSITIVE_INFINITY),
    fault('reset-once', 'reset', 1),
    fault('drop-after-accept', 'drop', 1, true),
    fault('truncate-after-accept', 'truncate', 1, true),
    // The answer comes in small pieces, stops in its middle, or is the last of its connection without saying so.
    fault('trickle', 'trickle', 1, true),
    fault('stall-after-accept', 'stall', 1, true),
    fault('close', 'close', 1, true),
    fault('hang', 'hang', 1),
    fault('hang-after-accept', 'hang', 1, true),
    fault('html', 'html', 1),
    fault('empty', 'empty', 1),
    fault('slow', 'slow', Number.POSITIVE_INFINITY, true),
  ].map((one) => [one.name, one] as const),
);

const BY_RATE = {
  status500: fault('status500', 'error', 1),
  html502: fault('html502', 'html', 1),
  // As the API documents it, without anything added.
  throttle: fault('throttle', 'throttle-sentence', 1),
  /** Socket destroyed before the write. */
  reset: fault('reset', 'reset', 1),
  /** Written, then socket destroyed: the answer is lost. */
  drop: fault('drop', 'drop', 1, true),
  /** Nothing written, never answered. */
  hang: fault('hang', 'hang', 1),
  /** Written, then half of the JSON body and the socket closed. */
  truncated: fault('truncated', 'truncate', 1, true),
  /** Answered, then the kept-alive connection is closed, perhaps under the next request. */
  close: fault('close', 'close', 1, true),
} as const;

export type RateFault = keyof typeof BY_RATE;

/** Probability (0..1) of each fault for one request that creates one contact; the sum may not exceed 1. */
export type FaultRates = { [Name in RateFault]?: number };

const RATE_FAULTS = Object.keys(BY_RATE) as RateFault[];

// `.12` and `+anything` may follow, so that many rows can use one fault; `slow.jones@…` stays an honest address.
const LOCAL_PART = /^([a-z-]+)(?:\.\d+)?(?:\+[^@]*)?@/i;

/** The fault an address asks for by its local part, whether or not it is used up. */
export function faultOfAddress(email: string): Fault | undefined {
  const name = LOCAL_PART.exec(email)?.[1];
  return name === undefined ? undefined : BY_LOCAL_PART.get(name.toLowerCase());
}

/** The addresses in the body of a creating request; it may be of any shape. */
export function addressesIn(body: unknown): string[] {
  if (!isFields(body)) return [];
  const contacts: unknown[] = Array.isArray(body.contacts) ? body.contacts : [body];
  return contacts.flatMap((one) =>
    isFields(one) && typeof one.email === 'string' && one.email !== '' ? [one.email] : [],
  );
}

/** The fault that a roll of the dice (0 ≤ roll < 1) selects; the order of `BY_RATE` decides the intervals. */
export function faultOfRoll(rates: FaultRates, roll: number): Fault | undefined {
  let edge = 0;
  for (const name of RATE_FAULTS) {
    edge += rates[name] ?? 0;
    if (roll < edge) return BY_RATE[name];
  }
  return undefined;
}

/** Checks rates that came from outside. Returns a sentence when they are wrong. */
export function checkRates(rates: Readonly<Record<string, unknown>>): FaultRates | string {
  const checked: FaultRates = {};
  let sum = 0;
  for (const [name, rate] of Object.entries(rates)) {
    const known = RATE_FAULTS.find((one) => one === name);
    if (known === undefined) return `Unknown fault "${name}"; known are ${RATE_FAULTS.join(', ')}`;
    if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) return `The rate of ${name} must be 0..1`;
    checked[known] = rate;
    sum += rate;
  }
  // A little above 1 is what 0.7 + 0.2 + 0.1 may come to.
  return sum > 1 + 1e-9 ? 'The rates of all faults may not exceed 1 together' : checked;
}

/** mulberry32: a small PRNG whose sequence depends on nothing but the seed. Returns numbers 0 ≤ n < 1. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
