/** Finds out how a file is written: its delimiter, frozen in the run's plan, and its line ends. */
import { open } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';

/** How a file is written. */
export interface Dialect {
  delimiter: string;
}

const CANDIDATES = [',', ';', '\t', '|'] as const;
const SAMPLE_BYTES = 64 * 1024;
const SAMPLE_RECORDS = 50;

/** Detects the dialect of the file at `path`, or takes `delimiter` as given. */
export async function detectDialect(path: string, delimiter?: string): Promise<Dialect> {
  if (delimiter !== undefined) return { delimiter };
  const sample = await readSample(path);
  return { delimiter: detectDelimiter(sample, sample.length === SAMPLE_BYTES) };
}

/** The first bytes of the file, enough to tell how it is written. */
export async function readSample(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * The candidate that cuts most of the records into as many cells as the header, and into the most cells. Counting
 * characters would be misled by commas inside quotes and in decimal numbers. A cell with half a pair of quotes was
 * cut at the wrong place. A file of one column has none: `,`.
 */
export function detectDelimiter(sample: Buffer, cutOff: boolean): string {
  let best: { delimiter: string; score: number } = { delimiter: ',', score: 0 };
  for (const delimiter of CANDIDATES) {
    const { widths, torn } = recordWidths(sample, delimiter, cutOff);
    const header = widths[0] ?? 0;
    if (header < 2) continue;
    const alike = widths.filter((width) => width === header).length / widths.length;
    const score = alike * alike * Math.log2(header + 1) * (1 - torn / 2);
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

const [QUOTE, LF, CR] = [34, 10, 13];

/**
 * What ends a record, by the first line end of `sample` outside quotes. Files glued together mix CRLF and LF, and a
 * text-mode writer on Windows makes CR CR LF: taking only the first kind would run the rows of the others together.
 */
export function lineEnds(sample: Buffer): string[] {
  let quoted = false;
  for (let at = 0; at < sample.length; at++) {
    const byte = sample[at];
    if (byte === QUOTE) quoted = !quoted;
    if (quoted || (byte !== LF && byte !== CR)) continue;
    const next = sample[at + 1];
    const lone = byte === CR && next !== LF && !(next === CR && sample[at + 2] === LF);
    return lone ? ['\r\n', '\n', '\r'] : ['\r\r\n', '\r\n', '\n'];
  }
  return ['\r\n', '\n', '\r'];
}

/** The number of cells of each record, and the share of cells in which a quote stands alone. */
function recordWidths(sample: Buffer, delimiter: string, cutOff: boolean) {
  const widths: number[] = [];
  let cells = 0;
  let torn = 0;
  parse(sample, {
    delimiter,
    bom: true,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    record_delimiter: lineEnds(sample),
    to: SAMPLE_RECORDS,
    on_record: (record: string[]) => {
      widths.push(record.length);
      cells += record.length;
      torn += record.filter((cell) => cell.split('"').length % 2 === 0).length;
      return null;
    },
  });
  // The sample's end may have cut the last record short.
  if (cutOff && widths.length > 1 && widths.length < SAMPLE_RECORDS) widths.pop();
  return { widths, torn: torn / Math.max(1, cells) };
}
