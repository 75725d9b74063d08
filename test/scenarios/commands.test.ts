import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Summary } from '../../src/index.js';
import { processesOf, socketsAndLocks } from '../chaos/leavings.js';
import { expectAgreement, readReport } from '../helpers/agreement.js';
import { people, person, readCsv } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

test('the service works on enqueued runs; --wait ends with the exit code of the run', async () => {
  const world = await World.open();
  const rows = people(300);
  const service = world.start('start');
  await service.says(/service started/);
  const waiting = world.start('enqueue', world.csv(rows), '--rate', 'none', '--wait', '--json');
  const { code, stderr } = await waiting.finished;
  expect(code, stderr).toBe(0);
  const summary = await waiting.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());

  const list = await world.start('runs', 'list').finished;
  expect(list.stdout).toMatch(new RegExp(`${summary.run}  finished  300/300`));
  const report = await world.start('runs', 'report', summary.run).finished;
  expect(report.stdout).toContain('finished, 300 rows');
  service.kill('SIGTERM');
  expect((await service.finished).code).toBe(143);
});

test('a service that is killed goes on with its run when it is started again', async () => {
  const world = await World.open({ sandbox: { latencyMs: 5 } });
  const rows = people(3_000);
  const first = world.start('start');
  await first.says(/service started/);
  const enqueued = await world.start('enqueue', world.csv(rows), '--rate', 'none').finished;
  const run = enqueued.stdout.trim();
  await world.holds(800);
  first.kill('SIGKILL');
  await first.finished;
  const second = world.start('start');
  const { stdout } = await second
    .says(/run ended/)
    .then(() => world.start('runs', 'show', run, '--json').finished);
  const view = JSON.parse(stdout) as { state: string; summary: { reports: { dir: string } } };
  expect(view.state).toBe('finished');
  expectAgreement(view.summary.reports.dir, rows, world.ledger());
  second.kill();
  await second.finished;
});

test('SIGTERM at one request a minute: the process ends at once, the run is resumable', async () => {
  const world = await World.open();
  const rows = people(20);
  const run = world.start('run', world.csv(rows), '--rate', '1/min');
  await world.holds(1);
  run.kill('SIGTERM');
  const { code, stderr } = await run.finished;
  expect(code).toBe(143);
  expect(stderr).toContain('rowferry runs resume');
  expect(world.sandbox.state.counters.posts).toBe(1);
  // The same file again: told of the run that waits to be resumed.
  const again = world.start('run', join(world.dir, 'people.csv'), '--rate', '1/min');
  await again.says(
    /second run over the same file: run .* is interrupted; it goes on with: rowferry runs resume/,
  );
  again.kill('SIGINT');
  expect((await again.finished).code).toBe(130);
});

test('requests in flight are awaited and settled on SIGTERM', async () => {
  const world = await World.open({ sandbox: { latencyMs: 400 } });
  const rows = people(200);
  const run = world.start('run', world.csv(rows), '--rate', 'none', '--concurrency', '10');
  await world.holds(20);
  run.kill('SIGTERM');
  expect((await run.finished).code).toBe(143);
  const resumed = world.start('runs', 'resume', '--json');
  const summary = await resumed.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 200 });
  // None was sent twice: every answer had been heard.
  expect(world.sandbox.state.counters.posts).toBe(200);
});

test('a run that was interrupted in good order claims nothing of a later run over the same file', async () => {
  const world = await World.open({ ownRedis: true });
  const rows = people(200);
  const file = world.csv(rows);
  const first = world.start('run', file, '--rate', '50/s', '--json');
  const [, id] = await first.says(/"run":"([^"]+)"/);
  await world.holds(40);
  first.kill('SIGINT');
  expect((await first.finished).code).toBe(130);
  const second = world.start('run', file, '--rate', 'none', '--json');
  const rest = await second.result();
  const resumed = world.start('runs', 'resume', id!, '--json');
  const summary = await resumed.result();
  expect(summary.created + rest.created).toBe(200);
  expect(summary.reasons.confirmed_on_retry).toBeUndefined();
  const others = new Set(readReport(rest.reports.dir).outcomes.map(({ contact_id }) => contact_id!));
  expectAgreement(summary.reports.dir, rows, world.ledger(), others);
});

