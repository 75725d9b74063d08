import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { EXIT } from '../../src/errors.js';
import { openIngest } from '../../src/ingest/ingest.js';
import { encodeOutcome, type Outcome } from '../../src/outcome.js';
import { Journal } from '../../src/report/journal.js';
import type { Summary } from '../../src/report/summary.js';
import { checkReportDir, OUTCOME_COLUMNS, writeReport } from '../../src/report/write.js';
import { createRun, newRunId, type RunPlan, runDir, takeSnapshot } from '../../src/run.js';
import { scratchDir, scratchFile } from '../helpers/scratch.js';

const account = { destination: sendmator, options: { baseUrl: 'http://127.0.0.1', apiKey: 'key' } };

/** A run over `content` that can be reported any number of times. */
async function openRun(content: string, more: Partial<RunPlan> = {}, destination = sendmator) {
  const dataDir = scratchDir();
  const plan: RunPlan = {
    run: newRunId(0),
    version: '0',
    createdAt: new Date(0).toISOString(),
    trigger: 'script',
    destination: 'sendmator',
    account: 'sendmator-0',
    source: await takeSnapshot(scratchFile(content)),
    dialect: PLAIN,
    mapping: {},
    rate: null,
    batchRows: 500,
    attempts: 5,
    onDuplicate: 'skip',
    bulk: false,
    reportDir: join(dataDir, 'reports'),
    ...more,
  };
  await createRun(dataDir, plan);
  const place = join(plan.reportDir, plan.run);

  return {
    plan,
    place,
    journalPath: join(runDir(dataDir, plan.run), 'journal-1.ndjson'),
    async journal(...outcomes: Outcome[]): Promise<void> {
      const journal = await Journal.open(runDir(dataDir, plan.run), '1');
      await journal.append(
        outcomes.map((outcome) => `[${encodeOutcome(outcome)}]`),
        '1-0',
      );
      await journal.close();
    },
    async report(state: Summary['state'] = 'finished', message?: string): Promise<Summary> {
      const { header, rows } = await openIngest(plan, account);
      return writeReport({
        dataDir,
        plan,
        destination,
        header,
        rows,
        state,
        ...(message === undefined ? {} : { message }),
        counts: { requests: 9, retries: 2, throttled: 1 },
        startedMs: 1_000,
        finishedMs: 3_000,
      });
    },
    text: (name: string) => readFileSync(join(place, name), 'utf8'),
    table: (name: string) => parse(readFileSync(join(place, name))) as string[][],
    records: (name: string) =>
      parse(readFileSync(join(place, name)), { columns: true }) as Record<string, string>[],
  };
}

const PEOPLE = `email,external_id,plan
a@example.com,C-1,pro
b@example.com,C-2,"free
trial"
nobody,C-3,
d@example.com,C-4
e@example.com,C-5,x
`;

const OUTCOMES: Outcome[] = [
  { row: 1, status: 'created', contactId: 'id-1', httpStatus: 201, attempts: 1 },
  {
    row: 2,
    status: 'skipped',
    reason: 'duplicate_email',
    field: 'email',
    duplicateOf: 'destination',
    httpStatus: 409,
    attempts: 1,
  },
  { row: 3, status: 'failed', reason: 'invalid', field: 'email', message: 'invalid_format' },
  { row: 4, status: 'created', reason: 'confirmed_on_retry', contactId: 'id-4', attempts: 2 },
  { row: 5, status: 'skipped', reason: 'duplicate_external_id', field: 'external_id', duplicateOf: '4' },
];

