import { stringify } from 'csv-stringify/sync';
import { describe, expect, test } from 'vitest';
import { detectDialect, detectForm, detectLineEnd } from '../../src/ingest/detect.js';
import { scratchFile } from '../helpers/scratch.js';

const detect = (text: string, cutOff = false) => detectForm(text, cutOff).form.delimiter;
const found = async (text: string, given = {}) =>
  detectDialect({ path: scratchFile(text), name: 'people.csv' }, given);

describe('the delimiter', () => {
  test.each([',', ';', '\t', '|'])('%j is found', (delimiter) => {
    const rows = [
      ['email', 'first_name', 'note'],
      ['a@example.com', 'Ann', 'one, two; three | four'],
      ['b@example.com', 'Bob', 'say "hi"\nand more'],
    ];
    for (const record_delimiter of ['\n', '\r\n', '\r']) {
      expect(detect(stringify(rows, { delimiter, record_delimiter }))).toBe(delimiter);
    }
  });

  test.each([
    ['a single column', 'email\na@example.com\n', ','],
    ['nothing', '', ','],
    ['a header alone', 'email;name\n', ';'],
    ['commas in quoted headers', '"email";"last, first"\na@example.com;"Doe, Jane"\n', ';'],
    [
      'rows that lack their last cells',
      'email;a;b\nx@example.com\ny@example.com;1\nz@example.com;1;2\n',
      ';',
    ],
    ['blank lines', '\n\nemail|name\n\na@example.com|Ann\n', '|'],
    ['a quote left open', 'email\tname\na@example.com\tAnn\nb@example.com\t"Bob\n', '\t'],
    ['CRLF in the header alone', 'email;name\r\na@example.com;A, B\nb@example.com;C, D\n', ';'],
  ])('is right about %s', (_, text, delimiter) => {
    expect(detect(text)).toBe(delimiter);
  });

  test('the record at which the sample ends does not count', () => {
    expect(detect('a;b;c\n1;2;3\n4;5;6\n7,8,9,10', true)).toBe(';');
  });
});

describe('the dialect', () => {
  test('is found at the beginning of a large file', async () => {
    expect(await found(`email;name\n${'a@example.com;"x, y"\n'.repeat(20_000)}`)).toMatchObject({
      delimiter: ';',
      quote: '"',
      escape: 'double',
      lineEnd: '\n',
      header: true,
      skipLines: 0,
    });
  });

  test('says why', async () => {
    const { found: told } = await found('Export\n\nemail;name\na@example.com;Ann\nb@example.com;Bob\n');
    expect(told).toEqual([
      { what: 'delimiter', value: 'semicolon', why: '3 of the first 4 records have 2 cells' },
      {
        what: 'skip lines',
        value: 'the first 2 lines',
        why: 'they hold fewer cells than a record: titles or notes',
      },
      { what: 'header', value: 'line 3', why: 'the first with names for most columns' },
    ]);
  });

  test('is what somebody says', async () => {
    const given = { delimiter: '|', quote: "'", escape: 'backslash', header: false, skipLines: 1 } as const;
    const dialect = await found('email;name\na|b\n', given);
    expect(dialect).toMatchObject(given);
    const why = Object.fromEntries(dialect.found.map((finding) => [finding.what, finding.why]));
    expect(why).toEqual(
      Object.fromEntries(
        ['delimiter', 'quote', 'escape', 'skip lines', 'header'].map((what) => [what, 'given']),
      ),
    );
  });

  test('that may well be another is told to be unsure', async () => {
    const { found: told } = await found('a;b,c\nd;e,f\n');
    expect(told[0]).toMatchObject({ what: 'delimiter', unsure: true });
  });
});

describe('line ends', () => {
  test.each(['a,b\n1,2\n', 'a,b\r\n1,2\r\n', 'a\r\r\n1\r\r\n', '"a\rb",c\n1,2\n', 'a'])(
    'of %j are not lone CRs',
    (text) => expect(detectLineEnd(text)).toBe('\n'),
  );

  test.each(['a,b\r1,2\r', '"a\nb",c\r1,2\r'])('of %j are', (text) => {
    expect(detectLineEnd(text)).toBe('\r');
  });
});
