import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkClock } from '../../src/doctor/destination.js';
import { checkDirectory, checkNode, judgeDisk, OLDEST_NODE } from '../../src/doctor/machine.js';
import type { Remark } from '../../src/doctor/remark.js';
import type { Environment } from '../../src/index.js';
import { scratchDir } from '../helpers/scratch.js';
import { TcpRedis } from '../helpers/tcp-redis.js';
import { type Finished, World } from '../helpers/world.js';

async function doctor(
  world: World,
  env: Environment = {},
): Promise<{ finished: Finished; remarks: Remark[] }> {
  const finished = await world.startWith(env, 'doctor', '--json').finished;
  const lines = finished.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Remark & { event: string });
  expect(lines.at(-1)!.event, finished.stderr).toBe('result');
  return { finished, remarks: lines.slice(0, -1) };
}

const of = (remarks: readonly Remark[], check: string) => remarks.filter((remark) => remark.check === check);

test('all is well: exit 0, a line for each thing, one request that changes nothing', async () => {
  const world = await World.open({ kinds: ['sendmator', 'autosend', 'cendyn', 'clemta'] });
  const { finished, remarks } = await doctor(world);
  expect(finished.code).toBe(0);
  expect(remarks.filter(({ level }) => level === 'fault')).toEqual([]);
  expect(new Set(remarks.map(({ check }) => check))).toEqual(
    new Set(['node', 'config', 'data_dir', 'reports', 'folder', 'disk', 'redis', 'destination', 'clock']),
  );
  const told = of(remarks, 'destination').map(({ says }) => says);
  for (const kind of ['sendmator', 'autosend', 'clemta']) {
    expect(told).toContainEqual(`${kind}: ${world.sandbox.url} takes the credentials`);
  }
  expect(told).toContainEqual(expect.stringMatching(/^cendyn: cannot be checked/));
  expect(world.ledger()).toEqual([]);
  const human = await world.start('doctor').finished;
  expect(human.stdout).toMatch(/^ok +node +Node \d/);
  expect(human.stdout).toMatch(/no faults/);
});

test('refused credentials and a destination that is not there: exit 2, which setting, and no secret', async () => {
  const world = await World.open({ kinds: ['sendmator', 'autosend'] });
  const key = 'sk_refused_doctor';
  const env = { SENDMATOR_API_KEY: key, AUTOSEND_BASE_URL: 'http://127.0.0.1:1' };
  const { finished, remarks } = await doctor(world, env);
  expect(finished.code).toBe(2);
  const faults = remarks.filter(({ level }) => level === 'fault');
  expect(faults).toEqual([
    expect.objectContaining({
      check: 'destination',
      says: expect.stringMatching(/^sendmator: .* answers HTTP 401 and refuses$/),
      mend: expect.stringContaining('SENDMATOR_API_KEY'),
    }),
    expect.objectContaining({
      check: 'destination',
      says: expect.stringMatching(/^autosend: .*connection refused$/),
      mend: expect.stringContaining('AUTOSEND_BASE_URL'),
    }),
  ]);
  for (const secret of [key, world.env.AUTOSEND_API_KEY!]) {
    expect(finished.stdout + finished.stderr).not.toContain(secret);
  }
});

test('no Redis: exit 69, and the rest is looked at all the same', async () => {
  const world = await World.open();
  const { finished, remarks } = await doctor(world, { REDIS_URL: 'redis://:hidden-word@127.0.0.1:1' });
  expect(finished.code).toBe(69);
  expect(of(remarks, 'redis')).toEqual([expect.objectContaining({ level: 'fault' })]);
  expect(of(remarks, 'destination')).toEqual([expect.objectContaining({ level: 'ok' })]);
  expect(finished.stdout + finished.stderr).not.toContain('hidden-word');
});

