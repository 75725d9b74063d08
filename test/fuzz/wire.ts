/** Bytes that call themselves HTTP, to the sender and to the sandbox: something comes of each, and nothing hangs. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import fc from 'fast-check';
import { expect } from 'vitest';
import { makeSender, type Sender } from '../../src/delivery/send.js';
import type { ApiRequest } from '../../src/destinations/destination.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.js';
import { type Fuzzer, json, mangled, text, whole } from './words.js';

const POST: ApiRequest = { method: 'POST', path: '/contacts', headers: {}, body: '{}' };
const ANSWERS = [
  'HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"id":"1"}',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n{"id":"1"}\r\n0\r\n\r\n',
  'HTTP/1.1 429 Too Many\r\nretry-after: 1\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.0 502 Bad Gateway\r\n\r\n<html></html>',
];

/** A server that says what it is told to say, and closes; and a sandbox. */
export class Wire {
  private said = '';
  /** The newest connection is closed on both sides: the sender does not take it for one that is kept alive. */
  private gone: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly server: Server,
    private readonly sender: Sender,
    private readonly sandbox: Sandbox,
  ) {}

  static async open(): Promise<Wire> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sender = makeSender({ baseUrl: `http://127.0.0.1:${port}`, timeoutMs: 60_000 });
    const wire = new Wire(server, sender, await startSandbox());
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      wire.gone = new Promise((resolve) => socket.once('close', resolve));
      socket.once('data', () => socket.end(wire.said, 'latin1'));
    });
    return wire;
  }

  async close(): Promise<void> {
    await this.sender.destroy();
    this.server.close();
    await this.sandbox.close();
  }

  get fuzzers(): Fuzzer[] {
    const path = fc.oneof(
      fc.constantFrom(
        '/api/v1/contacts',
        '/api/v1/contacts/bulk',
        '/v1/contacts',
        '/v1/contacts/email',
        '/contacts',
      ),
      fc.constantFrom(
        '/v2/account/a/contact/',
        '/v1/contacts/search/emails',
        '/api/v1/contacts/external/%',
        '/contacts/x',
      ),
      fc.constantFrom(
        '/_sandbox/ledger',
        '/_sandbox/stats',
        '/_sandbox/nothing',
        '/v1/contacts/bulk-update',
        '/',
      ),
      text.map((one) => `/${encodeURIComponent(whole(one))}`),
    );
    const members = fc.dictionary(
      fc.constantFrom(
        'email',
        'contacts',
        'external_id',
        'tags',
        'type',
        'full_name',
        'company_id',
        'id',
        'user_id',
        '__proto__',
      ),
      json,
      { maxKeys: 6 },
    );
    const body = fc.oneof(
      json.map((one) => JSON.stringify(one) ?? ''),
      members.map((one) => JSON.stringify(one)),
      mangled(members.map((one) => JSON.stringify({ contacts: [one, { email: 'ann@example.com' }] }))),
      text,
    );
    return [
      {
        name: 'any bytes of a server are an answer or a failure, and the next request is served',
        share: 3,
        property: fc.asyncProperty(mangled(fc.constantFrom(...ANSWERS)), async (said) => {
          this.said = said;
          const sent = await this.sender.send(POST);
          await this.gone;
          if ('answer' in sent) expect(sent.answer.status).toBeGreaterThanOrEqual(100);
          else expect(sent.failure.message).toMatch(/\S/);
          this.said = ANSWERS[0]!;
          expect(await this.sender.send(POST)).toMatchObject({ answer: { status: 201 } });
          await this.gone;
        }),
      },
      {
        name: 'any request to the sandbox is answered, with what can be read',
        share: 5,
        property: fc.asyncProperty(
          fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
          path,
          body,
          fc.constantFrom('sk_a', 'as_a', 'no', ''),
          async (method, where, sent, key) => {
            const answer = await fetch(this.sandbox.url + where, {
              method,
              headers: {
                ...{ 'content-type': 'application/json', 'x-api-key': key },
                authorization: where.startsWith('/v2') ? `Token token=${key}` : `Bearer ${key}`,
              },
              ...(method === 'GET' ? {} : { body: sent }),
            });
            expect(answer.status).not.toBe(500);
            const told = await answer.text();
            if (answer.headers.get('content-type')?.startsWith('application/json') && told !== '')
              JSON.parse(told);
          },
        ),
      },
    ];
  }
}
