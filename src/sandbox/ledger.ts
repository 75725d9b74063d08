/** What the sandbox holds: accounts, their contacts, and the account book of everything that was asked of it. */
import { createHash, randomUUID } from 'node:crypto';
import { createRandom, type Fault, type FaultRates } from './faults.js';
import { admit, type Limit, SlidingWindow, type Standing } from './window.js';

export type Fields = Readonly<Record<string, unknown>>;

/** A valid contact before it is stored; `external_id` null = to be generated. */
export interface Draft {
  email: string;
  external_id: string | null;
  first_name: string | null;
  last_name: string | null;
  tags: readonly string[];
  is_active: boolean;
  custom_fields: Fields;
  metadata: Fields;
}

/**
 * A stored contact. Times in epoch ms; `posts` = create requests that carried its address, stored or not.
 * A class, because hundreds of thousands of objects of one fixed shape are quicker and half as large.
 */
export class Contact implements Draft {
  email: string;
  external_id: string;
  first_name: string | null;
  last_name: string | null;
  tags: readonly string[];
  is_active: boolean;
  custom_fields: Fields;
  metadata: Fields;
  updated: number;
  posts = 0;

  constructor(
    readonly ordinal: number,
    readonly account: Account,
    draft: Draft,
    readonly created: number,
    readonly seeded: boolean,
  ) {
    this.email = draft.email;
    this.external_id = draft.external_id ?? `auto_gen_${randomUUID()}`;
    this.first_name = draft.first_name;
    this.last_name = draft.last_name;
    this.tags = draft.tags;
    this.is_active = draft.is_active;
    this.custom_fields = draft.custom_fields;
    this.metadata = draft.metadata;
    this.updated = created;
  }
}

/** One key's own world: contacts of other keys are neither seen nor in the way. */
export interface Account {
  key: string;
  /** Derived from the key, never the key itself: it is shown in answers and in the ledger. */
  keyId: string;
  /** By lower-cased address: the vendor documents a unique index, not its collation; the sandbox ignores case. */
  readonly byEmail: Map<string, Contact>;
  readonly byExternalId: Map<string, Contact>;
  readonly window: SlidingWindow | undefined;
  /** Faults by address that were already met, by lower-cased address. */
  readonly faultsMet: Map<string, number>;
  /** Create requests for addresses that are not stored (yet), by lower-cased address. */
  readonly postsBefore: Map<string, number>;
}

/** One line of `/_sandbox/ledger`. */
export interface LedgerLine extends Draft {
  id: string;
  external_id: string;
  created_at: string;
  key_id: string;
  seeded: boolean;
  posts: number;
}

/**
 * `/_sandbox/stats`. Once nothing is under way, `requests` = the sum of `by_status` + `dropped` + what clients gave up
 * while sending. `limited` = refused by the rate limit; `dropped` = left without a whole answer by a fault.
 * `first_request_at` and `last_request_at` in epoch ms.
 */
export interface SandboxStats {
  requests: number;
  posts: number;
  by_status: Record<string, number>;
  faults: Record<string, number>;
  limited: number;
  dropped: number;
  contacts: number;
  max_in_window: number;
  first_request_at: number | null;
  last_request_at: number | null;
}

export interface StateOptions {
  limit: Limit | undefined;
  faults: FaultRates;
  seed: number;
}

/** Holds the seeded contacts of nobody in particular until the first key turns up. */
const ANYBODY = '*';

function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function emptyStats(): Omit<SandboxStats, 'contacts' | 'max_in_window'> {
  return {
    requests: 0,
    posts: 0,
    by_status: {},
    faults: {},
    limited: 0,
    dropped: 0,
    first_request_at: null,
    last_request_at: null,
  };
}

export class SandboxState {
  readonly accounts = new Map<string, Account>();
  /** In creation order over all accounts; a removed contact leaves its place empty. */
  contacts: (Contact | undefined)[] = [];
  /** How many contacts are stored. */
  stored = 0;
  rates: FaultRates = {};
  /** While true every API request is answered with 503. */
  outage = false;
  counters = emptyStats();
  readonly #options: StateOptions;
  #arrivals!: SlidingWindow;
  #random!: () => number;
  #idPrefix = '';

  constructor(options: StateOptions) {
    this.#options = options;
    this.reset();
  }

