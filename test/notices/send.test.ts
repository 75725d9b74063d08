import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Channel } from '../../src/config/notifications.js';
import { send } from '../../src/notices/send.js';
import { HandClock } from '../helpers/clock.js';
import { openMailbox } from '../helpers/smtp.js';
import { openUntrusted } from '../helpers/untrusted.js';
import { NOTICE, openHook } from './helpers.js';

const clock = new HandClock();

function sendTo(channel: Channel, signal = new AbortController().signal) {
  return send(channel, 'ops', NOTICE, { clock, signal });
}

test('a webhook gets the notice as JSON, named and signed; credentials of the URL as a header', async () => {
  const hook = await openHook();
  const secret = 'a secret of 20 chars';
  const url = `${hook.url.replace('//', '//me:p%40ss@')}/in?x=1`;
  expect(await sendTo({ kind: 'webhook', url, secret })).toEqual({ taken: true });
  const [{ path, headers, body }] = hook.got as [(typeof hook.got)[0]];
  expect(path).toBe('/in?x=1');
  expect(JSON.parse(body)).toEqual(NOTICE);
  expect(headers['rowferry-notice-id']).toBe(NOTICE.id);
  expect(headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['rowferry-signature']))!;
  expect(Number(t)).toBe(clock.now() / 1000);
  expect(v1).toBe(createHmac('sha256', secret).update(`${t}.${body}`).digest('hex'));
});

test('Slack gets a text, with what has a meaning there escaped', async () => {
  const hook = await openHook(() => 200);
  const notice = { ...NOTICE, text: 'a<!channel>&b.csv → crm finished' };
  const around = { clock, signal: new AbortController().signal };
  expect(await send({ kind: 'slack', url: hook.url }, 'team', notice, around)).toEqual({ taken: true });
  expect(JSON.parse(hook.got[0]!.body)).toEqual({
    text: [
      'a&lt;!channel&gt;&amp;b.csv → crm finished',
      'Go on with: rowferry runs retry 20260131-020000-1a2b3c',
      'Report: /data/reports/20260131-020000-1a2b3c',
      'Run: 20260131-020000-1a2b3c',
    ].join('\n'),
  });
});

test('what is not taken is told without addresses; no redirect is followed', async () => {
  const other = await openHook();
  const hook = await openHook((n) => [302, 500, 429][n - 1], { location: other.url, 'retry-after': '7' });
  const channel: Channel = { kind: 'webhook', url: `${hook.url}/secret-path` };
  const redirected = { why: 'HTTP 302, a redirect, which is not followed', waitMs: 7_000 };
  expect(await sendTo(channel)).toEqual({ taken: false, ...redirected });
  expect(await sendTo(channel)).toMatchObject({ taken: false, why: 'HTTP 500' });
  expect(await sendTo(channel)).toEqual({ taken: false, why: 'HTTP 429', waitMs: 7_000 });
  expect(other.got).toEqual([]);
  expect(await sendTo({ kind: 'webhook', url: 'http://127.0.0.1:1/secret' })).toEqual({
    taken: false,
    why: 'ECONNREFUSED',
  });
  const silent = await openHook(() => undefined);
  const end = new AbortController();
  const sending = sendTo({ kind: 'webhook', url: silent.url }, end.signal);
  await expect.poll(() => silent.got.length).toBe(1);
  end.abort();
  expect(await sending).toMatchObject({ taken: false });
});

test('a receiver whose certificate nobody vouches for gets nothing', async () => {
  const site = await openUntrusted((_request, response) => response.end());
  expect(await sendTo({ kind: 'webhook', url: site.url })).toEqual({
    taken: false,
    why: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  });
  const smtp = site.url.replace('https:', 'smtps:');
  const mail = { kind: 'email', to: ['ann@example.com'], from: 'sync@example.com', smtp } as const;
  expect(await sendTo(mail)).toMatchObject({ taken: false, why: expect.stringMatching(/CERT|ESOCKET|ETLS/) });
  expect(site.asked()).toBe(0);
});

test('e-mail: subject, text, one id for all repeats; the password only where it cannot be read', async () => {
  const box = await openMailbox();
  const mail = {
    kind: 'email',
    to: ['ann@example.com', 'bob@example.com'],
    from: 'rowferry <sync@example.com>',
  } as const;
  const smtp = `smtp://me:p%40ss@127.0.0.1:${box.port}`;
  expect(await sendTo({ ...mail, smtp })).toEqual({ taken: true });
  expect(box.mails).toMatchObject([
    { from: 'sync@example.com', to: ['ann@example.com', 'bob@example.com'], user: '\0me\0p@ss' },
  ]);
  const { text } = box.mails[0]!;
  expect(text).toMatch(/^Subject: =\?UTF-8\?/m);
  expect(text).toContain('<20260131-020000-1a2b3c-finished.ops@rowferry>');
  expect(text).toContain('Auto-Submitted: auto-generated');
  const decoded = text.replace(/=\n/g, '').replaceAll('=E2=86=92', '→');
  expect(decoded).toContain('contacts.csv → sendmator finished: 4 980 created');
  expect(decoded).toContain('Go on with: rowferry runs retry 20260131-020000-1a2b3c');

  // This server has no TLS, and is not on this machine as far as its address tells.
  const away = `smtp://me:pass@0.0.0.0:${box.port}`;
  expect(await sendTo({ ...mail, smtp: away })).toMatchObject({
    taken: false,
    why: expect.stringMatching(/^ETLS/),
  });
  expect(box.mails).toHaveLength(1);
});

test('e-mail: one address of two refused is told, all of them refused is not taken; in no words of the server', async () => {
  const box = await openMailbox((line) => (line.includes('bob') ? '550 bob@example.com unknown' : undefined));
  const mail = { kind: 'email', from: 'sync@example.com', smtp: `smtp://127.0.0.1:${box.port}` } as const;
  expect(await sendTo({ ...mail, to: ['ann@example.com', 'bob@example.com'] })).toEqual({
    taken: true,
    but: '1 of 2 addresses refused',
  });
  expect(await sendTo({ ...mail, to: ['bob@example.com'] })).toEqual({ taken: false, why: 'EENVELOPE 550' });
});
