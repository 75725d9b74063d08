/** A destination with its fixtures, and the way every case calls it: with copies, and never failing without a sentence. */
import { isDeepStrictEqual } from 'node:util';
import type { Contact, Identity } from '../contact.js';
import type { ApiAnswer, ApiRequest, Destination, Options } from '../destinations/destination.js';
import type { FixtureAnswer, Fixtures, Some } from './fixtures.js';
import { problem, show, verdictFault } from './judge.js';
import { bodyOf, headersOf } from './room.js';

export interface Case {
  name: string;
  skipped?: string;
  run(): Promise<void>;
}

export class Candidate {
  constructor(
    readonly destination: Destination,
    readonly fixtures: Fixtures,
  ) {}

  /** The contact all answers are about. */
  get contact(): Contact {
    return this.fixtures.contacts[0];
  }

  get identity(): Identity {
    return this.call('identity', () => this.destination.identity(structuredClone(this.contact)));
  }

  /** The fixtures' account at `baseUrl`. */
  account(baseUrl: string): Options {
    const parsed = this.destination.options.safeParse({ ...this.fixtures.options, baseUrl });
    if (parsed.success) return { ...parsed.data, baseUrl: parsed.data.baseUrl.replace(/\/+$/, '') };
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
    throw problem(
      `\`options\` to take the fixtures' options with the base URL ${baseUrl}`,
      `it refuses them (${faults.join('; ')})`,
      'mend the schema of the options, or the fixtures',
    );
  }

  /** Calls a function of the destination, `what` for the sentence when it throws or returns a promise. */
  call<T>(what: string, act: () => T): T {
    let result: T;
    try {
      result = act();
    } catch (error) {
      throw problem(
        `${what} to return`,
        `it threw ${this.masked(String(error))}`,
        'let it cope with whatever an API or a file can give it (jsonBody reads a body that may not be JSON)',
      );
    }
    if (typeof (result as { then?: unknown } | undefined)?.then !== 'function') return result;
    void (result as unknown as Promise<unknown>).then(undefined, () => {});
    throw problem(
      `${what} to return at once`,
      'it returned a promise',
      'make it a plain function: rowferry sends',
    );
  }

  /** Whether the schema takes `contact` and leaves it as it is; if not, why. */
  refusal(contact: Contact): string | undefined {
    const parsed = this.call('the schema `contact`', () =>
      this.destination.contact.safeParse(structuredClone(contact)),
    );
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      return `it refuses ${path.length === 0 ? 'the contact' : path.join('.')} (${message})`;
    }
    return isDeepStrictEqual(parsed.data, contact)
      ? undefined
      : 'it drops or changes values, while rowferry sends a contact as it was mapped';
  }

  /** Throws unless `verdict` has the form of one and keeps the account's secrets. */
  checkVerdict(reader: string, verdict: unknown): void {
    const fault = verdictFault(verdict);
    if (fault !== undefined) {
      throw problem(fault, `${reader} returned ${this.masked(show(verdict))}`, 'mend what it returns there');
    }
    this.checkSecrets(reader, verdict);
  }

  checkSecrets(what: string, value: unknown): void {
    const told = this.secretIn(JSON.stringify(value) ?? '');
    if (told === undefined) return;
    throw problem(
      `${what} to keep the account's secrets`,
      `what it returned holds the value of \`${told}\``,
      'say what the API answered, not what it was sent: reports and logs show it',
    );
  }

  /** The name of an option whose secret value stands in `text`. */
  secretIn(text: string): string | undefined {
    return Object.keys(this.fixtures.secrets).find((name) => text.includes(this.secret(name)));
  }

  secret(name: string): string {
    return String(this.fixtures.options[name]);
  }

  private masked(text: string): string {
    return Object.keys(this.fixtures.secrets).reduce(
      (clean, name) => clean.replaceAll(this.secret(name), '***'),
      text,
    );
  }
}

/** An answer as a destination is given it. */
export function answerOf(fixture: FixtureAnswer): ApiAnswer {
  return { status: fixture.status, headers: headersOf(fixture), body: bodyOf(fixture) };
}

export function list<T>(some: Some<T> | null | undefined): readonly T[] {
  if (some === undefined || some === null) return [];
  return Array.isArray(some) ? some : [some as T];
}

/** A case for each of `some`, numbered when there are several. */
export function each<T>(name: string, some: Some<T>, run: (one: T) => Promise<void>): Case[] {
  const all = list(some);
  return all.map((one, i) => ({
    name: all.length === 1 ? name : `${name} (${i + 1} of ${all.length})`,
    run: () => run(one),
  }));
}

/** A case that fails because the fixtures do not tell what it needs. */
export function noFixture(name: string, fixture: string, what: string): Case {
  return {
    name,
    run: () =>
      Promise.reject(
        new Error(`no fixture for ${fixture}: add ${what}, as the API's documentation shows it.`),
      ),
  };
}

export function skip(name: string, skipped: string): Case {
  return { name, skipped, run: () => Promise.resolve() };
}

/** The property of a fixture, if it has it. */
export function own<T extends object, K extends keyof T>(of: T, name: K): Partial<Pick<T, K>> {
  return Object.hasOwn(of, name) ? ({ [name]: of[name] } as Pick<T, K>) : {};
}

/** What is wrong with the form of a request; undefined = nothing. */
export function requestFault(request: ApiRequest): string | undefined {
  const { method, path, headers, body } = request;
  if (!['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method))
    return `a method of HTTP, not ${show(method)}`;
  if (typeof path !== 'string' || !path.startsWith('/')) {
    return `a path below the base URL that starts with "/", not ${show(path)}`;
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (typeof value !== 'string') return `the header ${name} to be a string, not ${show(value)}`;
  }
  if (body !== undefined && typeof body !== 'string') return `a body that is a string, not ${show(body)}`;
  return undefined;
}
