/** The four things a destination can ask of an API, seen alike: a request, and what is made of its answer. */
import type { Contact } from '../contact.js';
import type { ApiAnswer, ApiRequest, Finding, Options } from '../destinations/destination.js';
import type { Verdict } from '../verdict.js';
import { type Candidate, list, requestFault } from './candidate.js';
import type { FixtureAnswer, LookupFixtures } from './fixtures.js';
import { problem, type Said, show } from './judge.js';
import { type Exchange, exchange, type Play, type Received } from './room.js';

export interface Operation {
  name: string;
  /** The functions of the destination, for sentences. */
  writer: string;
  reader: string;
  request(options: Options): ApiRequest;
  /** Throws a problem when the destination breaks the form of what it must return. */
  read(answer: ApiAnswer): Said;
  /** Answers to a request that went well. */
  answers: readonly FixtureAnswer[];
}

export function creating(candidate: Candidate, contact: Contact = candidate.contact): Operation {
  const { destination, fixtures } = candidate;
  return {
    name: 'create',
    writer: 'create',
    reader: 'interpret',
    request: (options) => destination.create(structuredClone(contact), options),
    read(answer) {
      const verdict = candidate.call('interpret', () =>
        destination.interpret(answer, structuredClone(contact)),
      );
      candidate.checkVerdict('interpret', verdict);
      return verdict;
    },
    answers: list(fixtures.create.created),
  };
}

export function lookingUp(
  candidate: Candidate,
  fixtures: LookupFixtures,
  contact: Contact = candidate.contact,
): Operation & { find(answer: ApiAnswer): Finding } {
  const lookup = candidate.destination.lookup!;
  const { key } = fixtures;
  const find = (answer: ApiAnswer): Finding => {
    const finding = candidate.call('lookup.read', () => lookup.read(answer, structuredClone(contact), key));
    checkFinding(candidate, finding);
    return finding;
  };
  return {
    name: key === undefined ? 'look-up' : `look-up by ${key}`,
    writer: 'lookup.request',
    reader: 'lookup.read',
    request: (options) => lookup.request(structuredClone(contact), options, key),
    find,
    read(answer) {
      const finding = find(answer);
      return finding.kind === 'no_answer' ? finding.verdict : { kind: finding.kind };
    },
    answers: [...list(fixtures.found), ...list(fixtures.absent)],
  };
}

export function updating(candidate: Candidate, contact: Contact = candidate.contact): Operation {
  const update = candidate.destination.update!;
  const fixtures = candidate.fixtures.update!;
  return {
    name: 'update',
    writer: 'update.request',
    reader: 'update.interpret',
    request: (options) =>
      update.needsId
        ? update.request(structuredClone(contact), options, fixtures.contactId)
        : update.request(structuredClone(contact), options),
    read(answer) {
      const verdict = candidate.call('update.interpret', () =>
        update.interpret(answer, structuredClone(contact)),
      );
      candidate.checkVerdict('update.interpret', verdict);
      return verdict;
    },
    answers: list(fixtures.updated),
  };
}

export function bulking(
  candidate: Candidate,
  contacts: readonly Contact[],
): Operation & { readEach(answer: ApiAnswer): Verdict[] } {
  const bulk = candidate.destination.bulk!;
  const readEach = (answer: ApiAnswer): Verdict[] => {
    const verdicts = candidate.call('bulk.interpret', () =>
      bulk.interpret(answer, structuredClone(contacts)),
    );
    const count = Array.isArray(verdicts) ? verdicts.length : undefined;
    if (count !== contacts.length) {
      throw problem(
        `one verdict for each of ${contacts.length} contacts, whatever the answer (here HTTP ${answer.status})`,
        `bulk.interpret returned ${count === undefined ? show(verdicts) : `${count}`}`,
        'go through the contacts, not through the entries of the answer; a contact it does not mention is unclear',
      );
    }
    for (const verdict of verdicts) candidate.checkVerdict('bulk.interpret', verdict);
    return verdicts;
  };
  return {
    name: 'bulk',
    writer: 'bulk.request',
    reader: 'bulk.interpret',
    request: (options) => bulk.request(structuredClone(contacts), options),
    readEach,
    read(answer) {
      const verdicts = readEach(answer);
      const other = verdicts.find(({ kind }) => kind !== verdicts[0]!.kind);
      if (other === undefined) return verdicts[0]!;
      throw problem(
        `the same verdict on every contact for an answer about the whole request (HTTP ${answer.status})`,
        `bulk.interpret says ${verdicts[0]!.kind} of one and ${other.kind} of another`,
        'say of each contact what is said of the request',
      );
    },
    answers: list(candidate.fixtures.bulk?.answered),
  };
}