  /** Back to how the sandbox started: no contacts, no figures, the initial rates and the initial dice. */
  reset(): void {
    this.accounts.clear();
    this.contacts = [];
    this.stored = 0;
    this.rates = { ...this.#options.faults };
    this.outage = false;
    this.counters = emptyStats();
    this.#arrivals = new SlidingWindow(this.#options.limit?.windowMs ?? 1000);
    this.#random = createRandom(this.#options.seed);
    // Ids are a random prefix and the ordinal: they cost no memory and no index. A reset voids the earlier ones.
    this.#idPrefix = randomUUID().slice(0, 24);
  }

  /** The account of a key, opened on first use. */
  account(key: string): Account {
    const known = this.accounts.get(key);
    if (known !== undefined) return known;
    const waiting = this.accounts.get(ANYBODY);
    const account = waiting ?? this.#open(key);
    if (waiting !== undefined) {
      this.accounts.delete(ANYBODY);
      waiting.key = key;
      waiting.keyId = uuidFrom(key);
    }
    this.accounts.set(key, account);
    return account;
  }

  /** Whose account seeded contacts go to when nobody is named: the oldest account, else the first key to come. */
  anyAccount(): Account {
    for (const account of this.accounts.values()) return account;
    const account = this.#open(ANYBODY);
    this.accounts.set(ANYBODY, account);
    return account;
  }

  #open(key: string): Account {
    const limit = this.#options.limit;
    return {
      key,
      keyId: uuidFrom(key),
      byEmail: new Map(),
      byExternalId: new Map(),
      window: limit && new SlidingWindow(limit.windowMs),
      faultsMet: new Map(),
      postsBefore: new Map(),
    };
  }

  /** Stores a contact whose keys are free. */
  store(account: Account, draft: Draft, created: number, seeded = false): Contact {
    const emailKey = draft.email.toLowerCase();
    const contact = new Contact(this.contacts.length, account, draft, created, seeded);
    contact.posts = account.postsBefore.get(emailKey) ?? 0;
    account.postsBefore.delete(emailKey);
    account.byEmail.set(emailKey, contact);
    account.byExternalId.set(contact.external_id, contact);
    this.contacts.push(contact);
    this.stored += 1;
    return contact;
  }

  /** Applies new values to a stored contact; the keys among them must be free. */
  change(contact: Contact, values: Draft, now: number): void {
    const { account } = contact;
    account.byEmail.delete(contact.email.toLowerCase());
    account.byExternalId.delete(contact.external_id);
    Object.assign(contact, values, { external_id: values.external_id ?? contact.external_id, updated: now });
    account.byEmail.set(contact.email.toLowerCase(), contact);
    account.byExternalId.set(contact.external_id, contact);
  }

  remove(contact: Contact): void {
    contact.account.byEmail.delete(contact.email.toLowerCase());
    contact.account.byExternalId.delete(contact.external_id);
    this.contacts[contact.ordinal] = undefined;
    this.stored -= 1;
  }

  idOf(contact: Contact): string {
    return this.#idPrefix + contact.ordinal.toString(16).padStart(12, '0');
  }

  find(account: Account, id: string): Contact | undefined {
    if (id.length !== 36 || !id.startsWith(this.#idPrefix)) return undefined;
    const contact = this.contacts[Number.parseInt(id.slice(24), 16)];
    return contact?.account === account && this.idOf(contact) === id ? contact : undefined;
  }

  /** Notes that an API request has come in, before anything is decided about it. */
  arrive(now: number, creates: boolean): void {
    this.#arrivals.add(now);
    this.counters.requests += 1;
    if (creates) this.counters.posts += 1;
    this.counters.first_request_at ??= now;
    this.counters.last_request_at = now;
  }

  /** Notes that a create request carries this address. */
  countPost(account: Account, email: string): void {
    const emailKey = email.toLowerCase();
    const contact = account.byEmail.get(emailKey);
    if (contact !== undefined) contact.posts += 1;
    else account.postsBefore.set(emailKey, (account.postsBefore.get(emailKey) ?? 0) + 1);
  }

  /** Takes a place under the key's limit; undefined = there is no limit. */
  admit(account: Account, now: number): Standing | undefined {
    const { limit } = this.#options;
    if (limit === undefined || account.window === undefined) return undefined;
    const standing = admit(account.window, limit, now);
    if (!standing.allowed) this.counters.limited += 1;
    return standing;
  }

  countStatus(status: number): void {
    this.counters.by_status[status] = (this.counters.by_status[status] ?? 0) + 1;
  }

  countFault(fault: Fault): void {
    this.counters.faults[fault.name] = (this.counters.faults[fault.name] ?? 0) + 1;
  }

  roll(): number {
    return this.#random();
  }

  stats(): SandboxStats {
    return { ...this.counters, contacts: this.stored, max_in_window: this.#arrivals.peak };
  }

  *ledger(): Generator<LedgerLine> {
    for (const contact of this.contacts) {
      if (contact === undefined) continue;
      const { ordinal: _, account, created, updated: __, ...shown } = contact;
      yield {
        id: this.idOf(contact),
        ...shown,
        created_at: new Date(created).toISOString(),
        key_id: account.keyId,
      };
    }
  }
}
