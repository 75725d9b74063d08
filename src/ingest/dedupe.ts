/**
 * Finds rows that repeat an earlier row of the same file, by e-mail or by external_id; exact, in bounded memory.
 * Small files are indexed while they stream. A larger one is read once beforehand: the hashes of its keys go to
 * partitions on disk, each small enough to be indexed in memory, and what repeats is filed by row.
 */
import { hash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Identity, type KeyKind, keysOf } from '../contact.js';

/** The first row with the same e-mail, and the first with the same external_id; 0 = none before this one. */
export interface Repeat {
  email: number;
  externalId: number;
}

export interface RepeatFinder {
  /** Call once for each row that could be sent, in row order. Undefined: it repeats none. */
  find(row: number, identity: Identity): Repeat | undefined;
  /** Whether `row` was found without fault when the file was read beforehand. */
  sound(row: number): boolean;
  close(): void;
}

/** Keys that one index may hold: 16 bytes each, at most half full. */
const KEYS_IN_MEMORY = 1 << 18;
/** A file below this size has fewer keys than that, at two keys and 64 bytes a row. */
export const IN_MEMORY_BYTES = 16 * 1024 * 1024;

/** 96 bits of SHA-256: for a billion keys the chance of any two colliding is below 10⁻¹⁰. As a string it costs half. */
function digest(kind: KeyKind, key: string): string {
  return hash('sha256', `${kind}:${key}`, 'binary');
}