test('a Redis that forgets: warnings', async () => {
  const world = await World.open();
  const redis = await TcpRedis.prepare(['--appendonly', 'no', '--maxmemory-policy', 'volatile-lru']);
  await redis.start();
  const { finished, remarks } = await doctor(world, { REDIS_URL: redis.url });
  expect(finished.code).toBe(0);
  const warnings = of(remarks, 'redis').filter(({ level }) => level === 'warning');
  expect(warnings.map(({ says }) => says)).toEqual(
    expect.arrayContaining([expect.stringMatching(/volatile-lru/), expect.stringMatching(/forgets/)]),
  );
  expect(warnings.find(({ says }) => /forgets/.test(says))!.mend).toContain('--appendonly yes');
});

test('faults of the configuration file are told once, each with its line; an open door, too', async () => {
  const world = await World.open();
  writeFileSync(join(world.dir, 'rowferry.yaml'), 'defaults: { rate: fast }\nlog_level: loud\n');
  const { finished, remarks } = await doctor(world);
  expect(finished.code).toBe(2);
  expect(of(remarks, 'config').map(({ says }) => says)).toEqual([
    expect.stringMatching(/^rowferry\.yaml:1:\d+ defaults\.rate/),
    expect.stringMatching(/^rowferry\.yaml:2:\d+ log_level/),
  ]);
  writeFileSync(
    join(world.dir, 'rowferry.yaml'),
    `defaults: { report_dir: ${join(world.dir, 'rowferry.yaml', 'below')} }\n`,
  );
  const open = await doctor(world, { ROWFERRY_DASHBOARD_HOST: '0.0.0.0' });
  expect(open.remarks.filter(({ level }) => level === 'fault').map(({ check }) => check)).toEqual([
    'dashboard',
    'reports',
  ]);
});

test('a destination that is paused is not asked', async () => {
  const world = await World.open();
  expect((await world.start('destinations', 'pause', 'sendmator').finished).code).toBe(0);
  const { remarks } = await doctor(world);
  expect(of(remarks, 'destination')).toEqual([
    expect.objectContaining({ level: 'warning', says: expect.stringMatching(/not asked.*paused by hand/) }),
  ]);
});

test.each([
  ['20.19.0', 'ok'],
  ['22.1.0', 'ok'],
  ['20.18.9', 'fault'],
  ['18.20.0', 'fault'],
])('Node %s: %s', (version, level) => {
  expect(checkNode(version).level).toBe(level);
});

test('the oldest Node is that of package.json', () => {
  const manifest = readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8');
  expect((JSON.parse(manifest) as { engines: { node: string } }).engines.node).toBe(
    `>=${OLDEST_NODE.join('.')}`,
  );
});

test.each([
  [5e9, 'ok'],
  [0.5e9, 'warning'],
  [1e6, 'fault'],
])('%d bytes left: %s', (free, level) => {
  expect(judgeDisk('/data', free).level).toBe(level);
});

test('a directory that is not there yet is judged by its parents', async () => {
  const dir = scratchDir();
  expect((await checkDirectory('reports', join(dir, 'a', 'b'))).level).toBe('ok');
  writeFileSync(join(dir, 'file'), '');
  expect(await checkDirectory('reports', join(dir, 'file', 'b'))).toMatchObject({
    level: 'fault',
    says: expect.stringContaining('ENOTDIR'),
  });
});

test('clocks are compared by the Date header', () => {
  const now = Date.UTC(2026, 0, 31, 12);
  const at = (ms: number) => checkClock('acme', { headers: { date: new Date(ms).toUTCString() } }, now);
  expect(at(now - 2_000)).toMatchObject([{ level: 'ok' }]);
  expect(at(now - 90_000)).toMatchObject([
    { level: 'warning', says: 'the clock of this machine is 90 s ahead of that of acme' },
  ]);
  expect(at(now + 90_000)).toMatchObject([
    { level: 'warning', says: 'the clock of this machine is 90 s behind that of acme' },
  ]);
  expect(checkClock('acme', { headers: {} }, now)).toEqual([]);
});
