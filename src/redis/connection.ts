/** The way to Redis: REDIS_URL, else the private server of the data dir. Everybody who needs a connection starts here. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { RowferryError } from '../errors.js';
import { joinPrivateServer } from './embedded.js';
import { inspect } from './inspect.js';
import { parseTarget, steady, withoutLogin } from './options.js';

export interface RedisSettings {
  /** redis://, rediss://, unix:// or the path of a socket; empty or left out: the private server. */
  url?: string | undefined;
  dataDir: string;
  /** ROWFERRY_REDIS_BIN: the server program of the private server. */
  binary?: string | undefined;
  /** Told when the private server was lost and cannot be brought back; the attempts go on. */
  onTrouble?: ((error: Error) => void) | undefined;
  /** How long a server that cannot be reached yet is waited for, ms. Default 0. */
  patienceMs?: number | undefined;
  /** Told why it is waited, before each look. */
  onWait?: ((error: Error) => void) | undefined;
}

export interface RedisHandle {
  /** ioredis options every connection uses (also given to BullMQ). */
  readonly options: RedisOptions;
  /** `redis://host:6379/0`, never with user or password, or `private server at <dir>`. */
  readonly where: string;
  readonly private: boolean;
  /** Sentences for a person, e.g. about the eviction policy. */
  readonly warnings: string[];
  /** A new connection with an 'error' handler attached; `close` closes it. */
  connect(overrides?: RedisOptions): Redis;
  /** Closes the connections made here and leaves the private server; the last one out stops it. May be called again. */
  close(): Promise<void>;
}

const moment = (): Promise<void> => sleep(500, undefined, { ref: false });

/** Lets pending answers arrive, but does not wait for a command that blocks. */
async function hangUp(connection: Redis): Promise<void> {
  if (connection.status === 'end') return;
  const ended = new Promise<void>((settle) => connection.once('end', settle));
  if (connection.status === 'ready') {
    connection.quit().catch(() => undefined);
    await Promise.race([ended, moment()]);
  }
  // Not once it has ended: ioredis would keep the process for two seconds more, waiting for a close that was.
  if ((connection.status as string) === 'end') return;
  connection.disconnect();
  await Promise.race([ended, moment()]);
}

/** One connection set that is closed together; `leave` is called after its connections are gone. */
function handleOf(
  options: RedisOptions,
  about: Pick<RedisHandle, 'where' | 'private' | 'warnings'>,
  leave: () => Promise<void>,
): RedisHandle {
  const open = new Set<Redis>();
  let closing: Promise<void> | undefined;
  return {
    ...about,
    options,
    connect(overrides = {}) {
      const connection = new Redis({ ...options, ...overrides });
      // A lost connection is no error here: ioredis comes back by itself, and commands wait for it.
      connection.on('error', () => undefined);
      connection.once('end', () => open.delete(connection));
      open.add(connection);
      return connection;
    },
    close() {
      closing ??= Promise.all([...open].map(hangUp)).then(leave);
      return closing;
    },
  };
}

const LOOK_AGAIN_MS = 1_000;

/** Only for a server that is not there yet: what is wrong otherwise does not mend itself. */
async function inspectPatiently(
  target: RedisOptions,
  where: string,
  { patienceMs = 0, onWait }: RedisSettings,
): ReturnType<typeof inspect> {
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      return await inspect(target, where);
    } catch (error) {
      const mayCome = error instanceof RowferryError && error.code === 'REDIS_UNREACHABLE';
      if (!mayCome || performance.now() >= deadline) throw error;
      onWait?.(error);
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

/**
 * Opens the way to Redis and checks the server. Throws a RowferryError with one sentence, exit 69: REDIS_UNREACHABLE,
 * REDIS_AUTH, REDIS_VERSION, REDIS_POLICY, REDIS_CLUSTER, REDIS_READONLY, REDIS_BINARY_MISSING, REDIS_START_FAILED;
 * REDIS_URL_INVALID has exit 2.
 */
export async function openRedis(settings: RedisSettings): Promise<RedisHandle> {
  const member = `rowferry:${process.pid}:${randomUUID().slice(0, 8)}`;
  if (settings.url) {
    const { options: target, where } = parseTarget(settings.url);
    const { warnings, anonymous } = await inspectPatiently(target, where, settings);
    const options = steady(anonymous ? withoutLogin(target) : target, member);
    return handleOf(options, { where, private: false, warnings }, async () => undefined);
  }
  const membership = await joinPrivateServer({ ...settings, member });
  const where = `private server at ${membership.dir}`;
  const options = steady({ path: membership.socket }, member);
  try {
    const { warnings } = await inspect(options, where);
    return handleOf(options, { where, private: true, warnings }, membership.leave);
  } catch (error) {
    await membership.leave();
    throw error;
  }
}
