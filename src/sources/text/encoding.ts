/** Finds out what a text is written in: marks at its start, then strict UTF-8, then what makes the most likely words. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import chardet from 'chardet';
import iconv from 'iconv-lite';
import type { Finding } from '../../dialect.js';
import { EXIT, RowferryError } from '../../errors.js';
import { plausibility } from './plausible.js';

export interface Encoding {
  /** As iconv-lite knows it. */
  name: string;
  finding: Finding;
}

const START_BYTES = 4096;
/** Of lines with something beyond ASCII; enough for any detector. */
const SAMPLE_BYTES = 64 * 1024;

/** `valid`: the file is UTF-8 from end to end. Throws a sentence when nothing fits, or several do. */
export async function detectEncoding(
  path: string,
  name: string,
  valid: boolean,
  given: string | undefined,
): Promise<Encoding> {
  const start = await readStart(path);
  const marked = byMark(start);
  if (given !== undefined) {
    // The mark tells the byte order better than a person does.
    if (marked?.startsWith(plainName(given).slice(0, 5))) return found(marked, 'given');
    return found(given, 'given');
  }
  if (marked !== undefined) return found(marked, 'the byte order mark says so');
  const wide = byZeros(start);
  if (wide !== undefined) return found(wide, 'every character has zero bytes');
  if (['\x1b$@', '\x1b$B', '\x1b(J'].some((shift) => start.includes(shift)))
    throw unclear(name, 'it looks like ISO-2022-JP, which rowferry does not read');
  if (valid) return found('utf-8', 'every byte of the file is valid UTF-8');
  const evidence = await gather(path);
  if (evidence.sequences >= 4 * evidence.bad) {
    const why = `almost all of it is valid UTF-8; ${evidence.badLines === 1 ? 'one line is' : `${evidence.badLines} lines are`} not`;
    return found('utf-8', why);
  }
  return byWords(name, evidence);
}

function found(name: string, why: string, unsure = false): Encoding {
  return { name, finding: { what: 'encoding', value: name, why, ...(unsure ? { unsure } : {}) } };
}

