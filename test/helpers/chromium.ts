/** A Chromium for the tests of the pages: on PATH, or the distribution's package in the cache, without root. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { addLibraries, Downloader, unpack } from '../../src/redis/apt.js';
import { cacheDir } from '../../src/redis/provision.js';

const NAMES = ['chromium', 'chromium-headless-shell', 'google-chrome-stable', 'google-chrome'];
const PROGRAM = 'chromium-headless-shell';
const PLACE = join(dirname(cacheDir()), 'chromium');

const LAUNCHER = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$here/chromium/${PROGRAM}" "$@"
`;

/** Undefined, and one loud line, where there is none to be had. */
export async function provisionChromium(): Promise<string | undefined> {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) if (dir && existsSync(join(dir, name))) return join(dir, name);
  }
  const launcher = join(PLACE, PROGRAM);
  try {
    if (!(await runs(launcher))) await fetchPackages();
    return launcher;
  } catch (error) {
    const why = (error as Error).message;
    process.stderr.write(
      `\n!!! NO BROWSER: the tests of the pages are SKIPPED (${why}). Install chromium.\n\n`,
    );
    return undefined;
  }
}

async function runs(program: string): Promise<boolean> {
  return promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false,
  );
}

async function fetchPackages(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('none on PATH');
  await mkdir(dirname(PLACE), { recursive: true });
  const work = await mkdtemp(join(dirname(PLACE), '.fetch-'));
  try {
    const downloader = new Downloader(work);
    const bundle = join(work, 'bundle');
    await mkdir(join(bundle, 'lib'), { recursive: true });
    const deb = await downloader.fetch(PROGRAM);
    for (const one of [deb, await downloader.fetch('chromium-common')]) {
      await cp(join(await unpack(one), 'usr', 'lib', 'chromium'), join(bundle, 'chromium'), {
        recursive: true,
      });
    }
    await addLibraries(join(bundle, 'chromium', PROGRAM), join(bundle, 'lib'), deb, downloader);
    await writeFile(join(bundle, PROGRAM), LAUNCHER);
    await chmod(join(bundle, PROGRAM), 0o755);
    if (!(await runs(join(bundle, PROGRAM)))) throw new Error('the one of the package does not run here');
    await rm(PLACE, { recursive: true, force: true }); // one that does not run
    await rename(bundle, PLACE).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another process was first
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