describe('the files', () => {
  test('are exactly as documented, in row order though the journal is shuffled', async () => {
    const run = await openRun(PEOPLE);
    await run.journal(...[3, 5, 1, 4, 2].map((row) => OUTCOMES[row - 1]!));
    const summary = await run.report();

    expect(readdirSync(run.place).sort()).toEqual([
      'failed.csv',
      'outcomes.csv',
      'report.html',
      'skipped.csv',
      'summary.json',
    ]);
    expect(run.text('outcomes.csv')).toBe(
      `row,line,status,reason,field,message,email,external_id,contact_id,duplicate_of,http_status,attempts
1,2,created,,,,a@example.com,C-1,id-1,,201,1
2,3,skipped,duplicate_email,email,,b@example.com,C-2,,destination,409,1
3,5,failed,invalid,email,invalid_format,nobody,C-3,,,,
4,6,created,confirmed_on_retry,,,d@example.com,C-4,id-4,,,2
5,7,skipped,duplicate_external_id,external_id,,e@example.com,C-5,,4,,
`,
    );
    expect(run.text('failed.csv')).toBe(
      `email,external_id,plan,rowferry_row,rowferry_reason,rowferry_message,rowferry_run
nobody,C-3,,3,invalid,email: invalid_format,${run.plan.run}
`,
    );
    expect(run.text('skipped.csv')).toBe(
      `email,external_id,plan,rowferry_row,rowferry_reason,rowferry_message,rowferry_run
b@example.com,C-2,"free
trial",2,duplicate_email,email: already in the destination,${run.plan.run}
e@example.com,C-5,x,5,duplicate_external_id,external_id: repeats row 4,${run.plan.run}
`,
    );
    expect(JSON.parse(run.text('summary.json'))).toEqual(summary);
    expect(summary).toEqual({
      run: run.plan.run,
      destination: 'sendmator',
      source: { name: 'people.csv', sha256: run.plan.source.sha256, bytes: Buffer.byteLength(PEOPLE) },
      dialect: {
        encoding: 'utf-8',
        delimiter: ',',
        quote: '"',
        escape: 'double',
        skip_lines: 0,
        header: true,
        found: run.plan.dialect.found,
      },
      state: 'finished',
      rows: 5,
      created: 2,
      updated: 0,
      skipped: 2,
      failed: 1,
      unprocessed: 0,
      reasons: { duplicate_email: 1, duplicate_external_id: 1, invalid: 1, confirmed_on_retry: 1 },
      requests: 9,
      retries: 2,
      throttled: 1,
      started_at: '1970-01-01T00:00:01.000Z',
      finished_at: '1970-01-01T00:00:03.000Z',
      duration_ms: 2_000,
      rows_per_second: 2.5,
      reports: {
        dir: run.place,
        outcomes: join(run.place, 'outcomes.csv'),
        failed: join(run.place, 'failed.csv'),
        skipped: join(run.place, 'skipped.csv'),
        html: join(run.place, 'report.html'),
      },
    });
  });

  test('are for their owner alone', async () => {
    const run = await openRun(PEOPLE);
    await run.report();
    expect(statSync(run.place).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(run.place))
      expect(statSync(join(run.place, name)).mode & 0o777).toBe(0o600);
  });

  test('name the columns of the module', async () => {
    const run = await openRun(PEOPLE);
    await run.report();
    expect(run.table('outcomes.csv')[0]).toEqual([...OUTCOME_COLUMNS]);
  });
});

