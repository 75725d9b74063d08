/** Spans of batches for OpenTelemetry. The packages for it are the user's own, and loaded only when it is on. */
import type { Telemetry } from 'bullmq';
import { EXIT, RowferryError } from '../errors.js';
import { VERSION } from '../version.js';

/**
 * What BullMQ tells of queues and jobs, to whatever this process has registered with OpenTelemetry. They carry names
 * of queues, ids of batches and sentences of errors, never rows.
 */
export type Spans = Telemetry;

/** Throws a sentence when the package is not there. */
export async function openSpans(): Promise<Spans> {
  let otel: typeof import('bullmq-otel');
  try {
    otel = await import('bullmq-otel');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const sentence =
      'opentelemetry is on, but its package is not installed: npm install bullmq-otel beside rowferry, or leave out ROWFERRY_OPENTELEMETRY (opentelemetry in the configuration file).';
    throw new RowferryError('OPENTELEMETRY_MISSING', sentence, EXIT.usage);
  }
  return new otel.BullMQOtel({ tracerName: 'rowferry', version: VERSION });
}
