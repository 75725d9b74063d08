/** Syncs of the configuration file. */
import type { DestinationSettings } from '../destinations/registry.js';
import type { DialectOptions } from '../dialect.js';
import { EXIT, RowferryError } from '../errors.js';
import type { MappingSpec } from '../mapping.js';
import type { Schedule } from '../queues/schedules.js';
import type { Source } from '../sources/source.js';
import { didYouMean } from '../spelling.js';

type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** A configured flow: source, destination, mapping and options, with a name. */
export interface Sync extends Omit<DestinationSettings, 'concurrency' | 'timeoutMs'>, Said<DialectOptions> {
  name: string;
  /** Absolute path, URL, or what is said of either. */
  source?: string | Source;
  /** When the service runs it by itself. */
  schedule?: Schedule;
  /** Name of the destination. */
  to?: string;
  mapping: MappingSpec;
  reportDir?: string;
  /** A sentence for each variable it names that is not set here; it cannot be run then. */
  unset: readonly string[];
}

/** Throws a sentence for a sync that there is not, and for one that names variables that are not set. */
export function findSync(syncs: readonly Sync[], name: string): Sync {
  const found = syncs.find((sync) => sync.name === name);
  if (found === undefined) {
    const names = syncs.map((sync) => sync.name);
    const known = names.length === 0 ? 'There are none' : `There are: ${names.join(', ')}`;
    const sentence = `There is no sync "${name}".${didYouMean(name, names)} ${known}.`;
    throw new RowferryError('SYNC_UNKNOWN', sentence, EXIT.usage);
  }
  if (found.unset.length > 0) throw new RowferryError('CONFIG_INVALID', found.unset.join('\n'), EXIT.usage);
  return found;
}
