import { expect, test } from 'vitest';
import { ask, post, serveWorld } from './helpers.js';

const CSV = 'email,external_id\nada@example.com,1\nlin@example.com,2\n';

test("BullMQ's board shows the queues without what contacts hold, and changes nothing", async () => {
  const { url, rowferry, serve } = await serveWorld();
  await rowferry.pauseDestination('sendmator');
  serve();
  const { run } = (await post(`${url}/api/runs?rate=1/s`, CSV)).body as { run: string };
  const [account] = (await rowferry.destinations()).map((one) => one.account);
  const queue = `deliver-${account}`;
  const jobs = async () =>
    JSON.stringify((await ask(`${url}/queues/api/queues?activeQueue=${queue}&status=latest`)).body);
  let shown = await jobs();
  while (!shown.includes(run)) shown = await jobs();
  expect(shown).toContain('"rows":[1,2]');
  expect(shown).not.toContain('ada@example.com');
  const one = await ask(`${url}/queues/api/queues/${queue}/${run}-1`);
  expect(JSON.stringify(one.body)).not.toContain('ada@example.com');

  const page = await fetch(`${url}/queues`);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self';");
  const script = /src="(static\/js\/main[^"]+)"/.exec(await page.text())![1]!;
  expect((await fetch(`${url}/queues/${script}`)).status).toBe(200);
  for (const [method, path] of [
    ['PUT', `/queues/api/queues/${queue}/pause`],
    ['PUT', `/queues/api/queues/${queue}/empty`],
    ['POST', `/queues/api/queues/${queue}/add`],
  ] as const) {
    expect((await ask(url + path, { method })).status).toBe(405);
  }
  await rowferry.enqueueCancel(run);
  await rowferry.resumeDestination('sendmator');
  while ((await rowferry.status(run)).state !== 'cancelled')
    await new Promise((next) => setTimeout(next, 50));
});

test('the board is asked for by those who may', async () => {
  const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: 'a-token-of-this-test' });
  expect((await ask(`${url}/queues/api/queues`)).status).toBe(401);
  expect((await ask(`${url}/queues`)).status).toBe(401);
});
