/** Flags that several commands share, and what becomes of them. Flags have no defaults: they would win over the environment. */
import type { Command } from 'commander';
import {
  parseAttempts,
  parseCount,
  parseDelimiter,
  parseEncoding,
  parseEscape,
  parseHaltAfter,
  parseMap,
  parseMaxWait,
  parseOnDuplicate,
  parseQuote,
  parseRate,
  parseSkipLines,
} from '../config.js';
import type { Escape, Quote } from '../dialect.js';
import {
  EXIT,
  type OnDuplicate,
  openRowferry,
  type Rowferry,
  RowferryError,
  type RowferryOptions,
  type SourceOptions,
} from '../index.js';
import { unbroken } from './signals.js';

/** The sentence of the parser names the flag; commander lets it pass. */
export const count = (setting: string, least: number, most: number) => (text: string) =>
  parseCount(text, setting, least, most);

export interface SourceFlags {
  sync?: string;
  to?: string;
  rate?: string;
  encoding?: string;
  delimiter?: string;
  quote?: Quote;
  escape?: Escape;
  header?: boolean;
  skipLines?: number;
  sheet?: string;
  map?: string[];
  attempts?: number;
  onDuplicate?: OnDuplicate;
  bulk?: boolean;
  incremental?: boolean;
  resend?: boolean;
  maxWait?: string;
  haltAfterRejections?: number;
  reportDir?: string;
}

export function addSourceFlags(command: Command): Command {
  return command
    .option('--sync <name>', 'as this sync of rowferry.yaml says; flags win')
    .option(
      '--to <destination>',
      'a name of rowferry.yaml, or a kind like sendmator (default: the one with credentials)',
    )
    .option('--rate <rate>', '10/s, 100/min, 10000/h or none (default: what the API documents)')
    .option('--encoding <name>', 'utf-8, windows-1252, shift_jis, … (default: detected)', (text: string) =>
      parseEncoding(text, '--encoding'),
    )
    .option('--delimiter <char>', ', ; | tab or others (default: detected)', (text: string) =>
      parseDelimiter(text, '--delimiter'),
    )
    .option('--quote <kind>', 'double or single (default: detected)', (text: string) =>
      parseQuote(text, '--quote'),
    )
    .option('--escape <kind>', 'double or backslash (default: detected)', (text: string) =>
      parseEscape(text, '--escape'),
    )
    .option('--header', 'the first line holds the names of the columns, whatever it looks like')
    .option('--no-header', 'there are no names: the columns are called 1, 2, 3, …')
    .option('--skip-lines <n>', 'lines before the header (default: detected)', (text: string) =>
      parseSkipLines(text, '--skip-lines'),
    )
    .option('--sheet <name>', 'of a spreadsheet (.xlsx), by name or number (default: the first)')
    .option(
      '--map <Header=field>',
      'send a column to a field, e.g. "Mail=email", "Score=custom_fields.score:integer", or a constant: "type:=vip"; may be repeated',
      (pair: string, before: string[] = []) => [...before, pair],
    )
    .option('--attempts <n>', 'requests for one contact before it is given up (default: 5)', (text: string) =>
      parseAttempts(text, '--attempts'),
    )
    .option(
      '--on-duplicate <what>',
      'skip or update a contact that is there already (default: skip)',
      (text: string) => parseOnDuplicate(text, '--on-duplicate'),
    )
    .option('--bulk', 'several contacts in one request, where the API tells what became of each')
    .option('--no-bulk', 'one contact in one request, whatever rowferry.yaml says')
    .option('--incremental', 'leave out contacts that were delivered before as they are now')
    .option('--resend', 'send every row, also what was delivered before')
    .option('--max-wait <duration>', 'the longest wait an API may ask for before the run halts (default: 2h)')
    .option(
      '--halt-after-rejections <n>',
      'rows rejected alike from the start that halt the run; 0: never (default: 50)',
      (text: string) => parseHaltAfter(text, '--halt-after-rejections'),
    )
    .option('--report-dir <dir>', 'where the report goes (default: <data dir>/reports)');
}

export function sourceOptions(flags: SourceFlags): SourceOptions {
  const { map, rate, maxWait, incremental, resend, ...rest } = flags;
  if (incremental && resend) {
    const sentence = '--incremental and --resend say the opposite of each other; give one of them.';
    throw new RowferryError('SETTING_INVALID', sentence, EXIT.usage);
  }
  return {
    ...rest,
    incremental: resend ? false : incremental,
    ...(map === undefined ? {} : { mapping: { map: parseMap(map, '--map') } }),
    ...(maxWait === undefined ? {} : { maxWaitMs: parseMaxWait(maxWait, '--max-wait') }),
    // Not parsed by commander: it takes a parser's null for a missing value.
    rate: rate === undefined ? undefined : parseRate(rate, '--rate'),
  };
}

export function addConcurrencyFlag(command: Command): Command {
  return command.option(
    '--concurrency <n>',
    'requests in flight of this process at the most (default: 16)',
    count('--concurrency', 1, 1000),
  );
}

/** Opens the data dir the command is about, shows warnings, and closes it after `body`. */
export async function withRowferry<T>(
  command: Command,
  body: (rowferry: Rowferry) => Promise<T>,
  options: RowferryOptions = {},
): Promise<T> {
  const { dataDir, config } = command.optsWithGlobals<{ dataDir?: string; config?: string }>();
  const rowferry = await openRowferry({
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(config === undefined ? {} : { config }),
    ...options,
  });
  try {
    for (const warning of rowferry.warnings) process.stderr.write(`rowferry: ${warning}\n`);
    return await body(rowferry);
  } finally {
    await unbroken(() => rowferry.close());
  }
}
