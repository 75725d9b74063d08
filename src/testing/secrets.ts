/** Cases about credentials: in their place in every request, and nowhere else. */
import { type Candidate, type Case, list } from './candidate.js';
import { problem } from './judge.js';
import { type Operation, overTheWire, receive } from './operation.js';
import type { Received } from './room.js';

export function secretCases(candidate: Candidate, operation: Operation): Case[] {
  return Object.entries(candidate.fixtures.secrets).flatMap(([option, part]) => [
    {
      name: `${operation.name}: the secret ${option}`,
      run: () => inItsPlace(candidate, operation, option, part),
    },
    {
      name: `${operation.name}: the secret ${option} comes back`,
      run: () => comesBack(candidate, operation, option),
    },
  ]);
}

async function inItsPlace(
  candidate: Candidate,
  operation: Operation,
  option: string,
  part: string,
): Promise<void> {
  const received = await receive(candidate, operation);
  const secret = candidate.secret(option);
  for (const [place, text] of Object.entries(partsOf(received))) {
    if (text.includes(secret) === (place === part)) continue;
    throw problem(
      `the value of \`${option}\` in the ${part} of the request and nowhere else`,
      place === part ? `it is not there` : `it is in the ${place} as well`,
      place === part
        ? `put it there in ${operation.writer}, or the API takes us for a stranger`
        : `take it out of the ${place} in ${operation.writer}: servers and proxies write it down`,
    );
  }
}

/** In a header, as rowferry has taken it out of the body before it is read. That no verdict holds it is always checked. */
async function comesBack(candidate: Candidate, operation: Operation, option: string): Promise<void> {
  const answer = list(candidate.fixtures.create.unauthorized)[0] ?? { status: 401 };
  const told = `Bearer error_description="${candidate.secret(option)} is not known"`;
  const headers = { ...answer.headers, 'www-authenticate': told };
  operation.read(await overTheWire(candidate, operation, { ...answer, headers }));
}

function partsOf({ path, headers, body }: Received): Record<'headers' | 'path' | 'body', string> {
  const values = Object.values(headers).flat().map(String);
  // HTTP's own way to send a name and a password.
  const basic = values.filter((value) => /^basic /i.test(value));
  const decoded = basic.map((value) => Buffer.from(value.slice(6), 'base64').toString('utf8'));
  return {
    headers: [...values, ...decoded].join('\n'),
    path: `${path}\n${unescaped(path)}`,
    body: body.toString('utf8'),
  };
}

function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
