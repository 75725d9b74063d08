/** A TCP proxy whose connections can be cut, or swallow what is sent. */

import type { AddressInfo, NetConnectOpts } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export class TcpProxy {
  private readonly pairs = new Set<[Socket, Socket]>();
  private holed = false;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open(target: NetConnectOpts): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const proxy = new TcpProxy(server, (server.address() as AddressInfo).port);
    server.on('connection', (near) => proxy.join(near, connect(target)));
    return proxy;
  }

  private join(near: Socket, far: Socket): void {
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    for (const [one, other] of [pair, pair.toReversed() as [Socket, Socket]]) {
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        other.destroy();
        this.pairs.delete(pair);
      });
      one.pipe(other);
    }
    if (this.holed) this.hold(pair);
  }

  private hold([near, far]: [Socket, Socket]): void {
    near.unpipe(far);
    far.unpipe(near);
    for (const socket of [near, far]) socket.resume(); // what comes is swallowed
  }

  /** Ends every connection as a router does that has forgotten them. */
  cut(): void {
    for (const [near, far] of this.pairs) {
      near.resetAndDestroy();
      far.destroy(); // a unix socket knows no reset
    }
  }

  /** For `ms` nothing gets through and nobody is told; then the connections of that time break. */
  async hole(ms: number): Promise<void> {
    this.holed = true;
    for (const pair of this.pairs) this.hold(pair);
    await sleep(ms);
    this.holed = false;
    this.cut();
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    for (const [near, far] of this.pairs) {
      near.destroy();
      far.destroy();
    }
    await closed;
  }
}
