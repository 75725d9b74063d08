/** `rowferry run`: one file, start to report, in this process; of an archive one table after the other. */
import { Command } from 'commander';
import {
  addConcurrencyFlag,
  addSourceFlags,
  type SourceFlags,
  sourceOptions,
  withRowferry,
} from './options.js';
import { tellUnfinished, watchAll } from './watch.js';

interface Flags extends SourceFlags {
  json?: boolean;
  concurrency?: number;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('send one CSV file (of a zip archive each in it), from start to report, in this process')
    .argument(
      '[file]',
      'a CSV file (also a glob or an http(s) URL), or - for stdin (default: the source of --sync)',
    );
  addConcurrencyFlag(addSourceFlags(command)).option(
    '--json',
    'events as NDJSON on stdout, a result line last (of an archive one for each table)',
  );
  return command.action(async (file: string | undefined, flags: Flags) => {
    const { json, concurrency, ...source } = flags;
    await withRowferry(command, async (rowferry) => {
      await watchAll(rowferry, json ?? false, (options) =>
        rowferry.runTables(file === '-' ? process.stdin : file, {
          ...sourceOptions(source),
          ...options,
          concurrency,
          started(plan, warnings) {
            options.started?.(plan, warnings);
            void tellUnfinished(rowferry, plan.source.sha256, plan.run).catch(() => {}); // a courtesy
          },
        }),
      );
    });
  });
}
