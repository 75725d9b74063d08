import type { ApiAnswer, Destination, Options } from '../../src/destinations/destination.js';
import { bindAccount } from '../../src/destinations/registry.js';
import { findFaults } from '../../src/ingest/validate.js';

export function answer(status: number, body: unknown, headers: Record<string, string> = {}): ApiAnswer {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/** `<field>: <code>` of the first fault of a contact; undefined when it is taken. */
export function fault(contact: object, destination: Destination): string | undefined {
  const found = findFaults(contact as Record<string, unknown>, destination)[0];
  return found && `${found.field}: ${found.code}`;
}

/** The options as they are bound from an environment in which every credential is known. */
export function optionsOf(destination: Destination, environment: Record<string, string> = {}): Options {
  const credentials = Object.values(destination.env).filter((name) => !name.endsWith('_BASE_URL'));
  const known = Object.fromEntries(credentials.map((name) => [name, `any_${name.toLowerCase()}`]));
  return bindAccount(destination, { ...known, ...environment }).options;
}