/** Sends the operation's request to a server that does `play`; its answer is not read. */
export function transmit(
  candidate: Candidate,
  operation: Operation,
  play: Play,
  timeoutMs?: number,
): Promise<Exchange> {
  return exchange(play, (baseUrl) => requestOf(candidate, operation, baseUrl), timeoutMs);
}

/** What the server receives of the operation's request. */
export async function receive(candidate: Candidate, operation: Operation): Promise<Received> {
  const answer = operation.answers[0] ?? { status: 500 };
  return (await transmit(candidate, operation, { do: 'answer', answer })).received;
}

/** What the operation, or in its place the sender, makes of `play`. */
export async function outcome(
  candidate: Candidate,
  operation: Operation,
  play: Play,
  timeoutMs?: number,
): Promise<Said> {
  const { sent } = await transmit(candidate, operation, play, timeoutMs);
  return 'failure' in sent ? sent.failure : operation.read(sent.answer);
}

/** `fixture` as it comes over the wire. */
export async function overTheWire(
  candidate: Candidate,
  operation: Operation,
  fixture: FixtureAnswer,
): Promise<ApiAnswer> {
  const { sent } = await transmit(candidate, operation, { do: 'answer', answer: fixture });
  if ('answer' in sent) return sent.answer;
  throw problem(
    `HTTP ${fixture.status} to come over the wire`,
    `rowferry says: ${sent.failure.message}`,
    'mend status, headers or body in the fixtures',
  );
}

/** The operation's request for the account at `baseUrl`, its form checked. */
export function requestOf(candidate: Candidate, operation: Operation, baseUrl: string): ApiRequest {
  const request = candidate.call(operation.writer, () => operation.request(candidate.account(baseUrl)));
  const fault = requestFault(request);
  if (fault === undefined) return request;
  throw problem(fault, `${operation.writer} returned another`, 'return { method, path, headers, body }');
}

function checkFinding(candidate: Candidate, finding: Finding | undefined | null): void {
  if (finding?.kind === 'no_answer') {
    candidate.checkVerdict('the verdict of lookup.read', finding.verdict);
    return;
  }
  candidate.checkSecrets('lookup.read', finding);
  if (finding?.kind === 'absent') return;
  if (finding?.kind !== 'found' || typeof finding.same !== 'boolean') {
    throw problem(
      'found with `same`, absent, or no_answer with a verdict',
      `lookup.read returned ${show(finding)}`,
      'return one of the three',
    );
  }
  const { contactId, createdMs } = finding;
  if (contactId !== undefined && typeof contactId !== 'string') {
    throw problem('contactId to be a string or absent', `it is ${show(contactId)}`, 'mend it in lookup.read');
  }
  // Before 1973 there were no such APIs: a smaller number counts seconds.
  if (createdMs !== undefined && !(Number.isFinite(createdMs) && createdMs > 100_000_000_000)) {
    throw problem(
      'createdMs in milliseconds since the epoch, or absent',
      `lookup.read says ${show(createdMs)}`,
      'multiply seconds by 1000, and leave out what is no time',
    );
  }
}
