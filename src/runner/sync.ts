/** One occasion of a sync: nothing while an earlier run of it is not over, else a run for what is new, or one that says "no change". */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Clock } from '../clock.js';
import { dialectOptions } from '../dialect.js';
import { EXIT, RowferryError } from '../errors.js';
import { WRONG_CLOCK_MS } from '../queues/schedules.js';
import { withLock } from '../redis/lock.js';
import { isRunThere, loadPlan, loadStatus, newRunId, type RunPlan } from '../run.js';
import { type FileOnDisk, matchingFiles } from '../sources/glob.js';
import {
  isCarried,
  loadNote,
  type Seen,
  type SyncNote,
  saveNote,
  stateOf,
  syncLock,
} from '../sources/note.js';
import { type GivenSource, type GlobSource, sourceOf } from '../sources/source.js';
import { type Plan, planNoChange, type RunRequest, specOf } from './plan.js';
import { type Planned, planRuns } from './plan-source.js';

export interface OccasionOptions {
  request: RunRequest & { sync: string };
  /** When it was due, ms. The same occasion, worked on again after a crash, makes the same runs. */
  atMs: number;
  /** Files of `pick: all` at the most; the rest is left for a further call. Default: 500. */
  most?: number;
  /** Puts the runs of one file on disk, and into the queue if others are to work on them. They may be there already. */
  add(plans: readonly RunPlan[]): Promise<void>;
}

export interface OccasionResult {
  plans: Plan[];
  /** Sentences about files that cannot be run; they are looked at again next time. */
  faults: string[];
  /** New files beyond `most`. */
  left: number;
}

const MOST_FILES = 500;

/** Throws with a sentence when the occasion is to be left out: SYNC_BUSY, or SYNC_HELD when it may be free in a moment. */
export async function workOnOccasion(
  dataDir: string,
  clock: Clock,
  options: OccasionOptions,
): Promise<OccasionResult> {
  const { sync } = options.request;
  return withLock(
    syncLock(dataDir, sync),
    () => new Occasion(dataDir, clock, options, loadNote(dataDir, sync)).work(),
    0,
    (_path, by) => {
      const sentence = `The source of its last occasion is still being read by ${by}.`;
      return new RowferryError('SYNC_HELD', sentence, EXIT.usage);
    },
  );
}

function busy(sentence: string): RowferryError {
  return new RowferryError('SYNC_BUSY', sentence, EXIT.usage);
}

class Occasion {
  private readonly result: OccasionResult = { plans: [], faults: [], left: 0 };
  private readonly settings: string;

  constructor(
    private readonly dataDir: string,
    private readonly clock: Clock,
    private readonly options: OccasionOptions,
    private readonly note: SyncNote,
  ) {
    this.settings = settingsOf(options.request);
  }

  async work(): Promise<OccasionResult> {
    const { note } = this;
    const { atMs, request, add } = this.options;
    await this.checkFree();
    for (const seen of note.seen) if (isCarried(this.dataDir, seen)) seen.finished = true;
    // Cut short by a crash: what it had planned by then is added, and nothing else is made of it.
    const before = (note.last?.atMs === atMs ? note.last.runs : []).filter((run) => this.isMade(run));
    for (const run of before) {
      if (stateOf(this.dataDir, run) === 'queued') await add([loadPlan(this.dataDir, run)]);
    }
    note.last = { atMs, runs: before };
    const source = sourceOf(request.source);
    if ('glob' in source && source.pick === 'all') await this.takeNewFiles(source);
    else if (note.last.runs.length === 0) await this.takeOne();
    return this.result;
  }

  /** Of an archive the first run is made last: without it the others are made once more, as they are. */
  private isMade(run: string): boolean {
    if (!isRunThere(this.dataDir, run)) return false;
    const { tableOf } = loadPlan(this.dataDir, run);
    return tableOf === undefined || isRunThere(this.dataDir, tableOf);
  }

  /** No overlap: neither a run that is not over, nor one that waits for a person, is passed by. */
  private async checkFree(): Promise<void> {
    const { last } = this.note;
    const { atMs, add } = this.options;
    if (last === undefined || last.atMs === atMs) return;
    // Unless "later" is what a clock said that was wrong.
    const later = last.atMs > atMs && last.atMs - this.clock.now() <= WRONG_CLOCK_MS;
    if (later) throw busy('A later occasion was worked on before it.');
    for (const run of last.runs) {
      const state = stateOf(this.dataDir, run);
      if (state === 'halted' || (state === 'failed' && hasBegun(this.dataDir, run))) {
        throw busy(
          `Run ${run} ${state === 'failed' ? 'failed' : 'is halted'}: "rowferry runs resume ${run}" goes on with it, "rowferry runs cancel ${run}" ends it.`,
        );
      }
      if (state !== 'queued' && state !== 'running') continue;
      // Whoever began it may have died before it was in the queue; there already, it stays as it is.
      await add([loadPlan(this.dataDir, run)]);
      throw busy(`Run ${run} is ${state}.`);
    }
  }

