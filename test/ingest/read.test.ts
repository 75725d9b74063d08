import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../src/dialect.js';
import { detectLineEnd } from '../../src/ingest/detect.js';
import { readRecords, type SourceRecord } from '../../src/ingest/read.js';
import { scratchFile } from '../helpers/scratch.js';

async function read(content: string | Buffer, delimiter = ',', bytes?: number): Promise<SourceRecord[]> {
  const path = scratchFile(content);
  const records: SourceRecord[] = [];
  const lineEnd = detectLineEnd(content.toString());
  const dialect = { ...PLAIN, delimiter, lineEnd };
  for await (const group of readRecords(path, bytes ?? Buffer.byteLength(content), dialect)) {
    records.push(...group);
  }
  return records;
}

/** `[line, …cells]` of every record; checks that rows are counted from 0 without a gap. */
async function lines(content: string | Buffer, delimiter = ',') {
  const records = await read(content, delimiter);
  expect(records.map(({ row }) => row)).toEqual(records.map((_, i) => i));
  return records.map(({ line, cells }) => [line, ...cells]);
}

describe('records', () => {
  test.each([',', ';', '\t', '|'])('cut by %j', async (delimiter) => {
    const content = `a${delimiter}b\n1${delimiter}"x${delimiter}y"\n`;
    expect(await lines(content, delimiter)).toEqual([
      [1, 'a', 'b'],
      [2, '1', `x${delimiter}y`],
    ]);
  });

  test('of a file with a byte order mark, quoted header or not', async () => {
    expect(await lines('\uFEFFemail,b\n1,2\n')).toEqual([
      [1, 'email', 'b'],
      [2, '1', '2'],
    ]);
    expect(await lines('\uFEFF"email",b\n1,2\n')).toEqual([
      [1, 'email', 'b'],
      [2, '1', '2'],
    ]);
  });

  test('with quotes inside and around', async () => {
    expect(await lines('a,b\n"say ""hi""",5" disk\n"",x\n')).toEqual([
      [1, 'a', 'b'],
      [2, 'say "hi"', '5" disk'],
      [3, '', 'x'],
    ]);
  });

  test('shorter and longer than the header', async () => {
    expect(await lines('a,b\n1\n1,2,3\n')).toEqual([
      [1, 'a', 'b'],
      [2, '1'],
      [3, '1', '2', '3'],
    ]);
  });

  test('without a line end after the last', async () => {
    expect(await lines('a\n1')).toEqual([
      [1, 'a'],
      [2, '1'],
    ]);
    expect(await lines('a\n"1"')).toEqual([
      [1, 'a'],
      [2, '1'],
    ]);
  });

  test('of files with next to nothing in them', async () => {
    expect(await lines('')).toEqual([]);
    expect(await lines('\n\r\n\n')).toEqual([]);
    expect(await lines('\uFEFF')).toEqual([]);
    expect(await lines('a')).toEqual([[1, 'a']]);
  });

  test('of the first bytes only, when the file has grown since', async () => {
    const records = await read('a\n1\n2\n', ',', 4);
    expect(records.map(({ cells }) => cells)).toEqual([['a'], ['1']]);
  });
});

describe('line numbers', () => {
  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('count %s inside cells once', async (_, end) => {
    const content = ['a,b', `1,"x${end}y${end}${end}z"`, '2,q', `"${end}","s"`, '3,r', ''].join(end);
    expect(await lines(content)).toEqual([
      [1, 'a', 'b'],
      [2, '1', `x${end}y${end}${end}z`],
      [6, '2', 'q'],
      [7, end, 's'],
      [9, '3', 'r'],
    ]);
  });

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('count blank lines between %s', async (_, end) => {
    const content = ['', '', 'a', '', '"1', '', '2"', '', '', '3', '', ''].join(end);
    expect(await lines(content)).toEqual([
      [3, 'a'],
      [5, `1${end}${end}2`],
      [10, '3'],
    ]);
  });

  test('count a header of several lines', async () => {
    expect(await lines('"a\nb",c\n1,2\n')).toEqual([
      [1, 'a\nb', 'c'],
      [3, '1', '2'],
    ]);
  });

  test('count other line ends inside cells than between rows', async () => {
    expect(await lines('a\r\n"1\n2"\r\n3\r\n')).toEqual([
      [1, 'a'],
      [2, '1\n2'],
      [4, '3'],
    ]);
    expect(await lines('a\n"1\r\n2"\n3\n')).toEqual([
      [1, 'a'],
      [2, '1\r\n2'],
      [4, '3'],
    ]);
  });
});

describe('files with mixed line ends', () => {
  const rows = [
    [1, 'a', 'b'],
    [2, '1', 'x'],
    [3, '2', 'y'],
    [4, '3', 'z'],
  ];

  test.each([
    ['CRLF, then LF', 'a,b\r\n1,x\n2,"y"\n3,z\n'],
    ['LF, then CRLF', 'a,b\n1,"x"\r\n2,y\r\n3,"z"\r\n'],
    ['in turns', 'a,b\r\n1,"x"\n2,y\r\n3,z\n'],
    ['CR CR LF', 'a,b\r\r\n1,"x"\r\r\n2,y\r\r\n3,"z"\r\r\n'],
    ['CR, then LF', 'a,b\r1,x\r2,"y"\n3,z\n'],
  ])('%s', async (_, content) => {
    expect(await lines(content)).toEqual(rows);
  });
});

