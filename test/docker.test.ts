/** docker-compose.yml and Dockerfile without a Docker engine: their form, and their very commands as processes here. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Environment } from '../src/index.js';
import { expectAgreement } from './helpers/agreement.js';
import { people } from './helpers/csv.js';
import { TcpRedis } from './helpers/tcp-redis.js';
import { World } from './helpers/world.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** What of the compose specification is used here, as it has it: nothing else may stand in a service. */
const serviceSchema = z.strictObject({
  image: z.string().optional(),
  build: z.string().optional(),
  command: z.string(),
  init: z.boolean().optional(),
  restart: z.literal('unless-stopped'),
  stop_grace_period: z
    .string()
    .regex(/^\d+s$/)
    .optional(),
  env_file: z.array(z.strictObject({ path: z.string(), required: z.boolean() })).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  // A port of the host without an address would be open to everybody.
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
  volumes: z.array(z.string().regex(/^[\w./]+:\/\w+(:ro)?$/)).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).optional(),
  healthcheck: z
    .union([
      z.strictObject({ disable: z.literal(true) }),
      z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        retries: z.number(),
      }),
    ])
    .optional(),
});
const composeSchema = z.strictObject({
  services: z.strictObject({ redis: serviceSchema, service: serviceSchema, worker: serviceSchema }),
  volumes: z.record(z.string(), z.null()),
});
const compose = composeSchema.parse(parse(read('docker-compose.yml'), { merge: true }));
const { redis, service, worker } = compose.services;

/** `INSTRUCTION rest`, with continued lines joined. */
const instructions = read('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => /^\s*(\w+)\s+(.*)$/.exec(line)!.slice(1) as [string, string]);
const of = (name: string) => instructions.filter(([one]) => one === name).map(([, rest]) => rest);
const healthcheck = JSON.parse(/CMD (\[.*\])/.exec(of('HEALTHCHECK')[0]!)![1]!) as string[];

test('the compose file: every volume is declared, services wait for a healthy Redis, and are not bound to one copy', () => {
  const named = Object.values(compose.services)
    .flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]!))
    .filter((source) => !source.startsWith('.'));
  expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)));
  for (const one of [service, worker]) {
    expect(one).toMatchObject({
      depends_on: { redis: { condition: 'service_healthy' } },
      init: true,
      build: '.',
    });
    expect(one.environment!.REDIS_URL).toBe('redis://redis:6379');
  }
  expect(redis.command).toBe(
    'valkey-server --appendonly yes --appendfsync always --maxmemory-policy noeviction',
  );
  expect(redis.healthcheck).toMatchObject({ test: ['CMD', 'valkey-cli', 'ping'] });
  // Two workers cannot share a port of the host, nor need they share files.
  expect(worker.ports).toEqual([]);
  expect(worker.volumes).not.toContain('data:/data');
  // Longer than the service takes for rows in flight.
  expect(Number.parseInt(service.stop_grace_period!, 10)).toBeGreaterThan(15);
});

test('the Dockerfile: every path it copies is there and let through, it is nobody special, and starts the service', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = of('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
  for (const path of copied) {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(allowed).toContain(path);
  }
  expect(read('.dockerignore').startsWith('*\n')).toBe(true); // .env and reports stay out
  expect(of('USER').at(-1)).toBe('node');
  expect(instructions.findIndex(([name]) => name === 'USER')).toBeLessThan(
    instructions.findIndex(([name]) => name === 'ENTRYPOINT'),
  );
  const [program, main] = JSON.parse(of('ENTRYPOINT')[0]!) as [string, string];
  expect(program).toBe('node');
  expect(existsSync(join(root, main.replace('/app/', '')))).toBe(true);
  expect(JSON.parse(of('CMD')[0]!)).toEqual([service.command]);
  const [, node] = /FROM node:(\d+)/.exec(read('Dockerfile'))!;
  expect(Number(node)).toBeGreaterThanOrEqual(20);
  expect(of('FROM').every((from) => from.startsWith(`node:${node}-slim`))).toBe(true);
  // What the build runs are scripts and steps that there are.
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const [, script] of of('RUN')
    .join('\n')
    .matchAll(/npm run (\w+)/g))
    expect(scripts).toHaveProperty(script!);
});

test('the health check of the image fails where nothing answers', () => {
  const [program, ...args] = healthcheck as [string, ...string[]];
  expect(program).toBe('node');
  const { status } = spawnSync(process.execPath, args, { env: { ROWFERRY_DASHBOARD_PORT: '1' } });
  expect(status).toBe(1);
});

test('its commands and environment as processes: service and two workers on such a Redis; a file goes through, SIGTERM ends all in order', async () => {
  const world = await World.open();
  const [, ...flags] = redis.command.split(' ');
  const server = await TcpRedis.prepare(flags);
  await server.start();
  const token = 'token-of-the-compose-file';
  /** The environment as it is, but for what a container has of its own: the network, and its file system. */
  const local = ({ environment }: typeof service, dataDir: string): Environment => ({
    ...environment,
    REDIS_URL: environment!.REDIS_URL!.replace('redis:6379', `127.0.0.1:${server.port}`),
    ROWFERRY_DATA_DIR: environment!.ROWFERRY_DATA_DIR!.replace('/data', dataDir),
    ROWFERRY_DASHBOARD_PORT: '0',
    ROWFERRY_DASHBOARD_TOKEN: token,
  });
  const { ROWFERRY_DASHBOARD_TOKEN: _, ...untold } = local(service, world.dataDir);
  const open = await world.startCommand(untold, service.command).finished;
  expect(open).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/listen on 0\.0\.0\.0.*ROWFERRY_DASHBOARD_TOKEN/),
  });

  const serving = world.startCommand(local(service, world.dataDir), service.command);
  const workers = ['one', 'two'].map((name) =>
    world.startCommand(local(worker, join(world.dir, name)), worker.command),
  );
  const [, port] = await serving.says(/"url":"http:\/\/0\.0\.0\.0:(\d+)"/);
  await serving.says(/service started/);
  for (const one of workers) await one.says(/worker started/);

  const [, ...check] = healthcheck;
  const health = spawn(process.execPath, check, { env: { ROWFERRY_DASHBOARD_PORT: port }, stdio: 'ignore' });
  expect(await once(health, 'exit')).toEqual([0, null]);

  const rows = people(1_000);
  const args = ['--server', `http://127.0.0.1:${port}`, '--rate', '200/s', '--wait', '--json'];
  const sent = world.startWith({ ROWFERRY_SERVER_TOKEN: token }, 'enqueue', world.csv(rows), ...args);
  const summary = await sent.result();
  expect(summary).toMatchObject({ state: 'finished', created: 1_000 });
  expectAgreement(join(world.dataDir, 'reports', summary.run), rows, world.ledger());
  for (const one of [serving, ...workers]) one.kill();
  for (const one of [serving, ...workers]) expect((await one.finished).code).toBe(143);
  expect(await server.stop()).toBe(0);
});
