import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fetchTo } from '../../src/sources/fetch.js';
import { takeSource } from '../../src/sources/take.js';
import { scratchDir } from '../helpers/scratch.js';
import { openSite } from '../helpers/site.js';
import { openUntrusted } from '../helpers/untrusted.js';

const CSV = 'email\nada@example.com\n';

function spoolPath(): string {
  return join(scratchDir(), 'run', 'source.csv');
}

test('a file is fetched with the headers of its source; its name is the last part of the path', async () => {
  const site = await openSite((_request, response) => response.setHeader('etag', '"v1"').end(CSV));
  const path = spoolPath();
  const url = `${site.url}/exports/people.csv?token=secret`;
  const taken = await takeSource({ url, headers: { Authorization: 'Bearer s3cret' } }, path);
  expect(taken).toMatchObject({
    source: { path, name: 'people.csv', bytes: CSV.length, lines: 2 },
    mark: { etag: '"v1"' },
  });
  expect(site.asked).toHaveLength(1);
  expect(site.asked[0]!.headers).toMatchObject({
    authorization: 'Bearer s3cret',
    'accept-encoding': 'gzip',
  });
});

test('user and password of a URL are sent as a header, and a header of the source beats them', async () => {
  const site = await openSite((_request, response) => response.end(CSV));
  const url = `${site.url.replace('//', '//ann:p%40ss@')}/people.csv`;
  await fetchTo(spoolPath(), { url });
  await fetchTo(spoolPath(), { url, headers: { Authorization: 'Bearer x' } });
  const basic = `Basic ${Buffer.from('ann:p@ss').toString('base64')}`;
  expect(site.asked.map(({ headers }) => headers.authorization)).toEqual([basic, 'Bearer x']);
});

test('what is known is asked for conditionally; an unchanged file is not sent again', async () => {
  const etag = `"${createHash('sha256').update(CSV).digest('hex')}"`;
  const lastModified = 'Sat, 31 Jan 2026 23:59:59 GMT';
  const site = await openSite((request, response) => {
    const { headers } = request;
    const same = headers['if-none-match'] === etag && headers['if-modified-since'] === lastModified;
    if (same) response.writeHead(304).end();
    else response.writeHead(200, { etag, 'last-modified': lastModified }).end(CSV);
  });
  const known = await fetchTo(spoolPath(), { url: site.url });
  expect(known).toEqual({ etag, lastModified });
  const path = spoolPath();
  expect(await fetchTo(path, { url: site.url }, { known })).toBeUndefined();
  expect(existsSync(path)).toBe(false);
});

test.each([
  ['packed for the way', { 'content-encoding': 'gzip' }, gzipSync(CSV)],
  ['packed in itself', { 'content-type': 'application/gzip' }, gzipSync(CSV)],
  ['packed in itself and for the way', { 'content-encoding': 'gzip' }, gzipSync(gzipSync(CSV))],
  ['not packed', {}, Buffer.from(CSV)],
])('a file that is %s', async (_what, headers: Record<string, string>, body) => {
  const site = await openSite((_request, response) => response.writeHead(200, headers).end(body));
  const path = spoolPath();
  await fetchTo(path, { url: site.url });
  expect(readFileSync(path, 'utf8')).toBe(CSV);
});

test('gzip that is cut short, another encoding and an empty answer are told as such', async () => {
  const answers: [Record<string, string>, Buffer][] = [
    [{}, gzipSync(CSV).subarray(0, 20)],
    [{ 'content-encoding': 'br' }, Buffer.from('x')],
    [{}, Buffer.alloc(0)],
  ];
  const site = await openSite((_request, response) => {
    const [headers, body] = answers[site.asked.length - 1]!;
    response.writeHead(200, headers).end(body);
  });
  const url = `${site.url}/people.csv`;
  await expect(fetchTo(spoolPath(), { url })).rejects.toMatchObject({
    code: 'SOURCE_UNREADABLE',
    message: 'people.csv is packed with gzip and cannot be unpacked: unexpected end of file.',
  });
  await expect(fetchTo(spoolPath(), { url })).rejects.toThrow('packed in another way than gzip');
  await expect(fetchTo(spoolPath(), { url })).rejects.toThrow('people.csv is empty (0 bytes).');
});

