import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { ask, serveWorld } from './helpers.js';

const TOKEN = 'a-token-of-this-test';

async function logIn(url: string, token: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
    redirect: 'manual',
    headers,
  });
}

test('the token is worth a cookie that no script reads and no other site sends; it opens pages and interface', async () => {
  const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: TOKEN });
  const answer = await logIn(url, TOKEN);
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
  const cookie = answer.headers.get('set-cookie')!;
  expect(cookie).toMatch(/^rowferry=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
  expect(cookie).not.toContain(TOKEN);
  const shown = { cookie: cookie.split(';')[0]! };
  expect((await ask(`${url}/api/runs`, { headers: shown })).status).toBe(200);
  expect((await fetch(`${url}/`, { headers: { ...shown, accept: 'text/html' } })).status).toBe(200);
  // Also with it, a page of another origin changes nothing.
  const foreign = { ...shown, origin: 'https://evil.example' };
  const retry = `${url}/api/runs/20260131-235959-1a2b3c/retry`;
  expect((await ask(retry, { method: 'POST', headers: foreign })).body.error.code).toBe('ORIGIN_FOREIGN');
  expect((await ask(retry, { method: 'POST', headers: shown })).body.error.code).toBe('RUN_UNKNOWN');
  const behindTls = await logIn(url, TOKEN, { 'x-forwarded-proto': 'https' });
  expect(behindTls.headers.get('set-cookie')).toContain('; Secure');
});

test('a cookie of nobody, of another token or of yesterday opens nothing', async () => {
  const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: TOKEN });
  const signed = (untilMs: number, token: string) =>
    `${untilMs}.${createHmac('sha256', token).update(`rowferry dashboard until ${untilMs}`).digest('base64url')}`;
  const soon = Date.now() + 60_000;
  const open = async (value: string) =>
    (await ask(`${url}/api/runs`, { headers: { cookie: `rowferry=${value}` } })).status;
  expect(await open(signed(soon, TOKEN))).toBe(200);
  expect(await open(signed(soon, 'another token of it'))).toBe(401);
  expect(await open(signed(Date.now() - 1, TOKEN))).toBe(401);
  expect(await open(signed(Date.now() + 1e12, TOKEN))).toBe(401);
  expect(await open(signed(soon, TOKEN).replace(String(soon), String(soon + 1)))).toBe(401);
  expect(await open('')).toBe(401);
  const page = await fetch(`${url}/runs/x`, { headers: { accept: 'text/html' }, redirect: 'manual' });
  expect([page.status, page.headers.get('location')]).toEqual([303, '/login']);
});

test('who guesses in the form waits as who guesses at the interface; a form without end is not read', async () => {
  const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: TOKEN });
  expect((await logIn(url, 'x'.repeat(1_000_000))).status).toBe(401);
  for (let i = 0; i < 19; i++) expect((await logIn(url, `guess ${i}`)).status).toBe(401);
  const throttled = await logIn(url, 'guess');
  expect(throttled.status).toBe(429);
  expect(await throttled.text()).toContain('wait a minute');
  expect((await ask(`${url}/api/runs`, { headers: { authorization: 'Bearer guess' } })).status).toBe(429);
  expect((await logIn(url, TOKEN)).status).toBe(303);
});

test('pages come from here alone, with a policy that lets no other script in', async () => {
  const { url } = await serveWorld();
  for (const path of ['/', '/runs/20260131-235959-1a2b3c', '/destinations', '/schedules', '/upload']) {
    const answer = await fetch(url + path);
    const text = await answer.text();
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'$/,
    );
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(text).not.toMatch(/<script>|<script [^>]*>[^<]|style=|https?:\/\//);
    const again = await fetch(url + path, { headers: { 'if-none-match': answer.headers.get('etag')! } });
    expect(again.status).toBe(304);
  }
  for (const path of ['/page/main.js', '/page/style.css', '/page/icon.svg']) {
    expect((await fetch(url + path)).status).toBe(200);
  }
  for (const path of ['/page/nothing.js', '/page/..%2fserver.js', '/page/index.html', '/login']) {
    expect((await fetch(url + path)).status).toBe(404);
  }
});
