/** Child processes of the benchmarks: started, heard, looked at, and ended again whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Each with the signal that asks it to end. */
const living = new Map<ChildProcess, NodeJS.Signals>();
const PATIENCE_MS = 15_000;
const LOOK_MS = 50;
/** Linux tells CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

export const CLI = built('src/cli/main.js');

/** Path of a built file. */
export function built(name: string): string {
  return fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
}

/** The environment of a child: nothing of the user's own Redis, data dir or credentials. */
export function cleanEnv(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = /^(REDIS_URL|ROWFERRY_(?!REDIS_BIN)\w+|(SENDMATOR|AUTOSEND|CENDYN|CLEMTA)_\w+)$/;
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name));
  return { ...Object.fromEntries(kept), ...more };
}

/** Starts node with `args`. stdout and stderr are piped. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): ChildProcess {
  const child = spawn(process.execPath, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd && { cwd }),
  });
  endLater(child);
  return child;
}

/** Has {@link endAll} end it, if nobody has before; the returned function does. */
export function endLater(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): () => Promise<void> {
  living.set(child, signal);
  child.once('exit', () => living.delete(child));
  return () => end(child);
}

/** Starts one of the TypeScript entry files beside this one. */
export function startEntry(name: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const entry = fileURLToPath(new URL(name, import.meta.url));
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  return start([...flags, '--import', import.meta.resolve('tsx'), entry, ...args], env);
}

/** The last line of stdout, parsed, once the child has ended well; else throws what it wrote to stderr. */
export async function resultOf(child: ChildProcess): Promise<unknown> {
  let last = '';
  let errors = '';
  child.stderr!.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-4_000);
  });
  createInterface({ input: child.stdout! }).on('line', (line) => {
    last = line;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0)
    throw new Error(`${child.spawnargs.slice(-3, -1).join(' ')} ended with ${signal ?? code}\n${errors}`);
  return JSON.parse(last);
}

/** The first line of `stream` that `wanted` likes. Throws when the child ends before. */
export async function lineOf(child: ChildProcess, from: 'stdout' | 'stderr', wanted = ''): Promise<string> {
  const lines = createInterface({ input: child[from]! });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => line.includes(wanted) && resolve(line));
    child.once('exit', (code) => reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`)));
  });
}

/** Asks it to end; SIGKILL for one that does not go. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(living.get(child));
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await gone;
  clearTimeout(timer);
}

export async function endAll(): Promise<void> {
  await Promise.all([...living.keys()].map(end));
}

export interface Usage {
  /** User and system time. */
  cpuSeconds: number;
  /** The high-water mark of resident memory. */
  peakRssMb: number;
}

/** What a process has used so far; undefined where there is no /proc, or once it is gone. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const kb = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const cpuSeconds = cpuSecondsOf(pid);
    if (kb === undefined || cpuSeconds === undefined) return undefined; // it has ended, and nobody has asked how yet
    return { cpuSeconds, peakRssMb: Number(kb) / 1024 };
  } catch {
    return undefined;
  }
}

/** User and system time so far; `which`: that of its children that have ended is added. */
export function cpuSecondsOf(pid: number, which?: 'with those that ended'): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const times = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, which ? 15 : 13);
    return times.reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

/** Looks at a child until it ends; the returned function tells what it was last seen to have used. */
export function watchUsage(child: ChildProcess): () => Usage | undefined {
  let last: Usage | undefined;
  const look = () => {
    last = usageOf(child.pid!) ?? last;
  };
  const timer = setInterval(look, LOOK_MS);
  child.once('exit', () => clearInterval(timer));
  return () => {
    look();
    return last;
  };
}
