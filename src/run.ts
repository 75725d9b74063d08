/** A run: its frozen plan and its state on disk, under `<data dir>/runs/<run>/`. */
import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Dialect } from './dialect.js';
import { createAtomically, writeAtomically } from './durable-file.js';
import { EXIT, RowferryError } from './errors.js';
import type { MappingSpec } from './mapping.js';

export type RunState = 'queued' | 'running' | 'finished' | 'cancelled' | 'halted' | 'failed' | 'interrupted';

/** How many requests are allowed in how many milliseconds. */
export interface Rate {
  requests: number;
  perMs: number;
}

/** What becomes of a contact that the destination has already. */
export type OnDuplicate = 'skip' | 'update';

/** What added a run: a person or a program of theirs, a file in the watched folder, a schedule (or `rowferry sync`, which does the same). */
export type Trigger = 'script' | 'folder' | 'schedule';

export interface SourceSnapshot {
  path: string;
  /** File name, as shown in the report. */
  name: string;
  sha256: string;
  bytes: number;
  /** Line ends in the file. */
  lines: number;
  /** `marked`: UTF-8 with signs that no text holds, U+FFFD or NUL; `other`: no UTF-8. Left out: UTF-8. */
  text?: 'marked' | 'other';
  /** The file this is a copy of, unpacked or in UTF-8. */
  original?: { sha256: string; bytes: number };
}

/** About how many rows a source has: the header is none, and the last line mostly has its end. */
export function aboutRows({ lines }: Pick<SourceSnapshot, 'lines'>): number {
  return Math.max(1, lines - 1);
}

/** What a run does, frozen when it is added; no secrets. */
export interface RunPlan {
  run: string;
  /** Version of rowferry that made the plan. */
  version: string;
  createdAt: string;
  trigger: Trigger;
  /** The sync this is a run of. */
  sync?: string;
  /** Name of the destination; the credentials are bound again by it, by whoever works on the run. */
  destination: string;
  /** Account id. */
  account: string;
  source: SourceSnapshot;
  /** How the text of the source is written. */
  dialect: Dialect;
  /** How columns become fields, as it was given. */
  mapping: MappingSpec;
  /** null = no limit. */
  rate: Rate | null;
  /** Rows in one batch at the most. */
  batchRows: number;
  /** Requests for one contact before it is given up. */
  attempts: number;
  onDuplicate: OnDuplicate;
  /** Rows may travel together in one request. */
  bulk: boolean;
  /** Contacts that were delivered before as they are now are not sent again. */
  incremental?: boolean;
  /** The longest wait an API may ask for before the run halts instead, ms. */
  maxWaitMs?: number;
  /** Rows rejected alike from the start after which the run halts; 0: never. */
  haltAfterRejections?: number;
  reportDir: string;
  /** The run whose failed rows this one retries. */
  retryOf?: string;
  /** There is nothing to send: a sentence why. */
  noChange?: string;
  /** The run of the same sync that must be over before this one begins. */
  after?: string;
  /** Of the first table of an archive that holds several: the runs of the others. It is put on disk last: with it all are there. */
  tables?: string[];
  /** The run of the first table of the same archive. */
  tableOf?: string;
}

/** More about a report's numbers than its reasons say. */
export interface Kinds {
  /** The most frequent kinds of failed rows, in a few words each: rows. */
  failed: Record<string, number>;
  /** Reason → skipped rows that repeat a row of the same file. */
  repeats: Record<string, number>;
}

/** What nothing but Redis counts. */
export interface Counts {
  requests: number;
  retries: number;
  throttled: number;
}

/** What is known of a run without Redis. Rewritten atomically by its runner. */
export interface RunStatus {
  state: Exclude<RunState, 'interrupted'>;
  /** Rises with every runner that takes the run. */
  epoch: number;
  /** The highest row that was ever put into a batch. */
  cursor: number;
  /** The service goes on with it by itself. */
  enqueued?: true;
  /** As the runner's pulse saw them last. */
  counts?: Counts;
  startedAt?: string;
  finishedAt?: string;
  /** Why it is halted or failed: one sentence. */
  message?: string;
  /** Of its newest report. */
  kinds?: Kinds;
}

const RUN_ID = /^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$/;

/**
 * `20260131-235959-1a2b3c`: sorts by time, safe as file name, key and job id. What is told to be one `occasion` at one
 * moment gets one id, however often it is asked for; without it every id is another.
 */
export function newRunId(nowMs: number, occasion?: string): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const last =
    occasion === undefined
      ? randomBytes(3).toString('hex')
      : createHash('sha256').update(occasion).digest('hex').slice(0, 6);
  return `${stamp}-${last}`;
}

/** The run of a further table of an archive whose first becomes `run`: the same however often it is asked for. */
export function tableRunId(run: string, table: string): string {
  return `${run.slice(0, -6)}${createHash('sha256').update(`${run} ${table}`).digest('hex').slice(0, 6)}`;
}

export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

export function runDir(dataDir: string, run: string): string {
  return join(dataDir, 'runs', run);
}

