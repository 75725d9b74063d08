/** Makes the plan of a run: what is found out about the source once, and stays as it was found. */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { request } from 'undici';
import type { Clock } from '../clock.js';
import { type Account, inabilities } from '../destinations/registry.js';
import { EXIT, RowferryError } from '../errors.js';
import { batchRows, rowsAtOnce } from '../ingest/batch.js';
import { detectDialect } from '../ingest/detect.js';
import { openIngest } from '../ingest/ingest.js';
import { type MappingSpec, parseMapping, rulesOfPairs, withRules } from '../mapping.js';
import { checkReportDir } from '../report/write.js';
import {
  newRunId,
  type OnDuplicate,
  type Rate,
  type RunPlan,
  runDir,
  type Trigger,
  takeSnapshot,
} from '../run.js';
import { VERSION } from '../version.js';

export interface RunRequest {
  /** A path, an http(s) URL, or a stream; URL and stream are spooled into the run's directory first. */
  source: string | Readable;
  account: Account;
  /** Name of the sync. */
  sync?: string | undefined;
  /** undefined: the destination's documented limit; null: none. */
  rate?: Rate | null | undefined;
  delimiter?: string | undefined;
  /** Header → field; beats `mapping`. */
  map?: Record<string, string> | undefined;
  mapping?: MappingSpec | undefined;
  attempts?: number | undefined;
  onDuplicate?: OnDuplicate | undefined;
  bulk?: boolean | undefined;
  /** Default: true where a folder or a schedule adds the run. */
  incremental?: boolean | undefined;
  reportDir?: string | undefined;
  retryOf?: string | undefined;
  /** Its id, for a run that must be the same one however often it is planned. Default: a new one. */
  run?: string | undefined;
  /** Default: script. */
  trigger?: Trigger | undefined;
}

const DEFAULT_ATTEMPTS = 5;

export interface Plan {
  plan: RunPlan;
  /** Sentences about the mapping that a person should read. */
  warnings: string[];
}

/** Throws a sentence for a source that cannot be run. Writes nothing but the spool. */
export async function planRun(dataDir: string, clock: Clock, options: RunRequest): Promise<Plan> {
  const run = options.run ?? newRunId(clock.now());
  const { destination, id, name } = options.account;
  checkOptions(options);
  const dir = runDir(resolve(dataDir), run);
  try {
    return await plan();
  } catch (error) {
    await rm(dir, { recursive: true, force: true }); // the spool of a source that is refused
    throw error;
  }

  async function plan(): Promise<Plan> {
    const source = await takeSnapshotOf(options.source, join(dir, 'source.csv'));
    const { delimiter } = await detectDialect(source.path, options.delimiter);
    const spec = withRules(parseMapping(options.mapping ?? {}), rulesOfPairs(options.map ?? {}));
    const createdAt = new Date(clock.now()).toISOString();
    const { mapping, rows } = await openIngest(
      { source, delimiter, mapping: spec, createdAt },
      options.account,
    );
    const first = await rows.next();
    await rows.return();
    if (first.done) {
      throw new RowferryError('NO_ROWS', `${source.name} has a header and no rows.`, EXIT.usage);
    }
    const rate = options.rate === undefined ? destination.limit : options.rate;
    const trigger = options.trigger ?? 'script';
    const frozen: RunPlan = {
      run,
      version: VERSION,
      createdAt,
      trigger,
      ...(options.sync === undefined ? {} : { sync: options.sync }),
      destination: name,
      account: id,
      source,
      delimiter,
      mapping: spec,
      rate,
      batchRows: batchRows(rate, rowsAtOnce(destination, options.bulk ?? false)),
      attempts: options.attempts ?? DEFAULT_ATTEMPTS,
      onDuplicate: options.onDuplicate ?? 'skip',
      bulk: options.bulk ?? false,
      incremental: options.incremental ?? trigger !== 'script',
      reportDir: resolve(options.reportDir ?? join(dataDir, 'reports')),
      ...(options.retryOf === undefined ? {} : { retryOf: options.retryOf }),
    };
    checkReportDir(frozen.reportDir);
    return { plan: frozen, warnings: mapping.warnings };
  }
}

/** A library is called from untyped code, too. */
function checkOptions({ account, rate, attempts, onDuplicate = 'skip', bulk = false }: RunRequest): void {
  const positive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0;
  if (rate !== undefined && rate !== null && !(positive(rate.requests) && positive(rate.perMs))) {
    const sentence = 'rate is not of the form { requests: 10, perMs: 1000 }, or null for no limit.';
    throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
  }
  if (attempts !== undefined && !(positive(attempts) && Number.isInteger(attempts))) {
    throw new RowferryError('SETTING_INVALID', 'attempts is not a whole number above 0.', EXIT.usage);
  }
  const [unable] = inabilities(account.destination, { onDuplicate, bulk });
  if (unable) {
    throw new RowferryError('SETTING_INVALID', `${account.name}: ${unable.message}.`, EXIT.usage);
  }
}

async function takeSnapshotOf(source: string | Readable, spool: string) {
  if (typeof source !== 'string') return spoolTo(spool, source, 'stdin');
  if (!/^https?:\/\//i.test(source)) return takeSnapshot(source);
  const url = new URL(source);
  const name = basename(url.pathname) || url.host;
  let answer: Awaited<ReturnType<typeof request>>;
  try {
    answer = await request(url, { headersTimeout: 30_000, bodyTimeout: 60_000 });
  } catch (error) {
    throw unreachable(url, (error as Error & { code?: string }).code ?? (error as Error).message);
  }
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw unreachable(url, `HTTP ${answer.statusCode}`);
  }
  return spoolTo(spool, answer.body, name);
}

async function spoolTo(spool: string, source: Readable, name: string) {
  await mkdir(join(spool, '..'), { recursive: true, mode: 0o700 });
  await pipeline(source, createWriteStream(spool, { mode: 0o600 }));
  return takeSnapshot(spool, name);
}

/** Query and user of the URL may be secret: only host and path are shown. */
function unreachable(url: URL, why: string): RowferryError {
  return new RowferryError(
    'SOURCE_UNREACHABLE',
    `${url.origin}${url.pathname} cannot be read: ${why}.`,
    EXIT.usage,
  );
}
