/** A notice by SMTP. */
import type { Channel } from '../config/notifications.js';
import type { Notice, Sent } from './notice.js';
import { mailText } from './text.js';

const CONNECT_MS = 10_000;

export async function sendMail(
  { to, from, smtp }: Extract<Channel, { kind: 'email' }>,
  name: string,
  notice: Notice,
  signal: AbortSignal,
): Promise<Sent> {
  const { hostname, port, protocol, username, password } = new URL(smtp);
  const auth = username === '' ? undefined : { user: decode(username), pass: decode(password) };
  const host = hostname.replace(/^\[|\]$/g, '');
  const { createTransport } = await import('nodemailer'); // few need it, and it is large
  const transport = createTransport({
    host,
    ...(port === '' ? {} : { port: Number(port) }),
    secure: protocol === 'smtps:',
    // A password goes over no line that others can read.
    requireTLS: auth !== undefined && !isLoopback(host),
    ...(auth && { auth }),
    tls: { rejectUnauthorized: true },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: CONNECT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  late.catch(() => {});
  try {
    signal.throwIfAborted();
    const { rejected } = await Promise.race([
      late,
      transport.sendMail({
        from,
        to: [...to],
        ...mailText(notice),
        date: new Date(notice.at),
        messageId: `<${notice.id}.${name}@rowferry>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'Rowferry-Notice-Id': notice.id },
      }),
    ]);
    const refused = rejected.length;
    return refused === 0
      ? { taken: true }
      : { taken: true, but: `${refused} of ${to.length} addresses refused` };
  } catch (error) {
    if (signal.aborted) throw error;
    // Never in the server's own words: they may quote addresses.
    const { code = 'SMTP', responseCode } = error as Error & { code?: string; responseCode?: number };
    return { taken: false, why: responseCode === undefined ? code : `${code} ${responseCode}` };
  } finally {
    transport.close();
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
