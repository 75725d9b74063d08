/** What becomes a run, and how: a source that somebody names, a file that was dropped, an occasion of a schedule. */
import type { Clock } from './clock.js';
import type { LoadedConfig } from './config/file.js';
import { findSync } from './config/sync.js';
import type { Settings } from './config.js';
import type { Accounts } from './destinations/accounts.js';
import type { Account } from './destinations/registry.js';
import { EXIT, RowferryError } from './errors.js';
import { parseMapping, withRules } from './mapping.js';
import type { RunQueue } from './queues/runs.js';
import type { RunPlan, Trigger } from './run.js';
import { findEarlierRun } from './runner/earlier.js';
import type { Plan, RunRequest, SendOptions } from './runner/plan.js';
import { planRun, planRuns } from './runner/plan-source.js';
import { workOnOccasion } from './runner/sync.js';
import type { ServiceOptions } from './service.js';
import type { GivenSource } from './sources/source.js';
import { enqueueRuns } from './triggers/enqueue.js';
import type { Dropped } from './triggers/folder/course.js';
import type { TargetNames } from './triggers/folder/targets.js';
import type { AddRuns } from './triggers/schedule.js';

/** What is left out is decided by the sync, then the destination, then the defaults of the configuration file. */
export interface SourceOptions extends SendOptions {
  /** Name of a sync of the configuration file. */
  sync?: string | undefined;
  /** Name of the destination, or its kind, e.g. `sendmator`; may be left out when exactly one has credentials. */
  to?: string | undefined;
}

/** For triggers, which may have to add one run twice. */
export interface Origin {
  /** The run's id; default: a new one. Adding the same run again changes nothing. */
  run?: string | undefined;
  /** Default: script. Runs that a folder or a schedule adds are incremental unless something says otherwise. */
  trigger?: Trigger | undefined;
  /** The file's name as the report shows it; default: that of the path. */
  name?: string | undefined;
}

export class Intake {
  constructor(
    private readonly settings: Settings,
    private readonly config: LoadedConfig,
    private readonly accounts: Accounts,
    private readonly runs: RunQueue,
    private readonly clock: Clock,
  ) {}

  /** What is asked for, then what the sync, the destination and the defaults of the file say. `before` may refuse the account. */
  async request(
    given: GivenSource | undefined,
    options: SourceOptions & Origin & { signal?: AbortSignal | undefined },
    before: (account: Account) => Promise<void> = async () => {},
  ): Promise<RunRequest> {
    const choose = async (name?: string) => {
      const account = await this.accounts.choose(name);
      await before(account);
      return account;
    };
    return requestOf(this.config, choose, given, options);
  }

  /** Of a source that is one table. */
  async plan(...asked: Parameters<Intake['request']>): Promise<Plan> {
    return planRun(this.settings.dataDir, this.clock, await this.request(...asked));
  }

  /** One for each table of the source. */
  async plans(...asked: Parameters<Intake['request']>): Promise<Plan[]> {
    return (await planRuns(this.settings.dataDir, this.clock, await this.request(...asked))).plans;
  }

  /** Adds runs for the service; resolves with their ids. */
  async enqueue(
    plans: readonly Plan[],
    { started }: { started?(plan: RunPlan, warnings: string[]): void } = {},
  ): Promise<string[]> {
    for (const { plan, warnings } of plans) started?.(plan, warnings);
    return enqueueRuns(
      this.runs,
      this.settings.dataDir,
      plans.map(({ plan }) => plan),
    );
  }

  /** What the triggers of the service look after, and how they add runs. */
  async triggers(): Promise<Pick<ServiceOptions, 'schedules' | 'addScheduled' | 'folder'>> {
    const { syncs } = this.config;
    return {
      schedules: new Map(syncs.flatMap(({ name, schedule }) => (schedule ? [[name, schedule]] : []))),
      addScheduled: (...occasion) => this.addScheduled(...occasion),
      folder: {
        settings: this.settings.folder,
        targets: await this.targets(),
        adder: { add: (...file) => this.addDropped(...file), again: (run) => this.runs.add(run) },
      },
    };
  }

  /** What is new of a sync's source. Throws SYNC_BUSY while an earlier run of it is not over. */
  async addScheduled(sync: string, atMs: number, signal: AbortSignal): ReturnType<AddRuns> {
    const request = await this.request(undefined, { sync, trigger: 'schedule', signal });
    const add = async (plans: readonly RunPlan[]) => {
      await enqueueRuns(this.runs, this.settings.dataDir, plans);
    };
    const occasion = { request: { ...request, sync }, atMs, add };
    const { plans, faults, left } = await workOnOccasion(this.settings.dataDir, this.clock, occasion);
    return { runs: plans.map(({ plan }) => plan.run), faults, left };
  }

  /**
   * A file of the watched folder. One of our own reports, mended, goes where the rows went before, and as they went,
   * unless it was dropped for something else.
   */
  private async addDropped(path: string, { sync, to, ...file }: Dropped): Promise<void> {
    const earlier = await findEarlierRun(this.settings.dataDir, path);
    const { plan } = earlier ?? {};
    const alike = plan !== undefined && sync === undefined && (to ?? plan.destination) === plan.destination;
    if (alike) await this.accounts.rebind(plan); // the name must still mean what it meant
    const where = alike ? sameAs(plan) : { to, sync };
    const more = { retryOf: earlier?.run, trigger: 'folder' } as const;
    await this.enqueue(await this.plans({ path }, { ...where, ...file, ...more }));
  }

  private async targets(): Promise<TargetNames> {
    const destinations = [...this.config.destinations, ...(await this.accounts.all())];
    return {
      syncs: this.config.syncs.map(({ name }) => name),
      destinations: this.accounts.names,
      offered: [...new Set(destinations.map(({ name }) => name))],
    };
  }
}

/** What is asked for, then what the sync, the destination and the defaults of the file say. */
export async function requestOf(
  config: LoadedConfig,
  choose: (name?: string) => Promise<Account>,
  given: GivenSource | undefined,
  options: SourceOptions & Origin & { signal?: AbortSignal | undefined },
): Promise<RunRequest> {
  const sync = options.sync === undefined ? undefined : findSync(config.syncs, options.sync);
  const source = given ?? sync?.source;
  if (source === undefined) {
    const sentence = sync
      ? `The sync "${sync.name}" has no source; name a file.`
      : 'There is no source: name a file, or a sync of the configuration file.';
    throw new RowferryError('SOURCE_MISSING', sentence, EXIT.usage);
  }
  const account = await choose(options.to ?? sync?.to);
  const { defaults } = config;
  const { map = {}, ...otherwise } = parseMapping(options.mapping ?? {});
  const { name, ...ofSync } = sync ?? {}; // a request's name is that of the file
  return {
    reportDir: defaults.reportDir,
    ...account.settings,
    ...ofSync,
    ...said(options),
    mapping: withRules({ ...sync?.mapping, ...otherwise }, map),
    source,
    account,
    sync: name,
  };
}

/** Where and how the rows of a run were sent, for a run that sends some of them again. */
export function sameAs(plan: RunPlan): SourceOptions {
  const { destination, mapping, rate, attempts, onDuplicate, bulk, incremental, reportDir } = plan;
  const { maxWaitMs, haltAfterRejections } = plan;
  const patience = { maxWaitMs, haltAfterRejections };
  return { to: destination, mapping, rate, attempts, onDuplicate, bulk, incremental, ...patience, reportDir };
}

/** An option that is there and undefined says nothing. */
function said<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
