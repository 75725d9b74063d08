/** What was expected and has not come. Looked after by whoever delivers the notices. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.js';
import type { NotificationEntry } from '../config/notifications.js';
import { writeAtomically } from '../durable-file.js';
import { lastOccasion, nextOccasion } from '../queues/schedules.js';
import { listRuns, loadPlan, type RunPlan } from '../run.js';
import { missingNotice } from './compose.js';
import type { Outbox } from './outbox.js';

/** So long after its time something may still come, and so long a service has after its start: a file has to settle. */
const GRACE_MS = 60_000;
/** Runs may be cleared away before the next occasion: what has come is noted in between. */
const GLANCE_MS = 3_600_000;
/** The id of a run bears the moment of its occasion or file, not that of its plan. */
const LATE_PLAN_MS = 86_400_000;

type Expecting = NotificationEntry & { expect: NonNullable<NotificationEntry['expect']> };

/** By entry: which occasion was judged last, and what came last; ms. */
type Judged = Record<string, { judgedMs: number; arrivedMs?: number }>;

export class Expectations {
  private readonly entries: Expecting[];
  private readonly path: string;
  private readonly startedMs: number;
  private known: Judged | undefined;
  private readonly lookAt = new Map<string, number>();

  constructor(
    private readonly dataDir: string,
    entries: readonly NotificationEntry[],
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {
    this.entries = entries.filter((entry): entry is Expecting => entry.expect !== undefined);
    this.path = join(dataDir, 'notices', 'expected.json');
    this.startedMs = clock.now();
  }

  /** Another may have judged meanwhile. */
  forget(): void {
    this.known = undefined;
    this.lookAt.clear();
  }

  /** Puts a notice into the outbox for each occasion that has passed without what was expected. */
  async look(): Promise<void> {
    const now = this.clock.now();
    for (const entry of this.entries) {
      if (now >= (this.lookAt.get(entry.name) ?? 0)) await this.lookAfter(entry, now);
    }
  }

  private async lookAfter(entry: Expecting, now: number): Promise<void> {
    this.known ??= this.load();
    const { name, expect } = entry;
    // An entry that is new is not asked about what was before it.
    const mine = this.known[name] ?? { judgedMs: now };
    const { judgedMs } = mine;
    const byMs = lastOccasion(expect, now - GRACE_MS);
    const due = byMs !== undefined && byMs > judgedMs;
    const sinceMs = (due ? lastOccasion(expect, byMs - 1) : judgedMs) ?? judgedMs;
    mine.arrivedMs = Math.max(mine.arrivedMs ?? 0, this.newestArrival(entry, sinceMs));
    if (due && now - this.startedMs >= GRACE_MS) {
      // What came in the grace of the time before was for that one.
      if (mine.arrivedMs <= sinceMs + GRACE_MS)
        await this.outbox.put(missingNotice(entry, sinceMs, byMs, now), name);
      mine.judgedMs = byMs;
    }
    // The notice first: judged again after a crash it is the same notice.
    this.known[name] = mine;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await writeAtomically(this.path, `${JSON.stringify(this.known)}\n`);
    const nextMs = (nextOccasion(expect, mine.judgedMs) ?? Number.POSITIVE_INFINITY) + GRACE_MS;
    this.lookAt.set(name, Math.min(now + GLANCE_MS, Math.max(nextMs, this.startedMs + GRACE_MS, now + 1)));
  }

  /** When the newest of what is expected was planned; 0: nothing after `sinceMs`. */
  private newestArrival({ expect }: Expecting, sinceMs: number): number {
    let newest = 0;
    for (const run of listRuns(this.dataDir)) {
      if (run < stampOf(sinceMs - LATE_PLAN_MS)) break;
      const plan = planOf(this.dataDir, run);
      if (plan === undefined || plan.noChange !== undefined) continue;
      const expected =
        expect.sync === undefined
          ? plan.trigger === 'folder' && plan.retryOf === undefined
          : plan.sync === expect.sync;
      if (expected) newest = Math.max(newest, Date.parse(plan.createdAt));
    }
    return newest;
  }

  private load(): Judged {
    if (!existsSync(this.path)) return {};
    try {
      return JSON.parse(readFileSync(this.path, 'utf8')) as Judged;
    } catch {
      return {}; // judged from now on
    }
  }
}

/** Cleared away or damaged: it tells nothing. */
function planOf(dataDir: string, run: string): RunPlan | undefined {
  try {
    return loadPlan(dataDir, run);
  } catch {
    return undefined;
  }
}

/** How ids of runs of that moment begin. */
function stampOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
}
