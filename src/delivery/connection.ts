/**
 * A connection that is kept alive and carries one request after another, over TCP or TLS. undici does the same with
 * twice the CPU (64 against 24 µs a request), and a row is hardly anything but its request.
 */
import { isIP, connect as overTcp, type Socket } from 'node:net';
import { connect as overTls } from 'node:tls';
import { certificateFault } from '../certificate.js';
import type { ApiAnswer } from '../destinations/destination.js';
import type { Verdict } from '../verdict.js';
import { AnswerReader, BadAnswer } from './answer-reader.js';

export type Sent = { answer: ApiAnswer } | { failure: Extract<Verdict, { kind: 'unreached' | 'unclear' }> };

/** A request as it goes over the wire: bytes, or text with what makes bytes of it. */
export interface Written {
  data: string | Uint8Array;
  encoding?: 'latin1' | 'utf8';
}

/** Whom connections go to, and what they have in common. */
export interface Peer {
  host: string;
  port: number;
  secure: boolean;
  /** Silence after which an attempt counts as unclear: before the answer, and between two pieces of it. */
  timeoutMs: number;
  /** The TLS session of the newest connection, for the next. */
  session?: Buffer | undefined;
  /** May carry another request now. */
  idle(connection: Connection): void;
  /** Carries no other request any more. */
  gone(connection: Connection): void;
}

interface UnderWay {
  request: Written;
  begun: (() => void) | undefined;
  done(sent: Sent): void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const READ_BYTES = 16 * 1024;
const BROKEN = 'connection broken before the answer was complete';

export class Connection {
  /** Resolves when nothing of it is left. */
  readonly closed: Promise<void>;
  private readonly socket: Socket;
  private readonly reader = new AnswerReader();
  private current: UnderWay | undefined;
  private isOpen = false;
  private isGone = false;
  /** Once we have begun to write, the API may have heard us, whatever goes wrong later. */
  private hasBegun = false;
  private readonly connecting: NodeJS.Timeout;
  /** Runs on while nothing is under way: stopping it would cost more than letting it fire. */
  private silence: NodeJS.Timeout | undefined;
  /** For an answer that trickles and keeps every silence short: from its first piece on it has a limit as a whole, too. */
  private deadline: NodeJS.Timeout | undefined;
  private idle: NodeJS.Timeout | undefined;
  private idleMs = 0;
  /** Pieces that came since the request was written, those of a 1xx included. */
  private heard = 0;
  private restsUntilMs = 0;

  constructor(private readonly peer: Peer) {
    this.socket = open(peer, (length, bytes) => this.hear(length, bytes));
    this.connecting = setTimeout(() => this.lose('no connection within the time limit'), CONNECT_TIMEOUT_MS);
    this.socket.once(peer.secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(this.connecting);
      this.isOpen = true;
      if (this.current) this.write(this.current);
    });
    this.socket.on('session', (session: Buffer) => {
      peer.session = session;
    });
    this.socket.on('error', (error) => this.lose(describe(error)));
    this.socket.on('end', () => this.finish());
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.lose(BROKEN);
        resolve();
      });
    });
  }

  /** Only while nothing is under way. `begun` is called when it begins to be written, `done` once and never before this returns. */
  send(request: Written, begun: (() => void) | undefined, done: (sent: Sent) => void): void {
    this.current = { request, begun, done };
    this.hasBegun = false;
    if (this.isOpen) this.write(this.current);
  }

  /** Idle for so long that the API may have closed it; a process that was held up has not heard of that yet. */
  get isStale(): boolean {
    return performance.now() > this.restsUntilMs;
  }

  /** What is under way fails with `why`. */
  lose(why: string): void {
    const { current } = this;
    if (!this.isOpen) this.peer.session = undefined; // maybe it is what keeps us out
    this.leave();
    this.socket.destroy();
    if (!current) return;
    this.current = undefined;
    current.done({ failure: { kind: this.hasBegun ? 'unclear' : 'unreached', message: why } });
  }

  private write({ request: { data, encoding }, begun }: UnderWay): void {
    this.hasBegun = true;
    this.heard = 0;
    begun?.();
    this.socket.write(data, encoding);
    this.silence ??= setTimeout(() => this.complain(), this.peer.timeoutMs).unref();
    this.silence.refresh();
  }

  private hear(length: number, bytes: Buffer): void {
    const { current, reader } = this;
    if (!current) {
      this.lose(''); // nobody has asked for anything
      return;
    }
    this.heard++;
    let answer: ApiAnswer | undefined;
    try {
      answer = reader.read(bytes, length);
    } catch (error) {
      this.lose(error instanceof BadAnswer ? error.message : String(error));
      return;
    }
    if (answer) {
      // As much as could be read at once: there may be more, which nobody has asked for.
      if (length === READ_BYTES) reader.keptMs = 0;
      this.conclude(current, answer);
    } else {
      this.silence!.refresh();
      const tooLong = () => this.giveUp('the answer took too long', Number.POSITIVE_INFINITY);
      this.deadline ??= setTimeout(tooLong, this.peer.timeoutMs);
    }
  }

  private conclude(current: UnderWay, answer: ApiAnswer): void {
    clearTimeout(this.deadline);
    this.deadline = undefined;
    this.current = undefined;
    const { keptMs } = this.reader;
    // An answer that came before we were through with our words leaves some of them behind.
    if (keptMs === 0 || this.isGone || this.socket.writableLength > 0) this.lose('');
    else this.rest(keptMs);
    current.done({ answer });
  }

  private rest(ms: number): void {
    this.restsUntilMs = performance.now() + ms;
    if (ms !== this.idleMs) {
      clearTimeout(this.idle);
      this.idleMs = ms;
      this.idle = setTimeout(() => {
        if (!this.current) this.lose('');
      }, ms).unref();
    } else this.idle!.refresh();
    this.peer.idle(this);
  }

  private complain(): void {
    const why = this.reader.hasBegun ? 'the answer stopped half way' : 'no answer within the time limit';
    this.giveUp(why, this.heard);
  }

  /**
   * Fails what is under way, unless more than `heard` pieces have come for it: a process that was held up finds its
   * timers over before it has read what is there, and that is read first.
   */
  private giveUp(why: string, heard: number): void {
    const { current } = this;
    if (!current) return;
    setImmediate(() => {
      if (this.current === current && this.heard <= heard) this.lose(why);
    });
  }

  /** The other side says nothing more. */
  private finish(): void {
    const answer = this.current && this.reader.end();
    if (answer) this.conclude(this.current!, answer);
    else this.lose(BROKEN);
  }

  private leave(): void {
    if (this.isGone) return;
    this.isGone = true;
    for (const timer of [this.connecting, this.silence, this.deadline, this.idle]) clearTimeout(timer);
    this.peer.gone(this);
  }
}

function open({ host, port, secure, session }: Peer, hear: (length: number, bytes: Buffer) => void): Socket {
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback(length: number, bytes: Buffer) {
      hear(length, bytes);
      return true;
    },
  };
  const where = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, onread };
  if (!secure) return overTcp(where);
  return overTls({
    ...where,
    // Certificates are checked whatever the environment says.
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) ? {} : { servername: host }),
    ...(session && { session }),
  });
}

/** A transport error in words, without anything that was sent. */
function describe(error: Error & { code?: string }): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'host name not found';
    case 'ECONNRESET':
    case 'EPIPE':
      return BROKEN;
    case 'ETIMEDOUT':
      return 'no connection within the time limit';
    default:
      return certificateFault(error.code) ?? (error.code ? error.code.toLowerCase() : error.message);
  }
}
