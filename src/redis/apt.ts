/** Takes a Redis server out of the distribution's package, on Debian and its kin, without root. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ENV = { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
const OLDEST = [6, 2] as const;
const PACKAGES = ['redis-tools', 'valkey-tools'];
// One program is server and checker alike; it goes by the name it is called with.
const PROGRAMS = ['redis-server', 'valkey-server', 'redis-check-rdb', 'valkey-check-rdb', 'redis-check-aof'];

// Finds its libraries beside itself; exec keeps the pid, so that whoever starts it knows the server's.
const LAUNCHER = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$here/libexec/redis-server" "$@"
`;

/** Runs a program and resolves to its standard output; an error's message is the last line it had to say. */
async function output(program: string, args: string[], cwd?: string): Promise<string> {
  try {
    const { stdout } = await run(program, args, {
      cwd,
      env: { ...process.env, ...ENV },
      timeout: 180_000,
      maxBuffer: 16 << 20,
    });
    return stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw new Error(`${program} is not there`);
    throw new Error(stderr?.trim().split('\n').at(-1) || `${program} failed`);
  }
}

/** `7.0.15` for a server program that runs, else `undefined`. */
export async function versionOf(program: string): Promise<string | undefined> {
  const text = await output(program, ['--version']).catch(() => '');
  return /server.*\bv=(\d+\.\d+\.\d+)/.exec(text)?.[1];
}

/** apt-get with the lists of the system; `own` has it keep lists of its own in that folder. */
function aptOptions(own?: string): string[] {
  const options = ['-qq', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=2'];
  return own
    ? [...options, '-o', `Dir::State::Lists=${own}/lists`, '-o', `Dir::Cache=${own}/cache`]
    : options;
}

/** Downloads with what the system knows; when that is out of date, or nothing, after an update of its own. */
export class Downloader {
  #options = aptOptions();
  #updated = false;
  constructor(readonly work: string) {}

  /** Resolves to the path of the .deb. */
  async fetch(name: string): Promise<string> {
    const folder = await mkdtemp(join(this.work, 'deb-'));
    const download = () => output('apt-get', [...this.#options, 'download', name], folder);
    try {
      await download();
    } catch {
      if (!this.#updated) await this.#update();
      await download();
    }
    const deb = (await readdir(folder)).find((file) => file.endsWith('.deb'));
    if (!deb) throw new Error(`apt-get brought no package ${name}`);
    return join(folder, deb);
  }

  async #update(): Promise<void> {
    const own = join(this.work, 'apt');
    await mkdir(join(own, 'lists', 'partial'), { recursive: true });
    await mkdir(join(own, 'cache'), { recursive: true });
    this.#options = aptOptions(own);
    this.#updated = true;
    // One archive of many may be down; whether the package can be had is seen at the download.
    await output('apt-get', [...this.#options, 'update']).catch(() => undefined);
  }
}

async function missingLibraries(program: string, lib: string): Promise<string[]> {
  const args = [`LD_LIBRARY_PATH=${lib}`, 'ldd', program];
  return [...(await output('env', args)).matchAll(/(\S+) => not found/g)].map((match) => match[1]!);
}

/** Library packages a .deb depends on that the system does not have. */
async function absentDependencies(deb: string): Promise<string[]> {
  const names: string[] = [];
  for (const group of (await output('dpkg-deb', ['-f', deb, 'Depends'])).split(',')) {
    const choices = group.split('|').map((choice) => choice.trim().replace(/[\s:(].*$/s, ''));
    const states = await Promise.all(
      choices.map((name) => output('dpkg-query', ['-W', '-f', `\${Status}`, name]).catch(() => '')),
    );
    const name = choices[0];
    if (name && /^(lib|lua)/.test(name) && !states.some((state) => state.endsWith(' installed')))
      names.push(name);
  }
  return names;
}

export async function unpack(deb: string): Promise<string> {
  const tree = join(dirname(deb), 'tree');
  await output('dpkg', ['-x', deb, tree]);
  return tree;
}

async function copyLibraries(tree: string, lib: string): Promise<void> {
  for (const entry of await readdir(tree, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory() || !/\.so(\.|$)/.test(entry.name)) continue;
    const file = await realpath(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (file) await cp(file, join(lib, entry.name));
  }
}

/** Adds to `lib` what the program of `deb` lacks, dependency by dependency, until the loader finds everything. */
export async function addLibraries(
  program: string,
  lib: string,
  deb: string,
  downloader: Downloader,
): Promise<void> {
  const seen = new Set<string>();
  let wave = [deb];
  while ((await missingLibraries(program, lib)).length > 0 && wave.length > 0) {
    const names = new Set(
      (await Promise.all(wave.map(absentDependencies))).flat().filter((n) => !seen.has(n)),
    );
    wave = [];
    for (const name of names) {
      seen.add(name);
      const dependency = await downloader.fetch(name);
      await copyLibraries(await unpack(dependency), lib);
      wave.push(dependency);
    }
  }
}

async function build(work: string): Promise<{ bundle: string; version: string }> {
  const downloader = new Downloader(work);
  const deb = await downloader
    .fetch(PACKAGES[0]!)
    .catch((error: Error) => downloader.fetch(PACKAGES[1]!).catch(() => Promise.reject(error)));
  const bin = join(await unpack(deb), 'usr', 'bin');
  const files = await readdir(bin);
  const program = PROGRAMS.find((name) => files.includes(name));
  if (!program) throw new Error('the package of this system holds no server program');
  const bundle = join(work, 'bundle');
  await mkdir(join(bundle, 'libexec'), { recursive: true });
  await mkdir(join(bundle, 'lib'));
  await cp(await realpath(join(bin, program)), join(bundle, 'libexec', 'redis-server'));
  await addLibraries(join(bundle, 'libexec', 'redis-server'), join(bundle, 'lib'), deb, downloader);
  const launcher = join(bundle, 'redis-server');
  await writeFile(launcher, LAUNCHER);
  await chmod(launcher, 0o755);
  const version = await versionOf(launcher);
  if (!version) throw new Error('the server of the package does not run here');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new Error(`this system's package is Redis ${version}, and ${OLDEST.join('.')} or newer is needed`);
  }
  return { bundle, version };
}

/** Moves the bundle into place in one step; when another process was first and its server runs, that one stays. */
async function putInPlace(bundle: string, target: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await rename(bundle, target);
      return;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    if (await versionOf(join(target, 'redis-server'))) return;
    await rename(target, join(dirname(bundle), `broken-${attempt}`)).catch(() => undefined);
  }
  throw new Error(`${target} cannot be replaced`);
}

/**
 * Puts `redis-server` with the libraries the system lacks into the folder `target` and resolves to its version.
 * Several processes may do so at once. Throws an Error whose message says what stood in the way.
 */
export async function fetchFromApt(target: string): Promise<string> {
  await mkdir(dirname(target), { recursive: true });
  const work = await mkdtemp(join(dirname(target), '.fetch-'));
  try {
    const { bundle, version } = await build(work);
    await putInPlace(bundle, target);
    return version;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
