import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { reach } from '../../src/delivery/reach.js';
import { makeSender } from '../../src/delivery/send.js';
import type { ApiRequest } from '../../src/destinations/destination.js';
import type { Account } from '../../src/destinations/registry.js';
import { openSite } from '../helpers/site.js';
import { openUntrusted } from '../helpers/untrusted.js';

type Play = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** An API that answers as `play` says, and a sender to it. */
async function setUp(play: Play, { timeoutMs = 10_000, prefix = '' } = {}) {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => play(request, response, body));
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sender = makeSender({ baseUrl: `http://127.0.0.1:${port}${prefix}`, timeoutMs });
  onTestFinished(async () => {
    await sender.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { sender, sockets, server };
}

const post: ApiRequest = { method: 'POST', path: '/contacts', headers: { 'x-key': 'k' }, body: '{"a":"ü"}' };

test('sends what it is given below the base URL, over a connection that is kept', async () => {
  const seen: string[] = [];
  const { sender, sockets } = await setUp(
    ({ method, url, headers }, response, body) => {
      seen.push(`${method} ${url} ${headers['x-key']} ${body}`);
      response.writeHead(201, { 'x-limit': ['1', '2'] }).end('{"id":"é"}');
    },
    { prefix: '/eu/' },
  );
  for (let i = 0; i < 3; i++) {
    expect(await sender.send(post)).toMatchObject({
      answer: { status: 201, headers: { 'x-limit': expect.stringMatching(/2$/) }, body: '{"id":"é"}' },
    });
  }
  expect(seen).toEqual(Array(3).fill('POST /eu/contacts k {"a":"ü"}'));
  expect(sockets.size).toBe(1);
});

test('as many connections as requests under way, used again', async () => {
  const waiting: ServerResponse[] = [];
  const { sender, sockets } = await setUp((_, response) => {
    waiting.push(response);
    if (waiting.length === 5) for (const held of waiting.splice(0)) held.end('{}');
  });
  for (let round = 0; round < 2; round++) {
    const sent = await Promise.all(Array.from({ length: 5 }, () => sender.send(post)));
    expect(sent.every((one) => 'answer' in one)).toBe(true);
  }
  expect(sockets.size).toBe(5);
});

test('an answer in many pieces is one', async () => {
  const text = JSON.stringify({ text: 'ü😀'.repeat(5_000) });
  const { sender } = await setUp((_, response) => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 997) response.write(bytes.subarray(at, at + 997));
    response.end();
  });
  expect(await sender.send(post)).toMatchObject({ answer: { status: 200, body: text } });
});

test.each<[string, Play, RegExp]>([
  ['reset before an answer', ({ socket }) => socket.destroy(), /broken/],
  [
    'broken in the middle of an answer',
    ({ socket }, response) => {
      response.writeHead(201, { 'content-length': 100 });
      response.write('{"id":', () => socket.destroy());
    },
    /broken/,
  ],
  ['no answer at all', () => {}, /no answer within/],
  ['an answer that stops', (_, response) => void response.write('{'), /stopped half way/],
  [
    'an answer that trickles on',
    (_, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
    /took too long|stopped half way/,
  ],
  ['an endless answer', (_, response) => void response.end(' '.repeat(2 << 20)), /larger than 1 MB/],
])('%s is unclear, and the next request is not harmed', async (_name, play, message) => {
  let first = true;
  const { sender } = await setUp(
    (request, response, body) => {
      if (!first) return void response.end('{}');
      first = false;
      play(request, response, body);
    },
    { timeoutMs: 300 },
  );
  expect(await sender.send(post)).toEqual({
    failure: { kind: 'unclear', message: expect.stringMatching(message) },
  });
  expect(await sender.send(post)).toMatchObject({ answer: { status: 200 } });
});

test('a request is begun when it is written: on a new connection once that is made', async () => {
  const { sender, sockets } = await setUp((_, response) => void response.end('{}'));
  let connections = -1;
  const sent = sender.send(post, () => {
    connections = sockets.size;
  });
  expect(connections).toBe(-1);
  await sent;
  expect(connections).toBe(1);
});

test('where nobody listens nothing is reached', async () => {
  const { sender, server } = await setUp(() => {});
  await new Promise((resolve) => server.close(resolve));
  let begun = false;
  const sent = sender.send(post, () => {
    begun = true;
  });
  expect(await sent).toEqual({
    failure: { kind: 'unreached', message: 'connection refused' },
  });
  expect(begun).toBe(false);
});

test('a header that HTTP cannot carry is no crash', async () => {
  const { sender } = await setUp(() => {});
  const sent = await sender.send({ ...post, headers: { 'x-key': 'two\nlines' } });
  expect(sent).toMatchObject({ failure: { kind: 'unreached' } });
});

test('destroyed, what is under way ends as unclear', async () => {
  let heard: () => void = () => {};
  const arrived = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const { sender } = await setUp(() => heard());
  const sent = sender.send(post);
  await arrived;
  await sender.destroy();
  expect(await sent).toMatchObject({ failure: { kind: 'unclear' } });
});

test('a server whose certificate nobody vouches for hears nothing, whatever the environment allows', async () => {
  const { url, asked } = await openUntrusted((_request, response) =>
    response.writeHead(201).end('{"id":"1"}'),
  );
  const sender = makeSender({ baseUrl: url, timeoutMs: 10_000 });
  onTestFinished(() => sender.destroy());
  expect(await sender.send(post)).toEqual({
    failure: {
      kind: 'unreached',
      message:
        'its TLS certificate is not trusted (depth_zero_self_signed_cert; an authority of your own is named by NODE_EXTRA_CA_CERTS)',
    },
  });
  const account = { name: 'crm', options: { baseUrl: url }, setBy: { baseUrl: 'CRM_BASE_URL' } };
  await expect(reach(account as unknown as Account)).rejects.toMatchObject({
    code: 'DESTINATION_UNREACHABLE',
    message: expect.stringMatching(
      /^crm cannot be reached at https:.*: its TLS certificate is not trusted .*Is CRM_BASE_URL right\? Nothing was sent\.$/,
    ),
  });
  expect(asked()).toBe(0);
});

test('a redirect is an answer like any other: nothing goes where it leads, least of all the key', async () => {
  const heard: string[] = [];
  const elsewhere = await openSite((request, response) => {
    heard.push(String(request.url));
    response.end('{}');
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const { sender } = await setUp((_, response) =>
      response.writeHead(status, { location: `${elsewhere.url}/stolen` }).end(),
    );
    expect(await sender.send(post)).toMatchObject({ answer: { status } });
  }
  expect(heard).toEqual([]);
});
