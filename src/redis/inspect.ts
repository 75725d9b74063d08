/** Looks at a server before anything relies on it: reachable, open to us, recent enough, and never forgetting a key. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { EXIT, RowferryError } from '../errors.js';

const DEADLINE_MS = 5_000;
const OLDEST = [6, 2] as const;

type Info = Map<string, string>;

/**
 * Errors carry no cause: ioredis hangs the command and its arguments on it, and those of AUTH are the password.
 */
const refusal = (code: string, sentence: string): RowferryError =>
  new RowferryError(code, sentence, EXIT.noRedis);

/** `redis_version:7.0.15` → ['redis_version', '7.0.15'] for every line of INFO. */
export function parseInfo(text: string): Info {
  const info: Info = new Map();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return info;
}

const TLS_CODE = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/;

function unreachable(error: Error & { code?: string }, where: string): RowferryError {
  const { code = '', message } = error;
  const say = (what: string, mend: string) =>
    refusal('REDIS_UNREACHABLE', `Redis at ${where} ${what}; ${mend}.`);
  if (code === 'ECONNREFUSED') {
    return say(
      'refused the connection',
      'start it there, or correct REDIS_URL (without REDIS_URL a private server is used)',
    );
  }
  if (code === 'ENOENT') return say('has no socket there', 'start it, or correct REDIS_URL');
  if (code === 'EACCES') return say('does not let this user open its socket', 'give the user access to it');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return say(
      'cannot be found: its host name does not resolve',
      'check the spelling in REDIS_URL and the DNS',
    );
  }
  if (code === 'EPROTO' || /wrong version number/i.test(message)) {
    return say('does not speak TLS', 'write redis:// instead of rediss:// in REDIS_URL');
  }
  if (TLS_CODE.test(code)) {
    return say(
      `showed a TLS certificate that is not trusted (${code})`,
      'name its authority in NODE_EXTRA_CA_CERTS',
    );
  }
  if (code === 'ETIMEDOUT' || /timed? ?out/i.test(message)) {
    return say(
      `did not answer within ${DEADLINE_MS / 1_000} s`,
      'check the host, the port, any firewall between, and whether the server speaks TLS (rediss://) or not (redis://)',
    );
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return say('cannot be reached over the network', 'check the network and REDIS_URL');
  }
  return say(
    'closed the connection before it answered',
    'check that a Redis listens there, and that rediss:// is written where it wants TLS',
  );
}

function refusedLogin(message: string, where: string): RowferryError | undefined {
  const say = (what: string, mend: string) => refusal('REDIS_AUTH', `Redis at ${where} ${what}; ${mend}.`);
  if (/^NOAUTH/.test(message))
    return say('asks for a password', 'put it into REDIS_URL: redis://:password@host');
  if (/^WRONGPASS|invalid password/.test(message)) {
    return say(
      'refused the user name or password',
      'correct them in REDIS_URL (special characters percent-encoded)',
    );
  }
  if (/^NOPERM/.test(message)) {
    return say(
      'refuses this user a command (ACL)',
      'allow it the commands of BullMQ, INFO included, or use another user in REDIS_URL',
    );
  }
  return undefined;
}

interface Look {
  eye: Redis;
  anonymous: boolean;
}

/** A connection for looking only: it signs in by hand, so that every refusal is seen for what it is. */
async function open(options: RedisOptions, where: string): Promise<Look> {
  const { username, password, db, connectionName, ...target } = options;
  const eye = new Redis({
    ...target,
    lazyConnect: true,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: DEADLINE_MS,
    commandTimeout: DEADLINE_MS,
    retryStrategy: () => null,
    reconnectOnError: () => false,
  });
  let first: Error | undefined;
  eye.on('error', (error: Error) => {
    first ??= error;
  });
  // A host name that never resolves is not covered by ioredis' own limit.
  const watchdog = setTimeout(() => {
    first ??= new Error('timed out');
    eye.disconnect();
  }, DEADLINE_MS + 500);
  try {
    await eye.connect();
    if (password !== undefined) await eye.call('AUTH', ...(username ? [username] : []), password);
    return { eye, anonymous: password === undefined };
  } catch (error) {
    eye.disconnect();
    const { message } = error as Error;
    const login = refusedLogin(message, where);
    if (login) throw login;
    // A server without a password gets along with a URL that has one.
    if (/no password is set|without any password configured/.test(message)) {
      return open(target, where);
    }
    if (/wrong number of arguments/.test(message)) throw tooOld('older than 6', where);
    throw unreachable(first ?? (error as Error), where);
  } finally {
    clearTimeout(watchdog);
  }
}

