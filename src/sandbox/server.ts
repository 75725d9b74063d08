/**
 * The sandbox: contact APIs on loopback, for rehearsals. It keeps what it is given in memory, enforces a limit,
 * misbehaves when asked to, and keeps a ledger that a report can be checked against.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ADMIN_PREFIX, administer } from './admin.js';
import type { Answer, ApiRequest, SandboxApi } from './api.js';
import { autosend } from './autosend.js';
import { readBody } from './body.js';
import { cendyn } from './cendyn.js';
import { clemta } from './clemta.js';
import type { Account } from './contact.js';
import {
  addressesIn,
  checkRates,
  type Fault,
  type FaultRates,
  faultOfAddress,
  faultOfRoll,
} from './faults.js';
import { SandboxState } from './ledger.js';
import { type Act, perform, underFault } from './respond.js';
import { sendmator } from './sendmator.js';
import type { Limit, Standing } from './window.js';

export interface SandboxOptions {
  /** 0 = any free one (default). */
  port?: number;
  /** Accepted keys; default: any key that starts as the API's keys do (Sendmator's: `sk_`). */
  keys?: string[];
  /** Strict sliding window per key and API; default none. */
  limit?: Limit | undefined;
  /** Time between carrying out a request and answering it; default 0. */
  latencyMs?: number;
  /** Probabilities (0..1) of faults on requests that create one contact. */
  faults?: FaultRates;
  /** Seed of the faults' dice; default 1. */
  seed?: number;
  /** Epoch ms; may have a fraction. */
  now?: () => number;
}

export interface Sandbox {
  /** `http://127.0.0.1:<port>`: takes the place of every vendor's origin. */
  url: string;
  port: number;
  /** For tests in the same process. */
  state: SandboxState;
  /** Destroys open connections and resolves when nothing is left open. */
  close(): Promise<void>;
}

/** Told apart by path. The first one words what belongs to none of them. */
const APIS = [sendmator, autosend, cendyn, clemta] as const;
const MAX_BODY_BYTES = 1024 * 1024;
/** Longer than any pause of a rehearsal, so that a closed connection is always a fault that was asked for. */
const KEEP_ALIVE_MS = 3_600_000;

// Sub-millisecond and never backwards: with Date.now() two requests 0.1 ms too early would pass a strict window.
const preciseNow = () => performance.timeOrigin + performance.now();

/** A key that contains one of these has its credentials refused. */
const SPECIAL_KEYS = [
  ['_refused', 'unauthorized'],
  ['_forbidden', 'forbidden'],
  ['_quota', 'quota'],
] as const;

function apiAt(path: string): SandboxApi | undefined {
  return APIS.find(
    ({ root }) => path.startsWith(root) && (path.length === root.length || path[root.length] === '/'),
  );
}