async function readStart(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function plainName(name: string): string {
  return name.toLowerCase().replace('utf16', 'utf-16').replace('utf32', 'utf-32').replace('utf8', 'utf-8');
}

function byMark(start: Buffer): string | undefined {
  const first = start.toString('hex', 0, 4);
  if (first.startsWith('efbbbf')) return 'utf-8';
  if (first === 'fffe0000') return 'utf-32le';
  if (first === '0000feff') return 'utf-32be';
  if (first.startsWith('fffe')) return 'utf-16le';
  if (first.startsWith('feff')) return 'utf-16be';
  return undefined;
}

/** Delimiters and line ends are below 0x80 in any language: most units of a wide encoding have zeros on one side. */
function byZeros(start: Buffer): string | undefined {
  const zeros = [0, 0, 0, 0];
  const length = start.length - (start.length % 4);
  if (length < 4) return undefined;
  for (let at = 0; at < length; at++) if (start[at] === 0) zeros[at % 4]!++;
  const share = zeros.map((count) => count / (length / 4));
  const [a, b, c, d] = share as [number, number, number, number];
  if (b > 0.7 && c > 0.9 && d > 0.9 && a < 0.1) return 'utf-32le';
  if (a > 0.9 && b > 0.9 && c > 0.7 && d < 0.1) return 'utf-32be';
  if (b > 0.3 && d > 0.3 && a < 0.05 && c < 0.05) return 'utf-16le';
  if (a > 0.3 && c > 0.3 && b < 0.05 && d < 0.05) return 'utf-16be';
  return undefined;
}

interface Evidence {
  /** Characters of several bytes that are valid UTF-8. */
  sequences: number;
  /** Bytes that are not. */
  bad: number;
  badLines: number;
  /** The first of these, 1-based; 0: none. */
  firstBad: number;
  sample: Buffer;
}

async function gather(path: string): Promise<Evidence> {
  const evidence = { sequences: 0, bad: 0, badLines: 0, firstBad: 0 };
  let at = 1;
  const sample: Buffer[] = [];
  let sampled = 0;
  let cut: Buffer = Buffer.alloc(0);
  const look = (text: Buffer) => {
    for (let from = 0, end = 0; from < text.length; from = end + 1) {
      end = text.indexOf(10, from);
      const ends = end !== -1;
      if (!ends) end = text.length;
      const line = text.subarray(from, end);
      const { sequences, bad } = countUtf8(line);
      evidence.sequences += sequences;
      evidence.bad += bad;
      if (bad > 0) evidence.badLines++;
      if (bad > 0) evidence.firstBad ||= at;
      if (ends) at++;
      if (sequences + bad === 0 || sampled > SAMPLE_BYTES) continue;
      sample.push(line.subarray(0, SAMPLE_BYTES), LINE_END);
      sampled += line.length;
    }
  };
  for await (const read of createReadStream(path, { highWaterMark: 1 << 18 })) {
    const text = Buffer.concat([cut, read as Buffer]);
    const end = text.lastIndexOf(10) + 1 || (text.length > 1 << 20 ? text.length : 0);
    look(text.subarray(0, end));
    cut = text.subarray(end);
  }
  look(cut);
  return { ...evidence, sample: Buffer.concat(sample) };
}

const LINE_END = Buffer.from('\n');

/** Characters of several bytes, and bytes that belong to none. */
export function countUtf8(line: Uint8Array): { sequences: number; bad: number } {
  let sequences = 0;
  let bad = 0;
  for (let at = 0; at < line.length; ) {
    const byte = line[at]!;
    if (byte < 0x80) {
      at++;
      continue;
    }
    const length =
      byte >= 0xc2 && byte <= 0xdf
        ? 2
        : byte >= 0xe0 && byte <= 0xef
          ? 3
          : byte >= 0xf0 && byte <= 0xf4
            ? 4
            : 0;
    let more = 1;
    while (more < length && (line[at + more]! & 0xc0) === 0x80) more++;
    if (length > 0 && more === length) {
      sequences++;
      at += length;
    } else {
      bad++;
      at++;
    }
  }
  return { sequences, bad };
}

/** In this order where nothing tells them apart. */
const CANDIDATES = [
  'windows-1252',
  'windows-1250',
  'windows-1251',
  'iso-8859-15',
  'iso-8859-2',
  'macroman',
  'maccenteuro',
  'koi8-r',
  'iso-8859-5',
  'windows-1253',
  'windows-1254',
  'windows-1257',
  'cp850',
  'cp852',
  'cp866',
  'windows-1255',
  'windows-1256',
  'shift_jis',
  'gb18030',
  'big5',
  'euc-kr',
  'euc-jp',
];

/** What chardet calls some of them. */
const ALIKE: Record<string, string> = {
  'iso-8859-1': 'windows-1252',
  'iso-8859-9': 'windows-1254',
  'iso-8859-7': 'windows-1253',
  'iso-8859-8': 'windows-1255',
  'iso-8859-6': 'windows-1256',
};

const CLEAR = 0.5;
const MARGIN = 0.12;

function byWords(name: string, { sample, firstBad }: Evidence): Encoding {
  const opinions = new Map<string, number>();
  for (const { name: told, confidence } of chardet.analyse(sample)) {
    const known = ALIKE[told.toLowerCase()] ?? told.toLowerCase();
    opinions.set(known, Math.max(opinions.get(known) ?? 0, confidence / 100));
  }
  const ranked = CANDIDATES.map((candidate, i) => {
    const text = iconv.decode(sample, candidate);
    const weight = i >= CANDIDATES.indexOf('shift_jis') ? 0.6 : 0.2;
    const score =
      (plausibility(text) ?? 0) + weight * (opinions.get(candidate) ?? 0) - (i === 0 ? 0 : 0.05 + i * 0.004);
    return { candidate, text, score };
  }).sort((a, b) => b.score - a.score);
  const best = ranked[0]!;
  if (best.score < CLEAR)
    throw unclear(name, `no encoding makes words of it, ${best.candidate} comes nearest`, firstBad);
  const rival = ranked.find(({ text }) => text !== best.text)!;
  const close = rival.score > best.score - MARGIN;
  const why = `not UTF-8; so read it has the likeliest words${close ? `, but ${rival.candidate} fits nearly as well` : ''}`;
  return found(best.candidate, why, close);
}

function unclear(name: string, why: string, line?: number): RowferryError {
  const where = line === undefined ? '' : ` (line ${line})`;
  return new RowferryError(
    'SOURCE_ENCODING_UNCLEAR',
    `${name} is not written in UTF-8${where}, and it cannot be told in what: ${why}. Say it with --encoding (windows-1252, shift_jis, …), or save the file as "CSV UTF-8".`,
    EXIT.usage,
  );
}
