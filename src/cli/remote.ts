/** `rowferry enqueue --server`: files go to a service on another machine, over HTTP. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, RowferryError, type RunView } from '../index.js';
import { newRunId } from '../run.js';
import { type FileSource, sourceOf } from '../sources/source.js';
import { openMember } from '../sources/tables.js';
import type { SourceFlags } from './options.js';

/** A connection that is lost, or a service that is just being started again, is no reason to give up. */
const PAUSES_MS = [1_000, 3_000, 10_000];
/** After a large file its lines are counted before the answer. */
const ANSWER_MS = 600_000;

interface Answer {
  status: number;
  body: unknown;
}

export interface Sent {
  /** Of an archive one for each table. */
  runs: string[];
  warnings: string[];
}

export class RemoteService {
  private readonly base: string;

  constructor(
    readonly url: string,
    private readonly token: string | undefined,
  ) {
    let parsed: URL | undefined;
    try {
      parsed = new URL(url);
    } catch {
      // told below
    }
    if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password) {
      const sentence =
        '--server is not an address like https://rowferry.example:8080; its token goes into ROWFERRY_SERVER_TOKEN.';
      throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
    }
    this.base = parsed.origin + parsed.pathname.replace(/\/+$/, '');
  }

  /** Adds the runs of a file once, however often that has to be tried. stdin can be sent a single time. */
  async add(file: string, flags: SourceFlags): Promise<Sent> {
    const nowMs = Date.now();
    const key = `${nowMs}-${randomBytes(12).toString('hex')}`;
    const run = newRunId(nowMs, key); // what the service makes of the key
    const once = file === '-';
    const source = sourceOf(file);
    const inside = 'path' in source ? source.member : undefined;
    const query = parameters(flags, once ? 'stdin' : basename(file));
    for (let tries = 0; ; tries++) {
      try {
        // First the lost answer of the try before; and a wrong token or address is told before the file is sent.
        const known = await this.ask('GET', `/api/runs/${run}`);
        if (known.status === 200) {
          const { tables = [] } = known.body as RunView;
          return { runs: [run, ...tables], warnings: [] };
        }
        if (saidBy(known)?.code !== 'RUN_UNKNOWN') throw refusal(known, this.base);
        const body = once
          ? process.stdin
          : inside === undefined
            ? createReadStream(file)
            : await openMember((source as FileSource).path, inside);
        const answer = await this.ask('POST', `/api/runs?${query}`, { key, body });
        if (answer.status === 200 || answer.status === 201) {
          const { runs = [run], warnings } = answer.body as Partial<Sent> & Pick<Sent, 'warnings'>;
          return { runs, warnings };
        }
        throw refusal(answer, this.base);
      } catch (error) {
        if (error instanceof RowferryError && error.exitCode !== EXIT.noRedis) throw error;
        const started = tries > 0 || (once && process.stdin.readableDidRead);
        const pauseMs = PAUSES_MS[tries];
        if (pauseMs === undefined || (once && process.stdin.readableDidRead))
          throw this.unreachable(error as Error, run, started);
        await sleep(pauseMs);
      }
    }
  }

  async status(run: string): Promise<RunView> {
    for (let tries = 0; ; tries++) {
      try {
        const answer = await this.ask('GET', `/api/runs/${run}`);
        if (answer.status !== 200) throw refusal(answer, this.base);
        return this.withAddresses(answer.body as RunView);
      } catch (error) {
        if (error instanceof RowferryError && error.exitCode !== EXIT.noRedis) throw error;
        const pauseMs = PAUSES_MS[tries];
        if (pauseMs === undefined) throw this.unreachable(error as Error, run, true);
        await sleep(pauseMs);
      }
    }
  }

  /** Paths of the other machine are nothing to whoever reads here. */
  private withAddresses(view: RunView): RunView {
    const { summary } = view;
    if (!summary) return view;
    const dir = `${this.base}/api/runs/${view.run}/report`;
    const reports = {
      dir,
      outcomes: `${dir}/outcomes.csv`,
      failed: `${dir}/failed.csv`,
      skipped: `${dir}/skipped.csv`,
      html: `${dir}/report.html`,
    };
    return { ...view, summary: { ...summary, reports } };
  }

  private async ask(
    method: 'GET' | 'POST',
    path: string,
    sent?: { key: string; body: Readable },
  ): Promise<Answer> {
    const { request } = await import('undici'); // not before: it takes its time to load
    const { statusCode, body } = await request(this.base + path, {
      method,
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(sent === undefined ? {} : { 'content-type': 'text/csv', 'idempotency-key': sent.key }),
      },
      ...(sent === undefined ? {} : { body: sent.body }),
      headersTimeout: ANSWER_MS,
    });
    const text = await body.text();
    try {
      return { status: statusCode, body: JSON.parse(text) as unknown };
    } catch {
      return { status: statusCode, body: undefined }; // of something else than a service of ours
    }
  }

  private unreachable(
    { message, code }: Error & { code?: string },
    run: string,
    started: boolean,
  ): RowferryError {
    const left = started
      ? ` Whether it was added is told by: rowferry runs show ${run} (over there).`
      : ' Nothing was sent.';
    const sentence = `The service at ${this.base} cannot be reached: ${code ?? message}.${left}`;
    return new RowferryError('SERVER_UNREACHABLE', sentence, EXIT.broke);
  }
}

function parameters(flags: SourceFlags, name: string): URLSearchParams {
  const { map = [], onDuplicate, bulk, attempts, reportDir, incremental, resend, ...others } = flags;
  const { maxWait, haltAfterRejections, header, skipLines, ...texts } = others;
  if (reportDir !== undefined) {
    const sentence = '--report-dir is of the machine of the service; with --server it cannot be given.';
    throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
  }
  const query = new URLSearchParams({ name });
  for (const [key, text] of Object.entries(texts)) if (typeof text === 'string') query.set(key, text);
  for (const pair of map) query.append('map', pair);
  if (onDuplicate !== undefined) query.set('on_duplicate', onDuplicate);
  if (bulk !== undefined) query.set('bulk', String(bulk));
  if (header !== undefined) query.set('header', String(header));
  if (skipLines !== undefined) query.set('skip_lines', String(skipLines));
  if (attempts !== undefined) query.set('attempts', String(attempts));
  if (maxWait !== undefined) query.set('max_wait', maxWait);
  if (haltAfterRejections !== undefined) query.set('halt_after_rejections', String(haltAfterRejections));
  if (incremental || resend) query.set('incremental', String(!resend));
  return query;
}

function saidBy({ body }: Answer): { code?: unknown; message?: unknown } | undefined {
  return (body as { error?: { code?: unknown; message?: unknown } } | undefined)?.error;
}

/** What the service said, in its own words. */
function refusal({ status, body }: Answer, base: string): RowferryError {
  const said = saidBy({ status, body });
  if (typeof said?.message !== 'string') {
    const sentence = `${base} answered HTTP ${status} and not as a rowferry service does; is --server right?`;
    return new RowferryError('SERVER_UNKNOWN', sentence, status >= 500 ? EXIT.noRedis : EXIT.usage);
  }
  const hint = status === 401 ? ' Here it is set by ROWFERRY_SERVER_TOKEN.' : '';
  const exit = status === 503 ? EXIT.noRedis : status >= 500 ? EXIT.broke : EXIT.usage;
  return new RowferryError(String(said.code), `${said.message}${hint}`, exit);
}
