/** Follows a run that somebody else works on, until it is over. */
import { EXIT, type Rowferry, RowferryError, type RunView, type Summary } from '../index.js';
import { ProgressDisplay } from './progress.js';
import { describe, exitCodeOf, jsonLine } from './show.js';
import { untilSignal } from './signals.js';

const LOOK_MS = 500;
/** So many looks, and whoever waits is told what for. */
const QUEUED_LOOKS = 6;

export interface Following {
  run: string;
  look(): Promise<RunView>;
  /** Events on stdout instead of a line on stderr. */
  json: boolean;
  /** Whom a run that stays queued waits for. */
  waitsFor: string;
}

/** Resolves with the report; throws when the run broke, or a signal ends the waiting (the run goes on). */
export async function follow({ run, look, json, waitsFor }: Following): Promise<Summary> {
  const display = new ProgressDisplay(process.stderr);
  let queuedLooks = 0;
  let told = '';
  const { result } = await untilSignal(async (signal) => {
    for (;;) {
      const view = await look();
      const over = view.state === 'finished' || view.state === 'cancelled' || view.state === 'halted';
      if (over && view.summary) return view.summary;
      if (view.state === 'failed') {
        throw new RowferryError('RUN_FAILED', view.message ?? `Run ${run} failed.`, EXIT.broke);
      }
      if (signal.aborted) {
        const sentence = `No longer waiting for run ${run}; it stays with the service.`;
        throw new RowferryError('WAIT_ENDED', sentence, EXIT.interrupted);
      }
      if (view.state === 'queued' && ++queuedLooks === QUEUED_LOOKS) {
        process.stderr.write(`run ${run} waits for ${waitsFor}\n`);
      }
      if (view.state === 'running') tell(view);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }, '').finally(() => display.end());
  return result;

  function tell({ progress }: RunView): void {
    if (!json) {
      display.show(progress);
      return;
    }
    const line = jsonLine({ event: 'progress', run, ...progress });
    if (line !== told) process.stdout.write(line);
    told = line;
  }
}

/** A run that was given to the service of this data dir: told like one of this process; a signal ends the watching alone. */
export async function followService(rowferry: Rowferry, json: boolean, run: string): Promise<void> {
  const { source, destination } = await rowferry.status(run);
  if (json) process.stdout.write(jsonLine({ event: 'started', run, destination, source, warnings: [] }));
  else process.stderr.write(`run ${run}: ${source} → ${destination}, by the service of this data dir\n`);
  const look = () => rowferry.status(run);
  const summary = await follow({ run, look, json, waitsFor: 'the service' });
  process.stdout.write(json ? jsonLine({ event: 'result', ...summary }) : describe(rowferry, summary));
  process.exitCode = exitCodeOf(summary);
}
