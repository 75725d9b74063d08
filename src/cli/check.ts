/** `rowferry check`: what a run would do with a file; sends nothing. */
import { Command } from 'commander';
import pc from 'picocolors';
import { type Check, checkTables, EXIT } from '../index.js';
import { checkScreen } from './check-screen.js';
import { addSourceFlags, type SourceFlags, sourceOptions } from './options.js';
import { CLEAR, counted, group } from './progress.js';
import { jsonLine } from './show.js';
import { untilSignal } from './signals.js';

interface Flags extends SourceFlags {
  json?: boolean;
  write?: string;
}

/** Off a terminal there is no width; what is read later may be wide. */
const WIDTH = 100;

export function checkCommand(): Command {
  const command = new Command('check')
    .description('what a run would do with a file: columns, outcomes, warnings, time; sends nothing')
    .argument(
      '[file]',
      'a CSV file (also a glob or an http(s) URL), or - for stdin (default: the source of --sync)',
    );
  addSourceFlags(command)
    .option('--write <dir>', 'the report that the run would have, in a directory of this one')
    .option(
      '--json',
      'a result line as JSON on stdout (of an archive one for each table), without any cell of the file',
    );
  return command.action(async (file: string | undefined, { json, write, ...source }: Flags) => {
    const { dataDir, config } = command.optsWithGlobals<{ dataDir?: string; config?: string }>();
    const { result: checks } = await untilSignal(
      (signal) =>
        checkTables(file === '-' ? process.stdin : file, {
          ...sourceOptions(source),
          ...(dataDir === undefined ? {} : { dataDir }),
          ...(config === undefined ? {} : { config }),
          write,
          signal,
          progress: showProgress,
        }),
      '',
    ).finally(clear);
    const next = ['rowferry', ...withoutOwnFlags(process.argv.slice(2))].map(quoted).join(' ');
    const width = process.stdout.columns || WIDTH;
    const told = checks.map((check) =>
      json
        ? jsonLine({ event: 'result', ...withoutCells(check) })
        : checkScreen(check, { width, color: pc.isColorSupported, next }),
    );
    process.stdout.write(told.join(json ? '' : '\n'));
    process.exitCode = checks.some(({ failed }) => failed > 0) ? EXIT.rowsFailed : EXIT.ok;
  });
}

function showProgress(rows: number, about: number): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`${CLEAR}${group(rows)} of about ${counted(about, 'row')} checked`);
  }
}

function clear(): void {
  if (process.stderr.isTTY) process.stderr.write(CLEAR);
}

/** What goes to a program goes to logs: no cells. */
function withoutCells({ columns, remarks, ...check }: Check) {
  return {
    ...check,
    columns: columns.map(({ samples: _, ...column }) => column),
    remarks: remarks.map(({ examples: _, ...remark }) => remark),
  };
}

/** The same command line with `run` in place of `check`. */
function withoutOwnFlags(args: readonly string[]): string[] {
  const kept: string[] = [];
  let isRun = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--write') i++;
    else if (word === '--json' || word.startsWith('--write=')) continue;
    else if (word === 'check' && !isRun) {
      kept.push('run');
      isRun = true;
    } else kept.push(word);
  }
  return kept;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
