/** `rowferry check` and `rowferry init` as processes. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/index.js';
import { people } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';

const NO_REDIS = { REDIS_URL: 'redis://127.0.0.1:1', SENDMATOR_API_KEY: '' };

describe('check', () => {
  test('needs neither Redis nor a key, and leaves nothing behind', async () => {
    const world = await World.open();
    const path = world.csv([...people(3), { email: 'nobody' }, { email: 'PERSON1@example.com' }]);
    const check = world.startWith(NO_REDIS, 'check', path, '--to', 'sendmator');
    const { code, stdout, stderr } = await check.finished;
    expect(stderr).toBe('');
    expect(code).toBe(EXIT.rowsFailed);
    expect(stdout).toContain('person1@example.com · person2@example.com · person3@example.com');
    expect(stdout).toMatch(/created +3\n/);
    expect(stdout).toMatch(/skipped +1 +duplicate_email 1\n +row 5 has the email of row 1\n/);
    expect(stdout).toMatch(/failed +1 +invalid\n +email invalid_format 1: row 4 \(line 5\)\n/);
    expect(stdout).toContain('Set SENDMATOR_API_KEY in the environment or in .env first.');
    expect(stdout).toContain(`Next: rowferry --data-dir ${world.dataDir} run ${path} --to sendmator\n`);
    expect(readdirSync(world.dataDir)).toEqual([]);
    expect(world.ledger()).toEqual([]);
  });

  test('--json has counts and rows, and no cell', async () => {
    const world = await World.open();
    const path = world.csv([{ ...people(1)[0], since: '03/04/2024' }, { email: 'nobody@' }]);
    const { stdout, code } = await world.startWith(NO_REDIS, 'check', path, '--to', 'sendmator', '--json')
      .finished;
    expect(code).toBe(EXIT.rowsFailed);
    expect(JSON.parse(stdout)).toMatchObject({
      event: 'result',
      destination: 'sendmator',
      rows: 2,
      created: 1,
      failed: 1,
      invalid: [{ field: 'email', code: 'invalid_format', rows: 1, first: [{ row: 2, line: 3 }] }],
      remarks: [{ column: 'since', kind: 'ambiguous_dates', count: 1 }],
      requests: 1,
    });
    expect(stdout).not.toMatch(/person1|nobody|03\/04/);
  });

  test('what a run would refuse is refused with the same sentence', async () => {
    const world = await World.open();
    writeFileSync(join(world.dir, 'odd.csv'), 'a,b\n1,2\n');
    const sentences = await Promise.all(
      ['check', 'run'].map((command) => world.start(command, 'odd.csv', '--to', 'sendmator').finished),
    );
    expect(sentences[0]!.stderr).toContain('No column of the header is an e-mail address.');
    expect(sentences[0]).toMatchObject({ code: EXIT.usage, stderr: sentences[1]!.stderr });
  });

  test('Ctrl-C ends it, with nothing left', async () => {
    const world = await World.open();
    const check = world.start('check', '-', '--to', 'sendmator');
    // It waits for a file that does not end.
    check.child.stdin!.write('email\na@example.com\n');
    await until(() => existsSync(world.dataDir) && readdirSync(world.dataDir).length > 0);
    check.kill('SIGINT');
    expect((await check.finished).code).toBe(EXIT.interrupted);
    expect(readdirSync(world.dataDir)).toEqual([]);
  });
});

describe('init --yes', () => {
  test('writes a file that config check, check and run take', async () => {
    const world = await World.open();
    writeFileSync(join(world.dir, 'Kunden 2024.csv'), 'E-Mail;Vorname;Tags\nann@example.com;Ann;"a,b"\n');
    const init = await world.start('init', '--yes').finished;
    expect(init).toMatchObject({ code: EXIT.ok, stderr: '' });
    const text = readFileSync(join(world.dir, 'rowferry.yaml'), 'utf8');
    expect(text).toMatch(/api_key: \$\{SENDMATOR_API_KEY\}\n/);
    expect(text).not.toContain(world.env.SENDMATOR_API_KEY);
    expect(text).toContain('email: E-Mail');
    expect((await world.start('config', 'check').finished).stdout).toBe('ok: 1 destination, 1 sync\n');
    expect((await world.start('check', '--sync', 'Kunden-2024').finished).code).toBe(EXIT.ok);
    expect((await world.start('run', '--sync', 'Kunden-2024', '--rate', 'none').finished).code).toBe(EXIT.ok);
    expect(world.ledger()).toMatchObject([{ email: 'ann@example.com' }]);
    // And never over one that is there.
    const again = await world.start('init', '--yes').finished;
    expect(again.code).toBe(EXIT.usage);
    expect(again.stderr).toContain('rowferry.yaml is there already and stays as it is.');
    expect(readFileSync(join(world.dir, 'rowferry.yaml'), 'utf8')).toBe(text);
  });

  test.each([
    [['init'], 'there is no terminal to answer on. With --yes it takes its guesses'],
    [['init', '--yes'], 'There is no CSV file here: name one.'],
    [['init', 'people.csv', '--yes', '--to', 'clemta'], 'Nothing fills type, which clemta requires'],
    [['init', 'people.csv', '--yes', '--to', 'nowhere'], 'There is no destination "nowhere".'],
  ])('%j says what cannot be guessed, and writes nothing', async (args, sentence) => {
    const world = await World.open();
    if (args.includes('people.csv')) world.csv(people(1));
    const { code, stderr } = await world.start(...args).finished;
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain(sentence);
    expect(existsSync(join(world.dir, 'rowferry.yaml'))).toBe(false);
  });
});
