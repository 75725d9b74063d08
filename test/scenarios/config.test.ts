import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkConfig } from '../../src/config/check.js';
import { checkMapping } from '../../src/ingest/map.js';
import { loadPlan } from '../../src/run.js';
import type { LedgerLine } from '../../src/sandbox/ledger.js';
import { expectAgreement, readReport } from '../helpers/agreement.js';
import { people } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Writes `rowferry.yaml` into the working directory of the world's processes; `$` is written as `§`. */
function configure(world: World, text: string, name = 'rowferry.yaml'): string {
  const path = join(world.dir, name);
  writeFileSync(path, text.replaceAll('§', '$'), { mode: 0o600 });
  return path;
}

/** What the API holds, by the name it has in the file. */
function heldBy(world: World, name: string): LedgerLine[] {
  return world.ledger().map((line) => ({ ...line, api: name as LedgerLine['api'] }));
}

test('a sync is run by its name; what it says is frozen in the plan, and flags win', async () => {
  const world = await World.open();
  const rows = people(40);
  world.csv(rows);
  configure(
    world,
    `
destinations:
  crm: { kind: sendmator, api_key: "§{SENDMATOR_API_KEY}", rate: 100/s, attempts: 7 }
syncs:
  nightly:
    source: people.csv
    to: crm
    rate: 200/s
    report_dir: said
    map: { custom_fields.firm: company, last_name: { column: last_name, case: upper } }
    unmapped: ignore
defaults: { attempts: 3, rate: 1/h }
`,
  );
  const summary = await world.start('run', '--sync', 'nightly', '--json').result();
  expectAgreement(summary.reports.dir, rows, heldBy(world, 'crm'));
  expect(summary).toMatchObject({ destination: 'crm', created: 40 });
  expect(loadPlan(world.dataDir, summary.run)).toMatchObject({
    sync: 'nightly',
    destination: 'crm',
    mapping: { map: { 'custom_fields.firm': 'company' }, unmapped: 'ignore' },
    rate: { requests: 200, perMs: 1_000 },
    attempts: 7,
    onDuplicate: 'skip',
    bulk: false,
    reportDir: join(world.dir, 'said'),
  });

  expect(world.ledger().find(({ email }) => email === 'person7@example.com')?.fields).toMatchObject({
    custom_fields: { firm: 'Company 7' },
    last_name: 'LAST7',
  });

  // A file instead of the sync's own, and a flag instead of what the file says.
  const more = world.csv(people(5, 100), 'more.csv');
  const flags = ['--attempts', '2', '--rate', 'none', '--map', 'first_name=last_name'];
  const again = await world.start('run', more, '--sync', 'nightly', ...flags, '--json').result();
  expect(again).toMatchObject({ created: 5, source: { name: 'more.csv' } });
  expect(loadPlan(world.dataDir, again.run)).toMatchObject({ attempts: 2, rate: null, sync: 'nightly' });
  expect(world.ledger().find(({ email }) => email === 'person100@example.com')?.fields).toMatchObject({
    custom_fields: { firm: 'Company 0' },
    last_name: 'First100',
  });

  // Without the sync: the destination's own, then the defaults.
  const adHoc = world.csv(people(3, 200), 'ad-hoc.csv');
  const { run } = await world.start('run', adHoc, '--to', 'crm', '--json').result();
  expect(loadPlan(world.dataDir, run)).toMatchObject({ attempts: 7, rate: { requests: 100, perMs: 1_000 } });
  expect(loadPlan(world.dataDir, run)).not.toHaveProperty('sync');
});

test('a failed run is retried as it was planned, by the name of its destination', async () => {
  const world = await World.open();
  configure(world, 'destinations: { crm: { kind: sendmator, rate: 200/s, attempts: 2 } }\n');
  const rows = people(3);
  rows[1]!.email = 'not an address';
  const run = world.start('run', world.csv(rows), '--to', 'crm', '--attempts', '4', '--json');
  const summary = await run.result();
  expect(summary).toMatchObject({ created: 2, failed: 1 });
  const failed = summary.reports.failed;
  writeFileSync(failed, readFileSync(failed, 'utf8').replace('not an address', 'mended@example.com'));
  const retried = await world.start('runs', 'retry', summary.run, '--json').result();
  expect(retried).toMatchObject({ destination: 'crm', created: 1 });
  expect(loadPlan(world.dataDir, retried.run)).toMatchObject({
    attempts: 4,
    rate: { requests: 200, perMs: 1_000 },
    retryOf: summary.run,
  });
});

