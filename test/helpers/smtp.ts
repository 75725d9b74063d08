/** An SMTP server on loopback that lives as long as one test, and keeps what it takes. */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface Mailbox {
  port: number;
  mails: { from: string; to: string[]; text: string; user?: string }[];
}

/** `answer` may refuse a command: with a line like `550 no such user`. */
export async function openMailbox(
  answer: (command: string) => string | undefined = () => undefined,
): Promise<Mailbox> {
  const mails: Mailbox['mails'] = [];
  const server = createServer((socket) => void talk(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, mails };

  async function talk(socket: Socket): Promise<void> {
    const say = (line: string) => socket.write(`${line}\r\n`);
    socket.on('error', () => {});
    say('220 mail.test');
    let mail: Mailbox['mails'][number] = { from: '', to: [], text: '' };
    let body: string[] | undefined;
    for await (const line of createInterface({ input: socket })) {
      if (body !== undefined) {
        if (line !== '.') {
          body.push(line);
          continue;
        }
        mails.push({ ...mail, text: body.join('\n') });
        mail = { from: '', to: [], text: '' };
        body = undefined;
        say('250 taken');
        continue;
      }
      const refused = answer(line);
      const [, from] = /^MAIL FROM:<(.*?)>/.exec(line) ?? [];
      const [, to] = /^RCPT TO:<(.*?)>/.exec(line) ?? [];
      const [, plain] = /^AUTH PLAIN (.*)/.exec(line) ?? [];
      if (refused !== undefined) say(refused);
      else if (line === 'STARTTLS') say('502 no TLS here');
      else if (line.startsWith('EHLO')) socket.write('250-mail.test\r\n250 AUTH PLAIN\r\n');
      else if (line === 'DATA') {
        body = [];
        say('354 go on');
      } else {
        if (from !== undefined) mail.from = from;
        if (to !== undefined) mail.to.push(to);
        if (plain !== undefined) mail.user = Buffer.from(plain, 'base64').toString();
        say(plain === undefined ? '250 ok' : '235 ok');
      }
      if (line === 'QUIT') socket.end();
    }
  }
}
