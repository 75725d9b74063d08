import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { people } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

test('an outage: who watches is told why the run waits, and the others by runs show', async () => {
  const world = await World.open();
  const run = world.start('run', world.csv(people(1_000)), '--rate', '500/s');
  const [, id] = await run.says(/run (\S+):/);
  await world.holds(100);
  world.sandbox.state.outage = true;
  await run.says(/rows · sendmator does not answer: HTTP 503/);
  const shown = await world.start('runs', 'show', id!).finished;
  expect(shown.stdout).toMatch(
    /^ {2}sendmator does not answer: HTTP 503(; (next try in \d s|trying again))?$/m,
  );
  const { stdout } = await world.start('runs', 'show', id!, '--json').finished;
  expect(JSON.parse(stdout)).toMatchObject({
    state: 'running',
    progress: { waiting: { why: 'sendmator does not answer: HTTP 503' } },
  });
  world.sandbox.state.outage = false;
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const after = await world.start('runs', 'show', id!).finished;
  expect(after.stdout).not.toContain('HTTP 503');
});

/** An API that gives every request the same answer. */
async function answering(status: number, headers: Record<string, string>, body: string): Promise<string> {
  const api = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status, headers).end(body));
  });
  await new Promise<void>((done) => api.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    api.closeAllConnections();
    api.close();
  });
  return `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
}

test.each([
  [429, { 'retry-after': '600' }, '{"message":"p7@example.com is too much"}', 'sendmator asked to wait'],
  [200, {}, '<p>person7@example.com</p>', 'sendmator answers, but with no contact: HTTP 200'],
])(
  'HTTP %d for every request: the events say so, without a word of the API',
  async (status, headers, body, why) => {
    const world = await World.open();
    const env = { SENDMATOR_BASE_URL: await answering(status, headers, body) };
    const run = world.startWith(env, 'run', world.csv(people(30)), '--rate', 'none', '--json');
    const [line] = await run.says(/^\{"event":"progress".*"waiting".*$/m);
    const { waiting } = JSON.parse(line) as { waiting: { why: string; untilMs?: number } };
    expect(waiting.why).toBe(why);
    if (status === 429) expect(waiting.untilMs).toBeGreaterThan(Date.now());
    run.kill('SIGINT');
    const { code, stdout, stderr } = await run.finished;
    expect(code).toBe(130);
    expect(stdout + stderr).not.toContain('example.com');
  },
);

test('a Redis that does not answer is told, and no longer when it does', async () => {
  const world = await World.open({ ownRedis: true });
  const run = world.start('run', world.csv(people(400)), '--rate', '100/s', '--json');
  await run.says(/"event":"progress"/);
  await world.holds(50);
  const redis = await world.redisPid();
  process.kill(redis, 'SIGSTOP');
  try {
    await run.says(/"waiting":\{"why":"Redis does not answer"\}/);
  } finally {
    process.kill(redis, 'SIGCONT');
  }
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  expect(await run.result()).toMatchObject({ created: 400, failed: 0 });
});