test('told to end while it closes, a command ends its private Redis all the same', async () => {
  const world = await World.open({ ownRedis: true });
  const run = world.start('run', world.csv(people(20)), '--json');
  await run.says(/"event":"result"/);
  // From here on it is the lock under which the last one stops the server.
  const lock = join(world.dataDir, 'redis', 'lock');
  await until(() => existsSync(lock) || run.child.exitCode !== null);
  run.kill('SIGTERM');
  expect((await run.finished).code).toBe(0);
  expect(processesOf(world.dataDir)).toEqual([]);
  expect(socketsAndLocks(world.dataDir)).toEqual([]);
});

test('a halted run can be cancelled; its report says so', async () => {
  const world = await World.open();
  const run = world.startWith(
    { SENDMATOR_API_KEY: 'sk_refused_x' },
    'run',
    world.csv(people(5)),
    '--rate',
    '10/s',
    '--json',
  );
  expect((await run.finished).code).toBe(4);
  const { run: id } = await run.result();
  const cancel = await world.start('runs', 'cancel', id, '--json').finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  expect(JSON.parse(cancel.stdout)).toMatchObject({ state: 'cancelled', unprocessed: 5 });
});

test('a run that was refused at once is cancelled as such, though its private Redis has ended since', async () => {
  const world = await World.open({ ownRedis: true });
  const refused = { SENDMATOR_API_KEY: 'sk_refused_x' };
  const run = world.startWith(refused, 'run', world.csv(people(50)), '--rate', '10/s', '--json');
  expect((await run.finished).code).toBe(4);
  const { run: id } = await run.result();
  const cancel = await world.start('runs', 'cancel', id, '--json').finished;
  // Nothing was sent but what was refused: no row is in doubt.
  expect(JSON.parse(cancel.stdout)).toMatchObject({ state: 'cancelled', unprocessed: 50, failed: 0 });
  const retry = await world.start('runs', 'retry', id).finished;
  expect(retry.stderr).toContain('has no failed rows; 50 were not sent: run the file again.');
});

test('refused credentials halt the run with one sentence; resume goes on with better ones', async () => {
  const world = await World.open();
  const rows = people(500);
  const halted = world.startWith(
    { SENDMATOR_API_KEY: 'sk_refused_key' },
    'run',
    world.csv(rows),
    '--rate',
    'none',
    '--json',
  );
  expect((await halted.finished).code).toBe(4);
  const before = await halted.result();
  expect(before).toMatchObject({
    state: 'halted',
    unprocessed: 500,
    created: 0,
    failed: 0,
    reasons: { halted: 500 },
  });
  expect(before.message).toMatch(/Check SENDMATOR_API_KEY.*rowferry runs resume/);
  const resumed = world.start('runs', 'resume', '--json');
  const { code, stderr } = await resumed.finished;
  expect(code, stderr).toBe(0);
  const summary = await resumed.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ state: 'finished', created: 500 });
  expect(JSON.stringify(before) + stderr).not.toContain('sk_refused_key');
});

test('fifty rows rejected alike from the start halt the run before the file is burned', async () => {
  const world = await World.open();
  const rows = people(2_000).map((row, i) => ({ ...row, email: `reject.${i}@example.com` }));
  const run = world.start('run', world.csv(rows), '--rate', '400/s', '--json');
  expect((await run.finished).code).toBe(4);
  const summary = await run.result();
  expect(summary.state).toBe('halted');
  expect(summary.message).toContain('rejected alike');
  expect(summary.failed).toBeGreaterThanOrEqual(50);
  expect(summary.failed).toBeLessThan(1_000);
  expect(summary.failed + summary.unprocessed).toBe(2_000);
  await world.start('runs', 'cancel', summary.run).finished;
});

