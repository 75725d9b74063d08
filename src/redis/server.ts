/** Starts and stops the private server's process. Everything here is called under the lock of its place. */
import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import type { Redis } from 'ioredis';
import { identify, lifeOf, type ProcessIdentity } from '../process.js';
import { parseInfo } from './inspect.js';
import { chooseSocket, clearPlace, type Place, probe, readNote, startFailed, writeNote } from './place.js';
import { binaryMissing, findServer } from './provision.js';

const SILENT_MS = 60_000;
const LOG_BYTES = 1 << 20;

const serverArguments = (dir: string, socket: string): string[] => [
  ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700'],
  ...['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ...['--aof-load-truncated', 'yes', '--maxmemory', '0', '--maxmemory-policy', 'noeviction'],
  ...['--databases', '1', '--daemonize', 'no'],
];

/** A server outlives its starter by days: it gets what it needs to run, not the keys in our environment. */
function lean(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];
  return Object.fromEntries(kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Opens the log for appending, from its beginning again when it has grown. `from`: where this start's lines begin. */
async function openLog(path: string): Promise<{ fd: number; from: number; close(): Promise<void> }> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  const file = await open(path, size > LOG_BYTES ? 'w' : 'a', 0o600);
  return { fd: file.fd, from: size > LOG_BYTES ? 0 : size, close: () => file.close() };
}

async function lastLine(path: string, from: number): Promise<string> {
  const text = await readFile(path).catch(() => Buffer.alloc(0));
  const lines = text.subarray(from).toString('utf8').split('\n');
  return lines.map((line) => line.trim()).findLast((line) => line !== '') ?? 'it left no line in its log';
}

interface Started {
  child: ChildProcess;
  /** The sentence's middle once the process has ended or could not be started. */
  ended(): string | undefined;
}

function launch(binary: string, place: Place, socket: string, fd: number): Started {
  let ended: string | undefined;
  // What it writes holds contacts, and it takes its rights from whoever starts it; a thread may not change them.
  const before = isMainThread ? process.umask(0o077) : undefined;
  const child = spawn(binary, serverArguments(place.dir, socket), {
    cwd: place.dir,
    // A session of its own: Ctrl-C in the starter's terminal is not meant for the server.
    detached: true,
    stdio: ['ignore', fd, fd],
    env: lean(process.env),
    // One program is server and checker; the name it is called with decides.
    ...(/check-(rdb|aof)$/.test(basename(binary)) ? { argv0: 'redis-server' } : {}),
  });
  if (before !== undefined) process.umask(before);
  child.on('error', (error) => {
    ended ??= error.message;
  });
  child.on('exit', (code, signal) => {
    ended ??= signal ? `ended by ${signal}` : `exit code ${code}`;
  });
  child.unref();
  return { child, ended: () => ended };
}

/** Waits while the server loads, however long; gives up on one that says nothing at all. */
async function waitUntilReady(started: Started, socket: string): Promise<string | undefined> {
  let heard = Date.now();
  for (;;) {
    const state = await probe(socket);
    if (state === 'ready') return undefined;
    const ended = started.ended();
    if (ended !== undefined) return ended;
    if (state === 'busy') heard = Date.now();
    else if (Date.now() - heard > SILENT_MS) {
      started.child.kill('SIGKILL');
      return `silent for ${SILENT_MS / 1_000} s`;
    }
    await sleep(20);
  }
}

async function start(place: Place, socket: string, binary: string): Promise<void> {
  await rm(socket, { force: true });
  // Before the start: a starter that dies in between leaves word that a server may be about to appear.
  await writeNote(place, { socket });
  const log = await openLog(place.log);
  const started = launch(binary, place, socket, log.fd);
  const who = started.child.pid === undefined ? undefined : identify(started.child.pid);
  await writeNote(place, who ? { socket, who } : { socket });
  await log.close();
  const trouble = await waitUntilReady(started, socket);
  if (trouble === undefined) return;
  await clearPlace(place, socket);
  throw startFailed(
    `The private Redis server ${binary} did not start in ${place.dir} (${trouble}): "${await lastLine(place.log, log.from)}"; mend that, or set REDIS_URL to another Redis.`,
  );
}

async function waitUntilGone(who: ProcessIdentity, socket: string, patienceMs: number): Promise<boolean> {
  const gone = async () =>
    lifeOf(who) === 'elsewhere' ? (await probe(socket)) === 'dead' : lifeOf(who) === 'dead';
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(15)) {
    if (await gone()) return true;
  }
  return gone();
}

/** Ends a server of this place that lives but cannot be reached any more, e.g. because a cleaner took its socket. */
async function endUnreachable(who: ProcessIdentity, socket: string): Promise<void> {
  for (const [signal, patienceMs] of [['SIGTERM', 15_000] as const, ['SIGKILL', 15_000] as const]) {
    if (lifeOf(who) !== 'alive') return;
    try {
      process.kill(who.pid, signal);
    } catch {
      // Gone in this moment.
    }
    if (await waitUntilGone(who, socket, patienceMs)) return;
  }
}

/** `true` once the server at the socket answers; a server that was just launched is given time to open its socket. */
async function isThere(socket: string, who: ProcessIdentity | undefined, graceMs: number): Promise<boolean> {
  const graceEnds = Date.now() + graceMs;
  for (;;) {
    const state = await probe(socket);
    if (state === 'ready') return true;
    const mayCome = (who === undefined || lifeOf(who) === 'alive') && Date.now() < graceEnds;
    if (state === 'dead' && !mayCome) return false;
    await sleep(25);
  }
}

/**
 * Makes sure a server runs for the place and answers; resolves to its socket. A running one is taken as it is.
 * Throws REDIS_BINARY_MISSING or REDIS_START_FAILED (with the last line of the server's log).
 */
export async function ensureServer(place: Place, binary: string | undefined): Promise<string> {
  const note = await readNote(place);
  const socket = note?.socket ?? (await chooseSocket(place.dir));
  // No note: no server, unless the note was lost. A note without a process: its starter died starting it.
  const graceMs = note === undefined ? 0 : note.who ? 5_000 : 1_500;
  if (await isThere(socket, note?.who, graceMs)) return socket;
  const program = findServer(binary);
  if (!program)
    throw binaryMissing('neither valkey-server nor redis-server on PATH; `npm run redis` fetches one');
  if (note?.who) await endUnreachable(note.who, socket);
  // A hashed socket's folder may have been cleaned away meanwhile.
  if (!socket.startsWith(place.dir)) await chooseSocket(place.dir);
  await start(place, socket, program);
  return socket;
}

/** Clears up behind a server whose socket is dead; one that lives on without its socket is ended first. */
export async function clearAfterLoss(place: Place, socket: string): Promise<void> {
  const who = (await readNote(place))?.who;
  if (who) await endUnreachable(who, socket);
  await clearPlace(place, socket);
}

/** Stops the server behind the connection and waits until its process is gone. Resolves to false if it would not go. */
export async function stopServer(place: Place, socket: string, seat: Redis): Promise<boolean> {
  const pid = Number(parseInfo(await seat.info('server')).get('process_id'));
  const who = (await readNote(place))?.who ?? identify(pid);
  // Its answer is that the connection ends.
  await seat.call('SHUTDOWN', 'NOSAVE').catch(() => undefined);
  if (who && !(await waitUntilGone(who, socket, 30_000))) return false;
  await clearPlace(place, socket);
  return true;
}
