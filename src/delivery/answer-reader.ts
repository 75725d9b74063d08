/** An answer out of the bytes of a connection, HTTP/1.1 as RFC 9112 has it. No socket, no clock. */
import type { ApiAnswer } from '../destinations/destination.js';

/** What came is no HTTP, or more than any contact API says about one contact. Its message follows "…: ". */
export class BadAnswer extends Error {}

const MAX_HEAD_BYTES = 16 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
const HEAD_END = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/;
/** Whoever sets no limit of his own closes a connection that is not used for about five seconds. */
const IDLE_MS = 4_000;
const MOST_IDLE_MS = 600_000;

type Part = 'head' | 'body' | 'size' | 'data' | 'data end' | 'trailers' | 'body until the end' | 'done';

export class AnswerReader {
  /** How long the connection may be kept after the answer, ms; 0 = it carries no other request. */
  keptMs = 0;
  private part: Part = 'head';
  /** Of the head, or of a line between its chunks, what has come: bytes as latin1. */
  private text = '';
  private status = 0;
  private headers: Record<string, string> = {};
  /** Bytes of the body, or of a part of it in chunks, that are still to come. */
  private left = 0;
  /** Of the body so far, in bytes. */
  private size = 0;
  private pieces: Buffer[] = [];
  private body = '';

  /** Something of the answer has come. */
  get hasBegun(): boolean {
    return this.part !== 'head' || this.text !== '';
  }

  /**
   * Takes the first `length` bytes, which may be overwritten afterwards. The answer, once it is complete; the next byte
   * is of another. Throws a {@link BadAnswer}.
   */
  read(bytes: Buffer, length: number): ApiAnswer | undefined {
    let at = 0;
    while (at < length && this.part !== 'done') at = this.take(bytes, at, length);
    if (this.part !== 'done') return undefined;
    if (at < length) this.keptMs = 0; // whatever that is: nobody has asked for it
    return this.finish();
  }

  /** The connection has ended. The answer, if that is its end. */
  end(): ApiAnswer | undefined {
    return this.part === 'body until the end' ? this.finish() : undefined;
  }

  /** Takes what belongs together from `at` on; returns where it ends. */
  private take(bytes: Buffer, at: number, length: number): number {
    switch (this.part) {
      case 'head':
        return this.takeHead(bytes, at, length);
      case 'body':
        return this.takeBody(bytes, at, length);
      case 'data':
        return this.takeBytes(bytes, at, length, 'data end');
      case 'body until the end':
        this.left = length - at;
        return this.takeBytes(bytes, at, length, 'body until the end');
      default:
        return this.takeLine(bytes, at, length);
    }
  }

  private takeHead(bytes: Buffer, at: number, length: number): number {
    const had = this.text.length;
    this.text += bytes.toString('latin1', at, length);
    const end = this.text.indexOf(HEAD_END, Math.max(0, had - HEAD_END.length));
    if (end > MAX_HEAD_BYTES || (end < 0 && this.text.length >= MAX_HEAD_BYTES + HEAD_END.length)) {
      throw new BadAnswer('the head of the answer is larger than 16 kB');
    }
    if (end < 0) {
      // What is no HTTP may never come to an end.
      if (!'HTTP/1.'.startsWith(this.text.slice(0, 7))) throw new BadAnswer('the answer is not HTTP/1.1');
      return length;
    }
    this.understandHead(this.text.slice(0, end));
    this.text = '';
    return at + end + HEAD_END.length - had;
  }

  private understandHead(head: string): void {
    let at = head.indexOf('\r\n');
    const status = STATUS_LINE.exec(at < 0 ? head : head.slice(0, at));
    if (!status) throw new BadAnswer('the answer is not HTTP/1.1');
    this.status = Number(status[2]);
    const headers: Record<string, string> = {};
    let name = '';
    while (at >= 0) {
      const from = at + 2;
      at = head.indexOf('\r\n', from);
      const line = at < 0 ? head.slice(from) : head.slice(from, at);
      const colon = line.indexOf(':');
      if (line.startsWith(' ') || line.startsWith('\t')) {
        if (name === '') throw new BadAnswer('the head of the answer is malformed');
        headers[name] = `${headers[name]} ${line.trim()}`; // continued, as it was done once
        continue;
      }
      name = line.slice(0, Math.max(0, colon)).toLowerCase();
      if (name === '' || name.endsWith(' ') || name.endsWith('\t')) {
        throw new BadAnswer('the head of the answer is malformed');
      }
      const value = line.slice(colon + 1).trim();
      if (name === 'content-length' && (headers[name] ?? value) !== value) {
        throw new BadAnswer('the answer has two lengths');
      }
      // One that closes is not taken back by another.
      const before = name === 'connection' && headers[name] !== undefined ? `${headers[name]}, ` : '';
      headers[name] = before + value;
    }
    this.headers = headers;
    // 1xx is no answer yet; 101 would be the last word of HTTP, and nobody has asked for another protocol.
    if (this.status < 200 && this.status !== 101) return;
    this.keptMs = keptMs(status[1] === '1', headers);
    this.part = this.bodyOf(headers);
  }

