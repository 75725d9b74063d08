import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, inject, test } from 'vitest';
import { runOfKey } from '../../src/dashboard/upload.js';
import { RunRecord } from '../../src/outcomes/settle.js';
import { zip } from '../corpus/archive.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { until } from '../helpers/world.js';
import { ask, post, serveWorld } from './helpers.js';

const HEADER = 'email,external_id,first_name\n';
const CSV = `${HEADER}ada@example.com,1,Ada\nlin@example.com,2,Lin\n`;

test('a file that is sent becomes a run, which the service works on; its report can be fetched', async () => {
  const { world, url, serve } = await serveWorld();
  const rows = people(500);
  const path = world.csv(rows);
  const text = readFileSync(path, 'utf8');
  const added = await post(
    `${url}/api/runs?name=people.csv&rate=none&map=${encodeURIComponent('tags:=vip')}`,
    text,
  );
  expect(added).toMatchObject({ status: 201, body: { run: expect.any(String), repeated: false } });
  const { run, warnings } = added.body as { run: string; warnings: string[] };
  expect(warnings).toEqual(expect.any(Array));
  expect(await ask(`${url}/api/runs/${run}`)).toMatchObject({
    status: 200,
    body: { run, state: 'queued', source: 'people.csv', destination: 'sendmator' },
  });
  expect((await ask(`${url}/api/runs/${run}/report/outcomes.csv`)).body.error.code).toBe('NO_REPORT');

  serve();
  await until(async () => (await ask(`${url}/api/runs/${run}`)).body.state === 'finished');
  const { body } = await ask(`${url}/api/runs/${run}`);
  expect(body.summary).toMatchObject({ rows: 500, created: 500 });
  expectAgreement(body.summary.reports.dir, rows, world.ledger());
  expect((await ask(`${url}/api/runs/${run}/report`)).body).toEqual(body.summary);
  const report = await ask(`${url}/api/runs/${run}/report/outcomes.csv`);
  expect(report.body).toBe(readFileSync(body.summary.reports.outcomes, 'utf8'));
  expect((await ask(`${url}/api/runs`)).body.runs.map((view: { run: string }) => view.run)).toEqual([run]);
});

test.each([
  ['a parameter there is not', 'ratee=1/s', CSV, 400, 'PARAMETER_UNKNOWN', /rate/],
  ['a rate that is none', 'rate=fast', CSV, 400, 'SETTING_INVALID', /^rate: "fast" is not a rate/],
  ['a destination there is not', 'to=sendmatr', CSV, 400, 'DESTINATION_UNKNOWN', /sendmator/],
  ['a sync there is not', 'sync=none', CSV, 400, 'SYNC_UNKNOWN', /none/],
  ['an empty file', 'name=e.csv', '', 400, 'SOURCE_EMPTY', /^e\.csv is empty/],
  ['a header alone', 'name=h.csv', HEADER, 400, 'NO_ROWS', /^h\.csv has a header/],
  [
    'what is no text',
    'name=../../l.csv',
    '<html><body>Please log in</body></html>',
    400,
    'SOURCE_NOT_TEXT',
    /^l\.csv is a web page/,
  ],
  [
    'a file beyond the limit',
    '',
    `${CSV}${'x'.repeat(30_000_000)}`,
    413,
    'SOURCE_TOO_LARGE',
    /1000000 bytes/,
  ],
] as const)('refused is %s, and nothing is left of it', async (_what, query, body, status, code, message) => {
  const { url, left } = await serveWorld({}, { mostBytes: 1_000_000 });
  const said = await post(`${url}/api/runs?${query}`, body);
  expect(said).toMatchObject({ status, body: { error: { code, message: expect.stringMatching(message) } } });
  expect(left()).toEqual([]);
});

