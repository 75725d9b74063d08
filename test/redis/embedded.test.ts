import { existsSync, statSync } from 'node:fs';
import { appendFile, mkdir, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { identify } from '../../src/process.js';
import { provisionServer } from '../../src/redis/provision.js';
import { MINUTES, open, refusal, serverPid, serversIn, startMember, tempDir, until } from './helpers.js';

beforeAll(() => provisionServer().then(() => undefined), 5 * MINUTES);

/** Nothing of a server is left: no process, no socket, no lock, no note. */
async function expectNothingLeft(dataDir: string): Promise<void> {
  const left = await readdir(join(dataDir, 'redis'));
  expect(left.filter((name) => /sock|lock|json/.test(name))).toEqual([]);
  if (process.platform === 'linux') expect(await serversIn(dataDir)).toEqual([]);
}

describe('the private server', { timeout: 3 * MINUTES }, () => {
  test('eight simultaneous starters get one server, and the last one out stops it', async () => {
    const dataDir = await realpath(await tempDir());
    const members = Array.from({ length: 8 }, () => startMember(dataDir));
    expect(await Promise.all(members.map((member) => member.hear()))).toEqual(Array(8).fill('ready'));
    if (process.platform === 'linux') expect(await serversIn(dataDir)).toHaveLength(1);
    await members[0]!.ask('set greeting hello');
    expect(await Promise.all(members.map((member) => member.ask('get greeting')))).toEqual(
      Array(8).fill('hello'),
    );
    expect(await Promise.all(members.map((member) => member.ask('close')))).toEqual(Array(8).fill('closed'));
    await expectNothingLeft(dataDir);
  });

  test('the starter is killed and the others go on', async () => {
    const dataDir = await tempDir();
    const starter = startMember(dataDir);
    await starter.hear();
    const handle = await open({ dataDir });
    const pid = await serverPid(handle);
    const connection = handle.connect();
    await starter.kill();
    expect(await connection.set('k', 'v')).toBe('OK');
    expect(await serverPid(handle)).toBe(pid);
    await handle.close();
    await expectNothingLeft(await realpath(dataDir));
  });

  test('a killed server is brought back by one member, with what was written the instant before', async () => {
    const dataDir = await tempDir();
    const handles = [await open({ dataDir }), await open({ dataDir }), await open({ dataDir })];
    const others = [startMember(dataDir), startMember(dataDir)];
    await Promise.all(others.map((member) => member.hear()));
    const connection = handles[0]!.connect();
    for (let round = 1; round <= 3; round++) {
      const pid = await serverPid(handles[0]!);
      await connection.set('written', `round-${round}`);
      process.kill(pid, 'SIGKILL');
      const seen = await Promise.all(handles.map((handle) => handle.connect().get('written')));
      expect(seen).toEqual(Array(3).fill(`round-${round}`));
      expect(await Promise.all(others.map((m) => m.ask('get written')))).toEqual(
        Array(2).fill(`round-${round}`),
      );
      expect(await serverPid(handles[0]!)).not.toBe(pid);
      if (process.platform === 'linux') expect(await serversIn(await realpath(dataDir))).toHaveLength(1);
    }
    await Promise.all(others.map((member) => member.ask('close')));
    await Promise.all(handles.map((handle) => handle.close()));
    await expectNothingLeft(await realpath(dataDir));
  });

  test('handles of one process count one by one, and what was written is there at the next start', async () => {
    const dataDir = await tempDir();
    const [first, second] = [await open({ dataDir }), await open({ dataDir })];
    await first.connect().set('k', 'kept');
    await first.close();
    await first.close();
    expect(await second.connect().get('k')).toBe('kept');
    await second.close();
    await expectNothingLeft(await realpath(dataDir));
    expect(await (await open({ dataDir })).connect().get('k')).toBe('kept');
  });

  test('members come and go while others come and go', async () => {
    const dataDir = await tempDir();
    const visit = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const handle = await open({ dataDir });
        expect(await handle.connect().incr('visits')).toBeGreaterThan(0);
        await handle.close();
      }
    };
    await Promise.all(Array.from({ length: 6 }, () => visit(5)));
    await expectNothingLeft(await realpath(dataDir));
    expect(await (await open({ dataDir })).connect().get('visits')).toBe('30');
  });

  test('a member whose server is gone for good leaves without bringing it back', async () => {
    const dataDir = await tempDir();
    const handle = await open({ dataDir });
    process.kill(await serverPid(handle), 'SIGKILL');
    await handle.close();
    await expectNothingLeft(await realpath(dataDir));
  });

  test('killed in the middle of starting, it leaves a lock that the next one takes over', async () => {
    const dataDir = await tempDir();
    const gone = startMember(dataDir);
    await until(() => existsSync(join(dataDir, 'redis', 'lock')));
    await gone.kill();
    const handle = await open({ dataDir });
    expect(await handle.connect().ping()).toBe('PONG');
    if (process.platform === 'linux') expect(await serversIn(await realpath(dataDir))).toHaveLength(1);
  });

  test('locks of the dead, a stale socket and a stale note do not hinder eight starters', async () => {
    const dataDir = await tempDir();
    const dir = join(dataDir, 'redis');
    await mkdir(dir, { recursive: true });
    const dead = startMember(await tempDir());
    const who = identify(dead.child.pid!)!;
    await dead.kill();
    // A recycled pid: ours, but of a process that started at another time.
    const recycled = { ...identify(process.pid)!, start: '1' };
    await writeFile(join(dir, 'lock'), JSON.stringify({ ...who, nonce: 'n1' }));
    await writeFile(join(dir, 'lock.n1'), JSON.stringify({ ...recycled, nonce: 'n2' }));
    await writeFile(join(dir, 'redis.sock'), '');
    await writeFile(
      join(dir, 'server.json'),
      JSON.stringify({ socket: join(await realpath(dir), 'redis.sock'), who }),
    );
    const handles = await Promise.all(Array.from({ length: 8 }, () => open({ dataDir })));
    expect(new Set(await Promise.all(handles.map(serverPid))).size).toBe(1);
    await Promise.all(handles.map((handle) => handle.close()));
    await expectNothingLeft(await realpath(dataDir));
  });

  test('a torn end of its file does not hinder a start', async () => {
    const dataDir = await tempDir();
    const first = await open({ dataDir });
    await first.connect().set('k', 'kept');
    await first.close();
    const folder = join(dataDir, 'redis', 'appendonlydir');
    const file = (await readdir(folder)).find((name) => name.endsWith('.incr.aof'))!;
    await appendFile(join(folder, file), '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9\r\nhalf');
    expect(await (await open({ dataDir })).connect().get('k')).toBe('kept');
  });

  test('a path too long for a socket gets a short one, in a folder of this user only', async () => {
    const dataDir = join(await tempDir(), 'a'.repeat(60), 'b c'.repeat(20));
    const [handle, other] = [await open({ dataDir }), await open({ dataDir })];
    const socket = handle.options.path!;
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(100);
    expect(other.options.path).toBe(socket);
    expect(statSync(join(socket, '..')).mode & 0o077).toBe(0);
    expect(statSync(join(dataDir, 'redis')).mode & 0o077).toBe(0);
    expect(await handle.connect().set('k', 'v')).toBe('OK');
    await Promise.all([handle.close(), other.close()]);
    expect(existsSync(socket)).toBe(false);
    await expectNothingLeft(await realpath(dataDir));
  });

  test('a server that lost its socket is replaced, with its data', async () => {
    const dataDir = await tempDir();
    const first = await open({ dataDir });
    const pid = await serverPid(first);
    await first.connect().set('k', 'kept');
    await rm(first.options.path!);
    const second = await open({ dataDir });
    expect(await second.connect().get('k')).toBe('kept');
    expect(identify(pid)).toBeUndefined();
    expect(await first.connect().get('k')).toBe('kept');
  });

  test('a server that does not start says so with the last line of its log', async () => {
    const dataDir = await tempDir();
    const first = await open({ dataDir });
    await first.connect().set('k', 'v');
    await first.close();
    const folder = join(dataDir, 'redis', 'appendonlydir');
    const file = (await readdir(folder)).find((name) => name.endsWith('.incr.aof'))!;
    await writeFile(join(folder, file), `nonsense\r\n${'x'.repeat(99)}\r\n`);
    const error = await refusal({ dataDir });
    expect(error).toMatchObject({ code: 'REDIS_START_FAILED', exitCode: 69 });
    expect(error.message).toMatch(/Bad file format reading the append only file/);
    await expectNothingLeft(await realpath(dataDir));
  });
});
