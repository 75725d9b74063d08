/** The examples of `samples/destinations`, as the configuration file would hand them over. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Contact } from '../../../src/contact.js';
import type { Destination, Options } from '../../../src/destinations/destination.js';
import { httpDestination } from '../../../src/destinations/http.js';

const folder = fileURLToPath(new URL('../../../samples/destinations/', import.meta.url));

export const SAMPLES = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.replace(/\.yaml$/, ''));

/** What says how a destination is used, not what it is. */
const USE = ['rate', 'concurrency', 'timeout', 'attempts', 'on_duplicate', 'bulk'];

/** The entry of an example, with `${NAME}` replaced by `<name>-0123456789`, or by what `environment` has. */
export function settingsOf(name: string, environment: Record<string, string> = {}): object {
  const text = readFileSync(`${folder}${name}.yaml`, 'utf8').replace(
    /\$\{(\w+)\}/g,
    (_, variable: string) => environment[variable] ?? `${variable.toLowerCase()}-0123456789`,
  );
  const { destinations } = parse(text) as { destinations: Record<string, Record<string, unknown>> };
  const entry = Object.entries(destinations[name]!).filter(([key]) => !USE.includes(key));
  return Object.fromEntries(entry);
}

export function destinationOf(name: string, environment?: Record<string, string>): Destination {
  return httpDestination(settingsOf(name, environment) as Parameters<typeof httpDestination>[0]);
}

export function optionsOf(destination: Destination): Options {
  return destination.options.parse({});
}

/** `contact` with what the destination adds of its own. */
export function withDefaults(destination: Destination, contact: Contact): Contact {
  return { ...destination.defaults?.(optionsOf(destination)), ...contact };
}
