/** The course of one file, from the inbox to its end. Each step can be repeated, by whoever finds the claim. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../../clock.js';
import { EXIT, RowferryError } from '../../errors.js';
import { identify } from '../../process.js';
import { isRunThere, newRunId, runsBeside } from '../../run.js';
import { stateOf } from '../../sources/note.js';
import { archiveFile, archiveReport, reject } from './archive.js';
import { type Claim, type Claims, type Mover, mayBeMoved } from './claims.js';
import { type Complete, EMPTY_MS, isSame, isStill, lookAt, oddness, type Seen, seenOf } from './inbox.js';
import { keptName } from './names.js';
import { isThere, keepMoves, move, placesOf } from './places.js';
import type { Targets } from './targets.js';
import { openForWriting } from './writers.js';

/** What a file is added with. */
export interface Dropped {
  run: string;
  /** Its own name. */
  name: string;
  sync?: string | undefined;
  to?: string | undefined;
}

/** How runs are added; nothing else is asked of those who work on them. */
export interface RunAdder {
  /** Makes the run of a file, of an archive those of its tables, and puts them into the queue. Throws a sentence for a file that cannot be run. */
  add(path: string, dropped: Dropped): Promise<unknown>;
  /** Puts a run that is on disk into the queue, if it is not there. */
  again(run: string): Promise<unknown>;
}

/** A claim in the hands of this process. */
export interface Held {
  claim: Claim;
  /** Its run is known to be in the queue, or to have been. */
  queued: boolean;
  /** Set when the file changed while it was moved: since when it is as it is. */
  settling?: { seen: Seen; since: number };
}

export interface CourseOptions {
  dataDir: string;
  folder: string;
  settleMs: number;
  claims: Claims;
  targets: Targets;
  adder: RunAdder;
  /** False once this process no longer looks after the folder. */
  mayClaim(): boolean;
  clock: Clock;
  log: Logger;
}

/** Not the file's fault: mended by somebody, or by time. */
const PASSING = ['CREDENTIALS_MISSING', 'CONFIG_INVALID', 'DESTINATION_MODULE', 'REPORT_DIR_UNWRITABLE'];

export class Course {
  private readonly me: Mover = { ...identify(process.pid), nonce: randomUUID() };
  /** Runs whose files this process is about to move. */
  private readonly moving = new Set<string>();

  constructor(private readonly options: CourseOptions) {}

  /** Claims a complete file: note, then move. Undefined: it is not there any more, or not as it was. */
  async begin(file: Complete): Promise<Held | undefined> {
    if (file.odd === undefined && !(await isStill(file.path, file.seen))) return undefined;
    const { claims, clock } = this.options;
    let run = newRunId(clock.now());
    while (this.moving.has(run) || claims.isTaken(run)) run = newRunId(clock.now());
    this.moving.add(run);
    try {
      return await this.moveIn(run, file);
    } finally {
      this.moving.delete(run);
    }
  }

  private async moveIn(run: string, file: Complete): Promise<Held | undefined> {
    const { folder, claims, clock, targets, mayClaim } = this.options;
    const target = targets.of(file);
    const kept = keptName(run, file.shown);
    const { shown, seen } = file;
    const claim: Claim = { run, folder, kept, shown, ...target, seen, by: this.me, at: clock.now() };
    await claims.save(claim);
    const { processing } = placesOf(folder);
    // What fails in here leaves the claim behind: whether the file was moved is seen when it is gone on with.
    if (!mayClaim() || !(await move(file.path, join(processing, kept)))) {
      await claims.remove(run);
      return undefined;
    }
    await keepMoves(processing, file.path.subarray(0, file.path.lastIndexOf('/')));
    return { claim, queued: false };
  }

  /** Takes a file as far as it gets. True: there is nothing left to do. Throws what is not the file's fault. */
  async advance(held: Held): Promise<boolean> {
    if (this.moving.has(held.claim.run)) return false;
    const { dataDir, claims, adder, log } = this.options;
    const { claim } = held;
    const { run, shown } = claim;
    if (claim.refused !== undefined) return this.refuse(claim, claim.refused);
    if (!isRunThere(dataDir, run)) return this.start(held);
    // Of an archive each table is a run: with the first all of them are there.
    const runs = runsBeside(dataDir, run).map((one) => ({ run: one, state: stateOf(dataDir, one) }));
    if (runs.every(({ state }) => state === undefined || state === 'finished' || state === 'cancelled')) {
      for (const one of runs) await archiveReport(dataDir, claim, one.run);
      await archiveFile(claim);
      await claims.remove(run);
      log.info({ run, file: shown, state: runs[0]!.state }, 'file archived');
      return true;
    }
    if (!held.queued) {
      for (const { run: one, state } of runs) {
        if (state === 'queued' || state === 'running') await adder.again(one);
      }
    }
    held.queued = true;
    return false;
  }

  private async start(held: Held): Promise<boolean> {
    const { adder, claims, log } = this.options;
    const { claim } = held;
    const { run, shown, sync, to } = claim;
    const path = this.pathOf(claim);
    if (!(await isThere(path))) {
      if (this.mayBeMoved(claim)) return false;
      await claims.remove(run);
      return true;
    }
    const info = await lookAt(path);
    // Who may write to the inbox may have put a link there at the last moment.
    const odd = oddness(info);
    const { refused } = this.options.targets.of({ shown, odd });
    if (refused !== undefined && odd !== 'empty') return this.refuse(claim, refused);
    if (!(await this.isSettled(held, seenOf(info)))) return false;
    try {
      await adder.add(path, { run, name: shown, sync, to });
    } catch (error) {
      if (!(error instanceof RowferryError) || isPassing(error)) throw error;
      // Taken away meanwhile, or the run was made by who looks after the folder by now.
      if (!this.options.mayClaim() || !(await isThere(path))) return false;
      return this.refuse(claim, this.options.targets.explain(error).replaceAll(path, shown));
    }
    held.queued = true;
    log.info({ run, file: shown }, 'file added');
    return false;
  }

  private async refuse(claim: Claim, refused: string): Promise<boolean> {
    const { claims, log } = this.options;
    if (claim.refused === undefined) await claims.save({ ...claim, refused });
    if (!(await isThere(this.pathOf(claim))) && this.mayBeMoved(claim)) return false;
    if (await reject(claim, refused)) log.warn({ file: claim.shown, why: refused }, 'file rejected');
    await claims.remove(claim.run);
    return true;
  }

  private mayBeMoved(claim: Claim): boolean {
    return claim.by.nonce !== this.me.nonce && mayBeMoved(claim, this.options.clock.now());
  }

  /** What was moved may not be what had settled: another file by its name, or a writer that went on. */
  private async isSettled(held: Held, seen: Seen): Promise<boolean> {
    const { clock, settleMs } = this.options;
    const { claim, settling } = held;
    if (isSame(seen, claim.seen)) return true;
    const now = clock.monotonic();
    const since = settling && isSame(settling.seen, seen) ? settling.since : now;
    held.settling = { seen, since };
    if (now - since < (seen.bytes === '0' ? EMPTY_MS : settleMs)) return false;
    return (await openForWriting(new Map([[seen.id, claim.kept]]))).size === 0;
  }

  private pathOf({ folder, kept }: Claim): string {
    return join(placesOf(folder).processing, kept);
  }
}

function isPassing({ code, exitCode, message }: RowferryError): boolean {
  if (code === 'SOURCE_UNREADABLE') return !message.includes('permission denied');
  return exitCode !== EXIT.usage || PASSING.includes(code);
}