test('cancel is final: what was sent is told, the rest is unprocessed', async () => {
  const world = await World.open({ sandbox: { latencyMs: 20 } });
  const rows = people(3_000);
  const run = world.start('run', world.csv(rows), '--rate', '200/s', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await world.holds(100);
  const cancelling = world.start('runs', 'cancel', id!, '--json');
  // Said before it is done.
  await cancelling.says(/cancelling run .*: waiting for the process that works on it/);
  const cancel = await cancelling.finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  const { code } = await run.finished;
  expect(code).toBe(5);
  const summary = await run.result();
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary.state).toBe('cancelled');
  expect(summary.unprocessed).toBeGreaterThan(2_000);
  expect(outcomes.at(-1)).toMatchObject({ status: 'unprocessed', reason: 'cancelled' });
  const resume = await world.start('runs', 'resume', id!).finished;
  expect(resume.code).toBe(2);
  expect(resume.stderr).toContain(`Run ${id} is cancelled`);
});

test('an interrupted run can be cancelled', async () => {
  const world = await World.open();
  const rows = people(50);
  const run = world.start('run', world.csv(rows), '--rate', '2/s', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await world.holds(2);
  run.kill('SIGKILL');
  await run.finished;
  const cancel = await world.start('runs', 'cancel', id!, '--json').finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  const { summary } = { summary: JSON.parse(cancel.stdout) as { reports: { dir: string }; state: string } };
  expect(summary.state).toBe('cancelled');
  const { outcomes } = readReport(summary.reports.dir);
  expect(outcomes).toHaveLength(50);
});

test('cancel looks up what was sent and never answered, after a kill too', async () => {
  const world = await World.open();
  const rows = [
    // Stored, and the answer stays away; not stored; there before, and the answer stays away.
    ...people(6).map((row, i) => ({ ...row, email: `hang-after-accept.${i}@example.com` })),
    ...people(5, 7).map((row, i) => ({ ...row, email: `hang.${i}@example.com` })),
    { ...person(12), email: 'hang.99@example.com' },
    ...people(40, 100),
  ];
  await world.seed([{ email: 'hang.99@example.com', first_name: 'Somebody' }]);
  const run = world.start('run', world.csv(rows), '--rate', '20/s', '--concurrency', '12', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  const { faults } = world.sandbox.state.counters;
  await until(() => (faults.hang ?? 0) === 6 && faults['hang-after-accept'] === 6);
  run.kill('SIGKILL');
  await run.finished;
  const cancel = await world.start('runs', 'cancel', id!, '--json').finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  expect(cancel.stderr).toMatch(/waiting for what may still be in flight, and look-ups/);
  const summary = JSON.parse(cancel.stdout) as Summary;
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 6, skipped: 1, failed: 0, unprocessed: 45 });
  expect(summary.reasons).toEqual({ confirmed_on_retry: 6, duplicate_email: 1, cancelled: 45 });
  expect(outcomes[11]).toMatchObject({ status: 'skipped', duplicate_of: 'destination' });
  // Twelve look-ups, and five more for what was not found at first; nobody told what was sent before the kill.
  expect(summary.requests).toBeGreaterThanOrEqual(17);
});

test('cancel of a run at work looks up rows that wait to be tried again', async () => {
  const world = await World.open();
  const rows = [
    ...people(3).map((row, i) => ({ ...row, email: `hang-after-accept.${i}@example.com` })),
    ...people(3, 4).map((row, i) => ({ ...row, email: `hang.${i}@example.com` })),
    ...people(200, 100),
  ];
  const run = world.startWith({ ROWFERRY_TIMEOUT: '2s' }, 'run', world.csv(rows), '--rate', '5/s', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await until(() => (world.sandbox.state.counters.faults.hang ?? 0) === 3);
  const cancel = await world.start('runs', 'cancel', id!, '--json').finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ state: 'cancelled', failed: 0, reasons: { confirmed_on_retry: 3 } });
});

