/** A lock between processes in one file; it names its holder, so that the lock of a dead process can be taken over. */
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RowferryError } from '../errors.js';
import { identify, lifeOf, type ProcessIdentity } from '../process.js';

const HEARTBEAT_MS = 5_000;
const SILENT_MS = 30_000;

interface Holder {
  nonce: string;
  who: ProcessIdentity | undefined;
  touched: number;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const [text, { ino, mtimeMs }] = [await readFile(path, 'utf8'), await stat(path)];
    try {
      const { nonce, ...who } = JSON.parse(text) as ProcessIdentity & { nonce: string };
      return { nonce, who, touched: mtimeMs };
    } catch {
      // Emptied by a power cut: judged by its age alone.
      return { nonce: `unreadable-${ino}-${Math.trunc(mtimeMs)}`, who: undefined, touched: mtimeMs };
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isStale(holder: Holder): boolean {
  const life = holder.who === undefined ? 'elsewhere' : lifeOf(holder.who);
  return life === 'elsewhere' ? Date.now() - holder.touched > SILENT_MS : life === 'dead';
}

/** O_EXCL, but the content is there from the first moment: a file under a name of its own, linked to the lock's name. */
async function tryToTake(path: string, nonce: string): Promise<boolean> {
  const own = `${path}.${nonce}.tmp`;
  await writeFile(own, JSON.stringify({ ...identify(process.pid), nonce }), { flag: 'wx', mode: 0o600 });
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(own);
  }
}

/**
 * Removes a dead holder's file. Whoever wants to must hold the lock named after *that* holder, and looks again under
 * it: so a slow process cannot remove the lock of whoever took over meanwhile.
 */
async function clearAway(path: string, nonce: string, deadline: number): Promise<void> {
  await withLock(
    `${path}.${nonce}`,
    async () => {
      if ((await holderOf(path))?.nonce === nonce) await unlink(path);
    },
    deadline,
  );
}

/** Removes what processes that were killed while they took or cleared the lock at `path` have left beside it. */
async function sweep(path: string): Promise<void> {
  const [dir, beginning] = [dirname(path), `${basename(path)}.`];
  for (const name of await readdir(dir)) {
    if (!name.startsWith(beginning)) continue;
    const left = join(dir, name);
    const holder = await holderOf(left);
    if (holder && isStale(holder)) await rm(left, { force: true });
  }
}

async function release(path: string, nonce: string): Promise<void> {
  if ((await holderOf(path))?.nonce === nonce) await unlink(path);
}

function startFailed(path: string, by: string): RowferryError {
  return new RowferryError(
    'REDIS_START_FAILED',
    `The lock of the private Redis server, ${path}, is held by ${by} and is not given back; end that process, then try again.`,
    69,
  );
}

/**
 * Runs `body` while no other process (nor other caller in this one) holds the lock at `path`.
 * Throws what `held` makes of its holder when a living process keeps the lock until `deadline` (ms since the epoch).
 */
export async function withLock<T>(
  path: string,
  body: () => Promise<T>,
  deadline: number = Date.now() + 180_000,
  held: (path: string, by: string) => RowferryError = startFailed,
): Promise<T> {
  const nonce = randomUUID();
  for (;;) {
    const holder = await holderOf(path);
    if (holder === undefined) {
      if (await tryToTake(path, nonce)) break;
    } else if (isStale(holder)) {
      await clearAway(path, holder.nonce, deadline);
    } else if (Date.now() > deadline) {
      const who = holder.who ? `process ${holder.who.pid} on ${holder.who.host}` : 'another process';
      throw held(path, who);
    } else {
      await sleep(15 + Math.random() * 25);
    }
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    await sweep(path);
    return await body();
  } finally {
    clearInterval(heartbeat);
    await release(path, nonce);
  }
}