function word(bytes: string, at: number): number {
  const byte = (i: number) => bytes.charCodeAt(at + i);
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

/** Open addressing over one Uint32Array: three words of hash, one of row. */
class FirstRows {
  private capacity = 1 << 12;
  private size = 0;
  private words = new Uint32Array(this.capacity * 4);

  /** The row under this hash; when there is none, `row` becomes it and 0 is returned. */
  firstOr(h0: number, h1: number, h2: number, row: number): number {
    if (this.size * 2 >= this.capacity) this.grow();
    const at = this.slot(h0, h1, h2);
    const first = this.words[at + 3]!;
    if (first !== 0) return first;
    this.words[at] = h0;
    this.words[at + 1] = h1;
    this.words[at + 2] = h2;
    this.words[at + 3] = row;
    this.size++;
    return 0;
  }

  private slot(h0: number, h1: number, h2: number): number {
    const mask = this.capacity - 1;
    let i = h0 & mask;
    for (;;) {
      const at = i * 4;
      const taken = this.words[at + 3] !== 0;
      if (!taken) return at;
      if (this.words[at] === h0 && this.words[at + 1] === h1 && this.words[at + 2] === h2) return at;
      i = (i + 1) & mask;
    }
  }

  private grow(): void {
    const old = this.words;
    this.capacity *= 2;
    this.words = new Uint32Array(this.capacity * 4);
    for (let at = 0; at < old.length; at += 4) {
      if (old[at + 3] !== 0) {
        this.words.set(old.subarray(at, at + 4), this.slot(old[at]!, old[at + 1]!, old[at + 2]!));
      }
    }
  }
}

/** For files below {@link IN_MEMORY_BYTES}. */
export class MemoryRepeatFinder implements RepeatFinder {
  private readonly rows = new FirstRows();

  find(row: number, identity: Identity): Repeat | undefined {
    const repeat = { email: 0, externalId: 0 };
    for (const [kind, key] of keysOf(identity)) {
      const h = digest(kind, key);
      const first = this.rows.firstOr(word(h, 0), word(h, 4), word(h, 8), row);
      if (kind === 'e') repeat.email = first;
      else repeat.externalId = first;
    }
    return repeat.email === 0 && repeat.externalId === 0 ? undefined : repeat;
  }

  sound(): boolean {
    return false;
  }

  close(): void {}
}

const ENTRY = 16;
const REPEAT = 12;
const ROWS_A_BUCKET = 1 << 16;
const FLUSH_BYTES = 32 * 1024;

/** Appends fixed-size entries to numbered files, buffered. */
class Files {
  private readonly buffers = new Map<number, { bytes: Buffer; used: number }>();

  constructor(
    private readonly dir: string,
    private readonly name: string,
    private readonly entryBytes: number,
  ) {}

  path(i: number): string {
    return join(this.dir, `${this.name}-${i}`);
  }

  append(i: number, entry: Buffer): void {
    let buffer = this.buffers.get(i);
    if (buffer === undefined) {
      buffer = { bytes: Buffer.allocUnsafe(FLUSH_BYTES - (FLUSH_BYTES % this.entryBytes)), used: 0 };
      this.buffers.set(i, buffer);
    }
    entry.copy(buffer.bytes, buffer.used);
    buffer.used += this.entryBytes;
    if (buffer.used === buffer.bytes.length) this.flush(i);
  }

  flush(only?: number): void {
    for (const [i, buffer] of this.buffers) {
      if ((only === undefined || only === i) && buffer.used > 0) {
        appendFileSync(this.path(i), buffer.bytes.subarray(0, buffer.used), { mode: 0o600 });
        buffer.used = 0;
      }
    }
  }

  /** The content of file `i`, empty when nothing was appended to it. */
  take(i: number): Buffer {
    this.flush(i);
    this.buffers.delete(i);
    try {
      return readFileSync(this.path(i));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    }
  }
}

/**
 * For files of any size: give every row that could be sent to `note`, then `settle`, then `find` in row order.
 * Works in `dir`, which it creates and removes.
 */
export class DiskRepeatFinder implements RepeatFinder {
  private readonly partitions: number;
  private readonly keys: Files;
  private readonly repeats: Files;
  private readonly entry = Buffer.alloc(ENTRY);
  /** A bit for each row. */
  private noted = new Uint8Array(1 << 16);
  private bucket = -1;
  private inBucket = new Map<number, Repeat>();

  constructor(
    private readonly dir: string,
    sourceBytes: number,
  ) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const most = (2 * sourceBytes) / 24; // two keys a row, no row with two keys is shorter than this
    this.partitions = Math.max(1, Math.min(256, Math.ceil(most / KEYS_IN_MEMORY)));
    this.keys = new Files(dir, 'keys', ENTRY);
    this.repeats = new Files(dir, 'repeats', REPEAT);
  }

  note(row: number, identity: Identity): void {
    if (row >>> 3 >= this.noted.length) this.noted = grown(this.noted, 2 * (row >>> 3));
    this.noted[row >>> 3]! |= 1 << (row & 7);
    for (const [kind, key] of keysOf(identity)) {
      const { entry } = this;
      entry.write(digest(kind, key), 0, 12, 'latin1');
      entry.writeUInt32LE(row, 12);
      // The lowest bit of the hash is given up to tell the kind once the key is gone.
      entry[0] = kind === 'e' ? entry[0]! & 0xfe : entry[0]! | 1;
      this.keys.append(entry.readUInt32LE(8) % this.partitions, entry);
    }
  }

  /** Finds what repeats, one partition after the other, letting other work in between. */
  async settle(): Promise<void> {
    const entry = Buffer.alloc(REPEAT);
    for (let i = 0; i < this.partitions; i++) {
      const keys = this.keys.take(i);
      const rows = new FirstRows();
      for (let at = 0; at < keys.length; at += ENTRY) {
        const row = keys.readUInt32LE(at + 12);
        const h0 = keys.readUInt32LE(at);
        const first = rows.firstOr(h0, keys.readUInt32LE(at + 4), keys.readUInt32LE(at + 8), row);
        if (first === 0) continue;
        entry.writeUInt32LE(row, 0);
        entry.writeUInt32LE(first, 4);
        entry.writeUInt32LE(h0 & 1, 8);
        this.repeats.append(Math.floor(row / ROWS_A_BUCKET), entry);
      }
      rmSync(this.keys.path(i), { force: true });
      await setImmediate();
    }
    this.repeats.flush();
  }

  find(row: number): Repeat | undefined {
    const bucket = Math.floor(row / ROWS_A_BUCKET);
    if (bucket !== this.bucket) {
      this.bucket = bucket;
      this.inBucket = new Map();
      const entries = this.repeats.take(bucket);
      for (let at = 0; at < entries.length; at += REPEAT) {
        const repeated = entries.readUInt32LE(at);
        const repeat = this.inBucket.get(repeated) ?? { email: 0, externalId: 0 };
        if (entries.readUInt32LE(at + 8) === 0) repeat.email = entries.readUInt32LE(at + 4);
        else repeat.externalId = entries.readUInt32LE(at + 4);
        this.inBucket.set(repeated, repeat);
      }
    }
    return this.inBucket.get(row);
  }

  sound(row: number): boolean {
    return ((this.noted[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const more = new Uint8Array(length);
  more.set(bytes);
  return more;
}
