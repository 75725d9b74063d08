/** Writes a text once more, as UTF-8. What cannot be read becomes U+FFFD, which no row may carry away unnoticed. */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import iconv from 'iconv-lite';
import { EXIT, RowferryError } from '../../errors.js';
import { countUtf8 } from './encoding.js';
import { plausibility } from './plausible.js';

/** In these, a line whose letters are all valid UTF-8 was not written so: `MÃ¼ller`. */
const WESTERN =
  /^(windows-?125[02347]|cp125[02347]|iso-?8859-?(1|2|9|15)|latin-?[129]|mac.*|cp(437|850|852)|x-mac.*)$/i;
/** A line is looked at as a whole up to this length. */
const LONG_LINE = 1 << 20;
const LF = 10;
const SIGN = '\uFFFD';

/** Throws a sentence when most of what is not ASCII cannot be read so. */
export async function turnIntoUtf8(
  from: string,
  encoding: string,
  to: string,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  const lines = { foreign: 0, bad: 0, number: 0, firstBad: 0 };
  const western = WESTERN.test(encoding);
  const decoder = iconv.getDecoder(encoding, { stripBOM: true } as never);

  async function* turned(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
    for await (const text of western ? byLines(pieces) : pieces) {
      const decoded = western ? decodeLines(text) : decoder.write(text);
      if (decoded === '') continue;
      judge(decoded);
      yield decoded;
    }
    const rest = decoder.end() ?? '';
    if (rest !== '') {
      judge(rest);
      yield rest;
    }
  }

  function decodeLines(text: Buffer): string {
    let decoded = '';
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf(LF, at) + 1 || text.length;
      const line = text.subarray(at, end);
      const { sequences, bad } = countUtf8(line);
      const read = decoder.write(line);
      decoded +=
        sequences > 0 && bad === 0 && isUtf8(line, read)
          ? line.toString().replace(/[\u0080-\u{10ffff}]/gu, SIGN)
          : read;
      at = end;
    }
    return decoded;
  }

  function judge(text: string): void {
    for (let at = 0; at < text.length; lines.number++) {
      const end = text.indexOf('\n', at) + 1 || text.length;
      const line = text.slice(at, end);
      at = end;
      if (line.includes(SIGN)) {
        lines.bad++;
        lines.firstBad ||= lines.number + 1;
      }
      if (/[\u0080-\u{10ffff}]/u.test(line)) lines.foreign++;
    }
  }

  await pipeline(
    createReadStream(from, { highWaterMark: 1 << 18 }),
    turned,
    createWriteStream(to, { mode: 0o600 }),
    {
      ...(signal === undefined ? {} : { signal }),
    },
  );
  if (lines.bad * 2 <= lines.foreign) return;
  throw new RowferryError(
    'SOURCE_UNDECODABLE',
    `${name} cannot be read as ${encoding} (first on line ${lines.firstBad}). Say what it is written in with --encoding, or save it as "CSV UTF-8".`,
    EXIT.usage,
  );
}

/** Whether a line that is valid UTF-8 makes better words so than as it was `read`: it came from elsewhere. */
function isUtf8(line: Buffer, read: string): boolean {
  return (plausibility(line.toString()) ?? 0) > (plausibility(read) ?? 0);
}

/** In pieces that end with a line. */
async function* byLines(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let cut: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const text = cut.length === 0 ? piece : Buffer.concat([cut, piece]);
    const end = text.lastIndexOf(LF) + 1 || (text.length > LONG_LINE ? text.length : 0);
    if (end > 0) yield text.subarray(0, end);
    cut = text.subarray(end);
  }
  if (cut.length > 0) yield cut;
}
