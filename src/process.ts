/** Who a process is beyond its pid, so that a recycled pid is never taken for the process that had it before. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** `start` is opaque and differs between two processes of one pid; `boot` and `space` say where the pid counts. */
export interface ProcessIdentity {
  pid: number;
  start: string;
  host: string;
  boot: string;
  space: string;
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** Start time of a process, `'dead'` when it is gone or a zombie, `''` when the system does not tell. */
function startOf(pid: number): string {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== undefined) {
    // The second field, the name, may hold spaces and brackets: count from its closing bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'dead' : (fields[19] ?? '');
  }
  if (process.platform === 'linux') return '';
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line.startsWith('Z') ? 'dead' : line.replace(/^\S+\s+/, '');
  } catch {
    return '';
  }
}

function place(): Pick<ProcessIdentity, 'host' | 'boot' | 'space'> {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux: one pid space per machine.
  }
  return { host: hostname(), boot: read('/proc/sys/kernel/random/boot_id')?.trim() ?? '', space };
}

/** The identity of a living process of this machine; `undefined` when there is none of that pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const start = startOf(pid);
  return start === 'dead' ? undefined : { pid, start, ...place() };
}

/** `'elsewhere'`: another machine or container, so its pid says nothing here. */
export function lifeOf(who: ProcessIdentity): 'alive' | 'dead' | 'elsewhere' {
  const here = place();
  if (who.host !== here.host) return 'elsewhere';
  if (who.boot !== here.boot) return 'dead';
  if (who.space !== here.space) return 'elsewhere';
  const start = startOf(who.pid);
  if (start === 'dead') return 'dead';
  return start === '' || who.start === '' || start === who.start ? 'alive' : 'dead';
}