describe('every row has one outcome', () => {
  test('the latest truth wins, and a torn last line is none', async () => {
    const run = await openRun(PEOPLE);
    await run.journal(
      { row: 1, status: 'failed', reason: 'unconfirmed' },
      { row: 2, status: 'created', contactId: 'id-2' },
      { row: 2, status: 'failed', reason: 'retries_exhausted' },
      { row: 1, status: 'created', reason: 'confirmed_on_retry' },
      { row: 1, status: 'skipped', reason: 'duplicate_email', duplicateOf: 'destination' },
    );
    await appendFile(run.journalPath, '[[5,0,null,');
    const summary = await run.report('halted', 'sendmator stopped the run');
    expect(run.records('outcomes.csv').map(({ row, status, reason }) => [row, status, reason])).toEqual([
      ['1', 'created', 'confirmed_on_retry'],
      ['2', 'created', ''],
      ['3', 'unprocessed', 'halted'],
      ['4', 'unprocessed', 'halted'],
      ['5', 'unprocessed', 'halted'],
    ]);
    expect(summary).toMatchObject({
      state: 'halted',
      message: 'sendmator stopped the run',
      rows: 5,
      created: 2,
      unprocessed: 3,
      reasons: { confirmed_on_retry: 1, halted: 3 },
    });
  });

  test('rows of a cancelled run that were never sent are cancelled', async () => {
    const run = await openRun(PEOPLE, { retryOf: '20260131-235959-1a2b3c' });
    await run.journal(OUTCOMES[0]!);
    const summary = await run.report('cancelled');
    expect(summary).toMatchObject({
      state: 'cancelled',
      retry_of: '20260131-235959-1a2b3c',
      created: 1,
      unprocessed: 4,
      reasons: { cancelled: 4 },
    });
    const { rows, created, updated, skipped, failed, unprocessed } = summary;
    expect(rows).toBe(created + updated + skipped + failed + unprocessed);
    expect(run.table('failed.csv')).toHaveLength(1);
  });

  test('of files larger than is read at once', async () => {
    const lines = Array.from({ length: 9_000 }, (_, i) => `user${i + 1}@example.com,${'é'.repeat(i % 20)}`);
    const run = await openRun(`email,note\n${lines.join('\n')}\n`);
    await run.journal(
      ...lines.map((_, i): Outcome => {
        const row = lines.length - i;
        return row % 2 === 0
          ? { row, status: 'created', contactId: `c${row}` }
          : { row, status: 'failed', reason: 'rejected', message: `no ${row}` };
      }),
    );
    expect(await run.report()).toMatchObject({ rows: 9_000, created: 4_500, failed: 4_500 });
    const records = run.records('outcomes.csv');
    expect(
      records.every(
        ({ row, email, contact_id, message }, i) =>
          Number(row) === i + 1 &&
          email === `user${row}@example.com` &&
          (contact_id === `c${row}` || message === `no ${row}`),
      ),
    ).toBe(true);
    expect(run.table('failed.csv')).toHaveLength(4_501);
  });
});

describe('cells', () => {
  const NASTY = `"=cmd",email,external_id,"note"
-1,a@example.com,+49 1,"＝1+1"
@x,b@example.com,'=1,"\t=1
2"
`;

  test('that a spreadsheet would run are guarded, everywhere', async () => {
    const run = await openRun(NASTY);
    await run.journal(
      {
        row: 1,
        status: 'failed',
        reason: 'rejected',
        field: '=f',
        message: '=HYPERLINK("x")',
        contactId: '-id',
      },
      {
        row: 2,
        status: 'skipped',
        reason: 'duplicate_contact',
        message: '+said',
        duplicateOf: 'destination',
      },
    );
    await run.report();
    for (const name of ['outcomes.csv', 'failed.csv', 'skipped.csv']) {
      for (const cell of run.table(name).flat()) expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
    }
  });

  test('come back when the file is dropped again', async () => {
    const run = await openRun(NASTY);
    const failed = (row: number): Outcome => ({ row, status: 'failed', reason: 'rejected', message: 'no' });
    await run.journal(failed(1), failed(2));
    await run.report();
    const rowsOf = async (content: string) => {
      const source = await takeSnapshot(scratchFile(content));
      const { rows } = await openIngest(
        { source, dialect: PLAIN, mapping: {}, createdAt: run.plan.createdAt },
        account,
      );
      const contacts: unknown[] = [];
      for await (const group of rows) contacts.push(...group.map(({ contact }) => contact));
      return contacts;
    };
    expect(await rowsOf(run.text('failed.csv'))).toEqual(await rowsOf(NASTY));

    // And a second time: the columns of the first report give way, nothing is guarded twice.
    const again = await openRun(run.text('failed.csv'));
    await again.journal(failed(1), failed(2));
    await again.report();
    expect(again.text('failed.csv')).toBe(run.text('failed.csv').replaceAll(run.plan.run, again.plan.run));
  });

  test('beyond the header are not lost', async () => {
    const run = await openRun('email,name\na@example.com,Lee,Ann,=x\n');
    await run.journal({ row: 1, status: 'failed', reason: 'invalid', message: 'too_many_cells' });
    await run.report();
    expect(run.text('failed.csv')).toBe(
      `email,name,rowferry_row,rowferry_reason,rowferry_message,rowferry_run
a@example.com,Lee,1,invalid,too_many_cells,${run.plan.run},Ann,'=x
`,
    );
  });
});