/** Starts a sandbox on 127.0.0.1. Throws a RangeError on impossible fault rates; rejects if the port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { keys, limit, latencyMs = 0, now = preciseNow } = options;
  const faults = checkRates({ ...options.faults });
  if (typeof faults === 'string') throw new RangeError(faults);
  const state = new SandboxState({ limit, faults, seed: options.seed ?? 1 });
  const timers = new Set<NodeJS.Timeout>();
  const admin = { state, apis: APIS, seedKey: keys?.[0], now };

  /** Counts an act and performs it, after the delay it asks for. */
  function play(res: ServerResponse, act: Act, limits: Record<string, string | number> | undefined) {
    if (act.kind === 'answer' || act.kind === 'trickle' || act.kind === 'close') {
      state.countStatus(act.answer.status);
    } else state.counters.dropped += 1;
    const delayMs = latencyMs + ('delayMs' in act ? (act.delayMs ?? 0) : 0);
    if (delayMs === 0) return perform(res, act, now(), limits);
    const timer = setTimeout(() => {
      timers.delete(timer);
      perform(res, act, now(), limits);
    }, delayMs);
    timers.add(timer);
  }

  /** The account behind a request, or why it has none. */
  function authenticate(api: SandboxApi, req: IncomingMessage): Account | Answer {
    const key = api.keyOf(req.headers);
    if (key === undefined || key === '') return api.failure({ kind: 'key_missing' });
    const special = SPECIAL_KEYS.find(([part]) => key.includes(part));
    if (special !== undefined) return api.failure({ kind: special[1] });
    const accepted = keys ? keys.includes(key) : key.startsWith(api.keyPrefix);
    return accepted ? state.account(api, key) : api.failure({ kind: 'unauthorized' });
  }

  function serve(req: IncomingMessage, res: ServerResponse) {
    const url = req.url ?? '/';
    if (url.startsWith(`${ADMIN_PREFIX}/`)) return administer(req, res, admin);
    const arrived = now();
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const method = req.method ?? 'GET';
    const found = apiAt(path);
    const api = found ?? APIS[0];
    state.arrive(arrived, found?.creates(method, path) === 'one');

    // Whoever has no account has a limit nobody has drawn on.
    let standing: Standing | undefined = limit && {
      allowed: true,
      limit: limit.requests,
      remaining: limit.requests,
      resetAt: arrived,
    };
    const finish = (act: Act) => play(res, act, standing && api.limitHeaders(standing));
    const answer = (given: Answer) => finish({ kind: 'answer', answer: given });
    if (state.outage) return answer(api.failure({ kind: 'outage' }));
    if (found === undefined) return answer(api.failure({ kind: 'not_found', method, path }));
    const account = authenticate(api, req);
    if ('status' in account) return answer(account);
    standing = state.admit(account, arrived);
    if (standing?.allowed === false) {
      const seconds = Math.max(1, Math.ceil((standing.resetAt - arrived) / 1000));
      return answer(api.failure({ kind: 'throttled', seconds }));
    }

    readBody(req, MAX_BODY_BYTES, (text) => {
      if (text === undefined) return answer(api.failure({ kind: 'too_large' }));
      if (text !== '' && !/^application\/json\b/i.test(req.headers['content-type'] ?? '')) {
        return answer(api.failure({ kind: 'not_json' }));
      }
      let body: unknown;
      try {
        decodeURIComponent(path);
        body = text === '' ? undefined : JSON.parse(text);
      } catch {
        return answer(api.failure({ kind: 'malformed' }));
      }
      const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
      finish(carryOut(api, { method, path, query, body, account, now: now() }));
    });
  }

  /** Does what is asked, unless a fault gets in the way. */
  function carryOut(api: SandboxApi, request: ApiRequest): Act {
    const handle = () => api.handle(state, request);
    const fault = chooseFault(api, request);
    if (fault === undefined) return { kind: 'answer', answer: handle() };
    state.countFault(fault);
    return underFault(fault, api, request.now, handle);
  }

  /**
   * The fault for a request: what an address asks for goes before what the dice say. The dice are thrown for every
   * request that creates one contact, so that the n-th of them meets the same fault whatever the addresses are. Of
   * several contacts in one request the first with a fault left decides for all; `reject` stays that contact's affair.
   */
  function chooseFault(api: SandboxApi, { method, path, body, account }: ApiRequest): Fault | undefined {
    const creates = api.creates(method, path);
    if (creates === undefined) return undefined;
    const byRoll = creates === 'one' ? faultOfRoll(state.rates, state.roll()) : undefined;
    let byAddress: Fault | undefined;
    for (const email of addressesIn(body)) {
      state.countPost(account, email);
      const fault = faultOfAddress(email);
      if (fault === undefined || byAddress !== undefined) continue;
      if (creates === 'several' && fault.shows === 'reject') continue;
      const emailKey = email.toLowerCase();
      const met = account.faultsMet.get(emailKey) ?? 0;
      if (met >= fault.times) continue;
      account.faultsMet.set(emailKey, met + 1);
      byAddress = fault;
    }
    return byAddress ?? byRoll;
  }

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    state,
    close() {
      closing ??= new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

export type { Contact } from './contact.js';
export type { FaultRates } from './faults.js';
export { type LedgerLine, SandboxState, type SandboxStats } from './ledger.js';
export type { Limit } from './window.js';