const tooOld = (version: string, where: string): RowferryError =>
  refusal(
    'REDIS_VERSION',
    `Redis at ${where} is version ${version} and rowferry needs ${OLDEST.join('.')} or newer; upgrade it, or point REDIS_URL at a newer one.`,
  );

async function readInfo(eye: Redis, where: string): Promise<Info> {
  for (;;) {
    let info: Info;
    try {
      info = parseInfo(await eye.info());
    } catch (error) {
      throw refusedLogin((error as Error).message, where) ?? unreachable(error as Error, where);
    }
    // As long as it answers that it is loading its data it will be done some day: waiting is right.
    if (info.get('loading') !== '1') return info;
    await sleep(250);
  }
}

function checkKind(info: Info, where: string): void {
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) throw tooOld(version, where);
  if (info.get('redis_mode') === 'sentinel') {
    throw refusal(
      'REDIS_CLUSTER',
      `${where} is a Redis Sentinel; point REDIS_URL at the primary it watches.`,
    );
  }
  if (info.get('cluster_enabled') === '1' || info.get('redis_mode') === 'cluster') {
    throw refusal(
      'REDIS_CLUSTER',
      `Redis at ${where} runs in cluster mode, which rowferry does not support; point REDIS_URL at a single server.`,
    );
  }
  if (info.get('role') === 'slave') {
    throw refusal(
      'REDIS_READONLY',
      `Redis at ${where} is a replica and takes no writes; point REDIS_URL at its primary.`,
    );
  }
}

async function policyOf(eye: Redis, info: Info): Promise<string | undefined> {
  try {
    const answer = (await eye.config('GET', 'maxmemory-policy')) as string[];
    if (answer[1]) return answer[1];
  } catch {
    // Managed servers forbid CONFIG; INFO tells it too.
  }
  return info.get('maxmemory_policy');
}

async function checkPolicy(eye: Redis, info: Info, where: string): Promise<string[]> {
  const policy = await policyOf(eye, info);
  const mend = 'set it to noeviction (redis-cli config set maxmemory-policy noeviction)';
  if (policy === 'noeviction') return [];
  if (policy === undefined) {
    return [`The eviction policy of Redis at ${where} could not be checked; make sure it is noeviction.`];
  }
  if (policy.startsWith('allkeys-')) {
    throw refusal(
      'REDIS_POLICY',
      `Redis at ${where} evicts keys when its memory is full (maxmemory-policy ${policy}), which loses rows; ${mend}.`,
    );
  }
  return [
    `Redis at ${where} evicts expiring keys when its memory is full (maxmemory-policy ${policy}); ${mend}.`,
  ];
}

async function checkDatabase(eye: Redis, db: number, where: string): Promise<void> {
  if (db === 0) return;
  try {
    await eye.select(db);
  } catch (error) {
    const { message } = error as Error;
    throw (
      refusedLogin(message, where) ??
      refusal(
        'REDIS_UNREACHABLE',
        `Redis at ${where} has no database ${db}; use a lower number in REDIS_URL.`,
      )
    );
  }
}

/**
 * Resolves to warnings (sentences) and whether the server wants no login, or throws one RowferryError, exit 69:
 * REDIS_UNREACHABLE, REDIS_AUTH, REDIS_VERSION, REDIS_CLUSTER, REDIS_READONLY or REDIS_POLICY.
 * Gives up on a silent server after about 5 s; waits for one that loads.
 */
export async function inspect(
  options: RedisOptions,
  where: string,
): Promise<{ warnings: string[]; anonymous: boolean }> {
  const { eye, anonymous } = await open(options, where);
  try {
    const info = await readInfo(eye, where);
    checkKind(info, where);
    await checkDatabase(eye, options.db ?? 0, where);
    return { warnings: await checkPolicy(eye, info, where), anonymous };
  } finally {
    eye.disconnect();
  }
}
