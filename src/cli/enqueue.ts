/** `rowferry enqueue`: adds runs for the service of this data dir. */
import { Command } from 'commander';
import { EXIT, RowferryError, type Summary } from '../index.js';
import { takeSnapshot } from '../run.js';
import { isUrl, namedSources } from '../sources/source.js';
import { isPacked } from '../sources/spool.js';
import { addSourceFlags, type SourceFlags, sourceOptions, withRowferry } from './options.js';
import { ProgressDisplay } from './progress.js';
import { describe, exitCodeOf, jsonLine } from './show.js';
import { untilSignal } from './signals.js';

/** Half a second each. */
const QUEUED_LOOKS = 6;

interface Flags extends SourceFlags {
  json?: boolean;
  wait?: boolean;
}

export function enqueueCommand(): Command {
  const command = new Command('enqueue')
    .description('add runs for the service of this data dir ("rowferry start")')
    .argument('[files...]', 'CSV files, globs, http(s) URLs, or - for stdin (default: the source of --sync)');
  addSourceFlags(command)
    .option('--wait', 'wait for the report and end with the exit code of the run')
    .option('--json', 'NDJSON on stdout');
  return command.action(async (names: string[], flags: Flags) => {
    const { json, wait, ...source } = flags;
    await withRowferry(command, async (rowferry) => {
      const runs: string[] = [];
      // All or none: a misspelt name must not leave half of the list enqueued.
      const files = (await Promise.all(names.map(namedSources))).flat();
      for (const file of files) {
        if (file !== '-' && !isUrl(file) && !(await isPacked(file))) await takeSnapshot(file);
      }
      for (const file of files.length === 0 ? [undefined] : files) {
        let told: string[] = [];
        const run = await rowferry.enqueue(file === '-' ? process.stdin : file, {
          ...sourceOptions(source),
          started: (_plan, warnings) => {
            told = warnings;
          },
        });
        runs.push(run);
        const { sync } = source;
        process.stdout.write(
          json ? jsonLine({ event: 'enqueued', run, sync, source: file, warnings: told }) : `${run}\n`,
        );
        if (!json) for (const warning of told) process.stderr.write(`${file ?? sync}: ${warning}\n`);
      }
      if (!wait) return;
      const codes: number[] = [];
      for (const run of runs) {
        const summary = await waitFor(run);
        process.stdout.write(json ? jsonLine({ event: 'result', ...summary }) : describe(rowferry, summary));
        codes.push(exitCodeOf(summary));
      }
      process.exitCode = Math.max(...codes);

      async function waitFor(run: string): Promise<Summary> {
        const display = new ProgressDisplay(process.stderr);
        let queuedLooks = 0;
        const { result } = await untilSignal(async (signal) => {
          for (;;) {
            const view = await rowferry.status(run);
            const over = view.state === 'finished' || view.state === 'cancelled' || view.state === 'halted';
            if (over && view.summary) return view.summary;
            if (view.state === 'failed') {
              throw new RowferryError('RUN_FAILED', view.message ?? `Run ${run} failed.`, EXIT.broke);
            }
            if (signal.aborted) {
              const sentence = `No longer waiting for run ${run}; it stays with the service of this data dir.`;
              throw new RowferryError('WAIT_ENDED', sentence, EXIT.interrupted);
            }
            if (view.state === 'queued' && ++queuedLooks === QUEUED_LOOKS) {
              process.stderr.write(`run ${run} waits for a service on this data dir: rowferry start\n`);
            }
            if (!json && view.state === 'running') display.show(view.progress);
            await new Promise((resolve) => setTimeout(resolve, 500));
          }
        }, '').finally(() => display.end());
        return result;
      }
    });
  });
}
