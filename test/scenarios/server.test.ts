/** Files that are sent to a service over HTTP, and the service's commands, with real processes. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RunView, Summary } from '../../src/index.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

const TOKEN = 'the-token-of-this-service';

async function startService(world: World, env: Record<string, string> = {}) {
  const service = world.startWith({ ROWFERRY_DASHBOARD_PORT: '0', ...env }, 'start');
  const [, url] = await service.says(/"url":"(http:[^"]+)"/);
  await service.says(/service started/);
  return { service, url: url! };
}

async function end({ service }: Awaited<ReturnType<typeof startService>>): Promise<void> {
  service.kill();
  expect((await service.finished).code).toBe(143);
}

/** Another machine: nothing of the service's environment but the address and the token. */
const elsewhere = (world: World, token?: string) => ({
  ROWFERRY_DATA_DIR: join(world.dir, 'elsewhere'),
  REDIS_URL: 'redis://127.0.0.1:1',
  SENDMATOR_API_KEY: undefined,
  ROWFERRY_SERVER_TOKEN: token,
});

test('enqueue --server sends files and stdin with the token, waits, and ends with the code of the run', async () => {
  const world = await World.open();
  const serving = await startService(world, { ROWFERRY_DASHBOARD_TOKEN: TOKEN });
  const rows = people(2_000);
  const args = ['--server', serving.url, '--rate', 'none', '--wait', '--json'];
  const file = world.csv(rows);
  const sent = world.startWith(elsewhere(world, TOKEN), 'enqueue', file, ...args);
  const summary = await sent.result();
  expect((await sent.finished).code).toBe(0);
  expect(summary).toMatchObject({ rows: 2_000, created: 2_000, source: { name: 'people.csv' } });
  expect(summary.reports.outcomes).toBe(`${serving.url}/api/runs/${summary.run}/report/outcomes.csv`);
  expectAgreement(join(world.dataDir, 'reports', summary.run), rows, world.ledger());

  const piped = world.startWith(elsewhere(world, TOKEN), 'enqueue', '-', ...args);
  piped.child.stdin!.end('email\nno address\nada@example.com\n');
  expect(await piped.result()).toMatchObject({ created: 1, failed: 1, source: { name: 'stdin' } });
  expect((await piped.finished).code).toBe(3);

  for (const token of [undefined, `${TOKEN}x`]) {
    const refused = await world.startWith(elsewhere(world, token), 'enqueue', file, ...args).finished;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/Show the token of this service.*ROWFERRY_SERVER_TOKEN/s);
  }
  const wrong = world.startWith(elsewhere(world, TOKEN), 'enqueue', file, '--server', world.sandbox.url);
  expect((await wrong.finished).stderr).toMatch(/not as a rowferry service does; is --server right\?/);
  const told = JSON.stringify([serving.service.stderr, sent.stderr, sent.stdout]);
  expect(told).not.toContain(TOKEN);
  await end(serving);
});

test('an answer that is lost on its way adds the run once all the same', async () => {
  const world = await World.open();
  const serving = await startService(world);
  let lost = 0;
  // Between the two: takes what is sent to the service, and loses the first answer to it.
  const between = createServer((incoming, outgoing) => {
    const { host: _, ...headers } = incoming.headers;
    const passed = request(
      serving.url + incoming.url,
      { method: incoming.method!, headers },
      (answer: IncomingMessage) => {
        if (incoming.method === 'POST' && lost++ === 0) {
          answer.resume();
          incoming.socket.destroy();
          return;
        }
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      },
    );
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void between.close());
  await until(() => between.listening);
  const { port } = between.address() as AddressInfo;
  const rows = people(50);
  const server = `http://127.0.0.1:${port}`;
  const args = ['--server', server, '--rate', 'none', '--wait', '--json'];
  const sent = world.startWith(elsewhere(world), 'enqueue', world.csv(rows), ...args);
  expect(await sent.result()).toMatchObject({ rows: 50, created: 50 });
  expect(lost).toBe(1);
  const listed = await world.start('runs', 'list', '--json').finished;
  expect(listed.stdout.trim().split('\n')).toHaveLength(1);
  expectAgreement(join(world.dataDir, 'reports', (await sent.result()).run), rows, world.ledger());
  await end(serving);
});

test('beside a service: list, show, resume by the service, retry by it, report, cancel', async () => {
  const world = await World.open();
  const rows = people(300);
  const file = world.csv(rows);
  const refused = { SENDMATOR_API_KEY: 'sk_refused_x' };
  const halted = await world.startWith(refused, 'run', file, '--rate', 'none', '--json').finished;
  expect(halted.code).toBe(4);
  const run = /"run":"([^"]+)"/.exec(halted.stdout)![1]!;

  const serving = await startService(world);
  const resumed = world.start('runs', 'resume', run, '--json');
  expect(await resumed.result()).toMatchObject({ run, state: 'finished', created: 300 });
  expect((await resumed.finished).code).toBe(0);
  await serving.service.says(/run ended/); // it was the service that worked on it
  expectAgreement(join(world.dataDir, 'reports', run), rows, world.ledger());
  expect((await world.start('runs', 'resume', run).finished).stderr).toMatch(/is finished; nothing is left/);

  const bad = world.csv([{ email: 'no address', external_id: 'x' }], 'bad.csv');
  const failed = await world.start('enqueue', bad, '--wait', '--json').result();
  expect(failed).toMatchObject({ failed: 1 });
  const retried = await world.start('runs', 'retry', failed.run, '--json').result();
  expect(retried).toMatchObject({ rows: 1, failed: 1, retry_of: failed.run });
  const { stdout: report } = await world.start('runs', 'report', retried.run, '--json').finished;
  expect((JSON.parse(report) as Summary).run).toBe(retried.run);

  const long = (
    await world.start('enqueue', world.csv(people(100, 5_000), 'long.csv'), '--rate', '1/s').finished
  ).stdout.trim();
  const show = async () => {
    const { stdout } = await world.start('runs', 'show', long, '--json').finished;
    return JSON.parse(stdout) as RunView;
  };
  await until(async () => (await show()).state === 'running');
  const cancelled = await world.start('runs', 'cancel', long, '--json').result();
  expect(cancelled).toMatchObject({ state: 'cancelled', reasons: { cancelled: cancelled.unprocessed } });
  expect(cancelled.unprocessed).toBeGreaterThan(0);
  const { stdout: list } = await world.start('runs', 'list').finished;
  for (const one of [run, failed.run, retried.run, long]) expect(list).toContain(one);
  expect(readFileSync(cancelled.reports.outcomes, 'utf8')).toContain('unprocessed,cancelled');
  await end(serving);
});