test('cancel while the API is down: what could not be looked up is unconfirmed', async () => {
  const world = await World.open();
  const rows = people(2).map((row, i) => ({ ...row, email: `hang.${i}@example.com` }));
  const run = world.start('run', world.csv(rows), '--rate', '20/s', '--json');
  const [, id] = await run.says(/"run":"([^"]+)"/);
  await until(() => (world.sandbox.state.counters.faults.hang ?? 0) === 2);
  world.sandbox.state.outage = true;
  run.kill('SIGKILL');
  await run.finished;
  const cancel = await world.start('runs', 'cancel', id!, '--json').finished;
  expect(cancel.code, cancel.stderr).toBe(0);
  expect(JSON.parse(cancel.stdout)).toMatchObject({ failed: 2, reasons: { unconfirmed: 2 } });
});

test('retry: a new run with the failed rows of an earlier one, linked to it', async () => {
  const world = await World.open();
  const rows = [
    ...people(20),
    ...people(5, 21).map((row, i) => ({ ...row, email: `error-always.${i}@example.com` })),
  ];
  rows.push({ ...person(30), email: 'nobody', company: '=1+1' });
  const first = world.start('run', world.csv(rows), '--rate', '100/s', '--attempts', '1', '--json');
  expect((await first.finished).code).toBe(3);
  const before = await first.result();
  expect(before.failed).toBe(6);
  const failed = readCsv(before.reports.failed);
  expect(failed.at(-1)).toMatchObject({ company: "'=1+1", rowferry_reason: 'invalid', rowferry_row: '26' });
  const retry = world.start('runs', 'retry', before.run, '--json');
  expect((await retry.finished).code).toBe(3);
  const after = await retry.result();
  expect(after).toMatchObject({ rows: 6, failed: 6, retry_of: before.run });
  expect(readCsv(after.reports.failed).at(-1)).toMatchObject({ company: "'=1+1", rowferry_row: '6' });
});

test('stdin is a source like any other', async () => {
  const world = await World.open();
  const run = world.start('run', '-', '--rate', '100/s', '--json');
  run.child.stdin!.end('email,first_name\nann@example.com,Ann\nbob@example.com,Bob\n');
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  expect(await run.result()).toMatchObject({ created: 2, source: { name: 'stdin' } });
});

test('an outage of the API fails no row: the run waits and goes on by itself', async () => {
  const world = await World.open();
  const rows = people(1_500);
  const run = world.start('run', world.csv(rows), '--rate', '500/s', '--json');
  await world.holds(200);
  world.sandbox.state.outage = true;
  const before = world.sandbox.state.counters.requests;
  // Open circuit: one probe at a time, with growing pauses.
  await until(() => (world.sandbox.state.counters.by_status[503] ?? 0) >= 12);
  expect(world.sandbox.state.counters.requests - before).toBeLessThan(200);
  world.sandbox.state.outage = false;
  const { code, stderr } = await run.finished;
  expect(code, stderr).toBe(0);
  const summary = await run.result();
  expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 1_500, failed: 0 });
});

