/** From REDIS_URL to the options every connection uses; nothing here speaks to a server. */
import type { RedisOptions } from 'ioredis';
import { EXIT, RowferryError } from '../errors.js';

/** What a URL means. `where` names the server without user or password and may be shown to anybody. */
export interface Target {
  options: RedisOptions;
  where: string;
}

/** The options of a connection that outlives its server: it never gives up, and no command times out in its hands. */
export function steady(target: RedisOptions, connectionName: string): RedisOptions {
  return {
    ...target,
    connectionName,
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
    // After a failover the old primary answers as a replica: connect anew and send the command again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    keepAlive: 10_000,
  };
}

export function withoutLogin({ username, password, ...rest }: RedisOptions): RedisOptions {
  return rest;
}

// Never quotes the URL: whatever is wrong with it may sit in the password.
const wrongUrl = (what: string): RowferryError =>
  new RowferryError(
    'REDIS_URL_INVALID',
    `REDIS_URL ${what}; write redis://user:password@host:6379/0 (rediss:// for TLS, unix:///path for a socket), with special characters of the password percent-encoded.`,
    EXIT.usage,
  );

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function database(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) throw wrongUrl('names a database that is not a number');
  return Number(text);
}

function socketTarget(path: string, db: number, login: RedisOptions): Target {
  return { options: { ...login, path, db }, where: `unix://${path}` };
}

/** Understands redis://, rediss://, unix:// and a plain path. Throws REDIS_URL_INVALID (exit 2), never naming the password. */
export function parseTarget(text: string): Target {
  const trimmed = text.trim();
  if (/^\.{0,2}\//.test(trimmed)) return socketTarget(trimmed, 0, {});
  let url: URL;
  try {
    // A URL with a login must have a host: a socket's gets one to be thrown away.
    url = new URL(trimmed.replace(/^(unix:\/\/[^/]*@)\//, '$1socket/'));
  } catch {
    throw wrongUrl('is not a URL');
  }
  // An unencoded `#`, `/` or `?` in a password cuts the URL there: its rest must not be taken for host or database.
  if (/@/.test(url.pathname + url.search) || url.hash !== '') throw wrongUrl('is cut short by its password');
  const login: RedisOptions = {};
  if (url.username !== '') login.username = decode(url.username);
  if (url.password !== '') login.password = decode(url.password);
  if (url.protocol === 'unix:') {
    if (url.pathname === '' || url.pathname === '/') throw wrongUrl('names no socket');
    return socketTarget(decode(url.pathname), database(url.searchParams.get('db') ?? ''), login);
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw wrongUrl('begins with neither redis://, rediss:// nor unix://');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const port = url.port === '' ? 6379 : Number(url.port);
  const db = database(url.pathname.slice(1) || (url.searchParams.get('db') ?? ''));
  return {
    // Family 0: hosts that have an IPv6 address only are reached too.
    options: { ...login, host, port, db, family: 0, ...(url.protocol === 'rediss:' ? { tls: {} } : {}) },
    where: `${url.protocol}//${url.hostname || 'localhost'}:${port}/${db}`,
  };
}
