/** Files that are sent first, checked, and started later. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEPT_MS } from '../../src/dashboard/shelf.js';
import { runOfKey } from '../../src/dashboard/upload.js';
import { type Check, checkSource } from '../../src/index.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person } from '../helpers/csv.js';
import { until } from '../helpers/world.js';
import { ask, post, type Served, serveWorld } from './helpers.js';

const CSV = 'email,external_id,first_name\nada@example.com,1,Ada\nlin@example.com,2,Lin\n';

function lying({ world }: Served): string[] {
  const dir = join(world.dataDir, 'uploads');
  return existsSync(dir) ? readdirSync(dir) : [];
}

async function sent({ url }: Served, text = CSV, name = 'people.csv'): Promise<string> {
  const said = await post(`${url}/api/files?name=${encodeURIComponent(name)}`, text);
  expect(said.status, JSON.stringify(said.body)).toBe(201);
  return said.body.file as string;
}

/** The last event of a check. */
async function checked({ url }: Served, file: string, query = '') {
  const answer = await fetch(`${url}/api/files/${file}/check?${query}`, { method: 'POST' });
  expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
  const lines = (await answer.text()).trim().split('\n');
  return JSON.parse(lines.at(-1)!) as { event: string; error: { code: string; message: string } } & Check;
}

test('a file is sent once, checked as the command line would, and started from where it lies', async () => {
  const served = await serveWorld();
  const { world, url, rowferry } = served;
  const rows = [...people(40), { ...person(41), email: 'nobody' }, { ...person(7), external_id: 'P-42' }];
  const path = world.csv(rows);
  const file = await sent(served, readFileSync(path, 'utf8'));
  const place = join(world.dataDir, 'uploads', file, 'upload', 'people.csv');
  expect(statSync(place).mode & 0o777).toBe(0o600);
  expect(statSync(join(world.dataDir, 'uploads', file)).mode & 0o777).toBe(0o700);

  const { event, ...check } = await checked(served, file, 'rate=10/s');
  expect(event).toBe('result');
  const asked = { dataDir: world.dataDir, env: world.env, config: false } as const;
  const byHand = await checkSource(path, { ...asked, rate: { requests: 10, perMs: 1_000 } });
  expect(check).toEqual(JSON.parse(JSON.stringify(byHand)));
  expect(check).toMatchObject({ rows: 42, created: 40, skipped: 1, failed: 1, seconds: 4 });
  expect(check.columns[0]!.samples).toEqual(rows.slice(0, 3).map(({ email }) => email));
  expect(readdirSync(world.dataDir).filter((name) => name.startsWith('check-'))).toEqual([]);
  expect(world.ledger()).toEqual([]);

  const started = await post(`${url}/api/runs?file=${file}&rate=none`);
  expect(started).toMatchObject({ status: 201, body: { run: runOfKey(file), repeated: false } });
  expect(lying(served)).toEqual([]);
  const run = started.body.run as string;
  // The answer was lost: the same once more, but not otherwise.
  expect(await post(`${url}/api/runs?file=${file}&rate=none`)).toMatchObject({ status: 200, body: { run } });
  expect(await post(`${url}/api/runs?file=${file}&rate=1/s`)).toMatchObject({ status: 422 });
  served.serve();
  await until(async () => (await rowferry.status(run)).state === 'finished');
  const { reports, source } = await rowferry.report(run);
  expect(source.name).toBe('people.csv');
  expectAgreement(reports.dir, rows, world.ledger());
});

test('what a check refuses is told with its sentence, and the file can be started otherwise', async () => {
  const served = await serveWorld();
  const { url, world, left } = served;
  const empty = await sent(served, 'email\n', 'empty.csv');
  const said = await checked(served, empty);
  expect(said).toMatchObject({ event: 'error', error: { code: 'NO_ROWS' } });
  expect(said.error.message).toMatch(/^empty\.csv has a header/);
  const page = await checked(served, await sent(served, '<html><body>Log in</body></html>', 'l.csv'));
  expect(page.error.message).toMatch(/^l\.csv is a web page/);
  expect(JSON.stringify(page)).not.toContain(world.dir);

  const file = await sent(served);
  expect((await checked(served, file, 'to=nobody')).error.code).toBe('DESTINATION_UNKNOWN');
  expect((await post(`${url}/api/files/${file}/check?ratee=1`)).body.error.code).toBe('PARAMETER_UNKNOWN');
  expect((await post(`${url}/api/runs?file=${file}&map=${encodeURIComponent('no such=email')}`)).status).toBe(
    400,
  );
  expect(left()).toEqual([]);
  expect(lying(served)).toContain(file);
  expect((await post(`${url}/api/runs?file=${file}`)).status).toBe(201);
});

