/** A hint: which files a process of this machine has open for writing. Only Linux tells, and of one's own processes. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';

/** A file by device and inode. */
export function fileId({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** Of the files `wanted` (id → name), those that are being written. */
export async function openForWriting(wanted: ReadonlyMap<string, string>): Promise<Set<string>> {
  const found = new Set<string>();
  if (wanted.size === 0) return found;
  const names = new Set(wanted.values());
  const processes = await readdir('/proc').catch(() => []);
  for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => []); // another user's, or gone
    await Promise.all(open.map((fd) => look(pid, fd).catch(() => {})));
  }
  return found;

  async function look(pid: string, fd: string): Promise<void> {
    const path = `/proc/${pid}/fd/${fd}`;
    // By name first: a look at the file itself may hang on a file server that is away.
    if (!names.has(basename(await readlink(path)))) return;
    const id = fileId(await stat(path, { bigint: true }));
    if (!wanted.has(id)) return;
    const flags = /^flags:\s*([0-7]+)/m.exec(await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1];
    if ((Number.parseInt(flags ?? '0', 8) & 3) !== 0) found.add(id);
  }
}
