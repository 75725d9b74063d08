/** A Redis of the test's own that listens on a TCP port, and can go away and come back there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { provisionServer } from '../../src/redis/provision.js';
import { scratchDir } from './scratch.js';

export const DURABLE = [
  '--appendonly',
  'yes',
  '--appendfsync',
  'everysec',
  '--maxmemory-policy',
  'noeviction',
];

export class TcpRedis {
  private child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly dir: string,
    private readonly flags: readonly string[],
  ) {}

  /** Reserves a port; nothing listens there yet. */
  static async prepare(flags: readonly string[] = DURABLE): Promise<TcpRedis> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const redis = new TcpRedis(port, scratchDir(), flags);
    onTestFinished(() => redis.kill());
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const program = await provisionServer();
    this.child = spawn(
      program,
      ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.dir, ...this.flags],
      {
        stdio: 'ignore',
        argv0: 'redis-server',
      },
    );
    const eye = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    eye.on('error', () => {});
    await eye.ping();
    eye.disconnect();
  }

  /** In order; resolves with its exit code. */
  async stop(): Promise<number | null> {
    const ended = once(this.child!, 'exit');
    this.child!.kill('SIGTERM');
    return (await ended)[0] as number | null;
  }

  /** As a crash of its machine would end it. */
  async kill(): Promise<void> {
    if (this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
