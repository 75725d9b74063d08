/** Which rows of a run are asked for. */
import { EXIT, REASONS, type Reason, RowferryError, type RowQuery, type Status } from '../index.js';
import { readCount } from './run-index.js';

const MOST_ROWS = 500;
const LONGEST_FIND = 320;
/** A place in a report, a journal or a source. */
const PLACE = /^[cs]?\d{1,15}(\.\d{1,15}){0,3}$/;

/** Throws a sentence for what cannot be asked. */
export function readRowQuery(query: URLSearchParams): RowQuery {
  const from = query.get('from') ?? undefined;
  if (from !== undefined && !PLACE.test(from))
    throw wrong('from is not what an earlier answer called "next".');
  const find = query.get('find') ?? undefined;
  if (find !== undefined && find.length > LONGEST_FIND) {
    throw wrong(`find is longer than ${LONGEST_FIND} characters.`);
  }
  return {
    status: oneOf<Status>('status', Object.keys(REASONS)),
    reason: oneOf<Reason>('reason', Object.values(REASONS).flat()),
    find,
    from,
    limit: readCount(query, 'limit', MOST_ROWS),
  };

  function oneOf<T extends string>(name: string, known: readonly string[]): T | undefined {
    const text = query.get(name);
    if (text === null) return undefined;
    if (!known.includes(text)) throw wrong(`${name} is not one of ${known.join(', ')}.`);
    return text as T;
  }
}

function wrong(sentence: string): RowferryError {
  return new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
}
