/**
 * A file that is streamed here becomes a run, an archive one for each of its tables: whole, or not at all. The body goes to a directory that is no run yet;
 * once all of it is on disk the directory gets the run's name, and only then the run is added. Nothing but a process
 * that is killed leaves something behind, and that is no run.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { syncDir } from '../durable-file.js';
import { EXIT, type Rowferry, RowferryError, type SourceOptions } from '../index.js';
import { newRunId, runDir } from '../run.js';
import { type Shelf, upTo } from './shelf.js';

export interface Added {
  run: string;
  /** Of an archive of several tables: all of its runs, `run` first. */
  runs?: string[];
  warnings: string[];
  /** This file was here before: its first answer was lost. */
  repeated: boolean;
}

const A_WEEK_MS = 7 * 86_400_000;
/** `<ms since the epoch>-<anything unlikely>`: names one upload, however often it is tried. */
const KEY = /^(\d{12,14})-[\w-]{8,64}$/;

/** The run an upload with this key becomes; whoever sends it can know that, too. */
export function runOfKey(key: string): string {
  const ms = Number(KEY.exec(key)?.[1]);
  if (Number.isNaN(ms)) {
    const sentence =
      'Idempotency-Key is not of the form <milliseconds since the epoch>-<8 to 64 letters, digits or dashes>.';
    throw new RowferryError('KEY_MALFORMED', sentence, EXIT.usage);
  }
  return newRunId(ms, key);
}

export class Uploads {
  /** One at a time for each run: a sender that lost its connection may be back before we know. */
  private readonly adding = new Map<string, Promise<unknown>>();

  constructor(
    private readonly rowferry: Rowferry,
    private readonly mostBytes: number,
    private readonly shelf: Shelf,
  ) {}

  /** A file that lies here already becomes a run; refused, it lies there as before. */
  async start(file: string, { name: _, ...options }: SourceOptions & { name: string }): Promise<Added> {
    await this.rowferry.account(options.to, options.sync);
    const run = runOfKey(file);
    return this.alone(run, async () => {
      const print = new Print({ file, ...options });
      if (this.isAdded(run, file)) return this.again(run, print);
      const draft = this.draftOf(run);
      await this.shelf.take(file, draft);
      const putBack = (dir: string) => this.shelf.putBack(dir, file);
      try {
        await writeFile(keyPath(draft), `${digest(file)} ${print.text}`, { mode: 0o600, flush: true });
        return await this.add(run, file, draft, options, print, putBack);
      } finally {
        if (existsSync(draft)) await putBack(draft);
      }
    });
  }

