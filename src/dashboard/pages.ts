/** The pages: files as they lie in `page/`, and nothing from anywhere else. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Context, Hono } from 'hono';
import type { Bindings } from './api.js';

const PLACE = fileURLToPath(new URL('./page/', import.meta.url));

/** One document for all of them: what it shows is decided by its address. */
const ADDRESSES = ['/', '/runs/:run', '/destinations', '/schedules', '/upload'];

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const LOG_OUT = '<form method="post" action="/logout"><button>Log out</button></form>';

/** Scripts and styles are ours alone, in files; nothing may put a page of ours into one of theirs. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** `canLogOut`: there is a token, and so a cookie to be rid of. */
export function pages(canLogOut: boolean): Hono<Bindings> {
  const routes = new Hono<Bindings>();
  const logout = canLogOut ? LOG_OUT : '';
  for (const address of ADDRESSES) routes.get(address, (c) => pageFile(c, 'index.html', { logout }));
  return routes;
}

/** Scripts, styles and pictures below `/page`: no secrets, needed to log in. */
export function assets(): Hono<Bindings> {
  return new Hono<Bindings>().get('/page/:name{[a-z-]+\\.(js|css|svg)}', (c) =>
    pageFile(c, c.req.param('name')),
  );
}

/** `fill` replaces `{{name}}` by text of ours. */
export function pageFile(
  c: Context,
  name: string,
  fill: Record<string, string> = {},
  status: 200 | 401 | 429 = 200,
): Response {
  let text: string;
  try {
    text = readFileSync(join(PLACE, name), 'utf8');
  } catch {
    return c.notFound() as Response;
  }
  text = text.replace(/\{\{(\w+)\}\}/g, (_, key: string) => fill[key] ?? '');
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 20)}"`;
  c.header('content-security-policy', POLICY);
  // With less, a form would not say that it is ours.
  c.header('referrer-policy', 'same-origin');
  c.header('cache-control', 'no-cache');
  c.header('etag', tag);
  if (c.req.header('if-none-match') === tag) return c.body(null, 304);
  return c.body(text, status, { 'content-type': TYPES[name.split('.').at(-1)!]! });
}