/** Reads size and hash of the file a run is about. Throws a sentence for what is no readable, filled file. */
export async function takeSnapshot(path: string, name = basename(path)): Promise<SourceSnapshot> {
  const absolute = resolve(path);
  let info: Awaited<ReturnType<typeof stat>>;
  try {
    info = await stat(absolute);
  } catch (error) {
    throw unreadable(path, error);
  }
  if (info.isDirectory()) {
    throw new RowferryError('SOURCE_IS_DIRECTORY', `${path} is a directory; name a CSV file.`, EXIT.usage);
  }
  if (!info.isFile()) {
    throw new RowferryError('SOURCE_NOT_A_FILE', `${path} is not a regular file.`, EXIT.usage);
  }
  if (info.size === 0) {
    throw new RowferryError('SOURCE_EMPTY', `${path} is empty (0 bytes).`, EXIT.usage);
  }
  try {
    return { path: absolute, name, ...(await hashFile(absolute, info.size)), bytes: info.size };
  } catch (error) {
    if (error instanceof RowferryError) throw error;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): RowferryError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new RowferryError('SOURCE_MISSING', `There is no file ${path}.`, EXIT.usage);
  }
  const why = code === 'EACCES' ? 'permission denied' : String((error as Error).message);
  return new RowferryError('SOURCE_UNREADABLE', `${path} cannot be read: ${why}.`, EXIT.usage);
}

async function hashFile(
  path: string,
  bytes: number,
): Promise<Pick<SourceSnapshot, 'sha256' | 'lines' | 'text'>> {
  const hash = createHash('sha256');
  let lines = 0;
  let hashed = 0;
  let text: SourceSnapshot['text'];
  let cut: Buffer = Buffer.alloc(0);
  for await (const read of createReadStream(path, { end: bytes - 1, highWaterMark: 1 << 18 })) {
    const piece = read as Buffer;
    hash.update(piece);
    hashed += piece.length;
    if (text !== 'other') {
      const whole = cut.length > 0 ? Buffer.concat([cut, piece]) : piece;
      const end = hashed === bytes ? whole.length : wholeCharacters(whole);
      if (!isUtf8(whole.subarray(0, end))) text = 'other';
      else if (text === undefined && (piece.includes(0) || whole.includes(REPLACEMENT))) text = 'marked';
      cut = whole.subarray(end);
    }
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) lines++;
  }
  return { sha256: hash.digest('hex'), lines, ...(text === undefined ? {} : { text }) };
}

/** What programs write for a character they could not read. */
const REPLACEMENT = Buffer.from('\uFFFD');

/** Where the last character begins when `text` ends inside it, else the end. */
function wholeCharacters(text: Buffer): number {
  for (let back = 1; back <= Math.min(3, text.length); back++) {
    const byte = text[text.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? text.length - back : text.length;
  }
  return text.length;
}

/** Throws when the source is no longer what the plan froze. */
export async function checkSnapshot(source: SourceSnapshot): Promise<void> {
  const now = await takeSnapshot(source.path, source.name).catch((error: unknown) => error as RowferryError);
  if (now instanceof Error) {
    throw new RowferryError(
      'SOURCE_CHANGED',
      `The source of this run is gone: ${now.message} Its report is made from it: put it back as it was, then resume the run or cancel it.`,
      EXIT.halted,
    );
  }
  if (now.bytes !== source.bytes || now.sha256 !== source.sha256) {
    throw new RowferryError(
      'SOURCE_CHANGED',
      `${source.path} has changed since the run was started, and its report is made from it. Put the old file back, then resume the run or cancel it; the new file can be run by itself.`,
      EXIT.halted,
    );
  }
}

/** A run exists once it has its plan. */
export function isRunThere(dataDir: string, run: string): boolean {
  return existsSync(join(runDir(dataDir, run), 'plan.json'));
}

/** Puts a run on disk; one that is there already stays as it is, also when its maker was stopped in here and wakes late. */
export async function createRun(dataDir: string, plan: RunPlan, enqueued = false): Promise<void> {
  if (isRunThere(dataDir, plan.run)) return;
  const dir = runDir(dataDir, plan.run);
  const status: RunStatus = { state: 'queued', epoch: 0, cursor: 0, ...(enqueued && { enqueued }) };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await createAtomically(join(dir, 'status.json'), `${JSON.stringify(status)}\n`);
  await createAtomically(join(dir, 'plan.json'), `${JSON.stringify(plan, null, 2)}\n`);
}

/** Those of one archive: the first last, so that with it all are there. `enqueued`: for the service. */
export async function createRuns(
  dataDir: string,
  plans: readonly RunPlan[],
  enqueued = false,
): Promise<void> {
  for (const plan of plans.toReversed()) await createRun(dataDir, plan, enqueued);
}

/** A run and, if it is of the first table of an archive, those of the others. */
export function runsBeside(dataDir: string, run: string): string[] {
  return [run, ...(loadPlan(dataDir, run).tables ?? [])];
}

export async function saveStatus(dataDir: string, run: string, status: RunStatus): Promise<void> {
  await writeAtomically(join(runDir(dataDir, run), 'status.json'), `${JSON.stringify(status)}\n`);
}

function readJson(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new RowferryError('RUN_DAMAGED', `${path} is damaged: it is no JSON. Put it back from a backup.`);
  }
}

export function loadPlan(dataDir: string, run: string): RunPlan {
  if (!isRunId(run)) {
    throw new RowferryError(
      'RUN_ID_MALFORMED',
      `"${run}" is no run id; they look like 20260131-235959-1a2b3c.`,
      EXIT.usage,
    );
  }
  try {
    return readJson(join(runDir(dataDir, run), 'plan.json')) as RunPlan;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new RowferryError(
      'RUN_UNKNOWN',
      `There is no run ${run} in ${dataDir}; "rowferry runs list" shows those there are.`,
      EXIT.usage,
    );
  }
}

export function loadStatus(dataDir: string, run: string): RunStatus {
  return readJson(join(runDir(dataDir, run), 'status.json')) as RunStatus;
}

/** Ids of the runs of a data dir, newest first. */
export function listRuns(dataDir: string): string[] {
  const dir = join(dataDir, 'runs');
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => isRunId(name) && existsSync(join(dir, name, 'plan.json')))
    .sort()
    .reverse();
}
