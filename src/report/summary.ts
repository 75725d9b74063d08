/** The numbers of a report. */
import type { Dialect } from '../dialect.js';
import type { Reason } from '../outcome.js';

/** `summary.json`, and the `result` line of `--json`. Times are ISO 8601 in UTC. */
export interface Summary {
  run: string;
  destination: string;
  /** Of the file as it was given, packed or in another encoding as it may be. */
  source: { name: string; sha256: string; bytes: number };
  /** How it was read, and how that was found out; `skip_lines` and `header` count physical lines, or rows of a sheet. */
  dialect: WrittenAs;
  state: 'finished' | 'cancelled' | 'halted';
  /** Why it was halted, or had nothing to send: one sentence. */
  message?: string;
  retry_of?: string;
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  unprocessed: number;
  /** Rows by reason; rows without one (plainly created) are in none. */
  reasons: Partial<Record<Reason, number>>;
  requests: number;
  retries: number;
  throttled: number;
  started_at: string;
  finished_at: string;
  duration_ms: number;
  rows_per_second: number;
  /** Absolute paths. */
  reports: { dir: string; outcomes: string; failed: string; skipped: string; html: string };
}

export interface WrittenAs
  extends Pick<Dialect, 'encoding' | 'delimiter' | 'quote' | 'escape' | 'header' | 'sheet' | 'found'> {
  skip_lines: number;
}
