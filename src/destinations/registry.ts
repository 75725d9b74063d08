/** The destinations rowferry knows, and accounts: a destination with somebody's credentials. */
import { createHash } from 'node:crypto';
import { EXIT, RowferryError } from '../errors.js';
import { autosend } from './autosend.js';
import { cendyn } from './cendyn.js';
import { clemta } from './clemta.js';
import type { Destination, Options } from './destination.js';
import { sendmator } from './sendmator.js';

export const DESTINATIONS: readonly Destination[] = [sendmator, autosend, cendyn, clemta];

export interface Account {
  /** `<kind>-<12 hex digits>`: names queue and pace; the same for everyone who holds the same credentials. */
  id: string;
  destination: Destination;
  options: Options;
}

type Environment = Record<string, string | undefined>;

export function findDestination(kind: string): Destination {
  const found = DESTINATIONS.find((destination) => destination.kind === kind);
  if (found) return found;
  const known = DESTINATIONS.map((destination) => destination.kind).join(', ');
  throw new RowferryError(
    'DESTINATION_UNKNOWN',
    `There is no destination "${kind}". Known: ${known}.`,
    EXIT.usage,
  );
}

/** Binds a destination to the credentials in `environment`. Throws a sentence naming the variable that is missing or wrong. */
export function bindAccount(destination: Destination, environment: Environment): Account {
  const given: Record<string, unknown> = {};
  for (const [option, variable] of Object.entries(destination.env)) {
    const value = environment[variable];
    if (value !== undefined && value !== '') given[option] = value.trim();
  }
  const parsed = destination.options.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const variable = destination.env[String(issue.path[0])] ?? String(issue.path[0]);
      return `${variable} ${issue.path[0] === 'baseUrl' ? 'is not an http(s) URL' : issue.message}`;
    });
    throw new RowferryError(
      'CREDENTIALS_MISSING',
      `${destination.kind}: ${faults.join('; ')}. Set it in the environment or in .env.`,
      EXIT.usage,
    );
  }
  const options: Options = { ...parsed.data, baseUrl: normalise(parsed.data.baseUrl) };
  const named = `${options.baseUrl}\n${String(options[destination.accountKey])}`;
  const id = `${destination.kind}-${createHash('sha256').update(named).digest('hex').slice(0, 12)}`;
  return { id, destination, options };
}

/** One spelling for each address, as it names the account: host in lower case, no default port; the path as it is. */
function normalise(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl);
  return origin + pathname.replace(/\/+$/, '');
}

/** Accounts of every destination whose credentials are in `environment`. */
export function boundAccounts(environment: Environment): Account[] {
  return DESTINATIONS.filter((destination) =>
    Boolean(environment[destination.env[destination.accountKey] ?? '']),
  ).map((destination) => bindAccount(destination, environment));
}

/** The account `--to` names, or the only one there is. */
export function chooseAccount(kind: string | undefined, environment: Environment): Account {
  if (kind !== undefined) return bindAccount(findDestination(kind), environment);
  const bound = boundAccounts(environment);
  if (bound.length === 1) return bound[0]!;
  const variables = DESTINATIONS.map((destination) => destination.env[destination.accountKey]);
  throw new RowferryError(
    'DESTINATION_NOT_CHOSEN',
    bound.length === 0
      ? `No destination has credentials. Set ${variables.join(' or ')} in the environment or in .env.`
      : `Several destinations have credentials; choose one with --to: ${bound.map((a) => a.destination.kind).join(', ')}.`,
    EXIT.usage,
  );
}
