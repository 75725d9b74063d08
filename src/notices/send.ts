/** One attempt to hand a notice over. What goes wrong is told without addresses: URLs and answers may hold secrets. */
import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Channel } from '../config/notifications.js';
import { userOf, withoutUser } from '../sources/fetch.js';
import { VERSION } from '../version.js';
import { sendMail } from './mail.js';
import type { Notice, Sent } from './notice.js';
import { slackText } from './text.js';

/** For all of an attempt. */
const MAX_MS = 15_000;
const CONNECT_MS = 10_000;
const LONGEST_ANSWER = 64 * 1024;

export interface Sending {
  clock: Clock;
  signal: AbortSignal;
}

/** Never rejects. */
export async function send(channel: Channel, to: string, notice: Notice, around: Sending): Promise<Sent> {
  const late = AbortSignal.timeout(MAX_MS);
  const signal = AbortSignal.any([around.signal, late]);
  try {
    if (channel.kind === 'email') return await sendMail(channel, to, notice, signal);
    return await post(channel, notice, { ...around, signal });
  } catch (error) {
    const { code, name } = error as Error & { code?: string };
    return { taken: false, why: late.aborted ? `no answer within ${MAX_MS / 1000} s` : String(code ?? name) };
  }
}

async function post(
  channel: Exclude<Channel, { kind: 'email' }>,
  notice: Notice,
  { clock, signal }: Sending,
): Promise<Sent> {
  const body = JSON.stringify(channel.kind === 'slack' ? { text: slackText(notice) } : notice);
  const secret = channel.kind === 'webhook' ? channel.secret : undefined;
  const url = new URL(channel.url);
  const { Agent, request } = await import('undici'); // not before: it takes its time to load
  const agent = new Agent({ connect: { rejectUnauthorized: true, timeout: CONNECT_MS } });
  try {
    // Redirects are not followed: what is signed is for one receiver.
    const answer = await request(withoutUser(url), {
      dispatcher: agent,
      method: 'POST',
      signal,
      headersTimeout: MAX_MS,
      bodyTimeout: MAX_MS,
      headers: {
        'content-type': 'application/json',
        'user-agent': `rowferry/${VERSION}`,
        'rowferry-notice-id': notice.id,
        ...userOf(url),
        ...(secret === undefined ? {} : { 'rowferry-signature': signature(secret, body, clock.now()) }),
      },
      body,
    });
    // Its status says all; an answer that has no end must not undo it.
    await answer.body.dump({ limit: LONGEST_ANSWER, signal }).catch(() => {});
    return judge(answer.statusCode, answer.headers['retry-after'], clock.now());
  } finally {
    await agent.destroy();
  }
}

function judge(status: number, retryAfter: string | string[] | undefined, nowMs: number): Sent {
  if (status >= 200 && status < 300) return { taken: true };
  const why = status < 400 ? `HTTP ${status}, a redirect, which is not followed` : `HTTP ${status}`;
  const waitMs = waitOf([retryAfter].flat()[0], nowMs);
  return { taken: false, why, ...(waitMs === undefined ? {} : { waitMs }) };
}

/** Seconds, or a date. */
function waitOf(retryAfter: string | undefined, nowMs: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return ms > 0 ? ms : undefined;
}

/** `t=<unix s>,v1=<hex HMAC-SHA256 of "<t>.<body>">` */
export function signature(secret: string, body: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}
