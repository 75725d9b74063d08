/** A fault is the model destination with one thing of it broken, and the cases that must find it. */
import type { Contact } from '../../../src/contact.js';
import type { ApiAnswer, Destination, Options } from '../../../src/destinations/destination.js';
import type { Verdict } from '../../../src/verdict.js';
import { acme } from '../model.js';

export interface Fault {
  fault: string;
  broken(): Destination;
  /** Cases that must fail, with their sentences. */
  fails: Record<string, RegExp>;
}

export const but = (change: Partial<Destination>): Destination => ({ ...acme, ...change });

/** Another verdict on answers to a create. */
export const judging = (change: (verdict: Verdict, answer: ApiAnswer) => Verdict) =>
  but({ interpret: (answer, contact) => change(acme.interpret(answer, contact), answer) });

export const looking = (change: Partial<NonNullable<Destination['lookup']>>) =>
  but({ lookup: { ...acme.lookup!, ...change } });
export const updating = (change: Partial<NonNullable<Destination['update']>>) =>
  but({ update: { ...acme.update!, ...change } });
export const bulking = (change: Partial<NonNullable<Destination['bulk']>>) =>
  but({ bulk: { ...acme.bulk!, ...change } });
export const creating = (change: (contact: Contact, options: Options) => object) =>
  but({ create: (contact, options) => ({ ...acme.create(contact, options), ...change(contact, options) }) });

export const body = (value: unknown) => ({ body: JSON.stringify(value) });
