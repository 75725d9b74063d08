import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { EXIT } from '../../src/errors.js';
import { DiskRepeatFinder, IN_MEMORY_BYTES, MemoryRepeatFinder } from '../../src/ingest/dedupe.js';
import { type IngestedRow, openIngest, openRepeatFinder } from '../../src/ingest/ingest.js';
import type { MappingSpec } from '../../src/mapping.js';
import { newRunId, type RunPlan, runDir, takeSnapshot } from '../../src/run.js';
import { scratchDir, scratchFile } from '../helpers/scratch.js';

const account = { destination: sendmator, options: { baseUrl: 'http://127.0.0.1', apiKey: 'key' } };
const createdAt = new Date(0).toISOString();

async function open(content: string | Buffer, mapping: MappingSpec = {}, delimiter = ',') {
  const source = await takeSnapshot(scratchFile(content));
  return openIngest({ source, dialect: { ...PLAIN, delimiter }, mapping, createdAt }, account);
}

async function ingest(content: string, spec?: MappingSpec) {
  const { header, mapping, rows } = await open(content, spec);
  const all: IngestedRow[] = [];
  for await (const group of rows) all.push(...group);
  return { header, warnings: mapping.warnings, rows: all };
}

describe('a header', () => {
  test.each([
    ['blank lines', '\n\n\n'],
    ['a byte order mark', '\uFEFF'],
    ['empty names', ' , ,\n'],
    ['a quote left open', 'email,"name\na@example.com,Ann\n'],
  ])('of %s is none', async (_, content) => {
    await expect(open(content)).rejects.toMatchObject({
      code: 'NO_HEADER',
      message: 'people.csv has no header line with column names.',
      exitCode: EXIT.usage,
    });
  });

  test('without an e-mail column stops with the names it has', async () => {
    await expect(open('name,phone\nAnn,1\n')).rejects.toMatchObject({ code: 'NO_EMAIL_COLUMN' });
    await expect(open('a@example.com,Ann\n')).rejects.toMatchObject({ code: 'NO_EMAIL_COLUMN' });
  });

  test('of the wrong --map stops', async () => {
    await expect(open('email\na@example.com\n', { map: { email: 'Mail' } })).rejects.toMatchObject({
      code: 'MAP_COLUMN_UNKNOWN',
    });
  });

  test('alone has no rows', async () => {
    expect((await ingest('email,name\n')).rows).toEqual([]);
    expect((await ingest('email,name')).rows).toEqual([]);
  });
});

