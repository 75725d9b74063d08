/** Real servers and real processes for the tests of this folder; whatever a test starts is ended after it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { RowferryError } from '../../src/errors.js';
import { identify } from '../../src/process.js';
import { openRedis, type RedisHandle, type RedisSettings } from '../../src/redis/connection.js';
import { provisionServer } from '../../src/redis/provision.js';

export const MINUTES = 60_000;

/** Waits for what nobody announces; the test's own limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

/** Ends the private server whose folder this is, if a failed test left it running. */
async function endLeftovers(dataDir: string): Promise<void> {
  const note = await readFile(join(dataDir, 'redis', 'server.json'), 'utf8').catch(() => '{}');
  const { who } = JSON.parse(note) as { who?: { pid: number; start: string } };
  if (who && identify(who.pid)?.start === who.start) process.kill(who.pid, 'SIGKILL');
}

export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rf-test-'));
  onTestFinished(async () => {
    await endLeftovers(dir);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  return dir;
}

export async function open(settings: RedisSettings): Promise<RedisHandle> {
  const handle = await openRedis(settings);
  onTestFinished(() => handle.close());
  return handle;
}

export interface Member {
  child: ChildProcess;
  /** Resolves to the next line it says; rejects with its standard error when it ends instead. */
  hear(): Promise<string>;
  ask(line: string): Promise<string>;
  kill(): Promise<void>;
}

export function startMember(dataDir: string): Member {
  const script = fileURLToPath(new URL('./member.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], { stdio: 'pipe' });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const exited = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  const hear = async () => {
    const next = await lines.next();
    if (next.done) throw new Error(`the member ended: ${complaint}`);
    return next.value;
  };
  return {
    child,
    hear,
    kill,
    ask(line) {
      child.stdin.write(`${line}\n`);
      return hear();
    },
  };
}

/** Pids of the servers that work in the folder: not what our own notes say, but what the system does (Linux). */
export async function serversIn(dataDir: string): Promise<number[]> {
  const dir = join(dataDir, 'redis');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const at = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => at[index] === dir);
}

export async function serverPid(handle: RedisHandle): Promise<number> {
  const probe = new Redis({ path: handle.options.path! });
  try {
    return Number(/process_id:(\d+)/.exec(await probe.info('server'))?.[1]);
  } finally {
    probe.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server of its own on a loopback port; resolves to `127.0.0.1:<port>` once it listens. */
export async function startServer(...options: string[]): Promise<string> {
  const port = await freePort();
  const binary = await provisionServer();
  const dir = await tempDir();
  const child = spawn(binary, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...options], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (/Ready to accept connections/.test(line)) break;
  }
  child.stdout.resume();
  return `127.0.0.1:${port}`;
}

/** Answers each command by its name with a RESP reply, e.g. `{INFO: bulk('redis_version:5.0.0')}`; silent when unknown. */
export async function fakeServer(replies: Record<string, string | (() => string)>): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      // One command per packet: a client that waits for each answer sends no more.
      const name = data.toString().split('\r\n')[2]?.toUpperCase() ?? '';
      const reply = replies[name];
      if (reply !== undefined) socket.write(typeof reply === 'string' ? reply : reply());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** Opens in expectation of a refusal, and resolves to it. */
export async function refusal(settings: RedisSettings): Promise<RowferryError> {
  const handle = await openRedis(settings).catch((error: RowferryError) => error);
  if (handle instanceof Error) return handle;
  await handle.close();
  throw new Error(`${handle.where} was not refused`);
}
