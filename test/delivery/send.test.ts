import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createConnection, createServer as createTcpServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { reach } from '../../src/delivery/reach.js';
import { makeSender } from '../../src/delivery/send.js';
import type { ApiRequest } from '../../src/destinations/destination.js';
import type { Account } from '../../src/destinations/registry.js';
import { scratchFile } from '../helpers/scratch.js';
import { openSite } from '../helpers/site.js';
import { CERTIFICATE, KEY, openUntrusted } from '../helpers/untrusted.js';

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

test.each<[string, Play, RegExp, timeoutMs?: number]>([
  ['reset before an answer', ({ socket }) => socket.destroy(), /broken/],
  [
    'broken in the middle of an answer',
    ({ socket }, response) => {
      response.writeHead(201, { 'content-length': 100 });
      response.write('{"id":', () => socket.destroy());
    },
    /broken/,
  ],
  ['no answer at all', () => {}, /no answer within/, 1_000],
  ['an answer that stops', (_, response) => void response.write('{'), /stopped half way/, 1_000],
  [
    'an answer that trickles on',
    (_, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    },
    /took too long|stopped half way/,
    1_000,
  ],
  ['an endless answer', (_, response) => void response.end(' '.repeat(2 << 20)), /larger than 1 MB/],
])('%s is unclear, and the next request is not harmed', async (_name, play, message, timeoutMs = 60_000) => {
  let first = true;
  const { sender } = await setUp(
    (request, response, body) => {
      if (!first) return void response.end('{}');
      first = false;
      play(request, response, body);
    },
    { timeoutMs },
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

/** A server of bare TCP: `said` is what it answers to each request, and how many connections it has had. */
async function setUpBare(said: (socket: Socket, request: number) => void, timeoutMs = 60_000) {
  let requests = 0;
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => said(socket, ++requests));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sender = makeSender({ baseUrl: url, timeoutMs });
  onTestFinished(async () => {
    await sender.destroy();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { sender, sockets, url };
}

test.each([
  ['is told to be closed', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}'],
  ['is kept for a moment only', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\n{}'],
  ['says more than it was asked', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n'],
])('a connection that %s carries no other request', async (_name, said) => {
  const { sender, sockets } = await setUpBare((socket) => socket.write(said));
  for (let i = 0; i < 3; i++) expect(await sender.send(post)).toMatchObject({ answer: { body: '{}' } });
  expect(sockets).toHaveLength(3);
});

test.each<[string, (socket: Socket) => void]>([
  ['is closed by the API', (socket) => socket.end()],
  ['says what nobody has asked', (socket) => socket.write('HTTP/1.1 408 Request Timeout\r\n\r\n')],
])('a connection that %s while it is idle is not used again', async (_name, end) => {
  const { sender, sockets } = await setUpBare((socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
  );
  expect(await sender.send(post)).toMatchObject({ answer: { body: '{}' } });
  const gone = once(sockets[0]!, 'close');
  end(sockets[0]!);
  await gone;
  expect(await sender.send(post)).toMatchObject({ answer: { body: '{}' } });
  expect(sockets).toHaveLength(2);
});

test('an idle connection is given up a second before the API would', async () => {
  const { sender, sockets } = await setUpBare((socket) =>
    socket.write('HTTP/1.1 204 No Content\r\nkeep-alive: timeout=2\r\n\r\n'),
  );
  await sender.send(post);
  await once(sockets[0]!, 'end'); // said by us
});

test('an answer without a length ends with the connection', async () => {
  const { sender } = await setUpBare((socket) => socket.end('HTTP/1.0 502 Bad Gateway\r\n\r\n<html>'));
  for (let i = 0; i < 2; i++) {
    expect(await sender.send(post)).toEqual({ answer: { status: 502, headers: {}, body: '<html>' } });
  }
});

test('an answer that comes before we are through ends the connection', async () => {
  const { sender, sockets } = await setUpBare((socket, request) => {
    if (request > 1 && sockets.length === 1) return;
    socket.pause();
    socket.write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n');
  });
  const large = { ...post, body: 'x'.repeat(32 << 20) };
  expect(await sender.send(large)).toMatchObject({ answer: { status: 413 } });
  expect(await sender.send(post)).toMatchObject({ answer: { status: 413 } });
  expect(sockets).toHaveLength(2);
});

test('what is no HTTP is unclear: it was heard by somebody', async () => {
  const { sender } = await setUpBare((socket) => socket.write('220 mail.example.com ESMTP\r\n'));
  expect(await sender.send(post)).toEqual({
    failure: { kind: 'unclear', message: 'the answer is not HTTP/1.1' },
  });
});

test('an API that says over and over that it is at work is not waited for without end', async () => {
  const { sender } = await setUpBare((socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  }, 1_000);
  expect(await sender.send(post)).toEqual({
    failure: { kind: 'unclear', message: 'the answer took too long' },
  });
});

const holdUp = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

test('what has come while this process was held up is heard before it is given up', async () => {
  const { sender, sockets, url } = await setUpBare((socket, request) => {
    setTimeout(() => socket.write('HTTP/1.1 204 No Content\r\n\r\n'), request === 2 ? 200 : 20);
  }, 500);
  const other = makeSender({ baseUrl: url, timeoutMs: 60_000 });
  onTestFinished(() => other.destroy());
  await sender.send(post);
  const sent = sender.send(post);
  const held = other.send(post).then(() => holdUp(1_500));
  expect(await sent).toEqual({ answer: { status: 204, headers: {}, body: '' } });
  await held;
  expect(sockets).toHaveLength(2);
});

test('a connection that was idle for too long while this process was held up is not used', async () => {
  const { sender, sockets } = await setUpBare((socket) =>
    socket.write('HTTP/1.1 204 No Content\r\nkeep-alive: timeout=2\r\n\r\n'),
  );
  await sender.send(post);
  holdUp(1_100);
  await sender.send(post);
  expect(sockets).toHaveLength(2);
});

test('what fills a reading to its last byte may be followed by what nobody has asked for', async () => {
  const { sender } = await setUpBare((socket, request) => {
    const head = 'HTTP/1.1 200 OK\r\nx-padding: ';
    const rest = '\r\ncontent-length: 400\r\n\r\n';
    const padding = 'x'.repeat(16_384 - head.length - rest.length - 400);
    const answer = `${head}${padding}${rest}${String(request).padEnd(400)}`;
    socket.write(`${answer}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nEXTRA`);
  });
  for (const body of ['1', '2']) {
    expect(await sender.send(post)).toMatchObject({ answer: { body: body.padEnd(400) } });
  }
});

/** What a sender of another process, which trusts the certificate, gets for so many requests to `port`. */
async function sendOverTls(port: number, times: number): Promise<unknown[]> {
  const script = `
    import { makeSender } from ${JSON.stringify(new URL('../../dist/src/delivery/send.js', import.meta.url))};
    const sender = makeSender({ baseUrl: 'https://127.0.0.1:${port}', timeoutMs: 60_000 });
    for (let i = 0; i < ${times}; i++) console.log(JSON.stringify(await sender.send(${JSON.stringify(post)})));
    await sender.destroy();`;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: scratchFile(CERTIFICATE, 'authority.pem') };
  const child = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
  return child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** `resumed`: of each request, whether its connection went on with an earlier TLS session. */
async function setUpTls(keeps: (request: number) => boolean, more: ServerOptions = {}) {
  const resumed: boolean[] = [];
  const server = createSecureServer({ key: KEY, cert: CERTIFICATE, ...more }, (request, response) => {
    request.resume().on('end', () => {
      const socket = request.socket as TLSSocket;
      resumed.push(socket.isSessionReused());
      response.shouldKeepAlive = keeps(resumed.length);
      response.end(JSON.stringify({ over: socket.alpnProtocol }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, resumed, server };
}

test("over TLS, too: an authority of one's own, kept connections, sessions that are resumed", async () => {
  const { port, resumed, server } = await setUpTls((request) => request !== 2);
  let connections = 0;
  server.on('secureConnection', () => connections++);
  const sent = await sendOverTls(port, 3);
  expect(sent).toMatchObject(Array(3).fill({ answer: { status: 200, body: '{"over":"http/1.1"}' } }));
  expect(connections).toBe(2);
  expect(resumed).toEqual([false, false, true]);
});

test('a TLS session with which a connection could not be made is not tried again', async () => {
  const { port, resumed } = await setUpTls(() => false);
  let connections = 0;
  const between = createTcpServer((socket) => {
    socket.on('error', () => {});
    if (++connections === 2) {
      socket.once('data', () => socket.resetAndDestroy());
      return;
    }
    const onward = createConnection(port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
  onTestFinished(() => void between.close());
  const sent = await sendOverTls((between.address() as AddressInfo).port, 3);
  expect(sent).toMatchObject([
    { answer: { status: 200 } },
    { failure: { kind: 'unreached' } },
    { answer: { status: 200 } },
  ]);
  expect(resumed).toEqual([false, false]);
});

test('a server that wants to know its clients is told as that', async () => {
  const { port, resumed } = await setUpTls(() => true, { minVersion: 'TLSv1.3', requestCert: true });
  expect(await sendOverTls(port, 1)).toMatchObject([
    { failure: { message: 'it asks for a TLS certificate of its clients, and rowferry has none' } },
  ]);
  expect(resumed).toEqual([]);
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

test.each<[string, Partial<ApiRequest>, string]>([
  [
    'a value of two lines',
    { headers: { 'x-key': 'two\nlines' } },
    'header "x-key" has what HTTP cannot carry',
  ],
  ['a value beyond latin1', { headers: { 'x-key': 'Łódź' } }, 'header "x-key" has what HTTP cannot carry'],
  ['a name that is none', { headers: { 'x key': 'k' } }, 'header "x key" has what HTTP cannot carry'],
  [
    'a header of ours',
    { headers: { 'Content-Length': '3' } },
    'header "Content-Length" is not for a destination to set',
  ],
  ['a path of two lines', { path: '/a\r\nx: y' }, 'the path of the request is none'],
  ['no path', { path: '' }, 'the path of the request is none'],
  ['a body that is no text', { body: { a: 1 } as unknown as string }, 'the body of the request is no text'],
  ['a path with a blank', { path: '/a b' }, 'the path of the request is none'],
])('%s is no crash, and nothing is sent', async (_name, wrong, message) => {
  const { sender, sockets } = await setUp(() => {});
  expect(await sender.send({ ...post, ...wrong })).toEqual({ failure: { kind: 'unreached', message } });
  expect(sockets.size).toBe(0);
});

test('headers and bodies arrive as they were given', async () => {
  const seen: unknown[] = [];
  const { sender } = await setUp(({ method, headers }, response, body) => {
    const { host, 'x-name': name, 'content-length': length } = headers;
    seen.push([method, host?.replace(/\d{4,}/, 'port'), name, length, body]);
    response.end('{}');
  });
  await sender.send({ method: 'POST', path: '/', headers: { 'x-name': 'José' }, body: 'Łódź 😀' });
  await sender.send({ method: 'PUT', path: '/', headers: { Host: 'other' }, body: 'ü' });
  await sender.send({ method: 'PATCH', path: '/', headers: {} });
  await sender.send({ method: 'GET', path: '/', headers: { 'x-name': undefined as unknown as string } });
  await sender.send({ method: 'DELETE', path: '/', headers: {} });
  expect(seen).toEqual([
    ['POST', '127.0.0.1:port', 'José', '12', 'Łódź 😀'],
    ['PUT', 'other', undefined, '2', 'ü'],
    ['PATCH', '127.0.0.1:port', undefined, '0', ''],
    ['GET', '127.0.0.1:port', undefined, undefined, ''],
    ['DELETE', '127.0.0.1:port', undefined, undefined, ''],
  ]);
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
