/** Logging in with a browser: the token once, then a cookie that no script reads and no other site sends. */
import { createHmac } from 'node:crypto';
import type { Context } from 'hono';
import { Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Clock } from '../clock.js';
import { type Failures, isSame } from './access.js';
import type { Bindings } from './api.js';
import { pageFile } from './pages.js';

const COOKIE = 'rowferry';
const LASTS_MS = 12 * 3_600_000;
/** A token is no longer; a form that is, is not read to its end. */
const MOST_BYTES = 4_096;

const THROTTLED = 'Too many wrong tokens from this address; wait a minute.';

/** `/login` and `/logout`, for services with a token. */
export function login(token: string, clock: Clock, failures: Failures): Hono<Bindings> {
  const routes = new Hono<Bindings>();
  routes.get('/login', (c) => pageFile(c, 'login.html', { said: '' }));

  routes.post('/login', async (c) => {
    const peer = c.env.incoming.socket.remoteAddress ?? '';
    const shown = await readToken(c);
    if (!isSame(shown, token)) {
      const throttled = failures.tooMany(peer);
      if (!throttled) failures.note(peer);
      const said = throttled ? THROTTLED : 'That is not the token of this service.';
      return pageFile(c, 'login.html', { said }, throttled ? 429 : 401);
    }
    const until = clock.now() + LASTS_MS;
    setCookie(c, COOKIE, `${until}.${sign(until, token)}`, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      maxAge: LASTS_MS / 1000,
      // Behind a proxy that speaks TLS the cookie never travels without.
      secure: c.req.header('x-forwarded-proto') === 'https',
    });
    return c.redirect('/', 303);
  });

  routes.post('/logout', (c) => {
    deleteCookie(c, COOKIE, { path: '/' });
    return c.redirect('/login', 303);
  });
  return routes;
}

/** Whether the cookie was given to whoever knew the token that is valid now. */
export function hasLoggedIn(c: Context, token: string, clock: Clock): boolean {
  const [until = '', signature = ''] = (getCookie(c, COOKIE) ?? '').split('.');
  const ms = Number(until);
  return ms > clock.now() && ms <= clock.now() + LASTS_MS && isSame(signature, sign(ms, token));
}

function sign(untilMs: number, token: string): string {
  return createHmac('sha256', token).update(`rowferry dashboard until ${untilMs}`).digest('base64url');
}

async function readToken(c: Context<Bindings>): Promise<string> {
  let body = '';
  // Left open: the answer goes over the same connection.
  for await (const piece of c.env.incoming.iterator({ destroyOnReturn: false })) {
    body += String(piece);
    if (body.length > MOST_BYTES) return '';
  }
  return new URLSearchParams(body).get('token')?.trim() ?? '';
}
