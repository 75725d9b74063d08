/** The list of runs, a page at a time, however many there are: what cannot change any more is read once. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, type Rowferry, RowferryError, type RunState, type RunView } from '../index.js';
import { isRunId, loadPlan, loadStatus } from '../run.js';

export interface RunQuery {
  state?: RunState | undefined;
  sync?: string | undefined;
  destination?: string | undefined;
  /** Runs to pass over; default 0. */
  offset?: number | undefined;
  /** Default 50. */
  limit?: number | undefined;
}

/** Newest first. */
export interface RunPage {
  runs: RunView[];
  /** Runs that match, and all there are. */
  total: number;
  all: number;
  /** What can be filtered by. */
  syncs: string[];
  destinations: string[];
}

interface Brief {
  state: RunState;
  sync?: string | undefined;
  destination: string;
}

export const MOST_RUNS = 200;
const USUAL_RUNS = 50;
/** Views of ended runs that are kept. */
const MOST_VIEWS = 1_000;
/** Between so many files others have their turn. */
const AT_ONCE = 100;

export class RunIndex {
  private readonly briefs = new Map<string, Brief>();
  private readonly damaged = new Set<string>();
  private readonly views = new Map<string, RunView>();
  private refreshing: Promise<string[]> | undefined;

  constructor(private readonly rowferry: Rowferry) {}

  async page(query: RunQuery): Promise<RunPage> {
    const ids = await this.ids();
    const { state, sync, destination, offset = 0, limit = USUAL_RUNS } = query;
    let found = ids.filter((run) => {
      const brief = this.briefs.get(run)!;
      if (sync !== undefined && brief.sync !== sync) return false;
      if (destination !== undefined && brief.destination !== destination) return false;
      return state === undefined || brief.state === (state === 'interrupted' ? 'running' : state);
    });
    // Which of them have lost their runner only Redis knows; they are few.
    if (state === 'running' || state === 'interrupted') {
      const views = await this.viewAll(found);
      found = views.flatMap((view) => (view.state === state ? [view.run] : []));
    }
    const briefs = [...this.briefs.values()];
    return {
      runs: await this.viewAll(found.slice(offset, offset + limit)),
      total: found.length,
      all: ids.length,
      syncs: distinct(briefs.map((brief) => brief.sync)),
      destinations: distinct(briefs.map((brief) => brief.destination)),
    };
  }

  /** One at a time looks; whoever comes meanwhile gets what that one finds. */
  private ids(): Promise<string[]> {
    this.refreshing ??= this.refresh().finally(() => {
      this.refreshing = undefined;
    });
    return this.refreshing;
  }

  private async refresh(): Promise<string[]> {
    const { dataDir } = this.rowferry.settings;
    const names = await readdir(join(dataDir, 'runs')).catch(() => []);
    const there = new Set(names.filter(isRunId));
    for (const run of this.briefs.keys()) if (!there.has(run)) this.forget(run);
    let read = 0;
    for (const run of there) {
      const known = this.briefs.get(run);
      if ((known && isOver(known.state)) || this.damaged.has(run)) continue;
      try {
        const { sync, destination } = known ?? loadPlan(dataDir, run);
        this.briefs.set(run, { sync, destination, state: loadStatus(dataDir, run).state });
      } catch (error) {
        // Not whole yet, or gone meanwhile; or damaged, which must not hide the others: told once.
        this.forget(run);
        if (!isAbsent(error)) {
          this.damaged.add(run);
          this.rowferry.log.warn(String(error));
        }
      }
      if (++read % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return [...this.briefs.keys()].sort().reverse();
  }

  private forget(run: string): void {
    this.briefs.delete(run);
    this.views.delete(run);
  }

  private async viewAll(runs: readonly string[]): Promise<RunView[]> {
    const views = await Promise.allSettled(runs.map((run) => this.view(run)));
    for (const view of views) if (view.status === 'rejected') this.rowferry.log.warn(String(view.reason));
    return views.flatMap((view) => (view.status === 'fulfilled' ? [view.value] : []));
  }

  private async view(run: string): Promise<RunView> {
    const known = this.views.get(run);
    if (known) return known;
    const view = await this.rowferry.status(run);
    if (isOver(view.state) && view.summary) {
      if (this.views.size >= MOST_VIEWS) this.views.delete(this.views.keys().next().value!);
      this.views.set(run, view);
    }
    return view;
  }
}

function isOver(state: RunState): boolean {
  return state === 'finished' || state === 'cancelled';
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'RUN_UNKNOWN';
}

function distinct(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

const STATES: readonly RunState[] = [
  'queued',
  'running',
  'finished',
  'cancelled',
  'halted',
  'failed',
  'interrupted',
];

/** Throws a sentence for what cannot be asked. */
export function readRunQuery(query: URLSearchParams): RunQuery {
  const state = query.get('state') ?? undefined;
  if (state !== undefined && !STATES.includes(state as RunState)) {
    throw new RowferryError('SETTING_INVALID', `state is not one of ${STATES.join(', ')}.`, EXIT.usage);
  }
  return {
    state: state as RunState | undefined,
    sync: query.get('sync') ?? undefined,
    destination: query.get('destination') ?? undefined,
    offset: readCount(query, 'offset', 1e9),
    limit: readCount(query, 'limit', MOST_RUNS),
  };
}

/** A whole number up to `most`; undefined when it is not given. */
export function readCount(query: URLSearchParams, name: string, most: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^\d{1,10}$/.test(text) && Number(text) <= most) return Number(text);
  throw new RowferryError('SETTING_INVALID', `${name} is not a whole number up to ${most}.`, EXIT.usage);
}
