/** What the sandbox holds: accounts, their contacts, and the account book of everything that was asked of it. */
import { createHash, randomUUID } from 'node:crypto';
import { type Account, Contact, type ContactRules, type Draft, type Fields, wholeOf } from './contact.js';
import { createRandom, type Fault, type FaultRates } from './faults.js';
import { admit, type Limit, SlidingWindow, type Standing } from './window.js';

/** One line of `/_sandbox/ledger`. */
export interface LedgerLine {
  id: string;
  /** The kind of API that holds it. */
  api: string;
  /** '' = none. */
  email: string;
  /** The id its client gave it, or that the API made up in its place. */
  external_id: string | null;
  created_at: string;
  /** Names the account. */
  key_id: string;
  seeded: boolean;
  /** Create requests that carried its address, stored or not; 0 without an address. */
  posts: number;
  /** All that is stored, e-mail and external id included, under the API's own names. */
  fields: Fields;
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
/** The last digits of an id, a UUID or 24 hexadecimal digits, are the ordinal of its contact. */
const ORDINAL_DIGITS = 12;

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
  #uuidPrefix = '';
  #objectIdPrefix = '';

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
    const uuid = randomUUID();
    this.#uuidPrefix = uuid.slice(0, -ORDINAL_DIGITS);
    this.#objectIdPrefix = uuid.slice(-ORDINAL_DIGITS);
  }

  /** The account of a key at an API, opened on first use. */
  account(rules: ContactRules, key: string): Account {
    const place = `${rules.kind} ${key}`;
    const known = this.accounts.get(place);
    if (known !== undefined) return known;
    const anybody = `${rules.kind} ${ANYBODY}`;
    const waiting = this.accounts.get(anybody);
    const account = waiting ?? this.#open(rules, key);
    if (waiting !== undefined) {
      this.accounts.delete(anybody);
      waiting.key = key;
      waiting.keyId = uuidFrom(key);
    }
    this.accounts.set(place, account);
    return account;
  }

  /** Whose account seeded contacts go to when nobody is named: the API's oldest account, else the first key to come. */
  anyAccount(rules: ContactRules): Account {
    for (const account of this.accounts.values()) if (account.rules === rules) return account;
    return this.account(rules, ANYBODY);
  }

  #open(rules: ContactRules, key: string): Account {
    const limit = this.#options.limit;
    return {
      rules,
      key,
      keyId: uuidFrom(key),
      byEmail: new Map(),
      byExternalId: new Map(),
      window: limit && new SlidingWindow(limit.windowMs),
      faultsMet: new Map(),
      postsBefore: new Map(),
    };
  }

  /** Which unique key of a draft another contact than `self` has already; with both taken, e-mail is named. */
  taken(account: Account, draft: Draft, self?: Contact): 'email' | 'external_id' | undefined {
    const { unique } = account.rules;
    const byEmail = account.byEmail.get(draft.email.toLowerCase());
    if (unique.includes('email') && byEmail !== undefined && byEmail !== self) return 'email';
    if (draft.external_id === null || !unique.includes('external_id')) return undefined;
    const byId = account.byExternalId.get(draft.external_id);
    return byId === undefined || byId === self ? undefined : 'external_id';
  }

  /** Stores a contact whose unique keys are free. */
  store(account: Account, draft: Draft, created: number, seeded = false): Contact {
    const contact = new Contact(this.contacts.length, account, draft, created, seeded);
    this.#index(contact);
    this.contacts.push(contact);
    this.stored += 1;
    return contact;
  }

  /** Applies new values to a stored contact; the unique keys among them must be free. */
  change(contact: Contact, values: Draft, now: number): void {
    this.#unindex(contact);
    Object.assign(contact, values, { updated: now });
    this.#index(contact);
  }

  remove(contact: Contact): void {
    this.#unindex(contact);
    this.contacts[contact.ordinal] = undefined;
    this.stored -= 1;
  }

  #index(contact: Contact): void {
    const { account, external_id } = contact;
    const emailKey = contact.email.toLowerCase();
    if (emailKey !== '' && !account.byEmail.has(emailKey)) {
      account.byEmail.set(emailKey, contact);
      contact.posts = account.postsBefore.get(emailKey) ?? 0;
      account.postsBefore.delete(emailKey);
    }
    if (external_id !== null && account.rules.unique.includes('external_id')) {
      account.byExternalId.set(external_id, contact);
    }
  }

  /** The address keeps its count of create requests, whoever has it next. */
  #unindex(contact: Contact): void {
    const { account, external_id } = contact;
    const emailKey = contact.email.toLowerCase();
    if (account.byEmail.get(emailKey) === contact) {
      account.byEmail.delete(emailKey);
      account.postsBefore.set(emailKey, contact.posts);
    }
    if (external_id !== null && account.byExternalId.get(external_id) === contact) {
      account.byExternalId.delete(external_id);
    }
  }

  idOf(contact: Contact): string {
    const ordinal = contact.ordinal.toString(16).padStart(ORDINAL_DIGITS, '0');
    return (contact.account.rules.ids === 'uuid' ? this.#uuidPrefix : this.#objectIdPrefix) + ordinal;
  }

  find(account: Account, id: string): Contact | undefined {
    const contact = this.contacts[Number.parseInt(id.slice(-ORDINAL_DIGITS), 16)];
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
      const { account, email } = contact;
      const emailKey = email.toLowerCase();
      yield {
        id: this.idOf(contact),
        api: account.rules.kind,
        email,
        external_id: contact.external_id,
        created_at: new Date(contact.created).toISOString(),
        key_id: account.keyId,
        seeded: contact.seeded,
        posts: account.byEmail.get(emailKey)?.posts ?? account.postsBefore.get(emailKey) ?? 0,
        fields: wholeOf(contact),
      };
    }
  }
}
