import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { expect, test } from 'vitest';
import { sheetXml, workbook, zip } from '../corpus/archive.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, type Row } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

test('an export in another encoding, packed, with titles above and totals below, is carried as it reads', async () => {
  const world = await World.open();
  const rows: Row[] = people(40).map((row, i) => ({ ...row, last_name: i % 2 ? 'Müller-Łódź' : 'Dvořák' }));
  const columns = Object.keys(rows[0]!);
  const line = (row: Row) => `"${columns.map((column) => row[column]).join('";"')}"\r\n`;
  const text = `Export;;;;;\r\n\r\n${columns.join(';')}\r\n${rows.map(line).join('')}`;
  const bytes = Buffer.concat([
    iconv.encode(text, 'windows-1250'),
    Buffer.from(line({ ...rows[0]!, email: 'glued@example.com', last_name: 'Müller' })), // UTF-8
    Buffer.from('Total: 41;;;;;\r\n'),
  ]);
  const path = join(world.dir, 'Kunden.csv.gz');
  writeFileSync(path, gzipSync(bytes));
  const run = world.start('run', path, '--rate', 'none', '--json');
  const { code, stdout } = await run.finished;
  const summary = await run.result();

  const all = [...rows, { email: 'glued@example.com' }, { email: '' }];
  const { outcomes } = expectAgreement(
    summary.reports.dir,
    all,
    world.ledger(),
    new Set(),
    ({ last_name }) => (last_name ? { last_name } : {}),
  );
  expect(code).toBe(3);
  const { found, ...dialect } = summary.dialect;
  expect(found.map(({ what, value }) => `${what} ${value}`)).toEqual([
    'packing gzip',
    'encoding windows-1250',
    'delimiter semicolon',
    'skip lines the first 2 lines',
    'header line 3',
  ]);
  expect(dialect).toEqual({
    encoding: 'windows-1250',
    delimiter: ';',
    quote: '"',
    escape: 'double',
    skip_lines: 2,
    header: true,
  });
  expect(summary).toMatchObject({ created: 40, failed: 2, reasons: { invalid: 2 } });
  expect(outcomes.slice(40).map(({ line: at, message }) => [at, message!.split(':')[0]])).toEqual([
    ['44', 'encoding'],
    ['45', 'total_line'],
  ]);
  const started = JSON.parse(stdout.split('\n')[0]!) as { dialect: { found: unknown[] } };
  expect(started.dialect.found).toContainEqual(
    expect.objectContaining({ what: 'encoding', value: 'windows-1250' }),
  );
});

test('a chosen sheet of a spreadsheet, and a file without a header, are carried; lines are rows of the sheet', async () => {
  const world = await World.open();
  const rows: Row[] = people(5);
  const table = [['email', 'first_name'], ...rows.map((row) => [row.email!, `${row.first_name}\nB.`])];
  const path = join(world.dir, 'people.xlsx');
  const sheets = [
    { name: 'Notes', xml: sheetXml([['nothing']]) },
    { name: 'People', xml: sheetXml(table) },
  ];
  writeFileSync(path, zip(workbook(sheets)));
  const run = world.start('run', path, '--rate', 'none', '--sheet', 'people', '--json');
  const summary = await run.result();
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(outcomes.map(({ line }) => line)).toEqual(['2', '3', '4', '5', '6']);
  expect(summary).toMatchObject({ created: 5, dialect: { sheet: 'People' } });

  const bare = join(world.dir, 'bare.csv');
  writeFileSync(bare, 'Ann|x1@example.com\nBob|x2@example.com\n');
  const second = world.start('run', bare, '--rate', 'none', '--no-header', '--map', '2=email', '--json');
  const { created, reports } = await second.result();
  expect(created).toBe(2);
  const others = new Set(outcomes.map(({ contact_id }) => contact_id!));
  const list = ['x1', 'x2'].map((name) => ({ email: `${name}@example.com` }));
  expectAgreement(reports.dir, list, world.ledger(), others);
});