test('bad input: one clear line each, and the right exit code', async () => {
  const world = await World.open();
  const file = world.csv(people(3));
  const at = (name: string, text: string) => {
    const path = join(world.dir, name);
    writeFileSync(path, text);
    return path;
  };
  mkdirSync(join(world.dir, 'folder'));
  const blocked = join(at('a-file', 'x'), 'reports');
  const cases: [string, string[], number, RegExp, Record<string, string>?][] = [
    ['missing file', ['run', 'nowhere.csv'], 2, /^rowferry: There is no file nowhere\.csv\.$/],
    ['directory', ['run', join(world.dir, 'folder')], 2, /is a directory; name a CSV file\.$/],
    ['empty file', ['run', at('empty.csv', '')], 2, /is empty \(0 bytes\)\.$/],
    ['header only', ['run', at('header.csv', 'email,name\n')], 2, /header\.csv has a header and no rows\.$/],
    ['blank header', ['run', at('blank.csv', '\n\n \n')], 2, /has no header line/],
    [
      'no e-mail column',
      ['run', at('no.csv', 'a,b\n1,2\n')],
      2,
      /No column .* "a", "b"\. Name one with --map/,
    ],
    [
      'unknown destination',
      ['run', file, '--to', 'mailchump'],
      2,
      /no destination "mailchump"\. Known: sendmator/,
    ],
    [
      'no key',
      ['run', file],
      2,
      /Set SENDMATOR_API_KEY or .*CLEMTA_API_KEY in the environment/,
      { SENDMATOR_API_KEY: '' },
    ],
    [
      'bad base URL',
      ['run', file],
      2,
      /SENDMATOR_BASE_URL is not an http/,
      { SENDMATOR_BASE_URL: 'example' },
    ],
    [
      'unknown flag',
      ['run', file, '--fast'],
      2,
      /^rowferry: unknown option '--fast' \(add --help for usage\)$/,
    ],
    ['misspelt flag', ['run', file, '--rat', '1/s'], 2, /^rowferry: .* \(Did you mean --rate\?\)/],
    [
      'unknown command of runs',
      ['runs', 'stop'],
      2,
      /^rowferry: There is no command "runs stop"\. There are: list, /,
    ],
    [
      'bad concurrency',
      ['run', file, '--concurrency', 'many'],
      2,
      /^rowferry: --concurrency: "many" is not a whole number from 1 to 1000\.$/,
    ],
    [
      'no attempts',
      ['run', file, '--attempts', '0'],
      2,
      /^rowferry: --attempts: "0" is not a whole number from 1 to 100\.$/,
    ],
    ['bad rate', ['run', file, '--rate', 'fast'], 2, /--rate: "fast" is not a rate like 10\/s/],
    ['zero rate', ['run', file, '--rate', '0/s'], 2, /--rate: "0\/s" is not a rate/],
    ['bad delimiter', ['run', file, '--delimiter', 'x'], 2, /^rowferry: --delimiter: "x" is not one to four/],
    ['bad encoding', ['run', file, '--encoding', 'utf-9'], 2, /--encoding: "utf-9" is not an encoding like/],
    ['bad map', ['run', file, '--map', 'email'], 2, /--map: "email" is not of the form Header=field/],
    [
      'bad type',
      ['run', file, '--map', 'company=custom_fields.c:int'],
      2,
      /--map: .*"int" is no type. Did you mean "integer"/,
    ],
    [
      'no header',
      ['run', at('none.csv', 'ann@example.com,Ann\nbob@example.com,Bob\n')],
      2,
      /^rowferry: none.csv: The first line holds an e-mail address .* Put a line with the names before it/,
    ],
    ['map of no column', ['run', file, '--map', 'Mail=email'], 2, /map\.email names the column "Mail"/],
    [
      'map to no field',
      ['run', file, '--map', 'company=firm'],
      2,
      /map sends "company" to the field "firm", which sendmator does not have/,
    ],
    [
      'unwritable report dir',
      ['run', file, '--report-dir', blocked],
      2,
      /report cannot be written to .*--report-dir/,
    ],
    [
      'unreachable host',
      ['run', file],
      2,
      /cannot be reached at .*connection refused/,
      { SENDMATOR_BASE_URL: 'http://127.0.0.1:1' },
    ],
    ['unknown run', ['runs', 'show', '20260101-000000-abcdef'], 2, /There is no run 20260101-000000-abcdef/],
    ['malformed run id', ['runs', 'show', '../../etc'], 2, /is no run id/],
    ['nothing to resume', ['runs', 'resume'], 2, /No run is interrupted or halted/],
    ['unreachable Redis', ['runs', 'list'], 69, /127\.0\.0\.1:1/, { REDIS_URL: 'redis://127.0.0.1:1' }],
    [
      'bad log level',
      ['runs', 'list'],
      2,
      /ROWFERRY_LOG_LEVEL: "loud" is not one of/,
      { ROWFERRY_LOG_LEVEL: 'loud' },
    ],
  ];
  for (const [name, args, code, sentence, env] of cases) {
    const { code: got, stdout, stderr } = await world.startWith(env ?? {}, ...args).finished;
    const lines = stderr.trim().split('\n');
    expect(lines, name).toHaveLength(1);
    expect(lines[0], name).toMatch(sentence);
    expect(got, name).toBe(code);
    expect(stdout, name).toBe('');
  }
  expect(world.sandbox.state.counters.posts).toBe(0);
});
