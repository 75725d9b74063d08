/** `rowferry runs`: what runs there are, and what to do with one. */
import { Command } from 'commander';
import { EXIT, RowferryError } from '../index.js';
import { followService } from './follow.js';
import { addConcurrencyFlag, count, withRowferry } from './options.js';
import { describe, jsonLine, runsTable, runText } from './show.js';
import { watch } from './watch.js';

interface Flags {
  json?: boolean;
  concurrency?: number;
}

/** Off a terminal a line may be as long as it is: a program reads it. */
const terminalWidth = () => (process.stdout.isTTY ? process.stdout.columns || undefined : undefined);

const USUAL_RUNS = 20;
const MOST_RUNS = 1_000_000;

export function runsCommand(): Command {
  const runs = new Command('runs').description('list, show, cancel, resume, retry or report runs');
  const sub = (name: string, description: string, isDefault = false) =>
    runs
      .command(name, { isDefault })
      .description(description)
      .option('--json', 'JSON on stdout')
      .exitOverride();

  const list = sub('list', 'the runs of this data dir, newest first', true)
    .option('--limit <n>', `so many at the most (default: ${USUAL_RUNS})`, count('--limit', 1, MOST_RUNS))
    .option('--all', 'all of them');
  list.allowExcessArguments().action(({ json, limit, all }: Flags & { limit?: number; all?: boolean }) => {
    const [unknown] = list.args;
    if (unknown !== undefined) {
      const sentence = `There is no command "runs ${unknown}". There are: ${runs.commands.map((one) => one.name()).join(', ')}.`;
      throw new RowferryError('COMMAND_UNKNOWN', sentence, EXIT.usage);
    }
    if (all && limit !== undefined) {
      const sentence = '--all and --limit say the opposite of each other; give one of them.';
      throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
    }
    const most = all ? MOST_RUNS : (limit ?? USUAL_RUNS);
    return withRowferry(list, async (rowferry) => {
      const found = await rowferry.list({ limit: most + 1 });
      const views = found.slice(0, most);
      if (json) for (const view of views) process.stdout.write(jsonLine(view));
      else process.stdout.write(views.length === 0 ? 'No runs yet.\n' : runsTable(views, terminalWidth()));
      if (found.length > most) {
        process.stderr.write(`There are older runs, too: --limit <n> shows more of them, --all shows all.\n`);
      }
    });
  });

  const show = sub('show', 'one run as it stands').argument('<run>');
  show.action((run: string, { json }: Flags) =>
    withRowferry(show, async (rowferry) => {
      const view = await rowferry.status(run);
      const summary = view.summary && describe(rowferry, view.summary);
      process.stdout.write(json ? jsonLine(view) : runText(view, summary));
    }),
  );

  const report = sub('report', 'the summary of a run that ended').argument('<run>');
  report.action((run: string, { json }: Flags) =>
    withRowferry(report, async (rowferry) => {
      const summary = await rowferry.report(run);
      process.stdout.write(json ? jsonLine(summary) : describe(rowferry, summary));
    }),
  );

  const cancel = sub('cancel', 'end a run for good; rows not sent yet stay unprocessed').argument('<run>');
  cancel.action((run: string, { json }: Flags) =>
    withRowferry(cancel, async (rowferry) => {
      const summary = await rowferry.cancel(run, {
        waits: (whatFor) => process.stderr.write(`cancelling run ${run}: waiting for ${whatFor} …\n`),
      });
      process.stdout.write(json ? jsonLine({ event: 'result', ...summary }) : describe(rowferry, summary));
    }),
  );

  const resume = addConcurrencyFlag(
    sub(
      'resume',
      'go on with an interrupted or halted run; a service of this data dir does it, if there is one',
    ).argument('[run]', 'default: the latest unfinished one'),
  );
  resume.action((given: string | undefined, { json, concurrency }: Flags) =>
    withRowferry(resume, async (rowferry) => {
      const run = given ?? (await rowferry.unfinished())?.run;
      if (run === undefined) {
        throw new RowferryError('NOTHING_TO_RESUME', 'No run is interrupted or halted.', EXIT.usage);
      }
      if (concurrency === undefined && (await rowferry.served(run))) {
        await rowferry.handOver(run);
        return followService(rowferry, json ?? false, run);
      }
      await watch(rowferry, json ?? false, (options) => rowferry.resume(run, { ...options, concurrency }));
    }),
  );

  const retry = addConcurrencyFlag(
    sub('retry', 'a new run with the failed rows of one that ended').argument('<run>'),
  );
  retry.action((run: string, { json, concurrency }: Flags) =>
    withRowferry(retry, async (rowferry) => {
      if (concurrency === undefined && (await rowferry.served(run))) {
        return followService(rowferry, json ?? false, await rowferry.enqueueRetry(run));
      }
      await watch(rowferry, json ?? false, (options) => rowferry.retry(run, { ...options, concurrency }));
    }),
  );
  return runs;
}
