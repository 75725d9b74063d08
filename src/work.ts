/** Runs that are worked on in this process, one after the other: their runner and the delivery of their batches. */
import type { Accounts } from './destinations/accounts.js';
import { EXIT, RowferryError } from './errors.js';
import type { Notices } from './notices/notices.js';
import type { Summary } from './report/summary.js';
import { createRuns, loadPlan, type RunPlan } from './run.js';
import type { Plan } from './runner/plan.js';
import { executeRun } from './runner/run.js';
import type { RunnerEvents, Surroundings } from './runner/session.js';
import type { RunView } from './runner/view.js';
import { deliverTo } from './service.js';

export interface WorkOptions extends RunnerEvents {
  /** Requests in flight of this process at the most; default: the destination's in the configuration file, else 16. */
  concurrency?: number | undefined;
  /** Aborted: the run is left resumable and the call rejects with RUN_INTERRUPTED. */
  signal?: AbortSignal | undefined;
  /** Told the id of the run before its first row is read, and warnings about its mapping. */
  started?(plan: RunPlan, warnings: string[]): void;
  /** Told its summary, of each of several runs before the next begins. */
  ended?(summary: Summary): void;
}

const LOOK_AGAIN_MS = 200;

export class Work {
  constructor(
    private readonly around: Surroundings,
    private readonly accounts: Accounts,
    private readonly notices: Notices,
  ) {}

  /** All are on disk before the first begins: what keeps one from its end leaves the others to be resumed. */
  async inTurn(planned: readonly Plan[], options: WorkOptions): Promise<Summary[]> {
    const plans = planned.map(({ plan }) => plan);
    await createRuns(this.around.dataDir, plans);
    const summaries: Summary[] = [];
    for (const { plan, warnings } of planned) {
      options.started?.(plan, warnings);
      try {
        summaries.push(await this.toTheEnd(plan.run, options));
      } catch (error) {
        const left = plans.slice(summaries.length + 1).map(({ run }) => run);
        if (error instanceof RowferryError && left.length > 0) {
          error.message += ` Not begun yet, and to be resumed likewise: ${left.join(', ')}.`;
        }
        throw error;
      }
    }
    return summaries;
  }

  /** Runner and delivery of one run. */
  async toTheEnd(run: string, options: WorkOptions): Promise<Summary> {
    const account = await this.accounts.rebind(loadPlan(this.around.dataDir, run));
    const delivery = await deliverTo(this.around, account, options.concurrency);
    try {
      const summary = await this.execute(run, options);
      options.ended?.(summary);
      return summary;
    } finally {
      await delivery.stop();
    }
  }

  /** Of a run that is being cancelled: waits for the process that works on it, or for none, and gives its report. */
  async endCancelled(
    run: string,
    options: WorkOptions,
    look: () => Promise<Pick<RunView, 'state' | 'summary'>>,
  ): Promise<Summary> {
    for (;;) {
      const { summary, state } = await look();
      if (summary && (state === 'cancelled' || state === 'finished')) return summary;
      if (state !== 'running') return this.execute(run, options);
      if (options.signal?.aborted) throw interrupted(run);
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    }
  }

  /** The runner of one run. */
  private async execute(run: string, options: WorkOptions): Promise<Summary> {
    const summary = await executeRun(this.around, {
      ...options,
      run,
      account: (plan) => this.accounts.rebind(plan),
      signal: options.signal ?? new AbortController().signal,
    })
      .catch(async (error: Error) => {
        await this.notices.noteFailure(run, error);
        throw error;
      })
      .finally(() => this.notices.sendNow());
    if (summary === undefined) throw interrupted(run);
    return summary;
  }
}

function interrupted(run: string): RowferryError {
  return new RowferryError(
    'RUN_INTERRUPTED',
    `Run ${run} was interrupted; nothing is lost. Go on with: rowferry runs resume ${run}`,
    EXIT.interrupted,
  );
}
