import { stringify } from 'csv-stringify/sync';
import { describe, expect, test } from 'vitest';
import { detectDelimiter, detectDialect, lineEnds } from '../../src/ingest/detect.js';
import { scratchFile } from '../helpers/scratch.js';

const detect = (text: string, cutOff = false) => detectDelimiter(Buffer.from(text), cutOff);

describe('detectDelimiter', () => {
  test.each([',', ';', '\t', '|'])('finds %j', (delimiter) => {
    const rows = [
      ['email', 'first_name', 'note'],
      ['a@example.com', 'Ann', 'one, two; three | four'],
      ['b@example.com', 'Bob', 'say "hi"\nand more'],
    ];
    for (const record_delimiter of ['\n', '\r\n', '\r']) {
      for (const bom of [true, false]) {
        expect(detect(stringify(rows, { delimiter, record_delimiter, bom }))).toBe(delimiter);
      }
    }
  });

  test.each([
    ['a single column', 'email\na@example.com\n', ','],
    ['nothing', '', ','],
    ['a header alone', 'email;name\n', ';'],
    ['decimal commas', 'email;price\na@example.com;1,5\nb@example.com;2,25\n', ';'],
    ['commas in quoted headers', '"email";"last, first"\na@example.com;"Doe, Jane"\n', ';'],
    ['lists inside a cell', 'email,tags\na@example.com,a;b;c\nb@example.com,a\n', ','],
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

  test('does not count the record at which the sample ends', () => {
    expect(detect('a;b;c\n1;2;3\n4;5;6\n7,8,9,10', true)).toBe(';');
  });
});

describe('detectDialect', () => {
  test('looks at the beginning of a large file', async () => {
    const path = scratchFile(`email;name\n${'a@example.com;"x, y"\n'.repeat(20_000)}`);
    expect(await detectDialect(path)).toEqual({ delimiter: ';' });
  });

  test('takes a delimiter that is given', async () => {
    expect(await detectDialect(scratchFile('email;name\n'), '|')).toEqual({ delimiter: '|' });
  });
});

describe('lineEnds', () => {
  test.each(['a,b\n1,2\n', 'a,b\r\n1,2\r\n', 'a\r\r\n1\r\r\n', '"a\rb",c\n1,2\n'])(
    'of %j do not include a lone CR',
    (text) => {
      expect(lineEnds(Buffer.from(text))).toEqual(['\r\r\n', '\r\n', '\n']);
    },
  );

  test.each(['a,b\r1,2\r', '"a\nb",c\r1,2\r', 'a'])('of %j do', (text) => {
    expect(lineEnds(Buffer.from(text))).toContain('\r');
  });
});
