/** Collects contacts into batches of bounded size. */
import type { Contact } from '../contact.js';
import type { Destination } from '../destinations/destination.js';

export interface BatchLimits {
  rows: number;
  bytes: number;
}

/** A batch is also full at this many bytes of JSON, so that one job stays light for Redis. */
export const BATCH_BYTES = 1_000_000;

/** Rows in one request at the most. */
export function rowsAtOnce({ bulk }: Pick<Destination, 'bulk'>, allowed: boolean): number {
  return allowed ? (bulk?.max ?? 1) : 1;
}

const FEW_ROWS = 10;

/**
 * How many rows a batch may hold, `atOnce` rows a request: at most 500, and at most one second of the allowed rate, or
 * five if that is few.
 */
export function batchRows(rate: { requests: number; perMs: number } | null, atOnce = 1): number {
  if (rate === null) return 500;
  const perSecond = (rate.requests / rate.perMs) * 1_000 * atOnce;
  const rows = Math.min(5 * perSecond, Math.max(perSecond, FEW_ROWS));
  return Math.max(1, Math.min(500, Math.floor(rows)));
}

/** A rough size of a contact in JSON, without making the JSON: strings dominate. */
export function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 6;
  let bytes = 2;
  for (const name in value) {
    bytes += name.length + 4 + roughBytes((value as Record<string, unknown>)[name]);
  }
  return bytes;
}

/** `there`: the destination is remembered to have it. */
export type BatchedRow = [row: number, contact: Contact, attempts?: 0, since?: 0, there?: true];

export interface FullBatch {
  rows: BatchedRow[];
  /** Rough size of all of them in JSON. */
  bytes: number;
}

/** Takes contacts one by one and gives back each batch as it becomes full. */
export class Batcher {
  private rows: FullBatch['rows'] = [];
  private bytes = 0;

  constructor(private readonly limits: BatchLimits) {}

  push(row: number, contact: Contact, there = false): FullBatch | undefined {
    this.rows.push(there ? [row, contact, 0, 0, true] : [row, contact]);
    this.bytes += roughBytes(contact);
    return this.rows.length >= this.limits.rows || this.bytes >= this.limits.bytes ? this.take() : undefined;
  }

  take(): FullBatch {
    const taken = { rows: this.rows, bytes: this.bytes };
    this.rows = [];
    this.bytes = 0;
    return taken;
  }
}
