import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { findServer, provisionServer } from '../../src/redis/provision.js';
import { bulk, fakeServer, MINUTES, open, refusal, startServer, tempDir } from './helpers.js';

const SECRET = 'hunter2/#?@:%secret';
const encoded = encodeURIComponent(SECRET);

beforeAll(() => provisionServer().then(() => undefined), 5 * MINUTES);

const dataDir = '/nonexistent/never-used';

/** One sentence, the right code, exit 69, and nothing of a password anywhere in the error. */
async function expectRefusal(url: string, code: string, sentence: RegExp): Promise<void> {
  const error = await refusal({ url, dataDir });
  expect(error).toMatchObject({ name: 'RowferryError', code, exitCode: 69 });
  expect(error.message).toMatch(sentence);
  expect(error.message).toMatch(/^[^\n]+; [^\n]+\.$/);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/hunter2|secret/);
}

const info = (extra = '', version = '7.0.0') =>
  bulk(`# Server\r\nredis_version:${version}\r\nrole:master\r\n${extra}`);

describe('opening a Redis by its URL', { timeout: 2 * MINUTES }, () => {
  test('a good one: where, options, connections', async () => {
    const address = await startServer('--requirepass', SECRET);
    const handle = await open({ url: `redis://:${encoded}@${address}/3`, dataDir });
    expect(handle).toMatchObject({ where: `redis://${address}/3`, private: false, warnings: [] });
    expect(handle.options).toMatchObject({ maxRetriesPerRequest: null, db: 3 });
    expect(handle.options.commandTimeout).toBeUndefined();
    expect(handle.options.retryStrategy?.(1_000_000)).toBe(1_000);
    const connection = handle.connect();
    expect(await connection.set('k', 'v')).toBe('OK');
    expect(await connection.client('LIST')).toContain(`name=rowferry:${process.pid}:`);
    await handle.close();
    expect(connection.status).toBe('end');
  });

  test('a password nobody asked for, a user of its own, a socket', async () => {
    const dir = await tempDir();
    const socket = join(dir, 's.sock');
    const address = await startServer(
      '--unixsocket',
      socket,
      '--user',
      'carrier',
      'on',
      `>${SECRET}`,
      '+@all',
      '~*',
      '&*',
    );
    for (const url of [
      `redis://:${encoded}@${address}`,
      `redis://carrier:${encoded}@${address}`,
      `unix://${socket}`,
      `unix://carrier:${encoded}@${socket}?db=2`,
      socket,
    ]) {
      const handle = await open({ url, dataDir });
      expect(handle.where).not.toMatch(/hunter2|carrier/);
      expect(await handle.connect().ping()).toBe('PONG');
    }
  });

  test('nobody there', async () => {
    await expectRefusal(`redis://:${encoded}@127.0.0.1:1`, 'REDIS_UNREACHABLE', /127\.0\.0\.1:1\/0 refused/);
    await expectRefusal(
      `redis://:${encoded}@host.invalid`,
      'REDIS_UNREACHABLE',
      /host\.invalid:6379\/0 cannot be found/,
    );
    await expectRefusal('unix:///nonexistent/s.sock', 'REDIS_UNREACHABLE', /no socket/);
    const silent = await fakeServer({});
    await expectRefusal(`redis://${silent}`, 'REDIS_UNREACHABLE', /did not answer within 5 s/);
    await expectRefusal(`redis://:${encoded}@${silent}`, 'REDIS_UNREACHABLE', /did not answer within 5 s/);
    const plain = await startServer();
    await expectRefusal(`rediss://:${encoded}@${plain}`, 'REDIS_UNREACHABLE', /rediss/);
    await expectRefusal(`redis://${plain}/99`, 'REDIS_UNREACHABLE', /no database 99/);
  });

  test('a login that is refused', async () => {
    const address = await startServer('--requirepass', 'right');
    await expectRefusal(`redis://:${encoded}@${address}`, 'REDIS_AUTH', /refused the user name or password/);
    await expectRefusal(
      `redis://carrier:${encoded}@${address}`,
      'REDIS_AUTH',
      /refused the user name or password/,
    );
    await expectRefusal(`redis://${address}`, 'REDIS_AUTH', /asks for a password/);
    const limited = await startServer('--user', 'carrier', 'on', `>${SECRET}`, '+get', '~*');
    await expectRefusal(`redis://carrier:${encoded}@${limited}`, 'REDIS_AUTH', /ACL/);
  });

  test('eviction policies', async () => {
    for (const policy of ['allkeys-lru', 'allkeys-random']) {
      const address = await startServer('--maxmemory-policy', policy);
      await expectRefusal(`redis://${address}`, 'REDIS_POLICY', new RegExp(policy));
    }
    const address = await startServer('--maxmemory-policy', 'volatile-lru');
    expect((await open({ url: `redis://${address}`, dataDir })).warnings).toEqual([
      expect.stringMatching(/volatile-lru/),
    ]);
  });

  test('a managed server that forbids CONFIG', async () => {
    const forbidden = ['--rename-command', 'CONFIG', ''];
    const good = await startServer(...forbidden);
    expect((await open({ url: `redis://${good}`, dataDir })).warnings).toEqual([]);
    const bad = await startServer(...forbidden, '--maxmemory-policy', 'allkeys-lfu');
    await expectRefusal(`redis://${bad}`, 'REDIS_POLICY', /allkeys-lfu/);
    const mute = await fakeServer({ INFO: info(), CONFIG: "-ERR unknown command 'CONFIG'\r\n" });
    const handle = await open({ url: `redis://${mute}`, dataDir });
    expect(handle.warnings).toEqual([expect.stringMatching(/could not be checked/)]);
  });

  test('servers rowferry cannot use', async () => {
    const old = await fakeServer({ INFO: info('', '6.0.16') });
    await expectRefusal(`redis://${old}`, 'REDIS_VERSION', /version 6\.0\.16 and rowferry needs 6\.2/);
    const cluster = await startServer('--cluster-enabled', 'yes');
    await expectRefusal(`redis://${cluster}`, 'REDIS_CLUSTER', /cluster mode/);
    const replica = await startServer('--replicaof', '127.0.0.1', '1');
    await expectRefusal(`redis://${replica}`, 'REDIS_READONLY', /is a replica/);
    const sentinel = await fakeServer({ INFO: info('redis_mode:sentinel') });
    await expectRefusal(`redis://${sentinel}`, 'REDIS_CLUSTER', /Sentinel/);
  });

  test('a server that is still loading is waited for', async () => {
    const answers = [info('loading:1'), info('loading:1'), info('loading:0')];
    let asked = 0;
    const address = await fakeServer({
      INFO: () => answers[asked++] ?? info(),
      CONFIG: `*2\r\n${bulk('maxmemory-policy')}${bulk('noeviction')}`,
    });
    expect((await open({ url: `redis://${address}`, dataDir })).warnings).toEqual([]);
    expect(asked).toBe(3);
  });

  test.each([
    'redis://:hunter2/x@host:6379',
    'redis://user:12#secret@host:6379',
    'redis://user:12/secret@host:6379',
    'redis://user:12?secret@host',
    'redis://:secret@host/secret',
    'http://:secret@host',
    'unix://',
    'hunter2',
  ])('a REDIS_URL that cannot be read is not shown: %s', async (url) => {
    const error = await refusal({ url, dataDir });
    expect(error).toMatchObject({ code: 'REDIS_URL_INVALID', exitCode: 2 });
    expect(inspect(error, { depth: 9, showHidden: true }).replaceAll(/ {4}at .*/g, '')).not.toMatch(
      /hunter2|secret|12/,
    );
  });
});

