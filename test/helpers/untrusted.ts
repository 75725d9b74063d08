/** An HTTPS server that nobody vouches for, in an environment that says certificates need not be checked. */
import type { RequestListener } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export async function openUntrusted(answer: RequestListener) {
  let asked = 0;
  const options: ServerOptions = { key: KEY, cert: CERTIFICATE };
  const server = createServer(options, (request, response) => {
    asked++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

/** Made for tests alone, for 127.0.0.1; nobody trusts it. */
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTlPT/HqzfBtV9604
/CFExjoAMxqd/Sn3LnW6gmsQ0GyhRANCAAQFbv3aFw486z4jFra1EIOu4x3HX4Ba
4gxsnRek2mzuk6a+6GBzW8yRvI4L4ywdqY/dwjjEbEIjJtFUAACN7Hq5
-----END PRIVATE KEY-----`;

export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUTpKQ9adWg4H1hguAN/q0Sa60XxgwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMjExMDgzNFoYDzIxMjYxMDI5
MTEwODM0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQFbv3aFw486z4jFra1EIOu4x3HX4Ba4gxsnRek2mzuk6a+6GBzW8yR
vI4L4ywdqY/dwjjEbEIjJtFUAACN7Hq5o2QwYjAdBgNVHQ4EFgQUSJnbBolsZuYk
e8QjmbrOQHT+YJgwHwYDVR0jBBgwFoAUSJnbBolsZuYke8QjmbrOQHT+YJgwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQCpS2TNX5/vMc75wnq2otqAyD7wewzXXIney7FSwlv6egIhAMptYxhrWeZxh1rf
gUJ1FyL2F6Fs201ovk8oEwF33cek
-----END CERTIFICATE-----`;
