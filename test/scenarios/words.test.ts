/** What the commands print, read as an operator reads it. */
import { expect, test } from 'vitest';
import { people, person } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

test('the summary names the fields that failed, at the end of the run and later', async () => {
  const world = await World.open();
  const rows = [
    ...people(3),
    { ...person(4), email: 'nobody' },
    { ...person(5), email: '' },
    { ...person(6), email: 'person1@example.com' },
    { ...person(7), email: 'reject.1@example.com' },
  ];
  await world.seed([{ email: 'person2@example.com' }]);
  const run = await world.start('run', world.csv(rows), '--rate', 'none').finished;
  expect(run.stdout).toContain('finished, 7 rows in ');
  expect(run.stdout).toMatch(/^ {2}skipped +2 {3}duplicate_email 2 \(1 in the file\)$/m);
  expect(run.stdout).toMatch(/^ {2}failed +3 {3}invalid email 2, rejected email 1$/m);
  const [id] = /\d{8}-\d{6}-[0-9a-f]{6}/.exec(run.stderr)!;
  for (const command of ['report', 'show']) {
    const { stdout } = await world.start('runs', command, id).finished;
    expect(stdout).toContain(run.stdout);
  }
});

test('what is odd about a header is told when its file is enqueued, too', async () => {
  const world = await World.open();
  const plainRow = { email: 'bob@example.com' };
  const files = [world.csv([{ email: 'ann@example.com', '': 'x' }], 'odd.csv'), world.csv([plainRow])];
  const plain = await world.start('enqueue', ...files).finished;
  expect(plain.stderr).toBe(`${files[0]}: Column 2 has no name and is not sent.\n`);
  expect(plain.stdout.trim().split('\n')).toHaveLength(2);
  const json = await world.start('enqueue', files[0]!, '--json').finished;
  expect(JSON.parse(json.stdout)).toMatchObject({ warnings: ['Column 2 has no name and is not sent.'] });
  expect(json.stderr).toBe('');
});

test('the help of every command shows the data dir; ending a wait speaks of no rows in flight', async () => {
  const world = await World.open();
  for (const command of [['run'], ['runs', 'show']]) {
    expect((await world.start(...command, '--help').finished).stdout).toContain('--data-dir');
  }
  const waiting = world.start('enqueue', world.csv(people(2)), '--wait');
  const [run] = await waiting.says(/\d{8}-\d{6}-[0-9a-f]{6}/);
  await waiting.says(/waits for a service on this data dir/); // and listens for signals, therefore
  waiting.kill('SIGINT');
  const { stderr } = await waiting.finished;
  expect(stderr).toContain('rowferry: ending (once more to end at once)\n');
  expect(stderr).toContain(`No longer waiting for run ${run}; it stays with the service.`);
});

test('one is one, and an estimate is shown as such', async () => {
  const world = await World.open();
  const one = await world.start('run', world.csv([person(1)]), '--rate', 'none').finished;
  expect(one.stdout).toMatch(/finished, 1 row in \S+ \(\S+\/s, 1 request\)/);
  const file = world.csv(people(20_000), 'many.csv');
  await world.start('enqueue', file, '--rate', '1/min').finished;
  const queued = await world.start('runs', 'list').finished;
  expect(queued.stdout).toMatch(/ {2}queued +0\/~20 000 /);
  const run = world.start('run', file, '--rate', '5/s');
  await world.holds(2);
  const [, id] = await run.says(/^run (\S+):/m);
  const { stdout } = await world.start('runs', 'list').finished;
  expect(stdout).toMatch(new RegExp(`${id}  running +\\d+/~20 000 `));
  expect(stdout).toMatch(/ {2}finished +1\/1 +1 +0 +0 /);
  const shown = await world.start('runs', 'show', id!).finished;
  expect(shown.stdout).toMatch(/\d+ of about 20 000 rows settled/);
  run.kill('SIGINT');
  await run.finished;
});