describe('the program of the private server', { timeout: 2 * MINUTES }, () => {
  test('a named one that is not there', async () => {
    const error = await refusal({ dataDir: await tempDir(), binary: '/nonexistent/redis-server' });
    expect(error).toMatchObject({ code: 'REDIS_BINARY_MISSING', exitCode: 69 });
    expect(error.message).toContain('/nonexistent/redis-server');
  });

  test('a named one that is no server', async () => {
    const dir = await tempDir();
    const program = join(dir, 'redis-server');
    await writeFile(program, '#!/bin/sh\necho this is no server >&2\nexit 7\n');
    await chmod(program, 0o755);
    const error = await refusal({ dataDir: dir, binary: program });
    expect(error).toMatchObject({ code: 'REDIS_START_FAILED', exitCode: 69 });
    expect(error.message).toMatch(/exit code 7.*"this is no server"/);
  });

  test('PATH before the cache, and none at all', async () => {
    const dir = await tempDir();
    const env = { PATH: dir, XDG_CACHE_HOME: dir };
    expect(findServer(undefined, env)).toBeUndefined();
    for (const name of ['redis-server', 'valkey-server']) {
      await writeFile(join(dir, name), '');
      expect(findServer(undefined, env)).not.toBe(join(dir, name));
      await chmod(join(dir, name), 0o755);
      expect(findServer(undefined, env)).toBe(join(dir, name));
    }
  });

  const provision = (env: NodeJS.ProcessEnv) => {
    const script = fileURLToPath(new URL('../../src/redis/provision.ts', import.meta.url));
    const { REDIS_URL, ROWFERRY_REDIS_BIN, ...rest } = process.env;
    return spawnSync(process.execPath, ['--import', 'tsx', script], {
      env: { ...rest, ...env },
      encoding: 'utf8',
    });
  };

  test('npm run redis says nothing when there is one, or when REDIS_URL names a server', async () => {
    const nowhere = { PATH: await tempDir(), XDG_CACHE_HOME: await tempDir() };
    expect(provision({})).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(provision({ ...nowhere, REDIS_URL: 'redis://localhost' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test('npm run redis ends with 69 and the instructions where none can be had', async () => {
    const { status, stderr } = provision({ PATH: await tempDir(), XDG_CACHE_HOME: await tempDir() });
    expect(status).toBe(69);
    expect(stderr).toMatch(/^No Redis server program was found .*REDIS_URL.*ROWFERRY_REDIS_BIN.*\.\n$/);
  });
});
