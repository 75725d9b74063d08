/** What is sent for a row, and what its answer means for it. */
import type { Clock } from '../clock.js';
import type { ApiRequest, Finding } from '../destinations/destination.js';
import type { Account } from '../destinations/registry.js';
import type { Outcome } from '../outcome.js';
import type { Verdict } from '../verdict.js';
import { ApiClock } from './api-clock.js';
import { type Asked, type Circuit, isFailure } from './circuit.js';
import {
  afterCreate,
  afterFind,
  afterLookUp,
  afterUpdate,
  beforeCreate,
  ofOneThere,
  type RowState,
  type Rules,
  type Step,
} from './decide.js';
import type { Item } from './hold.js';
import type { Pace } from './pace.js';
import type { Sent } from './send.js';

export interface ExchangeOptions {
  clock: Clock;
  account: Account;
  pace: Pick<Pace, 'redisNowMs'>;
  circuit: Circuit;
  onError(error: Error): void;
}

export class Exchange {
  readonly apiClock: ApiClock;
  private readonly secrets: string[];

  constructor(private readonly options: ExchangeOptions) {
    this.apiClock = new ApiClock(options.clock, options.pace);
    const { destination, options: given } = options.account;
    const open = new Set(['baseUrl', ...(destination.publicOptions ?? [])]);
    const secrets = Object.entries(given).flatMap(([name, value]) =>
      typeof value === 'string' && value.length > 3 && !open.has(name) ? spellings(value) : [],
    );
    // The longest first: of one that is part of another nothing of the other would be left to find.
    this.secrets = [...new Set(secrets)].sort((a, b) => b.length - a.length);
  }

  /** What to do with a row before anything is sent for it; undefined: send what is due. */
  before(item: Item): Step | undefined {
    if (item.errand) return undefined;
    const rules = this.rules(item);
    if (item.there) {
      delete item.there; // asked once: what turns out otherwise goes the way of every row
      const errand = ofOneThere(stateOf(item, item.attempts), rules);
      if (errand) return errand;
    }
    return beforeCreate(stateOf(item, item.attempts), rules);
  }

  /** How many rows like this one travel in one request. */
  atOnce(item: Item): number {
    const { account, circuit } = this.options;
    // A row with a past goes by itself: its answer must be about nothing else.
    const plain = item.hold.batch.bulk && !item.alone && item.attempts === 0 && item.since === 0;
    return plain && !item.errand && !circuit.open ? (account.destination.bulk?.max ?? 1) : 1;
  }

  /** Throws when the destination's own code does. */
  request(items: readonly Item[]): ApiRequest {
    const { destination, options } = this.options.account;
    if (items.length > 1) {
      const contacts = items.map((item) => item.contact);
      return destination.bulk!.request(contacts, options);
    }
    const { contact, errand, hold } = items[0]!;
    switch (errand?.do) {
      case 'look_up':
        return destination.lookup!.request(contact, options, this.keyOf(hold.batch.update, errand.otherwise));
      case 'find':
        return destination.lookup!.request(contact, options, 'email');
      case 'update':
        return destination.update!.request(contact, options, errand.contactId);
      default:
        return destination.create(contact, options);
    }
  }

  /** What the answer to {@link request} means for each of its rows, in their order. */
  understand(items: readonly Item[], sent: Sent): Step[] {
    const steps = this.interpret(items, sent);
    for (const step of steps) this.clean(step);
    return steps;
  }

  private interpret(items: readonly Item[], sent: Sent): Step[] {
    if ('answer' in sent) {
      this.apiClock.read(sent.answer);
      const { answer } = sent;
      answer.body = this.withoutSecrets(answer.body);
      for (const name in answer.headers) answer.headers[name] = this.withoutSecrets(answer.headers[name]!);
    }
    if (items.length > 1) return this.understandBulk(items, sent);
    const item = items[0]!;
    switch (item.errand?.do) {
      case 'look_up': {
        const { otherwise, proof } = item.errand;
        const finding = this.finding(item, sent, this.keyOf(item.hold.batch.update, otherwise));
        if (proof && finding.kind === 'absent') return [{ do: 'retry', inDoubt: true, spent: false }];
        const since = this.apiClock.fromRedis(item.since);
        return [afterLookUp(finding, otherwise, since, stateOf(item, item.attempts, sent), this.rules(item))];
      }
      case 'find':
        return [
          afterFind(
            this.finding(item, sent, 'email'),
            stateOf(item, item.attempts + 1, sent),
            this.rules(item),
          ),
        ];
      case 'update': {
        const { destination } = this.options.account;
        const verdict =
          'answer' in sent ? destination.update!.interpret(sent.answer, item.contact) : sent.failure;
        this.note(verdict, item, sent);
        return [afterUpdate(verdict, item.errand, stateOf(item, item.attempts + 1, sent), this.rules(item))];
      }
      default: {
        const { destination } = this.options.account;
        const verdict = 'answer' in sent ? destination.interpret(sent.answer, item.contact) : sent.failure;
        this.note(verdict, item, sent);
        return [this.created(item, verdict, sent)];
      }
    }
  }

