/** The destinations rowferry knows, and accounts: a destination with somebody's credentials. */
import { createHash } from 'node:crypto';
import { EXIT, RowferryError } from '../errors.js';
import type { OnDuplicate, Rate } from '../run.js';
import { didYouMean } from '../spelling.js';
import { autosend } from './autosend.js';
import { cendyn } from './cendyn.js';
import { clemta } from './clemta.js';
import type { Destination, Options } from './destination.js';
import { httpDestination } from './http.js';
import { loadModuleDestination } from './module.js';
import { sendmator } from './sendmator.js';

export const DESTINATIONS: readonly Destination[] = [sendmator, autosend, cendyn, clemta];

/** How an account is used; what is left out is decided by the next in line: sync, destination, defaults, rowferry. */
export interface DestinationSettings {
  /** null: no limit. */
  rate?: Rate | null;
  /** Requests in flight of one process at the most. */
  concurrency?: number;
  /** Silence after which a request counts as unanswered, ms. */
  timeoutMs?: number;
  /** Requests for one contact before it is given up. */
  attempts?: number;
  onDuplicate?: OnDuplicate;
  bulk?: boolean;
  /** Contacts that were delivered before as they are now are not sent again. */
  incremental?: boolean;
  /** The longest wait an API may ask for before the run halts instead, ms. */
  maxWaitMs?: number;
  /** Rows rejected alike from the start after which the run halts; 0: never. */
  haltAfterRejections?: number;
}

/** A destination as the configuration file describes it. */
export interface DestinationEntry {
  name: string;
  /** One of ours, or `http`; undefined: it comes from `module`. */
  kind?: string;
  /** Absolute path of the file whose default export is the destination. */
  module?: string;
  /** Credentials and the like by their name in the file (`api_key`), with `${…}` replaced; of `http`, all it is made of. */
  options: Readonly<Record<string, unknown>>;
  settings: DestinationSettings;
  /** A sentence for each variable it names that is not set here; it cannot be bound then. */
  unset: readonly string[];
  /** The configuration file, as people call it. */
  file: string;
}

export interface Account {
  /** `<kind>-<12 hex digits>`: names queue and pace; the same for everyone who holds the same credentials. */
  id: string;
  /** Its name in the configuration file; without one, its kind. */
  name: string;
  destination: Destination;
  options: Options;
  /** Option → the variable or the setting it is to be mended in. */
  setBy: Record<string, string>;
  settings: DestinationSettings;
}

type Environment = Record<string, string | undefined>;

export function findDestination(kind: string): Destination {
  const found = DESTINATIONS.find((destination) => destination.kind === kind);
  if (found) return found;
  const known = DESTINATIONS.map((destination) => destination.kind);
  throw new RowferryError(
    'DESTINATION_UNKNOWN',
    `There is no destination "${kind}".${didYouMean(kind, known)} Known: ${known.join(', ')}.`,
    EXIT.usage,
  );
}

/** The one place where an entry of the configuration file becomes a destination. */
export async function openDestination(entry: DestinationEntry): Promise<Destination> {
  if (entry.module !== undefined) return loadModuleDestination(entry.module);
  if (entry.kind === 'http') return httpDestination(entry.options as Parameters<typeof httpDestination>[0]);
  return findDestination(entry.kind ?? '');
}

/** `<kind>` of an account id. */
export function kindOfAccount(id: string): string {
  return id.replace(/-[0-9a-f]{12}$/, '');
}