describe('rows', () => {
  test('are numbered, mapped, and keep their cells', async () => {
    const { header, rows } = await ingest(
      'Email,plan\n\nAnn@Example.com , pro\nb@example.com,"a\nb"\nc@example.com\n',
    );
    expect(header).toEqual(['Email', 'plan']);
    expect(rows).toEqual([
      {
        row: 1,
        line: 3,
        cells: ['Ann@Example.com ', ' pro'],
        contact: { email: 'ann@example.com', custom_fields: { plan: 'pro' } },
      },
      {
        row: 2,
        line: 4,
        cells: ['b@example.com', 'a\nb'],
        contact: { email: 'b@example.com', custom_fields: { plan: 'a\nb' } },
      },
      { row: 3, line: 6, cells: ['c@example.com'], contact: { email: 'c@example.com' } },
    ]);
  });

  test('that must not be sent say which field is wrong', async () => {
    const { rows } = await ingest('email,is_active\n,yes\nnobody,yes\na@example.com,perhaps\n');
    expect(rows.map(({ invalid }) => invalid)).toEqual([
      { row: 1, status: 'failed', reason: 'invalid', field: 'email', message: 'required' },
      { row: 2, status: 'failed', reason: 'invalid', field: 'email', message: 'invalid_format' },
      {
        row: 3,
        status: 'failed',
        reason: 'invalid',
        field: 'is_active',
        message:
          'not_a_boolean: column "is_active" must hold true or false, yes or no, y or n, on or off, 1 or 0',
      },
    ]);
  });

  test('tell all that is wrong with them, the field of a bad cell once', async () => {
    const { rows } = await ingest(
      'email,is_active,custom_fields.score:integer\na@example.com;b@example.com,perhaps,ten\nnobody,yes,1.5\n',
    );
    expect(rows[0]?.faults).toMatchObject([
      { field: 'email', code: 'several_addresses' },
      { field: 'is_active', code: 'not_a_boolean' },
      { field: 'custom_fields.score', code: 'not_an_integer' },
    ]);
    expect(rows.map(({ invalid }) => invalid)).toMatchObject([
      {
        field: 'email',
        message:
          'several_addresses: column "email" must hold one e-mail address; it holds 2; is_active not_a_boolean: column "is_active" must hold true or false, yes or no, y or n, on or off, 1 or 0; custom_fields.score not_an_integer: column "custom_fields.score:integer" must hold a whole number like 12',
      },
      {
        field: 'custom_fields.score',
        message:
          'not_an_integer: column "custom_fields.score:integer" must hold a whole number like 12; email invalid_format',
      },
    ]);
  });

  test('find the same columns however the file is cut into pieces', async () => {
    // The first piece ends inside the first row, which alone would not tell which column holds the addresses.
    const long = 'x'.repeat(200_000);
    const { rows, warnings } = await ingest(`Login,Note\n,${long}\na@example.com,\n`);
    expect(warnings).toContain('Column "Login" fills email: it is the one that holds addresses.');
    expect(rows.map(({ row, contact }) => [row, contact.email])).toEqual([
      [1, undefined],
      [2, 'a@example.com'],
    ]);
  });

  test('with more cells than the header are invalid, unless what is too much is blank', async () => {
    const { rows } = await ingest('email,name\na@example.com,Lee, Ann\nb@example.com,Bob,, \n');
    expect(rows[0]?.invalid).toEqual({
      row: 1,
      status: 'failed',
      reason: 'invalid',
      message: 'too_many_cells: the row has 3 cells, the header 2',
    });
    expect(rows[1]?.invalid).toBeUndefined();
    expect(rows[1]?.contact).toEqual({ email: 'b@example.com', custom_fields: { name: 'Bob' } });
  });

  test('with signs that nothing can be read from are invalid, if a column that is sent has them', async () => {
    const content = 'email,name,\na@example.com,M\uFFFDller,x\nb@example.com,Bob,\uFFFD\nc@example.com,\0,\n';
    const { rows } = await ingest(content);
    expect(rows.map(({ invalid }) => invalid?.message)).toEqual([
      'encoding: column 2 holds bytes that cannot be read (shown as \uFFFD)',
      undefined,
      'encoding: column 2 holds bytes that cannot be read (shown as \uFFFD)',
    ]);
  });

  test('of totals say so, unless they are contacts', async () => {
    const { rows } = await ingest('name,email\nTotal,t@example.com\nTotal: 12,\n(2 rows)\nTotally Ann,\n');
    expect(rows.map(({ invalid }) => invalid?.message?.split(':')[0])).toEqual([
      undefined,
      'total_line',
      'total_line',
      'required',
    ]);
  });

  test('of a file without a header are found by the numbers of its columns, from row 1 on', async () => {
    const source = await takeSnapshot(scratchFile('Ann,a@example.com\nBob,b@example.com\n'));
    const plan = {
      source,
      dialect: { ...PLAIN, header: false },
      mapping: { map: { email: '2' } },
      createdAt,
    };
    const { header, rows } = await openIngest(plan, account);
    const found: IngestedRow[] = [];
    for await (const group of rows) found.push(...group);
    expect(header).toEqual(['1', '2']);
    expect(found.map(({ row, line, contact }) => [row, line, contact.email])).toEqual([
      [1, 1, 'a@example.com'],
      [2, 2, 'b@example.com'],
    ]);
  });

  test('with a quote left open are invalid, those below are not', async () => {
    const { rows } = await ingest('email,name\na@example.com,Ann\nb@example.com,"Bob\nc@example.com,Cem\n');
    expect(rows.map(({ row, line, invalid }) => [row, line, invalid?.reason])).toEqual([
      [1, 2, undefined],
      [2, 3, 'invalid'],
      [3, 4, undefined],
    ]);
    expect(rows[1]?.invalid?.message).toMatch(/^unclosed_quote: .* line 3 /);
  });

  test('of the pieces after the first follow without a gap', async () => {
    const lines = Array.from({ length: 9_000 }, (_, i) => `user${i + 1}@example.com,${'x'.repeat(i % 30)}`);
    const { rows } = await ingest(`email,note\n${lines.join('\n')}\n`);
    expect(rows.map(({ row }) => row)).toEqual(lines.map((_, i) => i + 1));
    expect(
      rows.every(({ row, line, contact }) => line === row + 1 && contact.email === `user${row}@example.com`),
    ).toBe(true);
  });

  test('can be left before their end', async () => {
    const { rows } = await open(`email\n${'a@example.com\n'.repeat(50_000)}`);
    await rows.next();
    await rows.return();
    expect((await rows.next()).done).toBe(true);
  });
});