  private understandBulk(items: readonly Item[], sent: Sent): Step[] {
    const { bulk, kind } = this.options.account.destination;
    let verdicts: Verdict[];
    if ('answer' in sent) {
      const contacts = items.map((item) => item.contact);
      verdicts = bulk!.interpret(sent.answer, contacts);
      if (verdicts.length !== items.length) {
        throw new Error(`${kind} gave ${verdicts.length} verdicts for ${items.length} contacts`);
      }
    } else verdicts = items.map(() => sent.failure);
    // The account is as well as the best of its answers says.
    this.note(verdicts.find((verdict) => !isFailure(verdict)) ?? verdicts[0]!, items[0]!, sent);
    // Turned down as a whole, perhaps for the sake of one of them: each is asked about by itself.
    const together = verdicts.every(({ kind }) => kind === 'rejected');
    return items.map((item, i): Step => {
      if (!together) return this.created(item, verdicts[i]!, sent);
      item.alone = true;
      item.marked = true;
      return { do: 'retry', inDoubt: false, spent: false };
    });
  }

  private created(item: Item, verdict: Verdict, sent: Sent): Step {
    // These leave the mark this row had before: nothing of ours has landed by this request.
    item.marked = NOTHING_LANDED.has(verdict.kind);
    const step = afterCreate(verdict, stateOf(item, item.attempts + 1, sent), this.rules(item));
    if (step.do === 'look_up' || step.do === 'update') item.attempts++;
    return step;
  }

  private finding(item: Item, sent: Sent, key: 'email' | 'external_id' | undefined): Finding {
    const finding: Finding =
      'answer' in sent
        ? this.options.account.destination.lookup!.read(sent.answer, item.contact, key)
        : { kind: 'no_answer', verdict: sent.failure };
    const failed = finding.kind === 'no_answer' ? finding.verdict : undefined;
    const { circuit, onError } = this.options;
    void circuit.noteLookUp(failed, asked(item, sent)).catch(onError);
    return finding;
  }

  /** What is to be updated is the contact that holds the key; in doubt alone the destination knows best how to look. */
  private keyOf(update: boolean | undefined, otherwise: Outcome): 'email' | 'external_id' | undefined {
    if (!update) return undefined;
    if (otherwise.reason === 'duplicate_external_id') return 'external_id';
    return otherwise.reason === 'duplicate_email' ? 'email' : undefined;
  }

  private note(verdict: Verdict, item: Item, sent: Sent): void {
    void this.options.circuit.note(verdict, asked(item, sent)).catch(this.options.onError);
  }

  /** An API, or a destination's code, may quote the key; from here on its words go to Redis and reports. */
  withoutSecrets(text: string): string {
    let clean = text;
    for (const secret of this.secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, '***');
    return clean;
  }

  /** JSON can veil a key as \u0073\u006b…, which is none before it is read. */
  private clean(step: Step): void {
    if (step.do === 'halt') step.message = this.withoutSecrets(step.message);
    const outcome = 'outcome' in step ? step.outcome : 'otherwise' in step ? step.otherwise : undefined;
    if (outcome === undefined) return;
    for (const name of ['message', 'field', 'contactId'] as const) {
      const text = outcome[name];
      if (text !== undefined) outcome[name] = this.withoutSecrets(text);
    }
  }

  private rules({ hold }: Item): Rules {
    const { account, circuit } = this.options;
    const { lookup, update, enforcesUniqueness } = account.destination;
    const rules: Rules = {
      attempts: hold.batch.attempts,
      canLookUp: lookup !== undefined,
      circuitOpen: circuit.open && !circuit.lives,
      enforcesUniqueness,
    };
    if (hold.batch.update && update) rules.update = update.needsId ? 'by_id' : 'by_itself';
    return rules;
  }
}

const NOTHING_LANDED: ReadonlySet<Verdict['kind']> = new Set([
  'unreached',
  'throttled',
  'refused',
  'duplicate',
  'rejected',
]);

/** A secret as JSON, URLs and headers spell it, too. */
function spellings(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  const bytes = Buffer.from(secret);
  const inUrl = encodeURIComponent(bytes.toString()); // it throws for half a character
  const lower = inUrl.replace(/%../g, (found) => found.toLowerCase());
  const packed = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  return [
    secret,
    inJson,
    inJson.replaceAll('/', '\\/'),
    inUrl,
    lower,
    inUrl.replaceAll('%20', '+'),
    ...packed,
  ];
}

function asked({ probe }: Item, sent: Sent): Asked {
  return { probe, httpStatus: 'answer' in sent ? sent.answer.status : undefined };
}

function stateOf(item: Item, attempts: number, sent?: Sent): RowState {
  const state: RowState = { row: item.row, attempts, inDoubt: item.since !== 0 };
  if (sent && 'answer' in sent) state.httpStatus = sent.answer.status;
  return state;
}