test('an upload that breaks off leaves no run and no half file, however it was announced', async () => {
  const { url, left, world } = await serveWorld();
  const { port } = new URL(url);
  for (const length of [`Content-Length: ${CSV.length + 1_000}`, 'Transfer-Encoding: chunked']) {
    const socket = createConnection(Number(port), '127.0.0.1');
    const piece = length.startsWith('T') ? `${CSV.length.toString(16)}\r\n${CSV}\r\n` : CSV;
    socket.write(`POST /api/runs HTTP/1.1\r\nHost: localhost\r\n${length}\r\n\r\n${piece}`);
    const uploads = () =>
      left().filter((name) => existsSync(join(world.dataDir, 'runs', name, 'upload', 'upload.csv')));
    await until(() => uploads().length === 1);
    socket.destroy();
    await until(() => left().length === 0);
  }
});

test('the same upload once more is the same run, also while the first is under way; another with its id is refused', async () => {
  const { url, left, world } = await serveWorld();
  const key = `${Date.now()}-0123456789abcdef`;
  const headers = { 'idempotency-key': key };
  const both = await Promise.all([
    post(`${url}/api/runs`, CSV, headers),
    post(`${url}/api/runs`, CSV, headers),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
  const [run] = left() as [string];
  expect(run).toBe(runOfKey(key));
  expect(await post(`${url}/api/runs`, CSV, headers)).toMatchObject({
    status: 200,
    body: { run, repeated: true },
  });
  for (const [other, query] of [
    [`${CSV}eve@example.com,3,Eve\n`, ''],
    [CSV, '?rate=1/s'],
  ] as const) {
    expect(await post(`${url}/api/runs${query}`, other, headers)).toMatchObject({
      status: 422,
      body: { error: { code: 'KEY_REUSED', message: expect.stringContaining(`became run ${run}`) } },
    });
  }
  expect(left()).toEqual([run]);
  expect(readdirSync(join(world.dataDir, 'runs', run, 'upload'))).toEqual(['upload.csv']);

  writeFileSync(join(world.dataDir, 'runs', run, 'upload.key'), 'of somebody else');
  expect(await post(`${url}/api/runs`, CSV, headers)).toMatchObject({
    status: 409,
    body: { error: { code: 'RUN_EXISTS' } },
  });
  for (const other of ['x', '99999999999999-0123456789abcdef', '100000000000-0123456789abcdef']) {
    const said = await post(`${url}/api/runs`, CSV, { 'idempotency-key': other });
    expect(said.body.error.code).toBe('KEY_MALFORMED');
  }
});

test('an archive that is sent becomes a run for each of its tables, once, or none', async () => {
  const { url, left, world, serve } = await serveWorld();
  const rows = people(30);
  const table = (part: typeof rows) => readFileSync(world.csv(part));
  const archive = zip([
    { name: 'a.csv', bytes: table(rows.slice(0, 10)) },
    { name: 'sub/b.csv', bytes: table(rows.slice(10)) },
  ]);
  const headers = { 'idempotency-key': `${Date.now()}-0123456789abcdef` };
  const broken = zip([
    { name: 'a.csv', bytes: Buffer.from(CSV) },
    { name: 'b.csv', bytes: Buffer.from(HEADER) },
  ]);
  expect(await post(`${url}/api/runs?name=ex.zip`, broken)).toMatchObject({
    status: 400,
    body: { error: { code: 'NO_ROWS', message: 'ex.zip/b.csv has a header and no rows.' } },
  });
  expect(left()).toEqual([]);
  const added = await post(`${url}/api/runs?name=ex.zip&rate=none`, archive, headers);
  expect(added).toMatchObject({ status: 201, body: { repeated: false } });
  const { run, runs } = added.body as { run: string; runs: string[] };
  expect(runs.length).toBe(2);
  expect(runs[0]).toBe(run);
  expect((await ask(`${url}/api/runs/${run}`)).body).toMatchObject({
    tables: [runs[1]],
    source: 'ex.zip/a.csv',
  });
  expect((await ask(`${url}/api/runs/${runs[1]}`)).body).toMatchObject({ tableOf: run });

  // Killed before the first of them was there: nothing counts yet, and what is there is not made twice.
  rmSync(join(world.dataDir, 'runs', run), { recursive: true });
  const again = await post(`${url}/api/runs?name=ex.zip&rate=none`, archive, headers);
  expect(again).toMatchObject({ status: 201, body: { runs, repeated: false } });
  expect(await post(`${url}/api/runs?name=ex.zip&rate=none`, archive, headers)).toMatchObject({
    status: 200,
    body: { runs, repeated: true },
  });
  expect(left().sort()).toEqual([...runs].sort());
  serve();
  for (const [i, part] of [rows.slice(0, 10), rows.slice(10)].entries()) {
    await until(async () => (await ask(`${url}/api/runs/${runs[i]}`)).body.state === 'finished');
    const { body } = await ask(`${url}/api/runs/${runs[i]}`);
    const own = world.ledger().filter((contact) => part.some(({ email }) => email === contact.email));
    expectAgreement(body.summary.reports.dir, part, own);
  }
  expect(world.ledger().length).toBe(30);
});

test('a queued run is cancelled by the service, a halted one resumed, failed rows retried', async () => {
  const { url, serve, world, rowferry } = await serveWorld();
  const { run: first } = (await post(`${url}/api/runs`, CSV)).body;
  expect((await post(`${url}/api/runs/${first}/cancel`)).status).toBe(202);
  serve();
  await until(async () => (await rowferry.status(first)).state === 'cancelled');
  expect((await rowferry.report(first)).unprocessed).toBe(2);
  expect(await post(`${url}/api/runs/${first}/cancel`)).toMatchObject({
    status: 409,
    body: { error: { code: 'RUN_OVER' } },
  });
  expect((await post(`${url}/api/runs/${first}/resume`)).body.error.code).toBe('RUN_OVER');
  expect((await post(`${url}/api/runs/${first}/retry`)).body.error.code).toBe('NOTHING_TO_RETRY');

  const { run: second } = (await post(`${url}/api/runs?rate=1/s`, CSV)).body;
  const { redis, prefix } = { redis: new Redis(inject('redisSocket')), prefix: world.env.ROWFERRY_PREFIX! };
  const record = new RunRecord(redis, prefix, second);
  const refused = { halt_code: 'http_401', halt_message: 'HTTP 401' };
  await until(async () => (await record.setState('halted', ['running'], refused)) === 'halted');
  await redis.quit();
  await until(async () => (await rowferry.status(second)).state === 'halted');
  // Its runner may be about to let go of it.
  await until(async () => (await post(`${url}/api/runs/${second}/resume`)).status === 202);
  await until(async () => (await rowferry.status(second)).state === 'finished');
  expect((await rowferry.report(second)).created).toBe(2);

  const { run: third } = (await post(`${url}/api/runs`, `${HEADER}no address,3,No\n`)).body;
  await until(async () => (await rowferry.status(third)).state === 'finished');
  const { status, body } = await post(`${url}/api/runs/${third}/retry`);
  expect(status).toBe(201);
  await until(async () => (await rowferry.status(body.run)).state === 'finished');
  expect(await rowferry.report(body.run)).toMatchObject({ rows: 1, failed: 1, retry_of: third });
});

test('what is not there is told as JSON', async () => {
  const { url, world } = await serveWorld();
  expect(await ask(`${url}/api/runs/nonsense`)).toMatchObject({
    status: 404,
    body: { error: { code: 'RUN_ID_MALFORMED' } },
  });
  expect(await ask(`${url}/api/runs/20260131-235959-1a2b3c`)).toMatchObject({
    status: 404,
    body: { error: { code: 'RUN_UNKNOWN' } },
  });
  const told = await ask(`${url}/api/runs/20260131-235959-1a2b3c`);
  expect(told.body.error.message).toMatch(/^There is no run 20260131-235959-1a2b3c in the data dir;/);
  expect(JSON.stringify(told.body)).not.toContain(world.dir);
  expect(await ask(`${url}/nowhere`)).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
});