test('a key that is missing stops its own destination, and no other', async () => {
  const world = await World.open();
  configure(
    world,
    `
destinations:
  crm:
    kind: sendmator
    rate: none
  other:
    kind: sendmator
    api_key: §{OTHER_API_KEY}
`,
  );
  const file = world.csv(people(3));
  const unset =
    'rowferry.yaml:8:5 destinations.other.api_key: the environment variable OTHER_API_KEY is not set';
  const refused = await world.start('run', file, '--to', 'other').finished;
  expect(refused).toMatchObject({ code: 2, stderr: `rowferry: ${unset}\n` });
  const checked = await world.start('config', 'check').finished;
  expect(checked).toMatchObject({ code: 2, stdout: `${unset}\n` });
  // `crm` is then the only one with credentials.
  expect(await world.start('run', file, '--json').result()).toMatchObject({ destination: 'crm', created: 3 });

  const key = { OTHER_API_KEY: 'sk_test_other' };
  const whole = await world.startWith(key, 'config', 'check', 'rowferry.yaml').finished;
  expect(whole).toMatchObject({ code: 0, stdout: 'ok: 2 destinations, 0 syncs\n', stderr: '' });
  const both = await world.startWith(key, 'run', file).finished;
  expect(both.code).toBe(2);
  expect(both.stderr).toContain('choose one with --to: crm, other');
});

test('a run is resumed by the name of its destination, from a file that is elsewhere by then', async () => {
  const world = await World.open();
  const rows = people(30);
  const config = configure(world, 'destinations: { crm: { kind: sendmator } }\n', 'one.yaml');
  const run = world.start('run', world.csv(rows), '--to', 'crm', '--rate', '20/s', '--config', config);
  await world.holds(3);
  run.killGroup();
  await run.finished;
  const lost = await world.start('runs', 'resume').finished;
  expect(lost.code).toBe(2);
  expect(lost.stderr).toMatch(/goes to the destination "crm", which is not known here: .* --config\.$/m);
  const summary = await world.startWith({ ROWFERRY_CONFIG: config }, 'runs', 'resume', '--json').result();
  expectAgreement(summary.reports.dir, rows, heldBy(world, 'crm'));
});

test('a refused key is told by its place in the file; mended there, the run goes on', async () => {
  const world = await World.open();
  configure(world, 'destinations: { crm: { kind: sendmator, api_key: sk_refused } }\n');
  const rows = people(4);
  const run = world.start('run', world.csv(rows), '--to', 'crm', '--rate', '100/s', '--json');
  expect(await run.result()).toMatchObject({
    state: 'halted',
    message: expect.stringContaining('Check destinations.crm.api_key, then: rowferry runs resume') as string,
  });
  configure(world, 'destinations: { crm: { kind: sendmator, api_key: sk_test_mended } }\n');
  const summary = await world.start('runs', 'resume', '--json').result();
  expectAgreement(summary.reports.dir, rows, heldBy(world, 'crm'));
  expect(summary).toMatchObject({ state: 'finished', created: 4 });
});

test('the service delivers for every account of the file; two names of one account share its queue', async () => {
  const world = await World.open();
  configure(
    world,
    `
destinations:
  crm: { kind: sendmator, rate: none }
  crm-slowly: { kind: sendmator, rate: 100/s, concurrency: 1 }
  second: { kind: sendmator, api_key: "§{SECOND}", rate: none }
  absent: { kind: sendmator, api_key: "§{ABSENT}" }
syncs:
  weekly: { source: weekly.csv, to: second }
`,
  );
  const second = { SECOND: 'sk_test_second' };
  world.csv(people(4), 'weekly.csv');
  const service = world.startWith(second, 'start');
  await service.says(/service started/);
  await service.says(/not delivered to: .*ABSENT is not set/);
  const enqueue = (...args: string[]) =>
    world.startWith(second, 'enqueue', '--wait', '--json', ...args).result();
  const one = await enqueue(world.csv(people(20), 'one.csv'), '--to', 'crm');
  const two = await enqueue(world.csv(people(20, 50), 'two.csv'), '--to', 'crm-slowly');
  const three = await enqueue('--sync', 'weekly');
  expect([one, two, three].map(({ destination, created }) => [destination, created])).toEqual([
    ['crm', 20],
    ['crm-slowly', 20],
    ['second', 4],
  ]);
  const [first, slow, other] = [one, two, three].map(({ run }) => loadPlan(world.dataDir, run));
  expect(slow?.account).toBe(first?.account);
  expect(other?.account).not.toBe(first?.account);
  expect(readReport(three.reports.dir).outcomes).toHaveLength(4);
  service.kill();
  await service.finished;
});

