/** A lean CSV reader: quotes and line breaks in them, and nothing else that files have. */
import { createReadStream } from 'node:fs';

const QUOTE = 34;
const COMMA = 44;

/** Records as arrays of cells, header included. */
export async function* readRecords(path: string): AsyncGenerator<string[][], void, void> {
  let rest = '';
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 17 })) {
    const text = rest + String(piece);
    const records: string[][] = [];
    let at = 0;
    for (;;) {
      const cells: string[] = [];
      const next = readRecord(text, at, cells);
      if (next === -1) break;
      records.push(cells);
      at = next;
    }
    rest = text.slice(at);
    yield records;
  }
  const last: string[] = [];
  if (rest !== '' && readRecord(`${rest}\n`, 0, last) !== -1) yield [last];
}

/** Where the record after the one at `at` begins; -1 when `text` ends before it does. */
function readRecord(text: string, at: number, cells: string[]): number {
  const line = text.indexOf('\n', at);
  for (;;) {
    let end: number;
    if (text.charCodeAt(at) === QUOTE) {
      let close = text.indexOf('"', at + 1);
      while (close !== -1 && text.charCodeAt(close + 1) === QUOTE) close = text.indexOf('"', close + 2);
      end = close + 1;
      if (close === -1 || end === text.length) return -1;
      const cell = text.slice(at + 1, close);
      cells.push(cell.includes('"') ? cell.replaceAll('""', '"') : cell);
    } else {
      if (line === -1) return -1;
      const lineEnd = line < at ? text.indexOf('\n', at) : line;
      const comma = text.indexOf(',', at);
      if (lineEnd === -1) return -1;
      end = comma === -1 || comma > lineEnd ? lineEnd : comma;
      cells.push(text.slice(at, end));
    }
    if (text.charCodeAt(end) !== COMMA) return end + 1;
    at = end + 1;
  }
}