test('a file larger than max_size is refused, however it is packed and whatever the server says of its length', async () => {
  const large = Buffer.alloc(3_000_000, 'x');
  const bodies = [
    (response: import('node:http').ServerResponse) => response.end(large),
    (response: import('node:http').ServerResponse) => response.write(large) && response.end(),
    (response: import('node:http').ServerResponse) => response.end(gzipSync(large)),
  ];
  const site = await openSite((_request, response) => void bodies[site.asked.length - 1]!(response));
  for (const _ of bodies) {
    await expect(
      fetchTo(spoolPath(), { url: `${site.url}/a.csv`, maxBytes: 1_000_000 }),
    ).rejects.toMatchObject({
      code: 'SOURCE_TOO_LARGE',
      message:
        'a.csv is larger than 1 MB; raise max_size of its source in rowferry.yaml if it is meant to be.',
    });
  }
});

test('a server that never comes to an end is left after max_time, and at once when the process ends', async () => {
  const site = await openSite((_request, response) => void response.write('email\n'));
  const url = `${site.url}/a.csv?key=secret`;
  await expect(fetchTo(spoolPath(), { url, maxMs: 300 })).rejects.toMatchObject({
    code: 'SOURCE_UNREACHABLE',
    message: `${site.url}/a.csv cannot be read: it took longer than 0.3 s (max_time).`,
  });
  const ending = new AbortController();
  const fetching = fetchTo(spoolPath(), { url }, { signal: ending.signal });
  setTimeout(() => ending.abort(), 50);
  await expect(fetching).rejects.toMatchObject({ code: 'RUN_INTERRUPTED', exitCode: 130 });
});

test('redirects are followed; the headers go to the first origin only, also when it is come back to', async () => {
  const other = await openSite((_request, response) => {
    response.writeHead(302, { location: `${first.url}/back.csv` }).end();
  });
  const first = await openSite((request, response) => {
    if (request.url === '/a.csv') response.writeHead(301, { location: '/b.csv' }).end();
    else if (request.url === '/b.csv') response.writeHead(307, { location: `${other.url}/c.csv` }).end();
    else response.end(CSV);
  });
  const path = spoolPath();
  const taken = await takeSource(
    { url: `${first.url}/a.csv`, headers: { Authorization: 'Bearer s', 'X-Api-Key': 'k' } },
    path,
    { known: { etag: '"1"' } },
  );
  const conditional = [...first.asked, ...other.asked].filter(({ headers }) => headers['if-none-match']);
  expect(conditional.map(({ path }) => path)).toEqual(['/a.csv', '/b.csv']);
  expect(taken?.source.name).toBe('a.csv');
  const keys = [...first.asked, ...other.asked].map(({ path, headers }) => [
    path,
    headers.authorization,
    headers['x-api-key'],
  ]);
  expect(keys).toEqual([
    ['/a.csv', 'Bearer s', 'k'],
    ['/b.csv', 'Bearer s', 'k'],
    ['/back.csv', undefined, undefined],
    ['/c.csv', undefined, undefined],
  ]);
});

test('a circle of redirects ends; so does one that leads elsewhere than to http', async () => {
  const locations = Array.from({ length: 7 }, () => '/again');
  const site = await openSite((_request, response) =>
    response.writeHead(302, { location: locations.pop() ?? 'file:///etc/passwd' }).end(),
  );
  await expect(fetchTo(spoolPath(), { url: site.url })).rejects.toThrow('more than 5 redirects');
  locations.length = 0;
  await expect(fetchTo(spoolPath(), { url: site.url })).rejects.toThrow('which is not safe');
});

test('a refusal tells where to look and repeats neither the query nor the answer', async () => {
  const site = await openSite((_request, response) => response.writeHead(401).end('s3cret is wrong'));
  const url = `${site.url.replace('//', '//ann:pw@')}/a.csv?key=secret`;
  const refused = await fetchTo(spoolPath(), { url }).catch((error: Error) => error);
  expect((refused as Error).message).toBe(
    `${site.url}/a.csv cannot be read: HTTP 401; check the headers of the source.`,
  );
  await expect(fetchTo(spoolPath(), { url: 'http://127.0.0.1:1/a.csv' })).rejects.toThrow(
    'http://127.0.0.1:1/a.csv cannot be read: ECONNREFUSED.',
  );
});

test('an answer that breaks off is no file', async () => {
  const site = await openSite((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write(CSV, () => response.destroy());
  });
  await expect(fetchTo(spoolPath(), { url: `${site.url}/a.csv` })).rejects.toMatchObject({
    code: 'SOURCE_UNREACHABLE',
    message: `${site.url}/a.csv cannot be read: UND_ERR_SOCKET.`,
  });
});

test('a certificate that nobody vouches for is refused, whatever the environment allows', async () => {
  const { url } = await openUntrusted((_request, response) => response.end(CSV));
  await expect(fetchTo(spoolPath(), { url: `${url}/a.csv` })).rejects.toThrow(
    `${url}/a.csv cannot be read: its TLS certificate is not trusted (depth_zero_self_signed_cert;`,
  );
});
