/** How long a throttled answer says to wait, where its user has said where it says so. */
import { momentOf } from '../answers.js';
import { own, type Read } from './customs.js';
import { compileExpression, evaluated } from './expression.js';

/** Where an answer says how long to wait. */
export interface WaitHint {
  header?: string | undefined;
  body?: string | undefined;
  /** `auto`: seconds when small, else a moment since 1970; what is no number is a date. */
  in: 'auto' | 'seconds' | 'milliseconds' | 'epoch' | 'date';
}

export function compileHints(hints: readonly WaitHint[]): (read: Read) => number | undefined {
  const compiled = hints.map(({ header, body, in: unit }) => {
    const expression = body === undefined ? undefined : compileExpression(body);
    return (read: Read) => {
      const told = expression
        ? evaluated(expression, read)
        : own(read.answer.headers, String(header).toLowerCase());
      return waitIn(unit, told, Date.parse(read.answer.headers.date ?? ''));
    };
  });
  return (read) => {
    for (const hint of compiled) {
      const waitMs = hint(read);
      if (waitMs !== undefined) return waitMs;
    }
    return undefined;
  };
}

/** Moments are judged by the API's own Date header, `apiNow`: a wrong clock here does no harm. */
function waitIn(unit: WaitHint['in'], told: unknown, apiNow: number): number | undefined {
  if (typeof told !== 'string' && typeof told !== 'number') return undefined;
  const number = typeof told === 'number' || /^\s*\d/.test(told) ? Number(told) : Number.NaN;
  const seconds = unit === 'seconds' || (unit === 'auto' && number < 1_000_000_000);
  if (seconds || unit === 'milliseconds') {
    const waitMs = seconds ? number * 1000 : number;
    return waitMs >= 0 && Number.isFinite(waitMs) ? waitMs : undefined;
  }
  const dated = unit === 'date' || (unit === 'auto' && Number.isNaN(number));
  const at = dated ? Date.parse(String(told)) : momentOf(number);
  const waitMs = Math.max(0, at - apiNow);
  return Number.isFinite(waitMs) ? waitMs : undefined;
}
