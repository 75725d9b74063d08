/**
 * Files that were sent here and are not started yet, each in a directory of its own below `uploads/` of the data dir.
 * Whoever sends one gets an id that nobody can guess; its path is made of nothing else that comes from outside.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EXIT, RowferryError } from '../index.js';

/** Also a key of an upload: a file becomes one run, however often it is started. */
const FILE = /^\d{13}-[0-9a-f]{32}$/;
/** A file that nobody sent to, checked or started for so long goes. */
export const KEPT_MS = 2 * 3_600_000;
const MOST_FILES = 32;

export interface SentFile {
  file: string;
  name: string;
  bytes: number;
}

export class Shelf {
  private readonly dir: string;

  constructor(
    dataDir: string,
    private readonly mostBytes: number,
  ) {
    this.dir = join(dataDir, 'uploads');
  }

  /** Throws a sentence for what is refused, and the error of a sender that went away; then nothing is left of it. */
  async put(body: Readable, name: string): Promise<SentFile> {
    const lying = await readdir(this.dir).catch(() => []);
    if (lying.length >= MOST_FILES) {
      const sentence = `${lying.length} files lie here that were never started, the most that are kept: start some, or wait until the oldest goes after two hours.`;
      throw new RowferryError('UPLOADS_FULL', sentence, EXIT.usage);
    }
    const file = `${Date.now()}-${randomBytes(16).toString('hex')}`;
    const draft = join(this.dir, `${file}.part`);
    try {
      await mkdir(join(draft, 'upload'), { recursive: true, mode: 0o700 });
      const target = createWriteStream(join(draft, 'upload', name), { mode: 0o600 });
      await pipeline(upTo(this.mostBytes, body), target);
      await rename(draft, join(this.dir, file));
      return { file, name, bytes: target.bytesWritten };
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  /** Where it lies. It is kept for a while longer. */
  async find(file: string): Promise<string> {
    const dir = this.dirOf(file);
    const [name] = await readdir(join(dir, 'upload')).catch(() => []);
    if (name === undefined) throw unknown();
    const now = new Date();
    await utimes(dir, now, now).catch(() => {});
    return join(dir, 'upload', name);
  }

  /** Moves its directory to `draft`: from now on it is nobody else's. */
  async take(file: string, draft: string): Promise<void> {
    const dir = this.dirOf(file);
    await mkdir(dirname(draft), { recursive: true, mode: 0o700 });
    await rename(dir, draft).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? unknown() : error;
    });
  }

  /** What was taken has become nothing. */
  async putBack(draft: string, file: string): Promise<void> {
    await rename(draft, this.dirOf(file));
  }

  async drop(file: string): Promise<void> {
    await rm(this.dirOf(file), { recursive: true, force: true });
  }

  /** Removes what lies here for too long, and what processes that were killed have left. */
  async sweep(nowMs: number): Promise<void> {
    for (const name of await readdir(this.dir).catch(() => [])) {
      const dir = join(this.dir, name);
      const files = await readdir(join(dir, 'upload')).catch(() => []);
      const written = await Promise.all(
        [dir, ...files.map((one) => join(dir, 'upload', one))].map((path) =>
          stat(path).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          ),
        ),
      );
      if (Math.max(...written) < nowMs - KEPT_MS) await rm(dir, { recursive: true, force: true });
    }
  }

  private dirOf(file: string): string {
    if (!FILE.test(file)) throw unknown();
    return join(this.dir, file);
  }
}

function unknown(): RowferryError {
  const sentence =
    'There is no such file here: it was started or dropped, or nobody started it for two hours. Send it again.';
  return new RowferryError('FILE_UNKNOWN', sentence, EXIT.usage);
}

/** The body stays open when it is refused: the answer goes over the same connection. */
export async function* upTo(bytes: number, body: Readable): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const piece of body.iterator({ destroyOnReturn: false })) {
    seen += (piece as Buffer).length;
    if (seen > bytes) {
      const sentence = `The file is larger than ${bytes} bytes, the most that is taken this way; put it on the machine of the service.`;
      throw new RowferryError('SOURCE_TOO_LARGE', sentence, EXIT.usage);
    }
    yield piece as Buffer;
  }
}