test('a check is ended when it takes too long, and when nobody asks any more', async () => {
  const served = await serveWorld({}, { checkMs: 1 });
  const { world, url } = served;
  const file = await sent(served);
  const said = await checked(served, file);
  expect(said).toMatchObject({ event: 'error', error: { code: 'CHECK_TOO_LONG' } });
  // Nothing of it is left, and those after it have their turn.
  const scratch = () => readdirSync(world.dataDir).filter((name) => name.startsWith('check-'));
  expect(scratch()).toEqual([]);
  const leaving = Array.from({ length: 2 }, async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const answer = await fetch(`${url}/api/files/${file}/check`, { method: 'POST', signal });
    await answer.body!.getReader().read();
    controller.abort();
  });
  await Promise.all(leaving);
  expect((await checked(served, file)).error.code).toBe('CHECK_TOO_LONG');
  await until(async () => scratch().length === 0);
});

test('checks end with the service, those that wait for their turn, too', async () => {
  const served = await serveWorld();
  const file = await sent(served);
  const asked = Array.from({ length: 3 }, async () => {
    const answer = await fetch(`${served.url}/api/files/${file}/check`, { method: 'POST' });
    const reader = answer.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('{"event":"waiting"}\n');
    return reader;
  });
  const readers = await Promise.all(asked);
  const atWork = () => process.getActiveResourcesInfo().filter((one) => one === 'ProcessWrap').length;
  await until(() => atWork() > 0);
  expect(atWork()).toBeLessThanOrEqual(2);
  await served.end();
  for (const reader of readers) {
    // What it was told last, or nothing any more; never a service that hangs.
    for (let over = false; !over; )
      over = await reader.read().then(
        ({ done }) => done,
        () => true,
      );
  }
  const scratch = () => readdirSync(served.world.dataDir).filter((name) => name.startsWith('check-'));
  await until(() => scratch().length === 0);
});

test('ids from outside lead nowhere, and pages of other origins drop nothing', async () => {
  const served = await serveWorld();
  const { url, world } = served;
  const file = await sent(served, CSV, '../../../evil.csv');
  expect(readdirSync(join(world.dataDir, 'uploads', file, 'upload'))).toEqual(['evil.csv']);
  mkdirSync(join(world.dataDir, 'uploads', 'x', 'upload'), { recursive: true });
  writeFileSync(join(world.dataDir, 'uploads', 'x', 'upload', 'secret.csv'), CSV);
  const strangers = [
    'x',
    '..%2Freports',
    `${file}%2F..%2Fx`,
    '%2Fetc',
    `${file}x`,
    `0${file.slice(1)}`,
    '..',
  ];
  for (const id of strangers) {
    expect((await post(`${url}/api/files/${id}/check`)).status, id).toBe(404);
    expect((await post(`${url}/api/runs?file=${id}`)).status, id).toBeGreaterThanOrEqual(400);
    await ask(`${url}/api/files/${id}`, { method: 'DELETE' });
  }
  expect(lying(served).sort()).toEqual([file, 'x'].sort());
  const foreign = { origin: 'https://evil.example' };
  for (const [path, method] of [
    ['', 'POST'],
    [`/${file}/check`, 'POST'],
    [`/${file}`, 'DELETE'],
  ] as const) {
    expect((await ask(`${url}/api/files${path}`, { method, headers: foreign })).status).toBe(403);
  }
  expect((await ask(`${url}/api/files/${file}`, { method: 'DELETE' })).status).toBe(204);
  expect(lying(served)).toEqual(['x']);
  expect((await post(`${url}/api/runs?file=${file}`)).body.error.code).toBe('FILE_UNKNOWN');
});

test('what is too large or breaks off leaves nothing; what nobody starts goes, also at the start of the service', async () => {
  const served = await serveWorld({}, { mostBytes: 1_000_000 });
  const { url, world } = served;
  const large = await post(`${url}/api/files`, 'x'.repeat(1_000_001));
  expect(large).toMatchObject({ status: 413, body: { error: { code: 'SOURCE_TOO_LARGE' } } });
  expect(lying(served)).toEqual([]);
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
  socket.write(`POST /api/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n${CSV}`);
  await until(async () => lying(served).length === 1);
  socket.destroy();
  await until(async () => lying(served).length === 0);

  const [old, young] = [await sent(served), await sent(served)];
  const before = new Date(Date.now() - KEPT_MS - 60_000);
  const dir = join(world.dataDir, 'uploads');
  mkdirSync(join(dir, `${old}.part`, 'upload'), { recursive: true });
  for (const path of [`${old}/upload/people.csv`, `${old}/upload`, old, `${old}.part`]) {
    utimesSync(join(dir, path), before, before);
  }
  await serveWorld({}, { world });
  await until(async () => lying(served).length === 1);
  expect(lying(served)).toEqual([young]);

  for (let i = 1; i < 32; i++) await sent(served);
  expect(await post(`${url}/api/files`, CSV)).toMatchObject({
    status: 409,
    body: { error: { code: 'UPLOADS_FULL' } },
  });
});