test('what is asked for and not there is told, and nothing is sent', async () => {
  const world = await World.open();
  configure(world, 'destinations: { crm: { kind: sendmator } }\nsyncs: { nightly: { to: crm } }\n');
  const file = world.csv(people(2));
  for (const [args, sentence] of [
    [['run', '--sync', 'nigthly'], 'There is no sync "nigthly". Did you mean "nightly"? There are: nightly.'],
    [['run', '--sync', 'nightly'], 'The sync "nightly" has no source; name a file.'],
    [['run'], 'There is no source: name a file, or a sync of the configuration file.'],
    [['run', file, '--to', 'crn'], 'There is no destination "crn". Did you mean "crm"?'],
    [['run', file, '--on-duplicate', 'replace'], '--on-duplicate: "replace" is not one of skip, update.'],
    [['run', file, '--config', 'none.yaml'], 'There is no configuration file none.yaml.'],
    [['config', 'check', 'none.yaml'], 'There is no configuration file none.yaml.'],
  ] as const) {
    const { code, stderr } = await world.start(...args).finished;
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  }
  configure(world, 'destinations: { crm: { kind: sendmator, rate: fast, sped: 1 } }\n');
  const broken = await world.start('runs', 'list').finished;
  expect(broken.code).toBe(2);
  expect(broken.stderr).toBe(
    `rowferry: the configuration has 2 faults:
  rowferry.yaml:1:41 destinations.crm.rate: "fast" is not a rate like 10/s, 100/min, 10000/h, or none
  rowferry.yaml:1:53 destinations.crm.sped: is not known here. Known: kind, api_key, base_url, rate, attempts, on_duplicate, bulk, incremental, max_wait, halt_after_rejections, concurrency, timeout.
`,
  );
  expect(world.sandbox.state.counters.posts).toBe(0);
});

test('the data dir, the log level and Redis may be the file’s own', async () => {
  const world = await World.open();
  const { REDIS_URL, ...environment } = world.env;
  const config = configure(
    world,
    `redis_url: ${REDIS_URL}\ndata_dir: kept\nlog_level: trace\ndestinations: { crm: { kind: sendmator, rate: none } }\n`,
  );
  const { openRowferry } = await import('../../src/index.js');
  const rowferry = await openRowferry({ config, env: environment });
  try {
    expect(rowferry.settings).toMatchObject({ dataDir: join(world.dir, 'kept'), redisUrl: REDIS_URL });
    expect(rowferry.log.level).toBe('trace');
    expect(await rowferry.run(world.csv(people(2)))).toMatchObject({ destination: 'crm', created: 2 });
  } finally {
    await rowferry.close();
  }
  // False: no file, whatever the environment names.
  const without = await openRowferry({
    config: false,
    dataDir: world.dataDir,
    env: { ...world.env, ROWFERRY_CONFIG: config },
  });
  expect((await without.account()).name).toBe('sendmator');
  await without.close();
});

test('contacts that are there already are brought up to date, and several travel in one request, when the file says so', async () => {
  const world = await World.open();
  configure(
    world,
    `
destinations:
  crm: { kind: sendmator, rate: none, on_duplicate: update, bulk: true }
  other: { kind: autosend, api_key: as_test, base_url: "§{SENDMATOR_BASE_URL}", bulk: true }
`,
  );
  await world.seed([{ email: 'person2@example.com', external_id: 'P-2', first_name: 'Old' }]);
  const file = world.csv(people(30));
  const summary = await world.start('run', file, '--to', 'crm', '--json').result();
  expect(summary).toMatchObject({ created: 29, updated: 1 });
  expect(world.sandbox.state.counters.posts).toBeLessThan(30);
  expect(world.ledger().find(({ email }) => email === 'person2@example.com')).toMatchObject({
    fields: { first_name: 'First2' },
  });
  // The flags win; and what a destination cannot do is refused before anything is sent.
  const single = world.start('run', file, '--to', 'crm', '--on-duplicate', 'skip', '--no-bulk', '--json');
  expect(await single.result()).toMatchObject({ skipped: 30, updated: 0 });
  const { code, stderr } = await world.start('run', file, '--to', 'other').finished;
  expect([code, stderr]).toEqual([
    2,
    'rowferry: other: autosend takes one contact per request; bulk can only be false.\n',
  ]);
});

