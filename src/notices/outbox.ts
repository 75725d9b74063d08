/** Notices that have not been taken yet: one file for each and each who is to be told, under `<data dir>/notices/`. No secrets in it. */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../durable-file.js';
import type { Notice } from './notice.js';

/** `<id>.<name of the entry>.json` */
const FILE = /^.+\.([A-Za-z][\w-]*)\.json$/;
/** Whoever wrote it for so long is dead. */
const FORGOTTEN_MS = 3_600_000;

/** One notice for one who is to be told. */
export interface Letter {
  file: string;
  /** Name of the entry of `notifications`. */
  to: string;
}

export class Outbox {
  private readonly dir: string;

  constructor(dataDir: string) {
    this.dir = join(dataDir, 'notices');
  }

  /** The same notice again replaces itself. */
  async put(notice: Notice, to: string): Promise<Letter> {
    const file = `${notice.id}.${to}.json`;
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    await writeAtomically(join(this.dir, file), `${JSON.stringify(notice)}\n`);
    return { file, to };
  }

  /** The oldest runs first. */
  async list(): Promise<Letter[]> {
    const names = await readdir(this.dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return [];
    });
    return names.sort().flatMap((file) => {
      const to = FILE.exec(file)?.[1];
      return to === undefined ? [] : [{ file, to }];
    });
  }

  /** undefined: it is gone. Throws for what is no notice. */
  async load({ file }: Letter): Promise<Notice | undefined> {
    try {
      return JSON.parse(await readFile(join(this.dir, file), 'utf8')) as Notice;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async remove({ file }: Letter): Promise<void> {
    await rm(join(this.dir, file), { force: true });
  }

  /** Clears away what deaths have left half written. */
  async tidy(): Promise<void> {
    for (const name of await readdir(this.dir).catch(() => [])) {
      const path = join(this.dir, name);
      if (!name.endsWith('.tmp')) continue;
      const writtenMs = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => Number.POSITIVE_INFINITY,
      );
      if (Date.now() - writtenMs > FORGOTTEN_MS) await rm(path, { force: true });
    }
  }
}
