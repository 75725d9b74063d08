/** Looks at the inbox again and again, and tells which files are complete. */
import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import type { Clock } from '../../clock.js';
import { isMeant, shownName } from './names.js';
import { fileId, openForWriting } from './writers.js';

/** What must not change while a file settles. */
export interface Seen {
  id: string;
  bytes: string;
  mtimeNs: string;
}

export interface Complete {
  /** As the file system has it, which need not be UTF-8. */
  path: Buffer;
  /** The file's own name. */
  shown: string;
  seen: Seen;
  /** The subfolder of the inbox that it is in. */
  subfolder?: string;
  /** What cannot be read as a file. */
  odd?: 'link' | 'no file' | 'empty';
}

/** A file of no bytes may be one whose writer has only just made it. */
export const EMPTY_MS = 60_000;

interface Waiting {
  seen: Seen;
  /** By the monotonic clock. */
  since: number;
}

type Stat = Awaited<ReturnType<typeof lookAt>>;

export class Inbox {
  private waiting = new Map<string, Waiting>();

  constructor(
    private readonly dir: string,
    private readonly settleMs: number,
    private readonly clock: Clock,
  ) {}

  /** The files that were the same for long enough, the oldest first. Each look tells them again until they are gone. */
  async look(): Promise<Complete[]> {
    const before = this.waiting;
    this.waiting = new Map();
    const found: { file: Complete; mtimeNs: bigint }[] = [];
    for (const { path, name, subfolder } of await this.entries()) {
      const info = await lookAt(path).catch(() => undefined); // gone, or not to be looked at
      if (info === undefined) continue;
      const key = path.toString('latin1');
      const seen = seenOf(info);
      const known = before.get(key);
      const since = known && isSame(known.seen, seen) ? known.since : this.clock.monotonic();
      this.waiting.set(key, { seen, since });
      const odd = oddness(info);
      if (this.clock.monotonic() - since < (odd === 'empty' ? EMPTY_MS : this.settleMs)) continue;
      const file: Complete = { path, shown: shownName(name), seen };
      if (subfolder !== undefined) file.subfolder = subfolder;
      if (odd !== undefined) file.odd = odd;
      found.push({ file, mtimeNs: info.mtimeNs });
    }
    const candidates = found.filter(({ file }) => file.odd === undefined || file.odd === 'empty');
    const written = await openForWriting(
      new Map(candidates.map(({ file }) => [file.seen.id, nameIn(file.path)])),
    );
    const complete = found.filter(({ file }) => !written.has(file.seen.id));
    complete.sort((a, b) => Number(a.mtimeNs - b.mtimeNs));
    return complete.map(({ file }) => file);
  }

  private async entries(): Promise<{ path: Buffer; name: Buffer; subfolder?: string }[]> {
    const entries: { path: Buffer; name: Buffer; subfolder?: string }[] = [];
    for (const top of await read(this.dir)) {
      if (!isMeant(top.name.toString('utf8'))) continue;
      const path = within(this.dir, top.name);
      if (!top.isDirectory()) {
        entries.push({ path, name: top.name });
        continue;
      }
      const subfolder = shownName(top.name);
      // One that may not be looked into must not keep the others waiting.
      for (const inner of await read(path).catch(() => [])) {
        if (inner.isDirectory() || !isMeant(inner.name.toString('utf8'))) continue;
        entries.push({ path: within(path, inner.name), name: inner.name, subfolder });
      }
    }
    return entries;
  }
}

/** Whether the file is still the one that settled; its attributes are asked of the server, where there is one. */
export async function isStill(path: Buffer, seen: Seen): Promise<boolean> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => error.code,
  );
  // What cannot be opened is refused later, with a sentence.
  if (typeof handle === 'string' || handle === undefined) return handle !== 'ENOENT';
  try {
    return isSame(seen, seenOf(await handle.stat({ bigint: true })));
  } finally {
    await handle.close();
  }
}

export function lookAt(path: string | Buffer) {
  return lstat(path, { bigint: true });
}

export function seenOf(info: Stat): Seen {
  return { id: fileId(info), bytes: String(info.size), mtimeNs: String(info.mtimeNs) };
}

export function isSame(a: Seen, b: Seen): boolean {
  return a.id === b.id && a.bytes === b.bytes && a.mtimeNs === b.mtimeNs;
}

export function oddness(info: Stat): Complete['odd'] {
  if (info.isSymbolicLink()) return 'link';
  if (!info.isFile()) return 'no file';
  return info.size === 0n ? 'empty' : undefined;
}

function read(dir: string | Buffer) {
  return readdir(dir, { withFileTypes: true, encoding: 'buffer' });
}

function within(dir: string | Buffer, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(dir), Buffer.from('/'), name]);
}

function nameIn(path: Buffer): string {
  return path.subarray(path.lastIndexOf('/') + 1).toString('utf8');
}