  /** Throws a sentence for what is refused; then nothing is left of it. */
  async take(
    body: Readable,
    { name, ...options }: SourceOptions & { name: string },
    key = `${Date.now()}-${randomBytes(8).toString('hex')}`,
  ): Promise<Added> {
    const run = runOfKey(key);
    // It would stand first or last among the runs for ever, and be resumed or cleared away in the wrong place.
    if (Math.abs(Number(KEY.exec(key)?.[1]) - Date.now()) > A_WEEK_MS) {
      const sentence = 'The time in the Idempotency-Key is more than a week from now.';
      throw new RowferryError('KEY_MALFORMED', sentence, EXIT.usage);
    }
    await this.rowferry.account(options.to, options.sync); // refused before the first byte
    const asked = { name, ...options };
    if (this.isAdded(run, key)) {
      const print = new Print(asked);
      for await (const piece of upTo(this.mostBytes, body)) print.add(piece);
      return this.again(run, print);
    }
    const draft = this.draftOf(run);
    try {
      await mkdir(join(draft, 'upload'), { recursive: true, mode: 0o700 });
      const print = new Print(asked);
      const file = createWriteStream(join(draft, 'upload', name), { mode: 0o600, flush: true });
      await pipeline(upTo(this.mostBytes, body), (pieces) => print.of(pieces), file);
      await writeFile(keyPath(draft), `${digest(key)} ${print.text}`, { mode: 0o600, flush: true });
      return await this.alone(run, () => this.add(run, key, draft, options, print));
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  private draftOf(run: string): string {
    return `${runDir(this.rowferry.settings.dataDir, run)}.${randomBytes(4).toString('hex')}.part`;
  }

  /** `refused`: what becomes of the directory when there is no run. */
  private async add(
    run: string,
    key: string,
    draft: string,
    options: SourceOptions,
    print: Print,
    refused = (dir: string) => rm(dir, { recursive: true, force: true }),
  ): Promise<Added> {
    const { dataDir } = this.rowferry.settings;
    const dir = runDir(dataDir, run);
    if (this.isAdded(run, key)) return this.again(run, print);
    // A process that was killed between the two steps below left it without a plan.
    await rm(dir, { recursive: true, force: true });
    await rename(draft, dir);
    await syncDir(join(dir, '..'));
    const [name] = await readdir(join(dir, 'upload'));
    const path = join(dir, 'upload', name!);
    const warnings: string[] = [];
    let runs: string[];
    try {
      runs = await this.rowferry.enqueueTables(path, {
        ...options,
        run,
        started: (plan, told) => {
          const table = plan.tables || plan.tableOf ? `${plan.source.name}: ` : '';
          warnings.push(...told.map((one) => `${table}${one}`));
        },
      });
    } catch (error) {
      if (!existsSync(join(dir, 'plan.json'))) await refused(dir);
      // Where it lies here is nothing to whoever sent it.
      if (error instanceof RowferryError) error.message = error.message.replaceAll(path, name!);
      throw error;
    }
    return { run, ...several(runs), warnings, repeated: false };
  }

  /** It is on disk; whether Redis has heard of it is not known. Throws when it is another file, or sent otherwise. */
  private async again(run: string, print: Print): Promise<Added> {
    if (this.noted(run)[1] !== print.text) {
      const sentence = `This Idempotency-Key was used for another file, or with other parameters: it became run ${run}. Nothing was added; send this one with a key of its own.`;
      throw new RowferryError('KEY_REUSED', sentence, EXIT.usage);
    }
    const runs = await this.rowferry.remind(run);
    return { run, ...several(runs), warnings: [], repeated: true };
  }

  /** Throws when the run is somebody else's. */
  private isAdded(run: string, key: string): boolean {
    const dir = runDir(this.rowferry.settings.dataDir, run);
    if (!existsSync(join(dir, 'plan.json'))) return false;
    if (this.noted(run)[0] === digest(key)) return true;
    const sentence = `There is a run ${run} already, of another file; send this one with another Idempotency-Key.`;
    throw new RowferryError('RUN_EXISTS', sentence, EXIT.usage);
  }

  /** Which upload the run was made of: digests of its key, and of what was sent. */
  private noted(run: string): string[] {
    const path = keyPath(runDir(this.rowferry.settings.dataDir, run));
    return existsSync(path) ? readFileSync(path, 'utf8').split(' ') : [];
  }

  private async alone<T>(run: string, body: () => Promise<T>): Promise<T> {
    const before = this.adding.get(run) ?? Promise.resolve();
    const turn = before.then(body, body);
    this.adding.set(run, turn);
    try {
      return await turn;
    } finally {
      if (this.adding.get(run) === turn) this.adding.delete(run);
    }
  }
}

const several = (runs: string[]) => (runs.length > 1 ? { runs } : {});
const keyPath = (dir: string) => join(dir, 'upload.key');
const digest = (key: string) => createHash('sha256').update(key).digest('hex');

/** Tells what was sent from anything else: the parameters and every byte of the file. */
class Print {
  private readonly hash = createHash('sha256');

  constructor(parameters: object) {
    this.add(`${JSON.stringify(parameters)}\n`);
  }

  add(piece: Buffer | string): void {
    this.hash.update(piece);
  }

  async *of(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      this.add(piece);
      yield piece;
    }
  }

  get text(): string {
    return this.hash.copy().digest('hex');
  }
}
