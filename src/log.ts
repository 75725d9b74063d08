/** The log: JSON lines on stderr. No credentials and nothing of a row but its number ever go in. */
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';

export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Synchronous, so that nothing is lost when the process ends right after. */
export function openLog(level: LogLevel): Logger {
  return pino(
    { level, base: { pid: process.pid }, timestamp: stdTimeFunctions.isoTime },
    destination({ fd: 2, sync: true }),
  );
}
