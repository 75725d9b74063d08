/** One sandbox per test, closed after it, and short ways to talk to it. */
import { onTestFinished } from 'vitest';
import {
  type LedgerLine,
  type SandboxOptions,
  type SandboxStats,
  startSandbox,
} from '../../src/sandbox/server.js';

export const KEY = 'sk_live_one';
export const OTHER_KEY = 'sk_live_two';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON body; {} if there is none. */
  body: Record<string, unknown>;
}

/** How a key is shown at the API that lives at `path`. */
function credentials(path: string, key: string): Record<string, string> {
  if (path.startsWith('/v1')) return { authorization: `Bearer ${key}` };
  if (path.startsWith('/v2')) return { authorization: `Token token=${key}` };
  return { 'x-api-key': key };
}

/** A clock that stands still until it is moved. Epoch ms. */
export function createClock(start = Date.parse('2030-01-01T00:00:00.250Z')) {
  let time = start;
  return {
    now: () => time,
    advance: (ms: number) => {
      time += ms;
    },
  };
}

export async function openSandbox(options: SandboxOptions = {}) {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());

  async function send(
    method: string,
    path: string,
    body?: unknown,
    key: string | null = KEY,
  ): Promise<Reply> {
    const response = await fetch(sandbox.url + path, {
      method,
      headers: {
        ...(key !== null && credentials(path, key)),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    const parsed = json ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: response.status, headers: response.headers, text, body: parsed };
  }

  return {
    ...sandbox,
    send,
    post: (body: unknown, key?: string | null) => send('POST', '/api/v1/contacts', body, key),
    get: (path: string, key?: string | null) => send('GET', `/api/v1${path}`, undefined, key),
    admin: (method: string, path: string, body?: unknown) => send(method, `/_sandbox${path}`, body, null),
    async stats(): Promise<SandboxStats> {
      return (await send('GET', '/_sandbox/stats', undefined, null)).body as unknown as SandboxStats;
    },
    async ledger(): Promise<LedgerLine[]> {
      const { text } = await send('GET', '/_sandbox/ledger', undefined, null);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LedgerLine);
    },
  };
}

export type Opened = Awaited<ReturnType<typeof openSandbox>>;
