/** Everything that can be found out about a configuration without sending anything. */
import type { Environment } from '../config.js';
import type { Destination } from '../destinations/destination.js';
import {
  DESTINATIONS,
  type DestinationSettings,
  inabilities,
  openDestination,
  readOptions,
} from '../destinations/registry.js';
import { RowferryError } from '../errors.js';
import type { MappingSpec } from '../mapping.js';
import type { Path } from './document.js';
import { byPlace, faultLine } from './faults.js';
import { exposedSecrets, openConfig, shownPath } from './file.js';
import type { Config } from './read.js';

export interface ConfigCheck {
  config: Config;
  /** `<file>:<line>:<column> <setting>: <what is wrong>`, in the order of the file. */
  faults: string[];
  warnings: string[];
}

/** What of a mapping makes no sense for a destination; `field`: the rule it is about. */
type CheckMapping = (
  destination: Destination,
  spec: MappingSpec,
) => Promise<{ sentence: string; hint?: string | undefined; field?: string | undefined }[]>;

/**
 * Checks the whole file as this machine would use it: each destination is loaded and bound, each mapping understood,
 * each variable must be set.
 */
export async function checkConfig(
  path: string,
  environment: Environment,
  checkMapping: CheckMapping,
): Promise<ConfigCheck> {
  const { config, document, faults } = openConfig(path, environment);
  const all = new Set([...faults, ...document.unset]);
  const destinations = new Map<string, Destination>(DESTINATIONS.map((known) => [known.kind, known]));
  for (const entry of config.destinations) {
    if (entry.kind === undefined && entry.module === undefined) continue; // told already
    const at = ['destinations', entry.name];
    const destination = await openDestination(entry).catch((error: unknown) => {
      if (!(error instanceof RowferryError)) throw error;
      all.add(document.faultAt([...at, entry.module === undefined ? 'kind' : 'module'], error.message));
    });
    if (destination === undefined) continue;
    destinations.set(entry.name, destination);
    checkAbilities(at, destination, { ...config.defaults, ...entry.settings });
    if (entry.unset.length > 0) continue;
    for (const { key, setBy, message } of readOptions(destination, environment, entry).faults) {
      const elsewhere = Object.hasOwn(entry.options, key) ? '' : `is left to ${setBy}, which `;
      all.add(document.faultAt([...at, key], `${elsewhere}${message}`));
    }
  }
  for (const sync of config.syncs) {
    const destination = destinations.get(sync.to ?? '');
    if (destination === undefined) continue;
    const at = ['syncs', sync.name];
    checkAbilities(at, destination, sync);
    if (sync.unset.length > 0) continue;
    for (const { sentence, hint, field } of await checkMapping(destination, sync.mapping)) {
      const path = field === undefined ? ['unmapped'] : ['map', field];
      const told = sentence.replace(`${path.join('.')}: `, '').replace(/^map /, ''); // the place says it already
      all.add(document.faultAt([...at, ...path], [told, hint].filter(Boolean).join(' ').replace(/\.$/, '')));
    }
  }
  const file = shownPath(path);
  return {
    config,
    faults: [...all].sort(byPlace).map((fault) => faultLine(file, fault)),
    warnings: exposedSecrets(path, document),
  };

  function checkAbilities(at: Path, destination: Destination, settings: DestinationSettings): void {
    for (const { key, message } of inabilities(destination, settings)) {
      all.add(document.faultAt([...at, key], message));
    }
  }
}
