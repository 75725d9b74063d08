/** The plan of a run: what is asked for, and what is frozen of it. */
import { join, resolve } from 'node:path';
import type { Clock } from '../clock.js';
import { type Account, inabilities } from '../destinations/registry.js';
import { type Dialect, type DialectOptions, PLAIN } from '../dialect.js';
import { EXIT, RowferryError } from '../errors.js';
import { batchRows, rowsAtOnce } from '../ingest/batch.js';
import { type MappingSpec, parseMapping, rulesOfPairs, withRules } from '../mapping.js';
import { checkReportDir } from '../report/write.js';
import type { OnDuplicate, Rate, RunPlan, SourceSnapshot, Trigger } from '../run.js';
import type { Mark } from '../sources/fetch.js';
import type { GivenSource } from '../sources/source.js';
import { VERSION } from '../version.js';

/** How the rows of a run are sent, as far as somebody says so. */
export interface SendOptions extends DialectOptions {
  /** null: no limit. Default: the destination's documented limit. */
  rate?: Rate | null | undefined;
  /** Header → field, e.g. `{ Mail: 'email' }`; beats `mapping`. */
  map?: Record<string, string> | undefined;
  /** Rules by field, and what becomes of other columns, as in `rowferry.yaml`. */
  mapping?: MappingSpec | undefined;
  /** Requests for one contact before it is given up; default 5. */
  attempts?: number | undefined;
  /** What becomes of a contact that is there already; default `skip`. */
  onDuplicate?: OnDuplicate | undefined;
  /** Several contacts in one request; default false. */
  bulk?: boolean | undefined;
  /**
   * Contacts that were delivered before as they are now are not sent again. Default: true where a folder or a schedule
   * adds the run, else false.
   */
  incremental?: boolean | undefined;
  /** The longest wait an API may ask for, ms; longer, and the run halts and says until when. Default: 2 hours. */
  maxWaitMs?: number | undefined;
  /** Rows rejected alike from the start after which the run halts, as its mapping is probably wrong; 0: never. Default: 50. */
  haltAfterRejections?: number | undefined;
  /** Default `<data dir>/reports`. */
  reportDir?: string | undefined;
  /** The run whose failed rows this one carries. */
  retryOf?: string | undefined;
}

export interface RunRequest extends SendOptions {
  /** What is no plain file is spooled into the run's directory first. */
  source: GivenSource;
  /** Name of the file, as the report shows it. Default: that of the path, or of the URL. */
  name?: string | undefined;
  account: Account;
  /** Name of the sync. */
  sync?: string | undefined;
  /** Its id, for a run that must be the same one however often it is planned. Default: a new one. */
  run?: string | undefined;
  /** Default: script. */
  trigger?: Trigger | undefined;
  /** The file may be written over before the run is over: it is copied. Default: false. */
  copy?: boolean | undefined;
  /** The run of the same sync that must be over first. */
  after?: string | undefined;
  /** Of an archive each table waits for the one before. Default: false. */
  inTurn?: boolean | undefined;
  /** What was carried last: if the source gives that again, there is nothing to send. */
  known?: Known | undefined;
  /** Aborted: the source is read no further, and no run is planned. */
  signal?: AbortSignal | undefined;
}

/** A snapshot that was carried by `run`. */
export interface Known {
  run: string;
  source: Omit<SourceSnapshot, 'path'>;
  mark?: Mark | undefined;
}

const DEFAULT_ATTEMPTS = 5;
/** Longer than the reset of a limit per hour can be away. */
const DEFAULT_MAX_WAIT_MS = 2 * 3_600_000;
const DEFAULT_HALT_AFTER = 50;

export interface Plan {
  plan: RunPlan;
  /** Sentences about the mapping that a person should read. */
  warnings: string[];
}

/** A run that has nothing to send, and says `why`. */
export function planNoChange(
  dataDir: string,
  clock: Clock,
  options: RunRequest & { run: string },
  source: Omit<SourceSnapshot, 'path'>,
  why: string,
): Plan {
  const plan = freeze(dataDir, clock, options.run, options, { path: '', ...source }, PLAIN);
  checkReportDir(plan.reportDir);
  return { plan: { ...plan, noChange: why }, warnings: [] };
}

export function freeze(
  dataDir: string,
  clock: Clock,
  run: string,
  options: RunRequest,
  source: SourceSnapshot,
  dialect: Dialect,
): RunPlan {
  const { destination, id, name } = options.account;
  const { sync, retryOf, after, attempts, onDuplicate, bulk = false, trigger = 'script' } = options;
  const rate = options.rate === undefined ? destination.limit : options.rate;
  return {
    run,
    version: VERSION,
    createdAt: new Date(clock.now()).toISOString(),
    trigger,
    ...(sync === undefined ? {} : { sync }),
    destination: name,
    account: id,
    source,
    dialect,
    mapping: specOf(options),
    rate,
    batchRows: batchRows(rate, rowsAtOnce(destination, bulk)),
    attempts: attempts ?? DEFAULT_ATTEMPTS,
    onDuplicate: onDuplicate ?? 'skip',
    bulk,
    incremental: options.incremental ?? trigger !== 'script',
    maxWaitMs: options.maxWaitMs ?? DEFAULT_MAX_WAIT_MS,
    haltAfterRejections: options.haltAfterRejections ?? DEFAULT_HALT_AFTER,
    reportDir: resolve(options.reportDir ?? join(dataDir, 'reports')),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(after === undefined ? {} : { after }),
  };
}

export function specOf({ mapping, map }: Pick<RunRequest, 'mapping' | 'map'>): MappingSpec {
  return withRules(parseMapping(mapping ?? {}), rulesOfPairs(map ?? {}));
}

/** Throws a sentence; a library is called from untyped code, too. */
export function checkOptions(request: RunRequest): void {
  const { account, rate, attempts, onDuplicate = 'skip', bulk = false } = request;
  const { maxWaitMs, haltAfterRejections } = request;
  const positive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0;
  if (rate !== undefined && rate !== null && !(positive(rate.requests) && positive(rate.perMs))) {
    const sentence = 'rate is not of the form { requests: 10, perMs: 1000 }, or null for no limit.';
    throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
  }
  if (attempts !== undefined && !(positive(attempts) && Number.isInteger(attempts))) {
    throw new RowferryError('SETTING_INVALID', 'attempts is not a whole number above 0.', EXIT.usage);
  }
  if (maxWaitMs !== undefined && !positive(maxWaitMs)) {
    const sentence = 'maxWaitMs is not a number of milliseconds above 0.';
    throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
  }
  if (
    haltAfterRejections !== undefined &&
    !(Number.isInteger(haltAfterRejections) && haltAfterRejections >= 0)
  ) {
    const sentence = 'haltAfterRejections is not a whole number, 0 or more.';
    throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
  }
  const [unable] = inabilities(account.destination, { onDuplicate, bulk });
  if (unable) {
    throw new RowferryError('SETTING_INVALID', `${account.name}: ${unable.message}.`, EXIT.usage);
  }
}
