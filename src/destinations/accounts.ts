/** The destinations somebody may send to: those of the configuration file by their names, those of the environment by their kinds. */
import { EXIT, RowferryError } from '../errors.js';
import type { RunPlan } from '../run.js';
import { didYouMean } from '../spelling.js';
import type { Destination } from './destination.js';
import {
  type Account,
  bindAccount,
  boundAccounts,
  DESTINATIONS,
  type DestinationEntry,
  type DestinationSettings,
  findDestination,
  hasCredentials,
  kindOfAccount,
  openDestination,
} from './registry.js';

type Environment = Record<string, string | undefined>;

const UNBOUND = '-unbound';

/** False for an account without credentials, to which nothing can be sent. */
export function isBound({ id }: Pick<Account, 'id'>): boolean {
  return !id.endsWith(UNBOUND);
}

export class Accounts {
  private readonly opened = new Map<DestinationEntry, Promise<Destination>>();

  constructor(
    private readonly environment: Environment,
    private readonly entries: readonly DestinationEntry[] = [],
    private readonly defaults: DestinationSettings = {},
  ) {}

  /** The account `name` stands for, or the only one with credentials. Throws a sentence when there is none. */
  async choose(name?: string): Promise<Account> {
    if (name !== undefined) return this.named(name);
    const named = await Promise.all((await this.readyEntries()).map((entry) => this.named(entry.name)));
    const ids = new Set(named.map(({ id }) => id));
    // The key that an entry names is in the environment, too: that is no second destination.
    const [only, ...others] = [...named, ...this.ofEnvironment().filter(({ id }) => !ids.has(id))];
    if (only !== undefined && others.length === 0) return only;
    throw new RowferryError(
      'DESTINATION_NOT_CHOSEN',
      only === undefined
        ? this.nothingSet()
        : `Several destinations have credentials; choose one with --to: ${[only, ...others].map((account) => account.name).join(', ')}.`,
      EXIT.usage,
    );
  }

  /** As {@link choose}, for what sends nothing: one of the kinds we know is enough, without its credentials. */
  async chooseToCheck(name?: string): Promise<Account> {
    const known = DESTINATIONS.find(({ kind }) => kind === name);
    const isOurs = known && !this.entries.some((entry) => entry.name === name);
    if (!isOurs || hasCredentials(known, this.environment)) return this.choose(name);
    const { kind, env } = known;
    // A company's id, say, is of use without its key.
    const set = Object.entries(env).map(([option, name]) => [
      option,
      this.environment[name]?.trim() || undefined,
    ]);
    const options = { baseUrl: '', ...Object.fromEntries(set.filter(([, value]) => value !== undefined)) };
    return this.withDefaults({
      id: `${kind}${UNBOUND}`,
      name: kind,
      destination: known,
      options,
      setBy: env,
      settings: {},
    });
  }

  /** Binds the destination of a plan again. A name that stands for another kind by now is refused. */
  async rebind(plan: Pick<RunPlan, 'run' | 'destination' | 'account'>): Promise<Account> {
    const kind = kindOfAccount(plan.account);
    if (!this.names.includes(plan.destination)) {
      throw new RowferryError(
        'DESTINATION_UNKNOWN',
        `Run ${plan.run} goes to the destination "${plan.destination}", which is not known here: name the configuration file that has it with --config.`,
        EXIT.usage,
      );
    }
    const account = await this.named(plan.destination);
    if (account.destination.kind === kind) return account;
    throw new RowferryError(
      'DESTINATION_CHANGED',
      `Run ${plan.run} was made for "${plan.destination}" as a destination of kind ${kind}; that name is of kind ${account.destination.kind} now. Give it back to the ${kind} destination, then try again.`,
      EXIT.usage,
    );
  }

  /** Every account with credentials, once: of two names for one account the first in the file decides. */
  async all(): Promise<Account[]> {
    const accounts = new Map<string, Account>();
    const named = await Promise.all((await this.readyEntries()).map((entry) => this.named(entry.name)));
    for (const account of [...named, ...this.ofEnvironment()]) {
      if (!accounts.has(account.id)) accounts.set(account.id, account);
    }
    if (accounts.size === 0) {
      throw new RowferryError('DESTINATION_NOT_CHOSEN', this.nothingSet(), EXIT.usage);
    }
    return [...accounts.values()];
  }

  /** What keeps entries of the file from being used here. */
  get unset(): string[] {
    return this.entries.flatMap(({ unset }) => unset);
  }

  /** All that are known, whether or not their credentials are there. */
  get names(): string[] {
    const names = [...this.entries.map(({ name }) => name), ...DESTINATIONS.map(({ kind }) => kind)];
    return [...new Set(names)];
  }

  private async named(name: string): Promise<Account> {
    const entry = this.entries.find((one) => one.name === name);
    if (entry) return this.withDefaults(bindAccount(await this.open(entry), this.environment, entry));
    const known = this.names;
    if (!known.includes(name)) {
      throw new RowferryError(
        'DESTINATION_UNKNOWN',
        `There is no destination "${name}".${didYouMean(name, known)} Known: ${known.join(', ')}.`,
        EXIT.usage,
      );
    }
    return this.withDefaults(bindAccount(findDestination(name), this.environment));
  }

  private withDefaults(account: Account): Account {
    return { ...account, settings: { ...this.defaults, ...account.settings } };
  }

  private open(entry: DestinationEntry): Promise<Destination> {
    const opened = this.opened.get(entry) ?? openDestination(entry);
    this.opened.set(entry, opened);
    return opened;
  }

  private async readyEntries(): Promise<DestinationEntry[]> {
    const ready: DestinationEntry[] = [];
    for (const entry of this.entries) {
      if (entry.unset.length > 0) continue;
      if (hasCredentials(await this.open(entry), this.environment, entry)) ready.push(entry);
    }
    return ready;
  }

  /** Kinds with credentials in the environment whose name no entry has taken. */
  private ofEnvironment(): Account[] {
    const taken = this.entries.map(({ name }) => name);
    return boundAccounts(this.environment, taken).map((account) => this.withDefaults(account));
  }

  private nothingSet(): string {
    if (this.unset.length > 0) return this.unset.join('\n');
    const variables = DESTINATIONS.map((destination) => destination.env[destination.accountKey]);
    return `No destination has credentials. Set ${variables.join(' or ')} in the environment or in .env.`;
  }
}
