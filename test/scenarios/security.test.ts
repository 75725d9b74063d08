/** Keys and contacts stay where they belong: whole runs, and then every byte they left behind. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Summary } from '../../src/index.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { openSite } from '../helpers/site.js';
import { until, World } from '../helpers/world.js';

const SECRETS = {
  CRM_PASSWORD: 'crm/pass"word&0123456789',
  CRM_TOKEN: 'crm-token-0123456789',
  SOURCE_TOKEN: 'source-token-0123456789',
};
/** As anything may spell them. */
const SPELLINGS = Object.values(SECRETS).flatMap((secret) => [
  ...[secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)],
  ...[secret, `me:${secret}`].map((one) => Buffer.from(one).toString('base64').replace(/=+$/, '')),
]);

const CONFIG = `
destinations:
  crm:
    kind: http
    base_url: \${CRM_URL}
    basic_auth: { username: me, password: "\${CRM_PASSWORD}" }
    headers: { x-crm-token: "\${CRM_TOKEN}" }
    fields: { email: { type: email, required: true, unique: true } }
    create: { path: /contacts }
    rate: none
    attempts: 2
    concurrency: 4
syncs:
  nightly:
    to: crm
    unmapped: ignore
    source: { url: "\${SOURCE_URL}", headers: { authorization: "Bearer \${SOURCE_TOKEN}" } }
`;

/** Every path below `dir`. */
function below(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name));
}

function filesBelow(dir: string): string[] {
  return below(dir).filter((path) => statSync(path).isFile());
}

/** Where in `texts` a secret stands. */
function leaks(texts: Iterable<readonly [string, string]>): string[] {
  return [...texts].flatMap(([place, text]) =>
    SPELLINGS.filter((secret) => text.includes(secret)).map((secret) => `${place}: ${secret}`),
  );
}

function onDisk(dir: string): [string, string][] {
  return filesBelow(dir).map((path) => [path, readFileSync(path, 'latin1')]);
}

test('no key is on disk, in Redis, in a log at trace or in a report, though the API quotes them all', async () => {
  const world = await World.open({ ownRedis: true });
  writeFileSync(join(world.dir, 'rowferry.yaml'), CONFIG);
  const rows = people(60);
  const csv = readFileSync(world.csv(rows, 'export.csv'), 'utf8');
  const source = await openSite((_request, response) => response.end(csv));
  const held: (() => void)[] = [];
  let hold = true;
  // It repeats what it was asked with, as JSON, in its headers and as it is, in every kind of answer.
  const crm = await openSite((request, response) => {
    const pair = /Basic (.*)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const quoted = [
      SECRETS.CRM_PASSWORD,
      SECRETS.CRM_TOKEN,
      pair,
      encodeURIComponent(SECRETS.CRM_PASSWORD),
    ].join(' ');
    const statuses = [422, 500, 409, 201, 422, 400];
    const status = statuses[crm.asked.length % statuses.length]!;
    const body = { id: status === 201 ? String(crm.asked.length) : undefined, message: `no: ${quoted}` };
    const answer = () =>
      response.writeHead(status, { 'x-quoted': encodeURI(quoted) }).end(JSON.stringify(body));
    if (hold && crm.asked.length > 30) held.push(answer);
    else answer();
  });
  const env = {
    ...SECRETS,
    CRM_URL: crm.url,
    SOURCE_URL: `${source.url}/export.csv?token=${SECRETS.SOURCE_TOKEN}`,
    SENDMATOR_API_KEY: '',
    ROWFERRY_LOG_LEVEL: 'trace',
  };

  // Killed in the middle: what is under way is on the disk of its Redis, and in the run's directory.
  const killed = world.startWith(env, 'run', '--sync', 'nightly', '--json');
  await until(() => held.length >= 4);
  killed.killGroup();
  const crashed = await killed.finished;
  hold = false;
  for (const answer of held) answer();
  expect(leaks(onDisk(world.dataDir))).toEqual([]);

  const [run] = readdirSync(join(world.dataDir, 'runs')) as [string];
  const resumed = await world.startWith(env, 'runs', 'resume', run, '--json').finished;
  expect(resumed.stderr + resumed.stdout).toContain('"event":"result"');
  const wrong = { ...env, REDIS_URL: `redis://:${SECRETS.CRM_TOKEN}@127.0.0.1:1` };
  const refused = await world.startWith(wrong, 'run', world.csv(rows), '--to', 'crm').finished;
  expect(refused.code).toBe(69);
  const doctor = await world.startWith(env, 'doctor', '--json').finished;

  const report = JSON.parse(resumed.stdout.trim().split('\n').at(-1)!) as Summary;
  expect(report.rows).toBe(60);
  const failed = readFileSync(report.reports.failed, 'utf8');
  expect(failed).toContain('no: *** *** *** ***');
  const said = [crashed, resumed, refused, doctor].map(
    ({ stdout, stderr }, i) => [`process ${i}`, stdout + stderr] as const,
  );
  expect(leaks(said)).toEqual([]);
  expect(leaks(onDisk(world.dir))).toEqual([]);
  // The scan finds what is there.
  expect(leaks([['a request', crm.asked[0]!.headers.authorization!]])).not.toEqual([]);
});

test('whatever is written is for its owner alone: runs, reports, spools, uploads, claims, archive, and what Redis writes', async () => {
  const world = await World.open({ ownRedis: true });
  const drop = join(world.dir, 'data', 'drop');
  const config = `folder: { path: ${drop}, settle: 200ms, poll: 100ms }\ndefaults: { rate: none }\ndashboard: { port: 0 }\n`;
  writeFileSync(join(world.dir, 'rowferry.yaml'), config);
  const service = world.start('start');
  await service.says(/"watching"/);
  const [, url] = await service.says(/(http:\/\/127\.0\.0\.1:\d+)/);
  const rows = people(5);
  const text = readFileSync(world.csv(rows), 'utf8');
  // Its rights are those that whoever dropped it gave it.
  writeFileSync(join(drop, 'inbox', 'dropped.csv'), text, { mode: 0o600 });
  writeFileSync(join(drop, 'inbox', 'wrong.csv'), 'no,address\n1,2\n', { mode: 0o600 });
  await until(() => readdirSync(join(drop, 'archive')).length >= 2);
  // Told apart now: runs of one second do not sort by age.
  const [dropped] = readdirSync(join(world.dataDir, 'reports'));
  const answer = await fetch(`${url}/api/runs?name=${encodeURIComponent('../../../up.csv')}`, {
    method: 'POST',
    body: text,
  });
  const { run } = (await answer.json()) as { run: string };
  await until(() => readdirSync(join(world.dataDir, 'reports')).includes(run));
  const piped = world.start('run', '-', '--to', 'sendmator');
  piped.child.stdin!.end(text);
  expect((await piped.finished).code).toBe(0);
  expectAgreement(join(world.dataDir, 'reports', dropped!), rows, world.ledger());
  await until(() => readdirSync(join(drop, 'rejected')).length === 2);

  const open = [world.dataDir, ...below(world.dataDir)].filter((path) => (statSync(path).mode & 0o077) !== 0);
  expect(open).toEqual([]);
  expect(below(world.dataDir).some((path) => path.endsWith('.aof'))).toBe(true);
  expect(filesBelow(world.dir).filter((path) => path.endsWith('up.csv'))).toEqual([
    join(world.dataDir, 'runs', run, 'upload', 'up.csv'),
  ]);
  service.kill();
  await service.finished;
});
