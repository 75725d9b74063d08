/** A file behind an http(s) URL, fetched only when it has changed. */
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { Agent, Dispatcher } from 'undici';
import { certificateFault } from '../certificate.js';
import { EXIT, RowferryError } from '../errors.js';
import type { UrlSource } from './source.js';
import { spool, tooLarge } from './spool.js';

const MAX_BYTES = 2_000_000_000;
const MAX_MS = 15 * 60_000;
/** Silence, as opposed to the limit for all of it. */
const SILENT_MS = 60_000;
const MOST_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** By what a server tells whether a file is still the one it gave. */
export interface Mark {
  etag?: string;
  lastModified?: string;
}

export interface FetchOptions {
  /** As it was when the file was fetched last. */
  known?: Mark | undefined;
  signal?: AbortSignal | undefined;
}

/** What people call it: path and query may be secret, the last part of the path is what they know it by. */
export function nameOfUrl(url: URL): string {
  return basename(url.pathname) || url.host;
}

export function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new RowferryError('SOURCE_UNREACHABLE', 'The URL of the source is none.', EXIT.usage);
  }
}

/** Spools what the URL gives to `path`; undefined when it is what was `known`. Throws a sentence for all else. */
export async function fetchTo(
  path: string,
  source: UrlSource,
  { known, signal }: FetchOptions = {},
): Promise<Mark | undefined> {
  const { maxBytes = MAX_BYTES, maxMs = MAX_MS } = source;
  const url = parseUrl(source.url);
  // Loaded where it is needed: it takes a sixth of the time in which a command starts.
  const { Agent } = await import('undici');
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), maxMs);
  const either = AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]);
  const agent = new Agent({ connect: { rejectUnauthorized: true, timeout: SILENT_MS / 2 } });
  try {
    const { headers, body } = await ask(agent, url, source.headers ?? {}, known ?? {}, either);
    if (body === undefined) return undefined;
    const name = nameOfUrl(url);
    // Before anything is read; what is packed is measured on the way, too.
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(name, maxBytes);
    await spool(body, path, { name, maxBytes, signal: either });
    return markOf(headers);
  } catch (error) {
    if (error instanceof RowferryError) throw error;
    if (signal?.aborted) {
      const sentence = `Interrupted while ${shown(url)} was fetched; no run was added.`;
      throw new RowferryError('RUN_INTERRUPTED', sentence, EXIT.interrupted);
    }
    const { code, message } = error as Error & { code?: string };
    const why = late.signal.aborted
      ? `it took longer than ${maxMs / 1000} s (max_time)`
      : (certificateFault(code) ?? code ?? message);
    throw unreachable(url, why);
  } finally {
    clearTimeout(timer);
    await agent.destroy();
  }
}

type Headers = Dispatcher.ResponseData['headers'];

/** Without `body`: not changed. Follows redirects; what is secret goes to the first origin only. */
async function ask(
  dispatcher: Agent,
  first: URL,
  secrets: Record<string, string>,
  known: Mark,
  signal: AbortSignal,
): Promise<{ headers: Headers; body?: Readable }> {
  const { request } = await import('undici');
  let url = first;
  let own = { ...userOf(first), ...lowered(secrets) };
  let mark = known;
  for (let redirects = 0; ; redirects++) {
    const answer = await request(withoutUser(url), {
      dispatcher,
      signal,
      headersTimeout: SILENT_MS,
      bodyTimeout: SILENT_MS,
      headers: {
        'accept-encoding': 'gzip',
        ...(mark.etag === undefined ? {} : { 'if-none-match': mark.etag }),
        ...(mark.lastModified === undefined ? {} : { 'if-modified-since': mark.lastModified }),
        ...own,
      },
    });
    const { statusCode, headers, body } = answer;
    if (statusCode === 200) {
      const encoding = text(headers['content-encoding']) ?? 'identity';
      if (/^(identity|(x-)?gzip)$/i.test(encoding)) return { headers, body };
    }
    await body.dump();
    const asked = mark.etag !== undefined || mark.lastModified !== undefined;
    if (statusCode === 304 && asked) return { headers };
    if (statusCode === 200) throw unreachable(first, 'it is packed in another way than gzip');
    const location = text(headers.location);
    if (!REDIRECTS.has(statusCode) || location === undefined) throw unreachable(first, refusal(statusCode));
    if (redirects === MOST_REDIRECTS) throw unreachable(first, `more than ${MOST_REDIRECTS} redirects`);
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol) || (url.protocol === 'https:' && next.protocol === 'http:')) {
      throw unreachable(first, `it redirects to ${next.protocol}//${next.host}, which is not safe`);
    }
    // Never given back: whoever answers there decides where the next redirect goes.
    if (next.origin !== url.origin) {
      own = {};
      mark = {};
    }
    url = next;
  }
}

function refusal(statusCode: number): string {
  const hint = statusCode === 401 || statusCode === 403 ? '; check the headers of the source' : '';
  return `HTTP ${statusCode}${hint}`;
}

function lowered(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** `user:password@` of a URL, as a header. */
export function userOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(both).toString('base64')}` };
}

export function withoutUser(url: URL): URL {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare;
}

function markOf(headers: Headers): Mark {
  const etag = text(headers.etag);
  const lastModified = text(headers['last-modified']);
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** Query and user of the URL may be secret: only host and path are shown. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function unreachable(url: URL, why: string): RowferryError {
  return new RowferryError('SOURCE_UNREACHABLE', `${shown(url)} cannot be read: ${why}.`, EXIT.usage);
}