describe('the place', () => {
  test('holds the newest report, whole, and nothing besides', async () => {
    const run = await openRun(PEOPLE);
    await run.report('halted');
    writeFileSync(join(run.place, 'left.txt'), 'of the old report');
    await run.journal(...OUTCOMES);
    await run.report();
    expect(run.records('outcomes.csv').some(({ status }) => status === 'unprocessed')).toBe(false);
    expect(existsSync(join(run.place, 'left.txt'))).toBe(false);
    expect(readdirSync(run.plan.reportDir)).toEqual([run.plan.run]);
  });

  test('keeps the old report until the new one is whole', async () => {
    const run = await openRun(PEOPLE);
    await run.report('halted');
    const old = run.text('outcomes.csv');
    await run.journal(...OUTCOMES);
    const broken = writeReport({
      dataDir: join(run.plan.reportDir, '..'),
      plan: run.plan,
      destination: sendmator,
      header: ['email'],
      rows: (async function* () {
        yield [{ row: 1, line: 2, cells: ['a@example.com'], contact: { email: 'a@example.com' } }];
        throw new Error('the disk is gone');
      })(),
      state: 'finished',
      counts: { requests: 0, retries: 0, throttled: 0 },
      startedMs: 0,
      finishedMs: 0,
    });
    await expect(broken).rejects.toThrow('the disk is gone');
    expect(run.text('outcomes.csv')).toBe(old);
    expect(readdirSync(run.plan.reportDir)).toEqual([run.plan.run]);
    await run.report();
    expect(run.text('outcomes.csv')).not.toBe(old);
    expect(readdirSync(run.plan.reportDir)).toEqual([run.plan.run]);
  });

  test('is taken although an earlier process with our id died in the middle of the change', async () => {
    const run = await openRun(PEOPLE);
    await run.report('halted');
    const draft = join(run.plan.reportDir, `.${run.plan.run}.${process.pid}.tmp`);
    for (const dir of [draft, `${draft}.old`]) {
      mkdirSync(dir);
      writeFileSync(join(dir, 'outcomes.csv'), 'half');
    }
    await run.journal(...OUTCOMES);
    expect(await run.report()).toMatchObject({ unprocessed: 0 });
    expect(readdirSync(run.plan.reportDir)).toEqual([run.plan.run]);
  });
});

describe('checkReportDir', () => {
  test('makes the directory', () => {
    const dir = join(scratchDir(), 'a', 'b');
    checkReportDir(dir);
    checkReportDir(dir);
    expect(statSync(dir).isDirectory()).toBe(true);
  });

  test.each(['', 'below'])('says so when a file stands in its way: %j', (below) => {
    const dir = join(scratchFile('x'), below);
    let error: unknown;
    try {
      checkReportDir(dir);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: 'REPORT_DIR_UNWRITABLE',
      exitCode: EXIT.usage,
      message: `The report cannot be written to ${dir}: a file stands in its way. Name another folder with --report-dir.`,
    });
  });
});

test('a row whose keys the destination cannot read has its line all the same', async () => {
  const identity = ({ email }: { email?: unknown }) => ({ email: (email as string).toLowerCase() });
  const run = await openRun('email,first_name\n,Ann\nbob@example.com,Bob\n', {}, { ...sendmator, identity });
  await run.journal({ row: 1, status: 'failed', reason: 'invalid', field: 'email', message: 'required' });
  await run.report('halted');
  expect(run.records('outcomes.csv').map(({ row, email }) => [row, email])).toEqual([
    ['1', ''],
    ['2', 'bob@example.com'],
  ]);
});