  /** What follows the head. */
  private bodyOf(headers: Record<string, string>): Part {
    const coding = headers['transfer-encoding'];
    const length = headers['content-length'];
    if (this.status === 204 || this.status === 304) {
      // A body that must not be there would be taken for the next answer.
      if (coding !== undefined || (this.status === 204 && (length ?? '0') !== '0')) this.keptMs = 0;
      return 'done';
    }
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked')
        throw new BadAnswer('the answer has an unknown transfer-encoding');
      if (length !== undefined) throw new BadAnswer('the answer has two lengths');
      return 'size';
    }
    if (length === undefined) {
      this.keptMs = 0;
      return 'body until the end';
    }
    if (!/^\d{1,15}$/.test(length)) throw new BadAnswer('the length of the answer is malformed');
    this.left = Number(length);
    if (this.left > MAX_BODY_BYTES) throw tooLarge();
    return this.left === 0 ? 'done' : 'body';
  }

  private takeBody(bytes: Buffer, at: number, length: number): number {
    if (this.size > 0 || length - at < this.left) return this.takeBytes(bytes, at, length, 'done');
    // The way of nearly every answer: the body has come as a whole.
    this.body = bytes.toString('utf8', at, at + this.left);
    this.part = 'done';
    return at + this.left;
  }

  /** Up to `left` bytes; `next` follows when those are all. */
  private takeBytes(bytes: Buffer, at: number, length: number, next: Part): number {
    const end = Math.min(length, at + this.left);
    this.left -= end - at;
    this.size += end - at;
    if (this.size > MAX_BODY_BYTES) throw tooLarge();
    this.pieces.push(Buffer.from(bytes.subarray(at, end)));
    if (this.left === 0) this.part = next;
    return end;
  }

  /** A line between chunks, or as much of it as has come. */
  private takeLine(bytes: Buffer, at: number, length: number): number {
    const feed = bytes.indexOf('\n', at);
    const isWhole = feed >= 0 && feed < length;
    this.text += bytes.toString('latin1', at, isWhole ? feed : length);
    if (this.text.length > MAX_HEAD_BYTES || (isWhole && !this.text.endsWith('\r'))) throw badChunks();
    if (!isWhole) return length;
    this.part = this.partAfter(this.text.slice(0, -1));
    this.text = '';
    return feed + 1;
  }

  private partAfter(line: string): Part {
    switch (this.part) {
      case 'size': {
        const size = /^([\da-f]{1,8})[ \t]*(?:;|$)/i.exec(line);
        if (!size) throw badChunks();
        this.left = Number.parseInt(size[1]!, 16);
        return this.left === 0 ? 'trailers' : 'data';
      }
      case 'data end':
        if (line !== '') throw badChunks();
        return 'size';
      default:
        // Nobody needs what trailers say, but they end.
        this.size += line.length;
        if (this.size > MAX_BODY_BYTES) throw tooLarge();
        return line === '' ? 'done' : 'trailers';
    }
  }

  private finish(): ApiAnswer {
    const { status, headers, pieces } = this;
    const body = pieces.length === 0 ? this.body : Buffer.concat(pieces).toString('utf8');
    this.part = 'head';
    this.body = '';
    this.size = 0;
    if (pieces.length > 0) this.pieces = [];
    return { status, headers, body };
  }
}

const tooLarge = () => new BadAnswer('the answer is larger than 1 MB');
const badChunks = () => new BadAnswer('the chunked body of the answer is malformed');

function keptMs(isNew: boolean, headers: Record<string, string>): number {
  const connection = (headers.connection ?? '').toLowerCase();
  if (connection.includes('close') || (!isNew && !connection.includes('keep-alive'))) return 0;
  const announced = /timeout=(\d{1,9})/i.exec(headers['keep-alive'] ?? '')?.[1];
  // A second less than announced: it has been on its way.
  return announced === undefined
    ? IDLE_MS
    : Math.min(MOST_IDLE_MS, Math.max(0, Number(announced) - 1) * 1_000);
}
