/** What one rehearsed API consists of. Each lives in a file of its own, written from its vendor's documentation. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Account, ContactRules, Draft } from './contact.js';
import type { SandboxState } from './ledger.js';
import type { Standing } from './window.js';

/** An authenticated request. `path` is whole, can be decoded but is not, and has no query. */
export interface ApiRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** The parsed JSON body; undefined when there was none. */
  body: unknown;
  account: Account;
  /** Epoch ms. */
  now: number;
}

/** `body` is sent as JSON, unless `raw` says the very text. */
export interface Answer {
  status: number;
  body?: unknown;
  raw?: string;
  headers?: Record<string, string>;
}

/** Failures that the server, not the API's own logic, finds; the API only words them. */
export type Failure =
  | { kind: 'malformed' }
  | { kind: 'not_found'; method: string; path: string }
  | { kind: 'rejected' }
  | { kind: 'key_missing' }
  | { kind: 'unauthorized' }
  | { kind: 'quota' }
  | { kind: 'forbidden' }
  | { kind: 'too_large' }
  | { kind: 'not_json' }
  | { kind: 'throttled'; seconds: number }
  | { kind: 'error' }
  | { kind: 'outage' };

export function isAnswer(value: object): value is Answer {
  return 'status' in value;
}

export interface SandboxApi extends ContactRules {
  /** Every path of this API is this one or lies below it, e.g. `/api/v1`. */
  root: string;
  /** Accepted keys start with it. */
  keyPrefix: string;
  /** The key that a request shows. */
  keyOf(headers: IncomingHttpHeaders): string | undefined;
  /** Whether the request creates one contact (`{email…}`), several (`{contacts: […]}`), or none. */
  creates(method: string, path: string): 'one' | 'several' | undefined;
  /** A valid contact, or the refusal of it. */
  draft(body: unknown): Draft | Answer;
  handle(state: SandboxState, request: ApiRequest): Answer;
  failure(failure: Failure): Answer;
  /** How an answer shows the standing of its key. */
  limitHeaders(standing: Standing): Record<string, string | number>;
}
