/** A stream as a file of its own, unpacked: what it held stays as it was, however often the run is resumed. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { EXIT, RowferryError } from '../errors.js';

/** What is packed may grow this much, and so much whatever its size. */
const MOST_TIMES = 200;
const ANY_BYTES = 50_000_000;

export interface SpoolOptions {
  /** What people call it. */
  name: string;
  /** Unpacked; undefined: no limit. */
  maxBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Writes `input` to `path`; gzip is known by its first bytes. Throws a sentence for what is broken or too large. */
export async function spool(input: Readable, path: string, options: SpoolOptions): Promise<void> {
  const { name, maxBytes = Number.POSITIVE_INFINITY, signal } = options;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  let packed = 0;
  let bytes = 0;
  async function* counted(pieces: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
    for await (const piece of buffers(pieces)) {
      packed += piece.length;
      yield piece;
    }
  }
  async function* limited(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > maxBytes) throw tooLarge(name, maxBytes);
      if (isBlownUp(bytes, packed)) throw blownUp(name);
      yield piece;
    }
  }
  try {
    // Twice: a server may pack a file for the way that is packed already.
    await pipeline(input, counted, unpacked, unpacked, limited, createWriteStream(path, { mode: 0o600 }), {
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_')) throw error;
    const sentence = `${name} is packed with gzip and cannot be unpacked: ${message}.`;
    throw new RowferryError('SOURCE_UNREADABLE', sentence, EXIT.usage);
  }
  if (bytes === 0) throw new RowferryError('SOURCE_EMPTY', `${name} is empty (0 bytes).`, EXIT.usage);
}

/** No list of people packs as well as this; what does is meant to fill the disk. */
export function isBlownUp(bytes: number, packed: number): boolean {
  return bytes > ANY_BYTES + MOST_TIMES * packed;
}

export function blownUp(name: string): RowferryError {
  return new RowferryError(
    'SOURCE_TOO_LARGE',
    `${name} unpacks to more than ${MOST_TIMES} times its size. If it is meant to be, unpack it first.`,
    EXIT.usage,
  );
}

export function tooLarge(name: string, maxBytes: number): RowferryError {
  return new RowferryError(
    'SOURCE_TOO_LARGE',
    `${name} is larger than ${sizeText(maxBytes)}; raise max_size of its source in rowferry.yaml if it is meant to be.`,
    EXIT.usage,
  );
}

function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['KB', 1e3],
  ] as const) {
    if (bytes % size === 0) return `${bytes / size} ${unit}`;
  }
  return `${bytes} bytes`;
}

function isGzip(start: Buffer): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** A stream of a program's own may be one of texts. */
async function* buffers(input: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  for await (const piece of input) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function* unpacked(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const pieces = buffers(input);
  let start: Buffer = Buffer.alloc(0);
  let over = false;
  while (start.length < 2 && !over) {
    const { done, value } = await pieces.next();
    if (done) over = true;
    else start = Buffer.concat([start, value]);
  }
  async function* whole(): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    if (!over) yield* pieces;
  }
  if (!isGzip(start)) return yield* whole();
  const gunzip = createGunzip();
  const fed = pipeline(whole, gunzip);
  fed.catch(() => {}); // told by the reading side
  yield* gunzip as AsyncIterable<Buffer>;
  await fed;
}
