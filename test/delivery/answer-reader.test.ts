import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { Client } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { AnswerReader, BadAnswer } from '../../src/delivery/answer-reader.js';
import type { ApiAnswer } from '../../src/destinations/destination.js';

/** Gives `text`, latin1, in pieces that end at `cuts`; what it was read from is overwritten each time, as a socket does. */
function read(reader: AnswerReader, text: string, cuts: readonly number[] = []): ApiAnswer | undefined {
  const buffer = Buffer.alloc(Math.max(1, text.length));
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < text.length), text.length])];
  let from = 0;
  let answer: ApiAnswer | undefined;
  for (const end of ends.sort((a, b) => a - b)) {
    const length = buffer.write(text.slice(from, end), 'latin1');
    answer ??= reader.read(buffer, length);
    buffer.fill('#');
    from = end;
  }
  return answer;
}

const bytes = (text: string) => Buffer.from(text).toString('latin1');

test.each<[string, string, Partial<ApiAnswer>, number]>([
  ['a length', 'HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}', { status: 201, body: '{}' }, 4_000],
  ['no reason', 'HTTP/1.1 201\r\ncontent-length: 2\r\n\r\n{}', { status: 201, body: '{}' }, 4_000],
  ['nothing', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', { status: 200, body: '' }, 4_000],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '' }, 4_000],
  ['304', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n', { status: 304, body: '' }, 4_000],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a="b"\r\n{"a\r\nA \r\n": "1234"}\r\n00\r\n\r\n',
    { body: '{"a": "1234"}'.padEnd(13) },
    4_000,
  ],
  [
    'trailers',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: y\r\n\r\n',
    { body: '{}', headers: { 'transfer-encoding': 'chunked' } },
    4_000,
  ],
  [
    'what is said before',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1',
    { status: 200, body: '1', headers: { 'content-length': '1' } },
    4_000,
  ],
  [
    'headers',
    'HTTP/1.1 200 OK\r\nX-A:  1 \r\nx-a: 2\r\nx-b: one\r\n\ttwo\r\nx-c:\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n',
    { headers: { 'x-a': '2', 'x-b': 'one two', 'x-c': '', 'content-length': '0' } },
    4_000,
  ],
  [
    'a connection that is kept longer',
    'HTTP/1.1 204 OK\r\nkeep-alive: timeout=72, max=9\r\n\r\n',
    {},
    71_000,
  ],
  ['hardly any longer', 'HTTP/1.1 204 OK\r\nkeep-alive: timeout=1\r\n\r\n', {}, 0],
  ['for good', 'HTTP/1.1 204 OK\r\nkeep-alive: timeout=999999999\r\n\r\n', {}, 600_000],
  ['a connection that is closed', 'HTTP/1.1 204 OK\r\nConnection: Close\r\n\r\n', {}, 0],
  ['HTTP/1.0', 'HTTP/1.0 204 OK\r\n\r\n', {}, 0],
  ['HTTP/1.0, kept', 'HTTP/1.0 204 OK\r\nconnection: Keep-Alive\r\n\r\n', {}, 4_000],
  [
    'a connection that is closed, and more',
    'HTTP/1.1 204 OK\r\nConnection: close\r\nConnection: x\r\n\r\n',
    {},
    0,
  ],
  ['204 with a body', 'HTTP/1.1 204 OK\r\ncontent-length: 2\r\n\r\n', { status: 204 }, 0],
  ['204 with chunks', 'HTTP/1.1 204 OK\r\ntransfer-encoding: chunked\r\n\r\n', { status: 204 }, 0],
  ['204 with no bytes', 'HTTP/1.1 204 OK\r\ncontent-length: 0\r\n\r\n', { status: 204 }, 4_000],
  [
    'a head as large as it may be',
    `HTTP/1.1 204 OK\r\na: ${'b'.repeat(16_364)}\r\n\r\n`,
    { status: 204 },
    4_000,
  ],
  ['more than an answer', 'HTTP/1.1 204 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', { status: 204 }, 0],
])('reads %s, in one piece or byte for byte', (_name, text, expected, keptMs) => {
  const whole = new AnswerReader();
  expect(read(whole, text)).toMatchObject(expected);
  expect(whole.keptMs).toBe(keptMs);
  const single = new AnswerReader();
  const one = (at: number) => read(single, text[at]!);
  let at = 0;
  let answer: ApiAnswer | undefined;
  while (!answer && at < text.length) answer = one(at++);
  expect(answer).toEqual(read(new AnswerReader(), text));
});

test('without a length the end of the connection is the end', () => {
  const reader = new AnswerReader();
  expect(read(reader, 'HTTP/1.1 502 Bad Gateway\r\n\r\n<html>')).toBeUndefined();
  expect(read(reader, '</html>')).toBeUndefined();
  expect(reader.end()).toEqual({ status: 502, headers: {}, body: '<html></html>' });
  expect(reader.keptMs).toBe(0);
  const cut = new AnswerReader();
  expect(read(cut, 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{')).toBeUndefined();
  expect(cut.end()).toBeUndefined();
  expect(cut.hasBegun).toBe(true);
});

test.each([
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\na : b\r\n\r\n', 'head of the answer is malformed'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'not HTTP/1.1'],
  ['binary', '\x16\x03\x01', 'not HTTP/1.1'],
  ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'not HTTP/1.1'],
  ['no status', 'HTTP/1.1 OK\r\n\r\n', 'not HTTP/1.1'],
  ['a status of two figures', 'HTTP/1.1 20 OK\r\n\r\n', 'not HTTP/1.1'],
  ['a header without a colon', 'HTTP/1.1 200 OK\r\nnothing\r\n\r\n', 'head of the answer is malformed'],
  [
    'a header that is continued but not begun',
    'HTTP/1.1 200 OK\r\n a: b\r\n\r\n',
    'head of the answer is malformed',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 'two lengths'],
  [
    'a length beside chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    'two lengths',
  ],
  [
    'a length that is none',
    'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
    'length of the answer is malformed',
  ],
  ['a coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n', 'unknown transfer-encoding'],
  ['a head without end', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(17_000)}`, 'larger than 16 kB'],
  ['a head that is too long', `HTTP/1.1 200 OK\r\na: ${'b'.repeat(17_000)}\r\n\r\n`, 'larger than 16 kB'],
  ['a long body', 'HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n', 'larger than 1 MB'],
  ['a body without end', `HTTP/1.1 200 OK\r\n\r\n${'b'.repeat(2_000_000)}`, 'larger than 1 MB'],
  [
    'no chunk',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
    'chunked body of the answer is malformed',
  ],
  [
    'a chunk that is longer than it says',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n',
    'chunked body of the answer is malformed',
  ],
  [
    'a line of half an end',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\na',
    'chunked body of the answer is malformed',
  ],
  [
    'trailers without end',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(300_000)}`,
    'larger than 1 MB',
  ],
])('%s is no answer', (_name, text, why) => {
  expect(() => read(new AnswerReader(), text)).toThrow(BadAnswer);
  expect(() => read(new AnswerReader(), text)).toThrow(why);
});

const word = fc.stringMatching(/^[\w-]{1,12}$/);
interface Given {
  status: number;
  headers: [string, string][];
  body: string;
  framing: 'length' | 'chunked';
  chunk: number;
}

const answers: fc.Arbitrary<Given> = fc.record({
  status: fc.integer({ min: 200, max: 599 }).filter((status) => status !== 304),
  headers: fc.array(fc.tuple(word, fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)), { maxLength: 5 }),
  body: fc.string({ unit: 'grapheme', maxLength: 60 }),
  framing: fc.constantFrom('length' as const, 'chunked' as const),
  chunk: fc.integer({ min: 1, max: 20 }),
});

function written({ status, headers, body, framing, chunk }: Given): string {
  const own = headers.map(([name, value]) => `X-${name}: ${value}\r\n`).join('');
  const first = `HTTP/1.1 ${status} Said\r\n${own}`;
  if (status === 204) return `${first}\r\n`;
  const text = bytes(body);
  if (framing === 'length') return `${first}Content-Length: ${text.length}\r\n\r\n${text}`;
  const chunks = text.match(new RegExp(`[^]{1,${chunk}}`, 'g')) ?? [];
  const said = [...chunks, ''].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
  return `${first}Transfer-Encoding: chunked\r\n\r\n${said}`;
}

test('answers one after the other, cut anywhere, are those that were given', () => {
  const cuts = fc.array(fc.nat({ max: 300 }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(fc.tuple(answers, cuts), { minLength: 1, maxLength: 3 }), (given) => {
      const reader = new AnswerReader();
      for (const [answer, where] of given) {
        const { status, headers, body } = read(reader, written(answer), where)!;
        expect(status).toBe(answer.status);
        expect(body).toBe(status === 204 ? '' : answer.body);
        for (const [name, value] of new Map(
          answer.headers.map(([name, value]) => [name.toLowerCase(), value]),
        )) {
          expect(headers[`x-${name}`]).toBe(value);
        }
        expect(reader.hasBegun).toBe(false);
      }
    }),
    { numRuns: 300 },
  );
});

test('what undici understands is understood alike', async () => {
  let said = '';
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(said, 'latin1'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    await client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const more = fc.constantFrom(
    ...[
      '',
      'keep-alive: timeout=9\r\n',
      'connection: close\r\n',
      'a: b\r\n c\r\n',
      'date: x\r\n',
      'set-cookie: a=b\r\n',
    ],
    ...['content-length: 3\r\n', 'transfer-encoding: gzip\r\n', 'x\r\n', ': y\r\n', 'é: é\r\n', 'a : b\r\n'],
  );
  await fc.assert(
    fc.asyncProperty(answers, more, async (answer, line) => {
      said = written(answer).replace('\r\n', `\r\n${line}`);
      const theirs = await client
        .request({ method: 'GET', path: '/' })
        .then(async ({ statusCode, body }) => ({ status: statusCode, body: await body.text() }))
        .catch(() => undefined);
      let ours: ApiAnswer | undefined;
      try {
        const reader = new AnswerReader();
        ours = read(reader, said) ?? reader.end();
      } catch {}
      // Stricter than undici we may be: nothing that it does not understand is an answer to us.
      if (theirs) expect(ours).toMatchObject(theirs);
    }),
    { numRuns: 200 },
  );
});
