import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { isLoopback } from '../../src/dashboard/access.js';
import { startDashboard } from '../../src/dashboard/server.js';
import { EXIT, openRowferry } from '../../src/index.js';
import { World } from '../helpers/world.js';
import { ask, serveWorld } from './helpers.js';

const TOKEN = 'a-token-of-this-test';

/** fetch decides about Host by itself. */
async function get(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  const asked = request(url, { headers, method }).end();
  const [answer] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
  answer.resume();
  return answer.statusCode;
}

test('without a token only names of this machine are answered, and pages of other origins change nothing', async () => {
  const { url } = await serveWorld();
  const { port, host } = new URL(url);
  for (const name of [`localhost:${port}`, `127.0.0.1:${port}`, '[::1]']) {
    expect(await get(`${url}/api/runs`, { host: name })).toBe(200);
  }
  for (const name of [
    'evil.example',
    `127.0.0.1.evil.example:${port}`,
    'localhost.evil.example',
    '10.0.0.1',
  ]) {
    expect(await get(`${url}/api/runs`, { host: name })).toBe(403);
  }
  const retry = `${url}/api/runs/20260131-235959-1a2b3c/retry`;
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:1${port}`]) {
    expect(await get(retry, { host, origin }, 'POST')).toBe(403);
  }
  expect(await get(retry, { host, 'sec-fetch-site': 'cross-site' }, 'POST')).toBe(403);
  expect(await get(retry, { host, origin: `http://${host}` }, 'POST')).toBe(404);
});

test('with a token whoever shows it may ask, whoever guesses must wait; health is told to all', async () => {
  const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: TOKEN });
  const showing = (token: string) =>
    ask(`${url}/api/runs`, { headers: { authorization: `Bearer ${token}` } });
  expect((await showing(TOKEN)).status).toBe(200);
  const untold = await ask(`${url}/api/runs`);
  expect(untold).toMatchObject({ status: 401, body: { error: { code: 'TOKEN_WRONG' } } });
  expect(JSON.stringify(untold)).not.toContain(TOKEN);
  for (let i = 0; i < 19; i++) expect((await showing(`${TOKEN}${i}`)).status).toBe(401);
  expect((await showing('guess')).status).toBe(429);
  expect((await showing(TOKEN)).status).toBe(200);
  expect((await ask(`${url}/healthz`)).status).toBe(200);
  expect((await ask(`${url}/readyz`)).status).toBe(200);
});

test('a service that everybody could reach without a token does not start; nor does a token that can be guessed', async () => {
  const world = await World.open();
  const open = (env: object) =>
    openRowferry({
      dataDir: world.dataDir,
      env: { ...world.env, ...env },
      config: false,
      logLevel: 'silent',
    });
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'rowferry.example']) {
    const rowferry = await open({ ROWFERRY_DASHBOARD_HOST: host });
    await expect(startDashboard(rowferry)).rejects.toMatchObject({
      code: 'DASHBOARD_OPEN',
      exitCode: EXIT.usage,
      message: expect.stringContaining(host),
    });
    await rowferry.close();
  }
  await expect(open({ ROWFERRY_DASHBOARD_TOKEN: 'short' })).rejects.toMatchObject({
    code: 'SETTING_INVALID',
  });
});

test('a port that is taken is an error when it was asked for; the usual one is done without', async () => {
  const world = await World.open();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const env = { ...world.env, ROWFERRY_DASHBOARD_PORT: String(port) };
  const rowferry = await openRowferry({ dataDir: world.dataDir, env, config: false, logLevel: 'silent' });
  onTestFinished(() => rowferry.close());
  await expect(startDashboard(rowferry)).rejects.toMatchObject({
    code: 'DASHBOARD_NOT_STARTED',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  await expect(startDashboard(rowferry, { usualPort: port })).rejects.toMatchObject({
    code: 'DASHBOARD_NOT_STARTED',
  });

  const { ROWFERRY_DASHBOARD_PORT: _, ...unsaid } = env;
  const usual = await openRowferry({
    dataDir: world.dataDir,
    env: unsaid,
    config: false,
    logLevel: 'silent',
  });
  onTestFinished(() => usual.close());
  const without = await startDashboard(usual, { usualPort: port });
  expect(without.url).toBeUndefined();
  await without.close();
  await expect(startDashboard(usual, { usualPort: port, required: true })).rejects.toMatchObject({
    code: 'DASHBOARD_NOT_STARTED',
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['[::1]', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example', false],
  ['10.0.0.1', false],
])('%s is loopback: %s', (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback);
});
