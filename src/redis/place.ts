/** The folder of a private server, where its socket is, and the note saying which process it is. */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EXIT, RowferryError } from '../errors.js';
import type { ProcessIdentity } from '../process.js';

/** What the kernel takes as a socket's path is 104 to 108 bytes, its final NUL included. */
const LONGEST_SOCKET = 100;

/** Absolute paths. */
export interface Place {
  dir: string;
  lock: string;
  log: string;
  note: string;
}

/** `who` is left out from the moment before the server is started until its pid is known. */
export interface ServerNote {
  socket: string;
  who?: ProcessIdentity;
}

export const startFailed = (what: string): RowferryError =>
  new RowferryError('REDIS_START_FAILED', what, EXIT.noRedis);

const uid = (): number => process.getuid?.() ?? -1;

/** Makes the folder a real directory of this user that nobody else may enter; throws what the system says. */
async function makeOwn(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const { mode, uid: owner } = await lstat(dir).then((found) => {
    if (!found.isDirectory()) throw new Error('it is not a directory');
    return found;
  });
  if (owner !== uid()) throw new Error('it belongs to another user');
  if ((mode & 0o077) !== 0) await chmod(dir, 0o700);
}

/** Makes sure `<dataDir>/redis` is there. Throws REDIS_START_FAILED. */
export async function preparePlace(dataDir: string): Promise<Place> {
  const wanted = join(resolve(dataDir), 'redis');
  try {
    await makeOwn(wanted);
  } catch (error) {
    throw startFailed(
      `The folder ${wanted} cannot be used for the private Redis server (${(error as Error).message}); choose another data dir, or set REDIS_URL.`,
    );
  }
  // One name for one folder: the path of a hashed socket depends on it.
  const dir = await realpath(wanted);
  return { dir, lock: join(dir, 'lock'), log: join(dir, 'server.log'), note: join(dir, 'server.json') };
}

/** `<dir>/redis.sock`, or a short path in a private folder under the temp dir when that would be too long. */
export async function chooseSocket(dir: string): Promise<string> {
  const direct = join(dir, 'redis.sock');
  if (Buffer.byteLength(direct) <= LONGEST_SOCKET) return direct;
  const name = `${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.sock`;
  for (const base of [tmpdir(), '/tmp']) {
    const folder = join(base, `rowferry-${uid()}`);
    if (Buffer.byteLength(join(folder, name)) > LONGEST_SOCKET) continue;
    try {
      await makeOwn(folder);
    } catch (error) {
      throw startFailed(
        `The folder ${folder} cannot hold the socket of the private Redis server (${(error as Error).message}); remove it, or choose a data dir with a shorter path.`,
      );
    }
    return join(folder, name);
  }
  throw startFailed(
    `The path of the data dir ${dir} is too long for a socket, and so is the temp dir; choose a shorter one.`,
  );
}

export async function readNote(place: Place): Promise<ServerNote | undefined> {
  try {
    const note = JSON.parse(await readFile(place.note, 'utf8')) as Partial<ServerNote>;
    return typeof note.socket === 'string' ? (note as ServerNote) : undefined;
  } catch {
    // Absent, or cut off by a power cut: then the socket's usual path is looked at.
    return undefined;
  }
}

/** Only under the lock. */
export async function writeNote(place: Place, note: ServerNote): Promise<void> {
  const draft = `${place.note}.draft`;
  await writeFile(draft, JSON.stringify(note), { mode: 0o600 });
  await rename(draft, place.note);
}

/** Only under the lock, and only when the server is gone. */
export async function clearPlace(place: Place, socket: string): Promise<void> {
  await rm(socket, { force: true });
  await rm(place.note, { force: true });
}

/** `'busy'`: somebody listens but cannot answer yet (loading, a long script). */
export function probe(socket: string, patienceMs = 1_000): Promise<'ready' | 'busy' | 'dead'> {
  return new Promise((settle) => {
    const connection = createConnection({ path: socket });
    let state: 'busy' | 'dead' = 'dead';
    const done = (found: 'ready' | 'busy' | 'dead') => {
      clearTimeout(timer);
      connection.destroy();
      settle(found);
    };
    const timer = setTimeout(() => done(state), patienceMs);
    connection.on('connect', () => {
      state = 'busy';
      connection.write('PING\r\n');
    });
    connection.on('data', (answer) =>
      done(answer.toString('latin1').startsWith('-LOADING') ? 'busy' : 'ready'),
    );
    connection.on('error', (error: NodeJS.ErrnoException) => done(error.code === 'EAGAIN' ? 'busy' : 'dead'));
    connection.on('close', () => done('dead'));
  });
}
