/**
 * Who may ask the service. Without a token only this machine, by a name of this machine (a page that lets its own name
 * point here is refused); with one whoever shows it. A page of another origin changes nothing, whoever has it open.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Clock } from '../clock.js';
import { EXIT, RowferryError } from '../errors.js';

/** So many wrong tokens from one address, and it must wait until the minute is over. */
const MOST_FAILURES = 20;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; more come from somebody who has many, whom counting does not stop. */
const MOST_PEERS = 10_000;

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').replace(/^::ffff:/i, '');
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** Throws when the service would be open to everybody who can reach `host`. */
export function checkHost(host: string, token: string | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  throw new RowferryError(
    'DASHBOARD_OPEN',
    `The service would listen on ${host}, where other machines reach it, without asking who they are: set ROWFERRY_DASHBOARD_TOKEN, or let it listen on 127.0.0.1.`,
    EXIT.usage,
  );
}

type Handler = MiddlewareHandler<{ Bindings: HttpBindings }>;

export interface Doors {
  token: string | undefined;
  failures: Failures;
  /** Whether a browser's cookie stands for the token. */
  hasLoggedIn(c: Context): boolean;
}

export function access({ token, failures, hasLoggedIn }: Doors): Handler {
  return async (c, next) => {
    const { incoming } = c.env;
    const peer = incoming.socket.remoteAddress ?? '';
    if (token === undefined) {
      if (!isLoopback(peer))
        return refuse(403, 'LOOPBACK_ONLY', 'Without ROWFERRY_DASHBOARD_TOKEN only this machine may ask.');
      const host = hostName(incoming.headers.host);
      if (host === undefined || !isLoopback(host)) {
        return refuse(
          403,
          'HOST_UNKNOWN',
          'Without ROWFERRY_DASHBOARD_TOKEN this service is called localhost or 127.0.0.1.',
        );
      }
    } else if (!isOpen(c.req.path) && !isToken(incoming.headers.authorization, token) && !hasLoggedIn(c)) {
      // A person is shown where to log in.
      if (isPage(c.req.method, incoming.headers)) return c.redirect('/login', 303);
      // Nothing was guessed: a page whose cookie has run out.
      if (incoming.headers.authorization === undefined && getCookie(c).rowferry !== undefined) {
        return refuse(401, 'LOGIN_OVER', 'Log in again.');
      }
      // Whoever shows the right one is let in: behind a proxy all have one address, and a guesser must not shut it.
      if (failures.tooMany(peer)) {
        return refuse(429, 'TOKEN_THROTTLED', 'Too many wrong tokens from this address; wait a minute.');
      }
      failures.note(peer);
      return refuse(
        401,
        'TOKEN_WRONG',
        'Show the token of this service: "Authorization: Bearer <ROWFERRY_DASHBOARD_TOKEN>".',
      );
    }
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && isForeign(incoming.headers)) {
      return refuse(403, 'ORIGIN_FOREIGN', 'A page of another origin may not change anything here.');
    }
    return next();

    function refuse(status: 401 | 403 | 429, code: string, message: string): Response {
      return c.json({ error: { code, message } }, status);
    }
  };
}

/** `[::1]:8080` → `[::1]` */
function hostName(header: string | undefined): string | undefined {
  try {
    return new URL(`http://${header ?? ''}`).hostname;
  } catch {
    return undefined;
  }
}

/** What is needed to log in. */
function isOpen(path: string): boolean {
  return path === '/login' || path.startsWith('/page/');
}

function isPage(method: string, { accept }: HttpBindings['incoming']['headers']): boolean {
  return method === 'GET' && (accept ?? '').includes('text/html');
}

function isToken(header: string | undefined, token: string): boolean {
  return isSame(/^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '', token);
}

/** Hashes are of one length, so that the comparison takes the same time whatever is shown. */
export function isSame(shown: string, secret: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(shown), hash(secret));
}

/** Browsers tell whose page asks; programs need not. */
function isForeign(headers: HttpBindings['incoming']['headers']): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  if (headers.origin === undefined) return false;
  try {
    return new URL(headers.origin).host !== headers.host;
  } catch {
    return true; // "null"
  }
}

/** Wrong tokens, by who showed them. */
export class Failures {
  private readonly byPeer = new Map<string, { count: number; sinceMs: number }>();

  constructor(private readonly clock: Clock) {}

  note(peer: string): void {
    const now = this.clock.monotonic();
    const known = this.byPeer.get(peer);
    if (known && now - known.sinceMs < WINDOW_MS) known.count++;
    else {
      this.byPeer.delete(peer);
      if (this.byPeer.size >= MOST_PEERS) this.byPeer.delete(this.byPeer.keys().next().value!);
      this.byPeer.set(peer, { count: 1, sinceMs: now });
    }
  }

  tooMany(peer: string): boolean {
    const known = this.byPeer.get(peer);
    return (
      known !== undefined &&
      known.count >= MOST_FAILURES &&
      this.clock.monotonic() - known.sinceMs < WINDOW_MS
    );
  }
}
