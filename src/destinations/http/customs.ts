/** What answers mean where nothing else is said: by the customs of HTTP, and where APIs commonly put things. */
import type { Verdict } from '../../verdict.js';
import { failure, idOf, isObject, textOf } from '../answers.js';
import type { ApiAnswer } from '../destination.js';
import type { Bindings } from './expression.js';

/** An answer with its body parsed once. */
export interface Read {
  answer: ApiAnswer;
  /** undefined: empty, or no JSON. */
  body: unknown;
  /** A page, or JSON that was cut off: whoever said this, it is not the API speaking of a contact. */
  foreign: boolean;
  bindings: Bindings;
}

export function readAnswer(answer: ApiAnswer, about: Bindings): Read {
  let body: unknown;
  let foreign = false;
  try {
    body = JSON.parse(answer.body);
  } catch {
    foreign = /^\s*[<{["]/.test(answer.body);
  }
  return {
    answer,
    body,
    foreign,
    bindings: { status: answer.status, headers: answer.headers, ...about },
  };
}

/**
 * What an answer means by the customs of HTTP: 2xx is `done`, 409 a duplicate, 429 throttled for as long as is
 * announced, 401, 402 and 403 refused, 408 and 5xx unavailable, any other 4xx rejected.
 */
export function usualVerdict(answer: ApiAnswer, done: 'created' | 'updated' = 'created'): Verdict {
  return usual(readAnswer(answer, {}), done);
}

export function usual({ answer, body, foreign }: Read, done: 'created' | 'updated' | undefined): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    if (done === undefined) return { kind: 'unclear', message: `unexpected HTTP ${status}` };
    if (foreign) return { kind: 'unclear', message: `HTTP ${status} with something else than JSON` };
    const contactId = usualId(body);
    return contactId === undefined ? { kind: done } : { kind: done, contactId };
  }
  const said = whatIsSaid(body);
  if (status === 409 && !foreign) return { kind: 'duplicate', message: said.message ?? 'HTTP 409' };
  if (status === 301 || status === 307 || status === 308) {
    const message = 'the API has moved: is the base URL right, and https where it must be?';
    return { kind: 'refused', code: `http_${status}`, message };
  }
  return failure(answer, said);
}

/** Where APIs commonly say what is wrong. */
export function whatIsSaid(body: unknown): { message?: string | undefined; code?: string | undefined } {
  if (!isObject(body)) return {};
  const list = Array.isArray(body.errors) ? body.errors : [];
  const places = [body, body.error, list[0]].filter(isObject);
  const first = (names: readonly string[], read: (value: unknown) => string | undefined) => {
    for (const place of places) {
      for (const name of names) {
        const told = read(own(place, name));
        if (told !== undefined) return told;
      }
    }
    return undefined;
  };
  const plain = (value: unknown) =>
    typeof value === 'string' || Array.isArray(value) ? textOf(value) : undefined;
  return {
    message: first(['message', 'detail', 'title', 'error_description', 'error'], plain),
    code: first(['code'], idOf),
  };
}

export function usualId(body: unknown): string | undefined {
  if (!isObject(body)) return undefined;
  const places = [body, body.data, body.contact].filter(isObject);
  return places.map((place) => idOf(own(place, 'id'))).find((id) => id !== undefined);
}

export function own<T>(object: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
