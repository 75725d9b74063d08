/**
 * The private server of a data dir, seen by a member: it comes in, brings the server back when it is lost, and goes.
 * Coming in and going happen under the lock of the place, so that nobody joins a server that is being stopped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { withLock } from './lock.js';
import { steady } from './options.js';
import { type Place, preparePlace, probe } from './place.js';
import { clearAfterLoss, ensureServer, stopServer } from './server.js';

export interface PrivateSettings {
  dataDir: string;
  binary?: string | undefined;
  onTrouble?: ((error: Error) => void) | undefined;
  /** Name of this member's connections: `rowferry:<pid>:<id>`, different for every handle. */
  member: string;
}

/** `dir` and `socket` are absolute. `leave` stops the server when no other member is connected. */
export interface Membership {
  dir: string;
  socket: string;
  leave(): Promise<void>;
}

/** Resolves when the connection can be used, or `signal` fires; the caller need not know which. */
function untilReady(connection: Redis, signal: AbortSignal): Promise<void> {
  return new Promise((settle) => {
    if (connection.status === 'ready' || signal.aborted) return settle();
    connection.once('ready', settle);
    signal.addEventListener('abort', () => settle(), { once: true });
  });
}

/** The connection by which the others see that this member is there. */
function takeSeat(socket: string, member: string): Redis {
  const seat = new Redis(steady({ path: socket }, member));
  seat.on('error', () => undefined);
  return seat;
}

async function othersAreIn(seat: Redis, member: string): Promise<boolean> {
  const list = (await seat.client('LIST')) as string;
  const names = [...list.matchAll(/(?:^|\s)name=(rowferry:\S*)/g)].map((match) => match[1]!);
  return names.some((name) => name !== member && !name.startsWith(`${member}:`));
}

/** Under the lock. A server that was lost is not brought back to be stopped. */
async function goOut(place: Place, socket: string, member: string): Promise<void> {
  if ((await probe(socket)) === 'dead') return clearAfterLoss(place, socket);
  const seat = new Redis({
    ...steady({ path: socket }, member),
    lazyConnect: true,
    commandTimeout: 10_000,
    retryStrategy: () => null,
  });
  seat.on('error', () => undefined);
  try {
    await seat.connect();
    if (!(await othersAreIn(seat, member))) await stopServer(place, socket, seat);
  } finally {
    // Once the server has closed it, ioredis would keep the process for two seconds more.
    if (seat.status !== 'end') seat.disconnect();
  }
}

/**
 * Joins the private server of the data dir, starting it when it does not run.
 * Throws REDIS_BINARY_MISSING or REDIS_START_FAILED, exit 69.
 */
export async function joinPrivateServer(settings: PrivateSettings): Promise<Membership> {
  const { binary, member, onTrouble = () => undefined } = settings;
  const place = await preparePlace(settings.dataDir);
  const leaving = new AbortController();

  const { socket, seat } = await withLock(place.lock, async () => {
    const socket = await ensureServer(place, binary);
    const seat = takeSeat(socket, member);
    // The name is on the connection before it is ready: who leaves after us sees us.
    await untilReady(seat, AbortSignal.timeout(30_000));
    return { socket, seat };
  });

  const bringBack = async (): Promise<void> => {
    for (let pauseMs = 100; !leaving.signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        await preparePlace(settings.dataDir);
        await withLock(place.lock, async () => {
          if (leaving.signal.aborted) return;
          await ensureServer(place, binary);
          await untilReady(seat, AbortSignal.any([leaving.signal, AbortSignal.timeout(5_000)]));
        });
        return;
      } catch (error) {
        onTrouble(error as Error);
        await sleep(pauseMs, undefined, { signal: leaving.signal }).catch(() => undefined);
      }
    }
  };

  // Each member tries, one at a time; the first one starts the server, the rest find it running.
  let returning: Promise<void> | undefined;
  seat.on('close', () => {
    if (leaving.signal.aborted) return;
    returning ??= bringBack().finally(() => {
      returning = undefined;
    });
  });

  return {
    dir: place.dir,
    socket,
    async leave() {
      leaving.abort();
      seat.disconnect();
      await returning;
      // A server that does not answer any more stays as it is; leaving is no reason for the caller to fail.
      await preparePlace(settings.dataDir)
        .then(() => withLock(place.lock, () => goOut(place, socket, member)))
        .catch(onTrouble);
    },
  };
}
