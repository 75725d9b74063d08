/** What any request may meet, whatever it asks for: answers about the account, answers that are none, broken connections. */
import { answerOf, type Candidate, type Case, each, list, noFixture, skip } from './candidate.js';
import type { CreateFixtures, ExpectedVerdict, FixtureAnswer, Some } from './fixtures.js';
import { compareVerdict, type Said } from './judge.js';
import { type Operation, outcome, overTheWire } from './operation.js';
import { bodyOf, type Play } from './room.js';

type Expected = ExpectedVerdict | readonly [ExpectedVerdict, ...ExpectedVerdict[]];

/** The cases of `operation` that are the same for each. */
export function hardships(candidate: Candidate, operation: Operation): Case[] {
  return [
    ...aboutTheAccount(candidate, operation),
    ...notTheApi(candidate, operation),
    ...brokenConnections(candidate, operation),
    { name: `${operation.name}: any status with any body`, run: async () => anyAnswer(operation) },
  ];
}

function aboutTheAccount(candidate: Candidate, operation: Operation): Case[] {
  const { create } = candidate.fixtures;
  const told = (
    name: string,
    fixture: keyof CreateFixtures,
    what: string,
    expected: (one: FixtureAnswer & { waitMs?: number }) => ExpectedVerdict,
  ): Case[] => {
    const full = `${operation.name}: ${name}`;
    const answers = create[fixture] as Some<FixtureAnswer> | undefined;
    if (list(answers).length === 0) return [noFixture(full, `create.${fixture}`, what)];
    return each(full, answers!, (one) => judge(candidate, operation, one, expected(one)));
  };
  const refused = () => ({ kind: 'refused' }) as const;
  const quota =
    create.quota === null
      ? [
          {
            name: `${operation.name}: quota`,
            run: () => judge(candidate, operation, { status: 402 }, refused()),
          },
        ]
      : told('quota', 'quota', 'the answer when plan or quota is used up, or null', refused);
  return [
    ...told('401', 'unauthorized', 'the answer to a wrong key', refused),
    ...told('403', 'forbidden', 'the answer to a key that may not do this', refused),
    ...quota,
    ...told(
      '429',
      'throttled',
      'the answer to too many requests, with the wait it announces',
      ({ waitMs }) => ({
        kind: 'throttled',
        waitMs,
      }),
    ),
    ...told('500', 'serverError', 'the answer of an API in trouble', () => ({ kind: 'unavailable' })),
  ];
}

const HTML = '<!DOCTYPE html><html><head><title>Sorry</title></head><body><h1>Sorry</h1></body></html>';

function notTheApi(candidate: Candidate, operation: Operation): Case[] {
  const { name } = operation;
  const success = operation.answers[0];
  const html = (status: number, expected: Expected): Case => ({
    name: `${name}: HTML with ${status}`,
    run: () =>
      judge(candidate, operation, { status, headers: { 'content-type': 'text/html' }, body: HTML }, expected),
  });
  const pages = [
    html(200, { kind: 'unclear' }),
    html(404, { kind: 'refused' }),
    html(502, { kind: 'unavailable' }),
  ];
  if (success === undefined) return pages;
  const body = bodyOf(success);
  if (body === '') {
    const why = 'the API answers success without a body';
    return [...pages, skip(`${name}: empty body`, why), skip(`${name}: truncated body`, why)];
  }
  const unclear = (what: string, cut: string): Case => ({
    name: `${name}: ${what}`,
    run: () => judge(candidate, operation, { ...success, body: cut }, { kind: 'unclear' }, what),
  });
  return [
    ...pages,
    unclear('empty body', ''),
    unclear('truncated body', body.slice(0, Math.floor(body.length / 2))),
  ];
}

function brokenConnections(candidate: Candidate, operation: Operation): Case[] {
  const { name, answers } = operation;
  const whole = answers.find((answer) => bodyOf(answer) !== '') ?? { status: 200, body: {} };
  const timeoutMs = candidate.fixtures.timeoutMs ?? 300;
  const broken = (what: string, play: Play, patience?: number): Case => ({
    name: `${name}: ${what}`,
    async run() {
      const said = await outcome(candidate, operation, play, patience);
      compareVerdict(said, { kind: 'unclear' }, { reader: 'rowferry', occasion: what });
    },
  });
  return [
    broken('no answer', { do: 'hang' }, timeoutMs),
    broken('reset before the answer', { do: 'reset' }),
    broken('answer broken off', { do: 'break off', answer: whole }),
  ];
}

/** Plays one answer over the wire and compares the verdict on it. */
export async function judge(
  candidate: Candidate,
  operation: Operation,
  answer: FixtureAnswer,
  expected: Expected,
  what?: string,
): Promise<void> {
  const said = operation.read(await overTheWire(candidate, operation, answer));
  const occasion = `HTTP ${answer.status}${what === undefined ? '' : ` with ${what}`}`;
  compareVerdict(said, expected, { reader: operation.reader, occasion });
}

const STATUSES = [
  200, 201, 202, 203, 206, 207, 226, 300, 301, 302, 304, 307, 400, 401, 402, 403, 404, 405, 406, 408, 409,
  410, 412, 413, 415, 418, 422, 425, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 520, 522, 524,
  529, 599,
];
const BODIES = [
  '',
  HTML,
  'OK',
  '{',
  '[]',
  '[null]',
  'null',
  'true',
  '0',
  '"text"',
  '{}',
  '{"error":null}',
  '{"error":"text","message":null,"data":null,"details":null}',
  '{"error":[],"message":[null,{},[]],"data":[],"details":[null]}',
  '{"error":{"message":{},"code":7,"details":"text"},"message":7,"data":{},"details":{"field":[],"code":{}}}',
  '{"id":null,"success":"yes","errors":[null,{"message":null}],"data":{"contacts":null,"id":{}}}',
];

/** Not over the wire: this is about what is made of answers that nobody has documented. */
function anyAnswer(operation: Operation): void {
  for (const status of STATUSES) {
    for (const body of BODIES) {
      const known = operation.answers.map(answerOf).find((answer) => answer.status === status);
      // Where the status alone tells, nothing in a body speaks against it.
      if (known !== undefined && (known.body === '' || known.body === body)) continue;
      const occasion = `HTTP ${status} with the body ${body === HTML ? 'of an HTML page' : body || '""'}`;
      let said: Said;
      try {
        said = operation.read({ status, headers: {}, body });
      } catch (error) {
        throw new Error(`for ${occasion}, ${(error as Error).message}`);
      }
      if (said.kind === 'absent' && (status === 404 || (status < 300 && body.includes('[')))) continue;
      compareVerdict(said, tolerable(status), { reader: operation.reader, occasion });
    }
  }
}

/** What may be said of an answer with this status that is not documented; the first is what it mostly is. */
function tolerable(status: number): Expected {
  if (status === 401 || status === 402 || status === 403) return [{ kind: 'refused' }];
  if (status === 429) return [{ kind: 'throttled' }];
  if (status >= 500 || status === 408) return [{ kind: 'unavailable' }, { kind: 'unclear' }];
  const unclear = [{ kind: 'unclear' }, { kind: 'refused' }] as const;
  if (status < 300) return [...unclear, { kind: 'rejected' }, { kind: 'unavailable' }];
  if (status < 400) return unclear;
  return [{ kind: 'rejected' }, { kind: 'duplicate' }, ...unclear];
}
