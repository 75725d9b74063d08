/** A private PostgreSQL for the peers: the system's programs, else those of the distribution's package, unpacked. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cpuSecondsOf, endLater } from './child.js';
import { importDist } from './dist.js';
import { Unavailable } from './scenario.js';

const run = promisify(execFile);
const VERSIONS = [17, 16, 15, 14];
/** PostgreSQL refuses to be root; whoever is, starts it as nobody. */
const NOBODY = 65_534;
const READY_MS = 30_000;

export interface Programs {
  /** Folder of initdb and postgres. */
  bin: string;
  env: NodeJS.ProcessEnv;
}

export interface Postgres {
  url: string;
  /** User and system time of the server and all its processes so far. */
  cpuSeconds(): number;
  close(): Promise<void>;
}

export async function findPostgres(dir: string): Promise<Programs> {
  const places = [
    ...VERSIONS.map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const bin = places.find((place) => ['initdb', 'postgres'].every((name) => existsSync(join(place, name))));
  if (bin !== undefined) return { bin, env: process.env };
  for (const version of VERSIONS) {
    const fetched = await fetchPrograms(dir, version).catch(() => undefined);
    if (fetched) return fetched;
  }
  throw new Unavailable('there is no PostgreSQL, and no package of it to be had');
}

async function fetchPrograms(dir: string, version: number): Promise<Programs> {
  const { addLibraries, Downloader, unpack } = await importDist('redis/apt');
  const downloader = new Downloader(await mkdtemp(join(dir, 'apt-')));
  await chmod(downloader.work, 0o755);
  const deb = await downloader.fetch(`postgresql-${version}`);
  const tree = await unpack(deb);
  await chmod(join(tree, '..'), 0o755);
  const bin = join(tree, `usr/lib/postgresql/${version}/bin`);
  const lib = join(tree, 'lib');
  await mkdir(lib, { recursive: true });
  for (const name of ['initdb', 'postgres']) await addLibraries(join(bin, name), lib, deb, downloader);
  return { bin, env: { ...process.env, LD_LIBRARY_PATH: lib } };
}

/** `dir` is made passable for others. As durable as it comes: every commit is on disk before it is answered. */
export async function startPostgres(dir: string, { bin, env }: Programs): Promise<Postgres> {
  const place = await mkdtemp(join(dir, 'pg-'));
  const data = join(place, 'data');
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  await chmod(dir, 0o711);
  if (isRoot) await chown(place, NOBODY, NOBODY);
  const options = { ...as, env, cwd: place };
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C'],
    options,
  );
  const flags = ['-D', data, '-k', place, '-c', 'listen_addresses=', '-c', 'max_connections=100'];
  const server = spawn(join(bin, 'postgres'), flags, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const close = endLater(server, 'SIGINT'); // ends connections, too
  let told = '';
  server.stderr!.on('data', (text: Buffer) => {
    told = (told + text.toString()).slice(-2_000);
  });
  for (const until = Date.now() + READY_MS; !told.includes('ready to accept connections'); await sleep(50)) {
    if (server.exitCode !== null || Date.now() > until) throw new Error(`PostgreSQL did not start: ${told}`);
  }
  const childrenOf = (pid: number) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return {
    url: `postgresql://postgres@localhost/postgres?host=${encodeURIComponent(place)}`,
    cpuSeconds() {
      if (!existsSync('/proc')) return Number.NaN;
      const all = [server.pid!, ...childrenOf(server.pid!)];
      return all.reduce((sum, pid) => sum + (cpuSecondsOf(pid, 'with those that ended') ?? 0), 0);
    },
    close,
  };
}
