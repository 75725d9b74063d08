/** The APIs that are sent to: the lean stub, and rowferry's sandbox where a limit has to be enforced. */
import { CLI, cleanEnv, end, lineOf, start, startEntry } from './child.js';

export interface StubOptions {
  /** From the whole request to the answer. */
  latencyMs?: number;
  /** Of the file: tells which of them come more than once. */
  rows?: number;
}

export interface Taken {
  posts: number;
  /** Requests that create nothing: look-ups. */
  others: number;
  /** When the first and the last POST was there, ms since the epoch. */
  firstMs: number;
  lastMs: number;
  /** Rows that had come before, a number each time. */
  repeated: number[];
  cpuSeconds: number;
}

export interface Stub {
  url: string;
  /** What came since it was last taken. */
  take(): Promise<Taken>;
  /** The same, and the counts go on. */
  look(): Promise<Taken>;
  close(): Promise<void>;
}

export async function startStub(options: StubOptions = {}): Promise<Stub> {
  const child = startEntry('./stub.ts', [JSON.stringify(options)], cleanEnv());
  const { url } = JSON.parse(await lineOf(child, 'stdout')) as { url: string };
  const ask = async (what: string) => (await (await fetch(`${url}/_stub/${what}`)).json()) as Taken;
  return { url, take: () => ask('take'), look: () => ask('look'), close: () => end(child) };
}

export interface SandboxStats {
  posts: number;
  limited: number;
  contacts: number;
  max_in_window: number;
}

export async function startSandbox(...flags: string[]) {
  const child = start([CLI, 'sandbox', ...flags, '--json'], cleanEnv());
  const { url } = JSON.parse(await lineOf(child, 'stdout')) as { url: string };
  return {
    url,
    stats: async () => (await (await fetch(`${url}/_sandbox/stats`)).json()) as SandboxStats,
    close: () => end(child),
  };
}

/** Where to send to, and a key that both take. */
export function accountEnv(url: string, key = 'bench'): Record<string, string> {
  return { SENDMATOR_BASE_URL: url, SENDMATOR_API_KEY: `sk_test_${key}` };
}