describe('a mapping with rules', () => {
  test('makes what does not fit an outcome of its row', async () => {
    const { rows } = await ingest('email,Score\na@example.com,12\nb@example.com,many\nc@example.com,\n', {
      map: { 'custom_fields.score': { column: 'Score', type: 'integer' } },
    });
    expect(rows.map(({ contact, invalid }) => invalid ?? contact.custom_fields)).toEqual([
      { score: 12 },
      {
        row: 2,
        status: 'failed',
        reason: 'invalid',
        field: 'custom_fields.score',
        message: 'not_an_integer: column "Score" must hold a whole number like 12',
      },
      undefined,
    ]);
  });

  test('evaluates expressions for every row, in order, over many pieces', async () => {
    const lines = Array.from(
      { length: 6_000 },
      (_, i) => `user${i + 1}@example.com,${i + 1},${'x'.repeat(30)}`,
    );
    const { rows } = await ingest(`email,Spent,note\n${lines.join('\n')}\n`, {
      map: { 'custom_fields.tier': { jsonata: "$number(Spent) % 1000 = 0 ? $error('round') : Spent & '!'" } },
      unmapped: 'ignore',
    });
    expect(rows).toHaveLength(6_000);
    for (const { row, contact, invalid } of rows) {
      if (row % 1000 === 0) {
        expect(invalid).toMatchObject({
          row,
          field: 'custom_fields.tier',
          message: 'expression_failed: round',
        });
      } else {
        expect(contact).toEqual({ email: `user${row}@example.com`, custom_fields: { tier: `${row}!` } });
      }
    }
  });

  test('finds the same in a pass without validation', async () => {
    const source = await takeSnapshot(scratchFile('Mail,n\nA@Example.com,x\n'));
    const mapping: MappingSpec = {
      map: { email: { jsonata: '$lowercase(Mail)' }, 'custom_fields.at': { jsonata: '$now()' } },
    };
    const { rows } = await openIngest({ source, dialect: PLAIN, mapping, createdAt }, account, {
      validate: false,
    });
    expect((await rows.next()).value).toEqual([
      {
        row: 1,
        line: 2,
        cells: ['A@Example.com', 'x'],
        contact: { email: 'a@example.com', custom_fields: { n: 'x', at: createdAt } },
      },
    ]);
    await rows.return();
  });
});

describe("a report of rowferry's, dropped again", () => {
  const own = 'rowferry_row,rowferry_reason,rowferry_message';

  test('is read without the guard against formulas, header included', async () => {
    const { header, rows } = await ingest(
      `email,'+plan,${own}\n'+a@example.com,'=1+1,1,rejected,'=x\nb@example.com,''-x,2,rejected,m\n`,
    );
    expect(header).toEqual(['email', '+plan', ...own.split(',')]);
    expect(rows.map(({ contact }) => contact)).toEqual([
      { email: '+a@example.com', custom_fields: { '+plan': '=1+1' } },
      { email: 'b@example.com', custom_fields: { '+plan': "'-x" } },
    ]);
    expect(rows[0]?.cells[0]).toBe('+a@example.com');
  });

  test('is told from any other file, whose apostrophes are its own', async () => {
    const { rows } = await ingest("email,plan\na@example.com,'=1+1\n");
    expect(rows[0]?.contact).toEqual({ email: 'a@example.com', custom_fields: { plan: "'=1+1" } });
  });
});

describe('openRepeatFinder', () => {
  async function planOf(content: string | Buffer): Promise<RunPlan> {
    return {
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
      reportDir: 'reports',
    };
  }
  const { signal } = new AbortController();

  test('spares a second look at rows that were without fault', async () => {
    const plan = await planOf('email\nnone\nnone\n');
    const { rows } = await openIngest(plan, account, { sound: (row) => row === 1 });
    const { value } = await rows.next();
    expect(value?.map(({ invalid }) => invalid?.reason)).toEqual([undefined, 'invalid']);
    await rows.return();
  });

  test('needs no disk for a small file', async () => {
    const plan = await planOf('email\na@example.com\n');
    expect(await openRepeatFinder(scratchDir(), plan, account, signal)).toBeInstanceOf(MemoryRepeatFinder);
  });

  test('reads a large file beforehand; invalid rows are no first rows', async () => {
    const note = 'x'.repeat(200_000);
    const rows = Array.from(
      { length: Math.ceil(IN_MEMORY_BYTES / note.length) + 1 },
      (_, i) => `${i}@example.com,${note}`,
    );
    rows[0] = `A@example.com,${note},too,many`;
    rows[1] = `a@example.com,${note}`;
    rows[2] = `A@Example.com,${note}`;
    const plan = await planOf(`email,note\n${rows.join('\n')}\n`);
    const dataDir = scratchDir();
    const finder = await openRepeatFinder(dataDir, plan, account, signal);
    expect(finder).toBeInstanceOf(DiskRepeatFinder);
    expect(finder.find(1, {})).toBeUndefined();
    expect(finder.find(2, {})).toBeUndefined();
    expect(finder.find(3, {})).toEqual({ email: 2, externalId: 0 });
    expect(finder.find(4, {})).toBeUndefined();
    expect([1, 2, 3, rows.length, rows.length + 1].map((row) => finder.sound(row))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    finder.close();
    expect(existsSync(join(runDir(dataDir, plan.run), 'dedupe'))).toBe(false);
  });
});
