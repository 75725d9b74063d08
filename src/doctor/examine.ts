/** Everything the doctor looks at, in order; what cannot be looked at is told and passed over. */
import { join, resolve } from 'node:path';
import { systemClock } from '../clock.js';
import { checkConfig } from '../config/check.js';
import { findConfig, type LoadedConfig, loadConfig, shownPath } from '../config/file.js';
import { type Environment, readSettings, type Settings } from '../config.js';
import { checkHost } from '../dashboard/access.js';
import { openDataDir } from '../data-dir.js';
import { Accounts } from '../destinations/accounts.js';
import { RowferryError } from '../errors.js';
import { checkMapping } from '../ingest/map.js';
import { openRedis } from '../redis/connection.js';
import { checkMoves } from '../triggers/folder/places.js';
import { checkDestination } from './destination.js';
import { checkDirectory, checkDisk, checkNode } from './machine.js';
import { checkRedis } from './redis.js';
import { fault, ok, type Remark, warning } from './remark.js';

export interface Patient {
  dataDir?: string | undefined;
  config?: string | undefined;
  env: Environment;
  /** Told each remark when it is made: some take seconds. */
  tell(remark: Remark): void;
}

export async function examine({ dataDir: given, config: path, env, tell }: Patient): Promise<void> {
  tell(checkNode(process.versions.node));
  const loaded = await tryTo(tell, 'config', () => configuration(path, env, tell));
  if (loaded === undefined) return;
  const settings = await tryTo(tell, 'config', async () => readSettings(env, given, loaded.settings));
  if (settings === undefined) return;
  const dataDir = await tryTo(tell, 'data_dir', async () => openDataDir(settings.dataDir));
  await tryTo(tell, 'dashboard', async () =>
    checkHost(settings.dashboard.host ?? '127.0.0.1', settings.dashboardToken),
  );
  if (dataDir === undefined) return;
  tell(await checkDirectory('data_dir', dataDir));
  for (const dir of reportDirs(loaded, dataDir)) tell(await checkDirectory('reports', dir));
  await tryTo(tell, 'folder', async () => {
    const folder = resolve(settings.folder.path ?? dataDir);
    await checkMoves(folder);
    tell(await checkDirectory('folder', folder));
  });
  tell(await checkDisk(dataDir));
  await outside({ ...settings, dataDir }, new Accounts(env, loaded.destinations, loaded.defaults), tell);
}

async function configuration(
  given: string | undefined,
  env: Environment,
  tell: Patient['tell'],
): Promise<LoadedConfig | undefined> {
  const path = findConfig(given, env);
  if (path === undefined) {
    tell(ok('config', 'no configuration file; the environment alone is used'));
    return loadConfig(false, env);
  }
  const { faults, warnings } = await checkConfig(path, env, checkMapping);
  for (const sentence of warnings) tell(warning('config', sentence));
  for (const sentence of faults) tell(fault('config', sentence));
  if (faults.length === 0) tell(ok('config', `${shownPath(path)} is right`));
  // What is wrong in one entry must not hide how the others are; a file that cannot be used at all was told just now.
  return faults.length === 0
    ? loadConfig(path, env)
    : tryTo(
        () => {},
        'config',
        async () => loadConfig(path, env),
      );
}

function reportDirs({ defaults, syncs }: LoadedConfig, dataDir: string): string[] {
  const named = [defaults, ...syncs].flatMap(({ reportDir }) => reportDir ?? []);
  return [...new Set([defaults.reportDir ?? join(dataDir, 'reports'), ...named])];
}

/** Redis and the destinations; the latter are asked without Redis, too. */
async function outside(settings: Settings, accounts: Accounts, tell: Patient['tell']): Promise<void> {
  const { prefix, timeoutMs } = settings;
  const handle = await tryTo(tell, 'redis', () =>
    openRedis({ url: settings.redisUrl, binary: settings.redisBinary, dataDir: settings.dataDir }),
  );
  try {
    const redis = handle?.connect();
    if (handle && redis) for (const remark of await checkRedis(handle, redis)) tell(remark);
    for (const account of (await tryTo(tell, 'destination', () => accounts.all())) ?? []) {
      const asking = { redis, prefix, clock: systemClock, timeoutMs };
      for (const remark of await checkDestination(account, asking)) tell(remark);
    }
  } finally {
    await handle?.close();
  }
}

/** What is refused with a sentence is a fault; the sentence says how to mend it. */
async function tryTo<T>(
  tell: Patient['tell'],
  check: string,
  body: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof RowferryError)) throw error;
    tell(fault(check, error.message));
    return undefined;
  }
}