describe('a quote left open', () => {
  test('is one record with a fault that names its line', async () => {
    const records = await read('a,b\n1,2\n\n3,"4\n5,6\n7,8\n');
    expect(records.map(({ row, line, fault }) => [row, line, fault?.code])).toEqual([
      [0, 1, undefined],
      [1, 2, undefined],
      [2, 4, 'unclosed_quote'],
      [3, 5, undefined],
      [4, 6, undefined],
    ]);
    expect(records[2]?.cells).toEqual([]);
    expect(records[2]?.fault?.message).toContain('line 4');
  });

  test('may be in the header', async () => {
    expect((await read('a,"b\n1,2\n')).map(({ row, fault }) => [row, fault?.code])).toEqual([
      [0, 'unclosed_quote'],
      [1, undefined],
    ]);
  });

  test('costs the line it stands on, after rows over several lines and characters of several bytes', async () => {
    const content = 'a,b\r\n1,"x\r\ny"\r\n\r\né,"é\r\n3,z\r\n\r\n4,w\r\n';
    const records = await read(content);
    expect(records.map(({ row, line, cells, fault }) => [row, line, cells[0] ?? fault?.code])).toEqual([
      [0, 1, 'a'],
      [1, 2, '1'],
      [2, 5, 'unclosed_quote'],
      [3, 6, '3'],
      [4, 8, '4'],
    ]);
  });

  test('may be far before the end of the file', async () => {
    const rest = 'x,y\n'.repeat(100_000);
    const records = await read(`a,b\n1,2\n3,"4\n${rest}`);
    expect(records.map(({ row, line, fault }) => [row, line, fault?.code])).toEqual([
      [0, 1, undefined],
      [1, 2, undefined],
      [2, 3, 'unclosed_quote'],
      ...Array.from({ length: 100_000 }, (_, i) => [3 + i, 4 + i, undefined]),
    ]);
  });

  test('does not fill the memory', async () => {
    const records = await read(
      Buffer.concat([Buffer.from('a\n1\n\n"2\n'), Buffer.alloc(40 << 20, 'x'), Buffer.from('\n3\n')]),
    );
    expect(records.map(({ row, line, fault }) => [row, line, fault?.code])).toEqual([
      [0, 1, undefined],
      [1, 2, undefined],
      [2, 4, 'too_long'],
      [3, 5, 'too_long'],
      [4, 6, undefined],
    ]);
    expect(records[2]?.fault?.message).toContain('line 4');
  });
});

describe('large files', () => {
  /** 128 KB is what is read at once; every row shifts what the borders between the pieces cut. */
  test.each(['\n', '\r\n', '\r'])('are whole across the borders of the pieces, %j', async (end) => {
    const expected: (string | number)[][] = [[1, 'n', 'text', 'note']];
    let content = `n,text,note${end}`;
    let line = 2;
    for (let n = 1; content.length < 310_000; n++) {
      const text = 'ä€😀'.repeat(n % 7);
      const note = n % 5 === 0 ? `a${end}"b"` : 'x'.repeat(n % 11);
      content += `${n},${text},"${note.replaceAll('"', '""')}"${end}`;
      expected.push([line, String(n), text, note]);
      line += n % 5 === 0 ? 2 : 1;
      if (n % 97 === 0) {
        content += end;
        line++;
      }
    }
    expect(await lines(content)).toEqual(expected);
  });

  test('may have one record larger than a piece', async () => {
    const large = 'é'.repeat(200_000);
    expect(await lines(`a,b\n1,"${large}\n"\n2,x\n`)).toEqual([
      [1, 'a', 'b'],
      [2, '1', `${large}\n`],
      [4, '2', 'x'],
    ]);
  });

  test.each([0, 1, 2, 3, 4, 5])('may have a CRLF after a quote %i bytes around a border', async (shift) => {
    const padding = 'p'.repeat(128 * 1024 - 'a\r\n'.length - 6 + shift);
    expect(await lines(`a\r\n"${padding}"\r\n"x""y"\r\nz\r\n`)).toEqual([
      [1, 'a'],
      [2, padding],
      [3, 'x"y'],
      [4, 'z'],
    ]);
  });

  test('come in groups, and the reading can be left', async () => {
    const content = 'a,b\n1,2\n'.repeat(100_000);
    const groups = readRecords(scratchFile(content), content.length, PLAIN);
    const first = await groups.next();
    expect(first.value?.length).toBeLessThan(40_000);
    await groups.return();
    expect((await groups.next()).done).toBe(true);
  });
});

test('any table comes back as it was written, with its rows and lines', async () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc
      .array(fc.constantFrom('"', ',', '\n', '\r\n', "'", ' ', 'ä', '😀', 'x', '""', ';'), { maxLength: 6 })
      .map((parts) => parts.join('')),
  );
  // A row of one empty cell would be a blank line.
  const table = fc.array(fc.tuple(fc.constantFrom('k', 'l m', '"'), cell, cell), {
    minLength: 1,
    maxLength: 12,
  });
  const style = fc.record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    record_delimiter: fc.constantFrom('\n', '\r\n'),
    quoted: fc.boolean(),
    bom: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(table, style, async (rows, options) => {
      // A lone CR counts as a line end inside cells; csv-stringify leaves it unquoted in LF files.
      const cells = rows.map((row) => row.map((text) => text.replace(/\r(?!\n)/g, '')));
      let line = 1;
      const expected = cells.map((row) => {
        const start = line;
        line += 1 + row.join('').split('\n').length - 1;
        return [start, ...row];
      });
      expect(
        await lines(stringify(cells, { ...options, quoted_match: /[\r\n]/ }), options.delimiter),
      ).toEqual(expected);
    }),
  );
});