test('an API that rowferry does not know is described in the file', async () => {
  const world = await World.open();
  const rows = people(12);
  configure(
    world,
    `
destinations:
  crm:
    kind: http
    base_url: §{SENDMATOR_BASE_URL}/api/v1
    headers:
      x-api-key: §{SENDMATOR_API_KEY}
    limit: 500/s
    rate: 200/s
    fields:
      email: { type: email, required: true, unique: true }
      first_name: text
      custom_fields: object
    unmapped: custom_fields
    create: { path: /contacts }
    answers:
      - { status: 409, verdict: duplicate, key: '"email"' }
`,
  );
  await world.seed([{ email: 'person3@example.com' }]);
  const summary = await world.start('run', world.csv(rows), '--to', 'crm', '--json').result();
  expect(summary).toMatchObject({ destination: 'crm', created: 11, skipped: 1 });
  expect(loadPlan(world.dataDir, summary.run)).toMatchObject({
    account: expect.stringMatching(/^http-/) as string,
    rate: { requests: 200, perMs: 1_000 },
  });
  expect(JSON.stringify(loadPlan(world.dataDir, summary.run))).not.toContain(world.env.SENDMATOR_API_KEY);
  const gone = await world.startWith(
    { SENDMATOR_BASE_URL: 'http://127.0.0.1:1' },
    'run',
    'people.csv',
    '--to',
    'crm',
  ).finished;
  expect([gone.code, gone.stderr]).toEqual([
    2,
    'rowferry: crm cannot be reached at http://127.0.0.1:1: connection refused. Is destinations.crm.base_url right? Nothing was sent.\n',
  ]);
});

const OWN = `
import { defineDestination, usualVerdict, z } from 'rowferry';
export default defineDestination({
  kind: 'mine',
  options: z.looseObject({ baseUrl: z.string({ error: 'is not set' }), apiKey: z.string({ error: 'is not set' }) }),
  env: { apiKey: 'MINE_API_KEY', baseUrl: 'MINE_BASE_URL' },
  accountKey: 'apiKey',
  contact: z.looseObject({ email: z.string() }),
  fields: { email: 'text' },
  aliases: {},
  unmapped: 'contact',
  identity: ({ email }) => ({ email }),
  limit: { requests: 300, perMs: 1000 },
  enforcesUniqueness: true,
  create: ({ email }, { apiKey }) => ({
    method: 'POST',
    path: '/api/v1/contacts',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({ email }),
  }),
  interpret: (answer) => usualVerdict(answer),
});
`;

test('a destination of one’s own is a module beside the file', async () => {
  const world = await World.open();
  writeFileSync(join(world.dir, 'mine.mjs'), OWN);
  const environment = { MINE_BASE_URL: world.sandbox.url };
  configure(
    world,
    'destinations: { own: { module: ./mine.mjs, api_key: "§{SENDMATOR_API_KEY}", apikey: x, on_duplicate: update } }\n',
  );
  const check = () => world.startWith(environment, 'config', 'check').finished;
  expect((await check()).stdout).toMatch(
    /^rowferry\.yaml:1:\d+ destinations\.own\.module: .*It imports rowferry, which is not installed beside it/,
  );
  mkdirSync(join(world.dir, 'node_modules'));
  symlinkSync(root, join(world.dir, 'node_modules/rowferry'));
  expect((await check()).stdout).toBe(
    `rowferry.yaml:1:77 destinations.own.apikey: is no option of mine. Did you mean "api_key"?
rowferry.yaml:1:88 destinations.own.on_duplicate: mine cannot update contacts; on_duplicate can only be skip
`,
  );
  configure(world, 'destinations: { own: { module: ./mine.mjs, api_key: "§{SENDMATOR_API_KEY}" } }\n');
  expect(await check()).toMatchObject({ code: 0, stdout: 'ok: 1 destination, 0 syncs\n' });
  const rows = people(5).map(({ email }) => ({ email: email! }));
  const run = world.startWith(environment, 'run', world.csv(rows), '--to', 'own', '--rate', '2/s', '--json');
  await world.holds(1);
  run.kill();
  await run.finished;
  const summary = await world.startWith(environment, 'runs', 'resume', '--json').result();
  expect(summary).toMatchObject({ destination: 'own', created: 5 });
  expect(loadPlan(world.dataDir, summary.run).account).toMatch(/^mine-/);

  // The name is somebody else's by now.
  const again = world.startWith(environment, 'run', 'people.csv', '--to', 'own', '--rate', '1/min');
  await until(() => world.sandbox.state.counters.posts > 5);
  again.killGroup();
  await again.finished;
  configure(world, 'destinations: { own: { kind: sendmator } }\n');
  const refused = await world.start('runs', 'resume').finished;
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('of kind mine; that name is of kind sendmator now') as string,
  ]);
});

test('the samples of destinations are right', async () => {
  const samples = readdirSync(join(root, 'samples/destinations')).filter((name) => name.endsWith('.yaml'));
  expect(samples.length).toBeGreaterThan(5);
  for (const sample of samples) {
    const path = join(root, 'samples/destinations', sample);
    const variables = [...readFileSync(path, 'utf8').matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name]) => name!);
    const environment = Object.fromEntries(variables.map((name) => [name, 'https://value.example']));
    expect(await checkConfig(path, environment, checkMapping)).toMatchObject({ faults: [], warnings: [] });
  }
});
