/** How far a run was, and when: a few hundred moments for whoever draws them, however long it takes. */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reason } from './outcome.js';
import type { Counts } from './run.js';

/** A moment, ms since the epoch, and the run's counts by then. */
export type Moment = [
  ms: number,
  created: number,
  updated: number,
  skipped: number,
  failed: number,
  requests: number,
  throttled: number,
];

export interface Course {
  moments: Moment[];
  /** Settled rows by reason so far, as the runner saw them; the report counts them exactly. */
  reasons: Partial<Record<Reason, number>>;
}

interface Settled extends Counts {
  created: number;
  updated: number;
  skipped: number;
  failed: number;
}

const MOST_MOMENTS = 400;
const STEP_MS = 900;
/** Lost in a crash is what came after; it is drawn, not counted on. */
const WRITE_EVERY_MS = 2_000;

const pathOf = (runDir: string) => join(runDir, 'timeline.json');

/** Nothing where there is none, or none that can be read. */
export function loadCourse(runDir: string): Course {
  try {
    const { moments, reasons } = JSON.parse(readFileSync(pathOf(runDir), 'utf8')) as Course;
    return { moments, reasons };
  } catch {
    return { moments: [], reasons: {} };
  }
}

/** Kept by the run's runner, in its directory. */
export class Timeline {
  private readonly course: Course;
  private stepMs = STEP_MS;
  private writtenMs = 0;

  constructor(private readonly runDir: string) {
    this.course = loadCourse(runDir);
  }

  get moments(): readonly Moment[] {
    return this.course.moments;
  }

  /** A row was settled so. */
  count(reason: Reason | undefined): void {
    const { reasons } = this.course;
    if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
  }

  /** They are counted anew. */
  forgetReasons(): void {
    this.course.reasons = {};
  }

  /** Never throws: a disk that is full stops a run elsewhere, and with a sentence. `last`: no other will come soon. */
  async note(
    ms: number,
    { created, updated, skipped, failed, ...sent }: Settled,
    last = false,
  ): Promise<void> {
    const { course } = this;
    const before = course.moments.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY;
    if (!last && ms - before < this.stepMs) return;
    course.moments.push([ms, created, updated, skipped, failed, sent.requests, sent.throttled]);
    if (course.moments.length > MOST_MOMENTS) {
      course.moments = course.moments.filter((_, i) => i % 2 === 0);
      this.stepMs *= 2;
    }
    if (!last && ms - this.writtenMs < WRITE_EVERY_MS) return;
    this.writtenMs = ms;
    const path = pathOf(this.runDir);
    const temporary = `${path}.${process.pid}.tmp`;
    await writeFile(temporary, JSON.stringify(course), { mode: 0o600 })
      .then(() => rename(temporary, path))
      .catch(() => {});
  }
}
