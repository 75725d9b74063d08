/** Makes sure a Redis server program exists, without root and without touching the system's own services. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, RowferryError } from '../errors.js';
import { fetchFromApt, versionOf } from './apt.js';

const NAMES = ['valkey-server', 'redis-server'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Where fetched servers live: `${XDG_CACHE_HOME:-~/.cache}/rowferry/redis`. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'rowferry', 'redis');
}

const cached = (env: NodeJS.ProcessEnv): string => join(cacheDir(env), 'server', 'redis-server');

function onPath(env: NodeJS.ProcessEnv): string | undefined {
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) if (dir && isProgram(join(dir, name))) return join(dir, name);
  }
  return undefined;
}

/**
 * The server program to use: `binary` or ROWFERRY_REDIS_BIN, else valkey-server or redis-server on PATH, else the
 * cache; `undefined` when there is none. Throws REDIS_BINARY_MISSING when the one that was named is not there.
 */
export function findServer(binary?: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = binary || env.ROWFERRY_REDIS_BIN;
  if (named) {
    if (isProgram(named)) return resolve(named);
    throw new RowferryError(
      'REDIS_BINARY_MISSING',
      `ROWFERRY_REDIS_BIN names ${named}, which is not a program that can be run; correct it, or unset it to have one looked up.`,
      EXIT.noRedis,
    );
  }
  return onPath(env) ?? (isProgram(cached(env)) ? cached(env) : undefined);
}

/** The error for a machine without a server program; `why` says what was tried. */
export function binaryMissing(why: string): RowferryError {
  const mend =
    process.platform === 'darwin'
      ? 'run `brew install valkey`'
      : 'install redis or valkey with the package manager of this system';
  return new RowferryError(
    'REDIS_BINARY_MISSING',
    `No Redis server program was found (${why}); ${mend}, or set REDIS_URL to a running Redis, or ROWFERRY_REDIS_BIN to a redis-server program.`,
    EXIT.noRedis,
  );
}

/**
 * Resolves to the path of a server program, fetching the distribution's package into the cache when there is none
 * (Debian and its kin only). Throws REDIS_BINARY_MISSING, exit 69.
 * @param say gets one line when something was fetched.
 */
export async function provisionServer(say: (line: string) => void = () => undefined): Promise<string> {
  const found = findServer();
  // A cached one may have lost a library to an upgrade of the system: only that one is fetched again.
  if (found && (found !== cached(process.env) || (await versionOf(found)))) return found;
  if (process.platform !== 'linux') throw binaryMissing('none on PATH');
  const target = join(cacheDir(), 'server');
  try {
    const version = await fetchFromApt(target);
    say(
      `Fetched a Redis ${version} server from this system's package archive into ${target} (nothing was installed).`,
    );
  } catch (error) {
    throw binaryMissing(`none on PATH, and fetching one failed: ${(error as Error).message}`);
  }
  return cached(process.env);
}

async function main(): Promise<void> {
  // With REDIS_URL no private server is wanted.
  if (process.env.REDIS_URL) return;
  try {
    await provisionServer((line) => process.stderr.write(`${line}\n`));
  } catch (error) {
    if (!(error instanceof RowferryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

if (process.argv[1] && isProgramFile(process.argv[1])) await main();

function isProgramFile(entry: string): boolean {
  try {
    return realpathSync(entry) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}
