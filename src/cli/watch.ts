/** Follows a run on the terminal, or as NDJSON. Shared by the commands that work on a run in this process. */
import { readAs } from '../dialect.js';
import type { Rowferry, RunPlan, Summary, WorkOptions } from '../index.js';
import { ProgressDisplay } from './progress.js';
import { describe, exitCodeOf, jsonLine } from './show.js';
import { untilSignal } from './signals.js';

/** Runs `work` with progress on stderr (or events on stdout with `json`), prints its summary, sets the exit code. */
export async function watch(
  rowferry: Rowferry,
  json: boolean,
  work: (options: WorkOptions) => Promise<Summary>,
): Promise<void> {
  await watchAll(rowferry, json, async (options) => [await work(options)]);
}

/** Likewise for work that makes several runs; each is told as soon as it ends, the exit code is the worst of theirs. */
export async function watchAll(
  rowferry: Rowferry,
  json: boolean,
  work: (options: WorkOptions) => Promise<Summary[]>,
): Promise<void> {
  let display = new ProgressDisplay(process.stderr);
  let told = '';
  const { result: summaries } = await untilSignal(async (signal) => {
    try {
      return await work({
        signal,
        started(plan: RunPlan, warnings: string[]) {
          display = new ProgressDisplay(process.stderr);
          if (json) {
            const { run, destination, source, dialect } = plan;
            process.stdout.write(
              jsonLine({ event: 'started', run, destination, source: source.name, dialect, warnings }),
            );
          } else {
            process.stderr.write(`run ${plan.run}: ${plan.source.name} → ${plan.destination}\n`);
            const read = readAs(plan.dialect);
            if (read !== undefined) process.stderr.write(`  ${read}\n`);
            for (const warning of warnings) process.stderr.write(`  ${warning}\n`);
          }
        },
        progress(event) {
          const line = jsonLine({ event: 'progress', ...event });
          if (!json) display.show(event);
          else if (line !== told) process.stdout.write(line);
          told = line;
        },
        ended(summary) {
          display.end();
          process.stdout.write(
            json ? jsonLine({ event: 'result', ...summary }) : describe(rowferry, summary),
          );
        },
      });
    } finally {
      display.end();
    }
  });
  process.exitCode = Math.max(...summaries.map(exitCodeOf));
}

/** Says on stderr that an earlier run over the same file did not come to its end. */
export async function tellUnfinished(rowferry: Rowferry, sha256: string, than: string): Promise<void> {
  const earlier = await rowferry.unfinished(sha256);
  if (earlier === undefined || earlier.run === than) return;
  process.stderr.write(
    `  This is a second run over the same file: run ${earlier.run} is ${earlier.state}; it goes on with: rowferry runs resume ${earlier.run}\n`,
  );
}