  private async takeOne(): Promise<void> {
    const seen = this.note.seen.find(({ key }) => key === '');
    const known = seen?.settings === this.settings && isCarried(this.dataDir, seen) ? seen : undefined;
    const planned = await planRuns(this.dataDir, this.clock, { ...this.request(''), known });
    await this.keep(planned, '', known);
  }

  /** Oldest first, each when the one before is over: what a later file says must win. */
  private async takeNewFiles(source: GlobSource): Promise<void> {
    const { dataDir, note, options, result } = this;
    const files = await matchingFiles(source.glob, source.base);
    const seen = new Map(note.seen.map((one) => [one.key, one]));
    note.seen = files.flatMap(({ path }) => seen.get(path) ?? []);
    const fresh = files.filter((file) => !this.isOld(file, seen.get(file.path)));
    let taken = 0;
    for (const [i, file] of fresh.entries()) {
      if (taken === (options.most ?? MOST_FILES)) {
        result.left = fresh.length - i;
        return;
      }
      try {
        const request = { ...this.request(file.path), source: { path: file.path } };
        await this.keep(await planRuns(dataDir, this.clock, request), file.path, undefined, file);
        taken++;
      } catch (error) {
        if (!(error instanceof RowferryError) || options.request.signal?.aborted) throw error;
        result.faults.push(error.message);
      }
    }
    if (fresh.length > 0 || note.last!.runs.length > 0) return;
    const nothing = { name: basename(source.glob), sha256: '', bytes: 0, lines: 0 };
    const why = `No new file matches ${source.glob}; nothing was sent.`;
    await this.keep(
      { plans: [planNoChange(dataDir, this.clock, this.request(''), nothing, why)], source: nothing },
      '',
    );
  }

  /** A file that was carried, or is about to be. Another mapping does not make it new. */
  private isOld(file: FileOnDisk, seen: Seen | undefined): boolean {
    const { bytes, modifiedMs } = seen?.file ?? {};
    if (seen === undefined || bytes !== file.bytes || modifiedMs !== file.modifiedMs) return false;
    return isCarried(this.dataDir, seen) || this.note.last!.runs.includes(seen.run);
  }

  /** The note first: a run that it names and that is not there counts for nothing, one it does not name would be sent again. */
  private async keep(planned: Planned, key: string, known?: Seen, file?: FileOnDisk): Promise<void> {
    const { note, options, settings } = this;
    const { mark } = planned;
    const plans = planned.plans.map(({ plan }) => plan);
    const [run, ...tables] = plans.map((plan) => plan.run) as [string, ...string[]];
    const { name, sha256, bytes, lines } = planned.source;
    note.last!.runs.push(run, ...tables);
    const others = note.seen.filter((one) => one.key !== key);
    const ofFile = file && { bytes: file.bytes, modifiedMs: file.modifiedMs };
    const source = { name, sha256, bytes, lines };
    if (plans[0]!.noChange !== undefined) {
      if (known) note.seen = [...others, { ...known, finished: true, ...(mark && { mark }) }];
    } else {
      const seen = { key, run, source, settings, ...(tables.length > 0 && { tables }) };
      note.seen = [...others, { ...seen, ...(mark && { mark }), ...(ofFile && { file: ofFile }) }];
    }
    await saveNote(this.dataDir, options.request.sync, note);
    await options.add(plans);
    this.result.plans.push(...planned.plans);
  }

  private request(key: string): RunRequest & { run: string } {
    const { request, atMs } = this.options;
    const run = newRunId(atMs, `${request.sync} ${atMs} ${key}`);
    const after = this.note.last!.runs.at(-1);
    return { ...request, run, after, copy: true, inTurn: true };
  }
}

/**
 * Rows of it may have been sent, and not all of them are known to have arrived: sent once more by another run, they
 * would be there twice where the API does not mind.
 */
function hasBegun(dataDir: string, run: string): boolean {
  return loadStatus(dataDir, run).cursor > 0;
}

/** What decides about a row: the same source under other settings is a change. */
function settingsOf(request: RunRequest): string {
  const { account, onDuplicate = 'skip' } = request;
  const decides = [
    placeOf(request.source),
    account.name,
    account.id,
    specOf(request),
    dialectOptions(request),
    onDuplicate,
  ];
  return createHash('sha256').update(JSON.stringify(decides)).digest('hex');
}

function placeOf(given: GivenSource): string {
  const source = sourceOf(given);
  if ('url' in source) return source.url;
  if ('glob' in source) return `${source.base} ${source.glob} ${source.pick}`;
  return 'path' in source ? source.path : source.name;
}