/** `apiKey` → `api_key`, as options are written in the configuration file. */
export function optionInFile(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What a destination takes of its own: named by its variables, or by its schema. */
export function optionNames({ env, options }: Destination): string[] {
  const shape = 'shape' in options ? (options.shape as object) : {};
  return [...new Set([...Object.keys(env), ...Object.keys(shape)])];
}

/** An option that keeps an account from being bound. */
export interface OptionFault {
  /** Its name in the configuration file. */
  key: string;
  /** The variable or the setting it is to be mended in. */
  setBy: string;
  message: string;
}

/**
 * What the environment, and before it the entry of the file, say about a destination's options. No value of an option
 * is ever quoted: it may be a secret.
 */
export function readOptions(
  destination: Destination,
  environment: Environment,
  entry?: DestinationEntry,
): { options: Options | undefined; setBy: Record<string, string>; faults: OptionFault[] } {
  const given: Record<string, unknown> = {};
  const setBy: Record<string, string> = {};
  for (const [option, variable] of Object.entries(destination.env)) {
    setBy[option] = variable;
    const value = environment[variable];
    if (value !== undefined && value !== '') given[option] = value.trim();
  }
  const faults: OptionFault[] = [];
  if (entry?.kind === 'http') {
    // Its options are within the destination already.
    setBy.baseUrl = `destinations.${entry.name}.base_url`;
  } else if (entry) {
    const known = new Map(optionNames(destination).map((option) => [optionInFile(option), option]));
    for (const [key, value] of Object.entries(entry.options)) {
      const option = known.get(key);
      const place = `destinations.${entry.name}.${key}`;
      if (option === undefined) {
        const message = `is no option of ${destination.kind}.${didYouMean(key, [...known.keys()])}`;
        faults.push({ key, setBy: place, message });
        continue;
      }
      setBy[option] = place;
      given[option] = typeof value === 'string' ? value.trim() : value;
    }
  }
  const parsed = destination.options.safeParse(given);
  for (const issue of parsed.error?.issues ?? []) {
    const option = String(issue.path[0]);
    const untold = issue.code === 'invalid_type' && issue.expected === 'string' && option in given;
    const message = untold
      ? 'is not text; write it in quotes'
      : option === 'baseUrl'
        ? 'is not an http(s) URL'
        : issue.message;
    faults.push({ key: optionInFile(option), setBy: setBy[option] ?? option, message });
  }
  if (!parsed.success || faults.length > 0) return { options: undefined, setBy, faults };
  return { options: { ...parsed.data, baseUrl: normalise(parsed.data.baseUrl) }, setBy, faults };
}

/** Binds a destination to the credentials in `environment`, or in its `entry`. Throws a sentence naming what is missing or wrong. */
export function bindAccount(
  destination: Destination,
  environment: Environment,
  entry?: DestinationEntry,
): Account {
  const name = entry?.name ?? destination.kind;
  if (entry && entry.unset.length > 0) {
    throw new RowferryError('CREDENTIALS_MISSING', entry.unset.join('\n'), EXIT.usage);
  }
  const { options, setBy, faults } = readOptions(destination, environment, entry);
  if (options === undefined) {
    const told = faults.map((fault) => `${fault.setBy} ${fault.message}`).join('; ');
    const mend = entry
      ? `Mend it in ${entry.file} or in the environment.`
      : 'Set it in the environment or in .env.';
    throw new RowferryError('CREDENTIALS_MISSING', `${name}: ${told}. ${mend}`, EXIT.usage);
  }
  const named = `${options.baseUrl}\n${String(options[destination.accountKey])}`;
  const id = `${destination.kind}-${createHash('sha256').update(named).digest('hex').slice(0, 12)}`;
  return { id, name, destination, options, setBy, settings: entry?.settings ?? {} };
}

/** One spelling for each address, as it names the account: host in lower case, no default port; the path as it is. */
function normalise(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  return origin + pathname.replace(/\/+$/, '');
}

const DEFAULT_CONCURRENCY = 16;
const DEFAULT_TIMEOUT_MS = 30_000;

/** How requests to an account are made: flag and environment first, then what the file says of it. */
export function limitsOf(
  { settings }: Pick<Account, 'settings'>,
  given: { concurrency?: number | undefined; timeoutMs?: number | undefined },
): { concurrency: number; timeoutMs: number } {
  return {
    concurrency: given.concurrency ?? settings.concurrency ?? DEFAULT_CONCURRENCY,
    timeoutMs: given.timeoutMs ?? settings.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/** What is asked of a destination that it cannot do; `key` is the setting's name in the file. */
export function inabilities(
  { kind, update, bulk }: Destination,
  asked: Pick<DestinationSettings, 'onDuplicate' | 'bulk'>,
): { key: 'on_duplicate' | 'bulk'; message: string }[] {
  const unable: ReturnType<typeof inabilities> = [];
  if (asked.onDuplicate === 'update' && !update) {
    unable.push({
      key: 'on_duplicate',
      message: `${kind} cannot update contacts; on_duplicate can only be skip`,
    });
  }
  if (asked.bulk && !bulk) {
    unable.push({ key: 'bulk', message: `${kind} takes one contact per request; bulk can only be false` });
  }
  return unable;
}

/** Whether the key of the account is there at all, rightly spelt or not; some accounts have none. */
export function hasCredentials(
  destination: Destination,
  environment: Environment,
  entry?: DestinationEntry,
): boolean {
  if (entry && entry.unset.length > 0) return false;
  if (entry?.options[optionInFile(destination.accountKey)] !== undefined) return true;
  if (environment[destination.env[destination.accountKey] ?? '']) return true;
  return entry !== undefined && readOptions(destination, environment, entry).options !== undefined;
}

/** Accounts of every destination whose credentials are in `environment`, but for kinds whose name is `taken`. */
export function boundAccounts(environment: Environment, taken: readonly string[] = []): Account[] {
  return DESTINATIONS.filter(
    (destination) => !taken.includes(destination.kind) && hasCredentials(destination, environment),
  ).map((destination) => bindAccount(destination, environment));
}
