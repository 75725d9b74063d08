/**
 * A destination: is it there, does it take our credentials, does it agree about the time. Asked by a look-up of a contact
 * that nobody has, which changes nothing; an API without look-up has no request that is harmless.
 */
import type { Redis } from 'ioredis';
import { type Clock, pause } from '../clock.js';
import { Pace } from '../delivery/pace.js';
import { makeSender } from '../delivery/send.js';
import { readWaiting } from '../delivery/waiting.js';
import type { ApiAnswer, ApiRequest } from '../destinations/destination.js';
import { type Account, limitsOf } from '../destinations/registry.js';
import { define } from '../redis/scripts.js';
import type { Verdict } from '../verdict.js';
import { fault, ok, type Remark, warning } from './remark.js';

/** `.invalid` is nobody's, by RFC 2606. */
const NOBODY = { email: 'nobody@rowferry.invalid', external_id: 'rowferry-doctor' };
/** Longer than any answer is on its way; Date headers tell whole seconds. */
const FAR_MS = 10_000;
const SLOT_MS = 10_000;
const LOOK_AGAIN_MS = 250;

export interface Asking {
  /** For its place in the account's rate; undefined: there is no Redis, so nobody else sends. */
  redis: Redis | undefined;
  prefix: string;
  clock: Clock;
  timeoutMs: number | undefined;
}

export async function checkDestination(account: Account, asking: Asking): Promise<Remark[]> {
  const { name, destination, options } = account;
  const { origin } = new URL(options.baseUrl);
  const { lookup } = destination;
  let request: ApiRequest | undefined;
  try {
    request = lookup?.request({ ...destination.defaults?.(options), ...NOBODY }, options);
  } catch {
    // It cannot be asked for by these keys alone.
  }
  if (lookup === undefined || request === undefined) {
    return [ok('destination', `${name}: cannot be checked, ${origin} has no request that changes nothing`)];
  }
  const busy = await waitForSlot(account, asking);
  if (busy !== undefined) return [warning('destination', `${name}: not asked, ${busy}`)];

  const { timeoutMs } = limitsOf(account, asking);
  const sender = makeSender({ baseUrl: options.baseUrl, timeoutMs });
  try {
    const sent = await sender.send(request);
    if ('failure' in sent) {
      const mend = `check ${account.setBy.baseUrl ?? 'its base URL'} and the network`;
      return [fault('destination', `${name}: ${origin} cannot be asked: ${sent.failure.message}`, mend)];
    }
    const finding = lookup.read(sent.answer, NOBODY);
    const verdict = finding.kind === 'no_answer' ? finding.verdict : undefined;
    return [judge(account, sent.answer, verdict), ...checkClock(name, sent.answer, asking.clock.now())];
  } finally {
    await sender.destroy();
  }
}

/** Never in the API's own words: they may quote a key. */
function judge(account: Account, { status }: ApiAnswer, verdict: Verdict | undefined): Remark {
  const { name, destination, options, setBy } = account;
  const { origin } = new URL(options.baseUrl);
  const says = `${name}: ${origin} answers HTTP ${status}`;
  switch (verdict?.kind) {
    case undefined:
      return ok('destination', `${name}: ${origin} takes the credentials`);
    case 'refused': {
      const secrets = Object.keys(destination.env).filter((option) => option !== 'baseUrl');
      const settings = secrets.map((option) => setBy[option]).join(' and ') || 'the credentials';
      return fault(
        'destination',
        `${says} and refuses`,
        `check ${settings}, and plan and rights of the account`,
      );
    }
    case 'throttled':
      return warning(
        'destination',
        `${says}: it wants to be asked later`,
        'lower "rate" if it does so often',
      );
    case 'unavailable':
      return warning('destination', `${says}: it is in trouble`, 'runs wait until it is back');
    default:
      return warning(
        'destination',
        `${says}, and not as it is documented`,
        `check ${setBy.baseUrl ?? 'its base URL'}`,
      );
  }
}

export function checkClock(name: string, { headers }: Pick<ApiAnswer, 'headers'>, nowMs: number): Remark[] {
  const apiMs = Date.parse(headers.date ?? '');
  if (Number.isNaN(apiMs)) return [];
  const seconds = Math.round((nowMs - apiMs) / 1000);
  if (Math.abs(nowMs - apiMs) < FAR_MS) return [ok('clock', `agrees with that of ${name}`)];
  const says = `the clock of this machine is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} that of ${name}`;
  return [warning('clock', says, 'let NTP set it; schedules and the moments in reports go by it')];
}

/** Takes a place in the account's rate, so that no run is throttled for our asking; else why there is none. */
async function waitForSlot(
  { id, name, destination }: Account,
  { redis, prefix, clock }: Asking,
): Promise<string | undefined> {
  if (redis === undefined) return undefined;
  const waiting = await readWaiting(redis, prefix, id, name, clock.now());
  if (waiting !== undefined) return waiting.why;
  const pace = new Pace(define(redis), clock, prefix, id, destination.limit);
  await pace.meetClock();
  for (const deadline = clock.monotonic() + SLOT_MS; ; ) {
    const { slots, waitMs } = await pace.ask(1);
    if (slots.length > 0) return undefined;
    if (clock.monotonic() >= deadline) return 'its rate leaves no room at the moment';
    await pause(Math.min(Math.max(1, waitMs), LOOK_AGAIN_MS));
  }
}
