/** Checks of files for the pages: `rowferry check` in a process of its own, so that a large file holds nobody up. */
import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Check, EXIT, type Rowferry, RowferryError, type SourceOptions } from '../index.js';
import type { News, Order } from './checking.js';

const PROGRAM = fileURLToPath(new URL(`./checking${extname(import.meta.url)}`, import.meta.url));
const AT_ONCE = 2;
/** It removes what it has put on disk, and is killed if it does not. */
const GRACE_MS = 10_000;
/** A check needs little, whatever the file; a process that wants more is not to take it from the service. */
const MOST_MEGABYTES = 1_024;

/** How far it is; nothing known yet: it waits for its turn, or is finding out how the file is written. */
export interface CheckProgress {
  rows: number;
  about: number;
}

export class Checks {
  private going = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly closing = new AbortController();

  /** `mostMs`: a check that takes longer is ended. */
  constructor(
    private readonly rowferry: Rowferry,
    private readonly mostMs: number,
  ) {}

  /** Throws the sentence that the run would stop with, when it would not begin. `left`: nobody asks any more. */
  async check(
    path: string,
    options: SourceOptions,
    left: AbortSignal,
    progress: (how: CheckProgress) => void,
  ): Promise<Check> {
    const ending = AbortSignal.any([left, this.closing.signal]);
    await this.turn(ending);
    try {
      if (ending.aborted) throw cutOff();
      return await this.inProcess(path, options, ending, progress);
    } finally {
      this.going--;
      for (const look of this.waiting.splice(0)) look();
    }
  }

  /** Ends those under way. */
  close(): void {
    this.closing.abort();
  }

  private async turn(ending: AbortSignal): Promise<void> {
    while (this.going >= AT_ONCE && !ending.aborted) {
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        ending.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.going++;
  }

  private inProcess(
    path: string,
    options: SourceOptions,
    ending: AbortSignal,
    progress: (how: CheckProgress) => void,
  ): Promise<Check> {
    const { opened, settings, log } = this.rowferry;
    const order: Order = { path, options: { ...options, ...opened, dataDir: settings.dataDir } };
    const child = fork(PROGRAM, {
      execArgv: [...process.execArgv, `--max-old-space-size=${MOST_MEGABYTES}`],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    let late = false;
    let killing: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(killing);
      if (child.connected) child.disconnect(); // it clears up, if it has to, and ends
      killing = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    };
    const limit = setTimeout(() => {
      late = true;
      end();
    }, this.mostMs);
    ending.addEventListener('abort', end, { once: true });
    let last: News | undefined;
    return new Promise<Check>((resolve, reject) => {
      child.on('message', (news: News) => {
        if (news.event === 'progress') progress({ rows: news.rows, about: news.about });
        else {
          last = news;
          end();
        }
      });
      child.on('error', reject); // no process is to be had
      // Not 'close', which does not come once we have disconnected; what it told came before we did.
      child.on('exit', (code, signal) => {
        if (last?.event === 'result') return resolve(last.check);
        if (last?.event === 'refused' && !ending.aborted && !late) {
          return reject(new RowferryError(last.code, last.message, last.exitCode));
        }
        if (ending.aborted) return reject(cutOff());
        if (late) return reject(tooLong(this.mostMs));
        const how = last?.event === 'broken' ? last.stack : `ended with ${signal ?? code}`;
        log.error({ error: how }, 'check failed');
        const sentence = 'The check broke; the log of the service says more.';
        reject(new RowferryError('CHECK_BROKEN', sentence));
      });
      child.send(order, () => {}); // one that ended before it was told is told of by 'exit'
    }).finally(() => {
      clearTimeout(limit);
      clearTimeout(killing);
      ending.removeEventListener('abort', end);
    });
  }
}

function cutOff(): RowferryError {
  return new RowferryError('CHECK_INTERRUPTED', 'The check was interrupted.', EXIT.interrupted);
}

function tooLong(mostMs: number): RowferryError {
  const sentence = `The check took longer than ${Math.ceil(mostMs / 60_000)} minutes and was ended. The file can be started without; "rowferry check" takes as long as it needs.`;
  return new RowferryError('CHECK_TOO_LONG', sentence, EXIT.usage);
}
