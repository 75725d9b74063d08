/** What one rehearsed API consists of. Each lives in a file of its own, written from its vendor's documentation. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Account, Draft, SandboxState } from './ledger.js';

/** An authenticated request. `path` follows the API's prefix, is not decoded, and has no query. */
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
  | { kind: 'unauthorized' }
  | { kind: 'quota' }
  | { kind: 'forbidden' }
  | { kind: 'too_large' }
  | { kind: 'not_json' }
  | { kind: 'throttled'; seconds: number }
  | { kind: 'error' }
  | { kind: 'outage' };

export interface SandboxApi {
  /** Every path of this API starts with it, e.g. `/api/v1`. */
  prefix: string;
  keyPrefix: string;
  /** The key that a request shows. */
  keyOf(headers: IncomingHttpHeaders): string | undefined;
  /** Whether the request creates one contact, several, or none. */
  creates(method: string, path: string): 'one' | 'several' | undefined;
  /** The addresses in the body of a creating request; it may be of any shape. */
  emailsOf(body: unknown): string[];
  /** A valid contact, or the refusal of it. */
  draft(body: unknown): Draft | Answer;
  handle(state: SandboxState, request: ApiRequest): Answer;
  failure(failure: Failure): Answer;
}
