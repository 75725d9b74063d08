/** Compares a request as it arrived with what the API takes. */
import { isDeepStrictEqual } from 'node:util';
import type { ExpectedRequest } from './fixtures.js';
import { problem, show } from './judge.js';
import type { Operation } from './operation.js';
import type { Received } from './room.js';

/** Compares what arrived with what the fixtures say the API takes. `body`: its JSON where the fixtures do not tell. */
export function compareRequest<Input>(
  operation: Operation,
  received: Received,
  expected: ExpectedRequest<Input>,
  input: Input,
  body?: unknown,
): void {
  const { writer } = operation;
  const asked = `${expected.method} ${expected.path}`;
  const came = `${received.method} ${received.path}`;
  if (asked !== came) throw problem(asked, `${came} arrived`, `mend method or path in ${writer}`);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    if (received.headers[name.toLowerCase()] === value) continue;
    const other = received.headers[name.toLowerCase()] === undefined ? 'no such header' : 'another value';
    throw problem(
      `the header ${name} as the fixtures have it`,
      `${other} arrived`,
      `mend the headers in ${writer}`,
    );
  }
  const wanted = expected.body === undefined ? body : expected.body(structuredClone(input));
  if (wanted === undefined) {
    if (received.body.length === 0 || expected.method !== 'GET') return;
    throw problem(
      'no body with GET',
      `${received.body.length} bytes arrived`,
      `leave the body out in ${writer}`,
    );
  }
  compareBody(writer, jsonOf(operation, received), wanted);
}

/** The JSON that arrived, its bytes strict UTF-8. */
export function jsonOf({ writer }: Operation, { headers, body }: Received): unknown {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    throw problem(
      'a body of JSON',
      `${body.length} bytes that are none arrived`,
      `send JSON.stringify(…) in ${writer}`,
    );
  }
  if (!/\bjson\b/i.test(String(headers['content-type']))) {
    const type = headers['content-type'];
    throw problem(
      'the header content-type to name JSON',
      type === undefined ? 'there is none' : `it is ${show(type)}`,
      `add 'content-type': 'application/json' to the headers in ${writer}`,
    );
  }
  return json;
}

function compareBody(writer: string, json: unknown, wanted: unknown): void {
  const expected: unknown = JSON.parse(JSON.stringify(wanted));
  if (isDeepStrictEqual(json, expected)) return;
  throw problem(
    `the body ${show(expected)}`,
    `${show(json)} arrived`,
    `send the contact's values as they are in ${writer}: mapping and validation come before it`,
  );
}
