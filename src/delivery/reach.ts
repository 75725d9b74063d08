/** Whether a destination can be reached at all, asked once before a run is begun by hand. */
import { createConnection, isIP } from 'node:net';
import { connect } from 'node:tls';
import { certificateFault } from '../certificate.js';
import type { Account } from '../destinations/registry.js';
import { EXIT, RowferryError } from '../errors.js';

const REACH_TIMEOUT_MS = 10_000;

/** Tries to connect to a destination, so that a wrong address is told at once and not as an outage to be waited out. */
export async function reach({ name, options, setBy }: Account): Promise<void> {
  const url = new URL(options.baseUrl);
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const place = { host, port: Number(url.port || (secure ? 443 : 80)), timeout: REACH_TIMEOUT_MS };
  const setting = setBy.baseUrl ?? 'its base URL';
  await new Promise<void>((done, fail) => {
    const socket = secure
      ? connect({ ...place, rejectUnauthorized: true, ...(isIP(host) ? {} : { servername: host }) })
      : createConnection(place);
    const refuse = (why: string) => {
      socket.destroy();
      const sentence = `${name} cannot be reached at ${url.origin}: ${why}. Is ${setting} right? Nothing was sent.`;
      fail(new RowferryError('DESTINATION_UNREACHABLE', sentence, EXIT.usage));
    };
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.destroy();
      done();
    });
    socket.once('timeout', () => refuse('no connection within 10 seconds'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      refuse(
        error.code === 'ECONNREFUSED'
          ? 'connection refused'
          : error.code === 'ENOTFOUND'
            ? 'no such host'
            : (certificateFault(error.code) ?? error.code ?? error.message),
      ),
    );
  });
}
