/** `rowferry enqueue`: adds runs for the service of this data dir, or with `--server` for one elsewhere. */
import { Command } from 'commander';
import { EXIT, RowferryError, type RunView, type Summary } from '../index.js';
import { takeSnapshot } from '../run.js';
import { namedSources, sourceOf } from '../sources/source.js';
import { follow } from './follow.js';
import { addSourceFlags, type SourceFlags, sourceOptions, withRowferry } from './options.js';
import { RemoteService } from './remote.js';
import { describe, exitCodeOf, jsonLine, summaryText } from './show.js';

interface Flags extends SourceFlags {
  json?: boolean;
  wait?: boolean;
  server?: string;
}

/** `source`: the table, of an archive. */
interface Added {
  run: string;
  source: string | undefined;
  warnings: string[];
}

/** Where the runs go: a service of this data dir, or one elsewhere. */
interface Target {
  /** undefined: the source of the sync. */
  add(file: string | undefined): Promise<Added[]>;
  look(run: string): Promise<RunView>;
  describe(summary: Summary): string;
  waitsFor: string;
}

export function enqueueCommand(): Command {
  const command = new Command('enqueue')
    .description(
      'add runs for the service of this data dir ("rowferry start"), or for one on another machine',
    )
    .argument('[files...]', 'CSV files, globs, http(s) URLs, or - for stdin (default: the source of --sync)');
  addSourceFlags(command)
    .option('--server <url>', 'send the files to this service; its token is in ROWFERRY_SERVER_TOKEN')
    .option('--wait', 'wait for the report and end with the exit code of the run')
    .option('--json', 'NDJSON on stdout');
  return command.action(async (names: string[], { json, wait, server, ...source }: Flags) => {
    // All or none: a misspelt name must not leave half of the list enqueued.
    const files = (await Promise.all(names.map(namedSources))).flat();
    for (const file of files) {
      const source = sourceOf(file);
      if (file !== '-' && 'path' in source) await takeSnapshot(source.path);
    }
    const options = sourceOptions(source);
    if (server !== undefined) return enqueue(elsewhere(server, source));
    return withRowferry(command, (rowferry) =>
      enqueue({
        async add(file) {
          const added: Added[] = [];
          await rowferry.enqueueTables(file === '-' ? process.stdin : file, {
            ...options,
            started: ({ run, source, tables, tableOf }, warnings) => {
              added.push({ run, source: tables || tableOf ? source.name : file, warnings });
            },
          });
          return added;
        },
        look: (run) => rowferry.status(run),
        describe: (summary) => describe(rowferry, summary),
        waitsFor: 'a service on this data dir: rowferry start',
      }),
    );

    async function enqueue(target: Target): Promise<void> {
      const { sync } = source;
      const runs: string[] = [];
      for (const file of files.length === 0 ? [undefined] : files) {
        for (const { run, source, warnings } of await target.add(file)) {
          runs.push(run);
          process.stdout.write(
            json ? jsonLine({ event: 'enqueued', run, sync, source, server, warnings }) : `${run}\n`,
          );
          if (!json) for (const warning of warnings) process.stderr.write(`${source ?? sync}: ${warning}\n`);
        }
      }
      if (!wait) return;
      const codes: number[] = [];
      for (const run of runs) {
        const summary = await follow({
          run,
          look: () => target.look(run),
          json: json ?? false,
          waitsFor: target.waitsFor,
        });
        process.stdout.write(json ? jsonLine({ event: 'result', ...summary }) : target.describe(summary));
        codes.push(exitCodeOf(summary));
      }
      process.exitCode = Math.max(...codes);
    }
  });
}

function elsewhere(url: string, source: SourceFlags): Target {
  const service = new RemoteService(url, process.env.ROWFERRY_SERVER_TOKEN?.trim() || undefined);
  return {
    async add(file) {
      if (file === undefined || /^https?:/i.test(file)) {
        const sentence = 'With --server name files of this machine, or - for stdin.';
        throw new RowferryError('SOURCE_MISSING', sentence, EXIT.usage);
      }
      const { runs, warnings } = await service.add(file, source);
      if (runs.length === 1) return [{ run: runs[0]!, source: file, warnings }];
      const views = await Promise.all(runs.map((run) => service.status(run)));
      return views.map((view, i) => ({
        run: view.run,
        source: view.source,
        warnings: i === 0 ? warnings : [],
      }));
    },
    look: (run) => service.status(run),
    describe: (summary) => summaryText(summary),
    waitsFor: 'a runner of that service',
  };
}
