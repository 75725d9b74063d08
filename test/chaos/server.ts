/** Somebody's own Redis for one seed: reached through a proxy, started again when it is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { provisionServer } from '../../src/redis/provision.js';
import { until } from '../helpers/world.js';
import { TcpProxy } from './proxy.js';

export class TcpRedis {
  private constructor(
    readonly socket: string,
    readonly proxy: TcpProxy,
    private readonly launch: () => ChildProcess,
    private child: ChildProcess,
  ) {}

  static async open(dir: string, fsync: string): Promise<TcpRedis> {
    const place = join(dir, 'tcp-redis');
    await mkdir(place);
    const socket = join(place, 'redis.sock');
    const binary = await provisionServer();
    const launch = () =>
      spawn(
        binary,
        [
          ...['--port', '0', '--unixsocket', socket, '--dir', place, '--save', ''],
          ...['--appendonly', 'yes', '--appendfsync', fsync, '--maxmemory-policy', 'noeviction'],
        ],
        { stdio: 'ignore', argv0: 'redis-server' },
      );
    const server = new TcpRedis(socket, await TcpProxy.open({ path: socket }), launch, launch());
    await server.ready();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.proxy.port}`;
  }

  get pid(): number {
    return this.child.pid!;
  }

  async killAndRestart(): Promise<void> {
    await this.end();
    this.child = this.launch();
    await this.ready();
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.end();
  }

  private async end(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private async ready(): Promise<void> {
    await until(async () => {
      const redis = new Redis(this.socket, { lazyConnect: true, retryStrategy: () => null });
      redis.on('error', () => {});
      const there = await redis.connect().then(
        () =>
          redis.ping().then(
            () => true,
            () => false,
          ),
        () => false,
      );
      redis.disconnect();
      return there;
    });
  }
}
