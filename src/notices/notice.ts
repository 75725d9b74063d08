/** A notice: what somebody is told about a run, or about one that did not come. Counts and names, nothing of a row. */
import type { RunEvent } from '../config/notifications.js';

export type NoticeEvent = RunEvent | 'failed_share' | 'missing' | 'test';

/** As it waits on disk, and as a webhook gets it. Times are ISO 8601 in UTC. */
export interface Notice extends Partial<RunNumbers> {
  /** The same however often it is sent. */
  id: string;
  event: NoticeEvent;
  at: string;
  /** What happened, in one sentence. */
  text: string;
  /** How to go on: a command, where there is something to do. */
  next?: string;
  run?: string;
  sync?: string;
  destination?: string;
  /** The file's name. */
  source?: string;
  report_dir?: string;
  /** Of `missing`: nothing has come from `since` to `by`. */
  since?: string;
  by?: string;
}

/** Of a run that has a report. */
export interface RunNumbers {
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
  unprocessed: number;
  reasons: Partial<Record<string, number>>;
  started_at: string;
  finished_at: string;
  duration_ms: number;
}

/** What became of an attempt to hand a notice over. */
export type Sent =
  /** `but`: not by all of them. */
  | { taken: true; but?: string }
  /** `waitMs`: as the receiver asks for. */
  | { taken: false; why: string; waitMs?: number };
