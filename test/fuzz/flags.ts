/** The command line's own parser over words of any kind. */
import { Command, CommanderError } from 'commander';
import fc from 'fast-check';
import { expect } from 'vitest';
import { destinationsCommand } from '../../src/cli/destinations.js';
import { enqueueCommand } from '../../src/cli/enqueue.js';
import { type SourceFlags, sourceOptions } from '../../src/cli/options.js';
import { runCommand } from '../../src/cli/run.js';
import { runsCommand } from '../../src/cli/runs.js';
import { sandboxCommand } from '../../src/cli/sandbox.js';
import {
  parseCount,
  parseDelimiter,
  parseDuration,
  parseMap,
  parseOnDuplicate,
  parseRate,
  parseSwitch,
} from '../../src/config.js';
import { expectSentence, type Fuzzer, mangled, text, whole } from './words.js';

const flag = fc.constantFrom(
  ...'--to --sync --rate --delimiter --map --attempts --on-duplicate --bulk --no-bulk --incremental --resend'.split(
    ' ',
  ),
  ...'--report-dir --concurrency --json --wait --server --port --seed --faults --limit --latency -- -'.split(
    ' ',
  ),
);
const word = mangled(
  fc.constantFrom(
    'people.csv',
    '10/s',
    'none',
    'tab',
    'Mail=email',
    'a:=b',
    '5',
    '20ms',
    'drop=0.1',
    'skip',
    '0',
  ),
);
const command = fc.constantFrom('run', 'enqueue', 'runs', 'destinations', 'sandbox', 'nothing');
/** As the system hands them over: whole characters, no NUL. */
const args = fc
  .tuple(command, fc.array(fc.oneof(flag, word, text), { maxLength: 7 }))
  .map(([first, rest]) => [first, ...rest].map((one) => whole(one).replaceAll('\0', '')));

/** As `rowferry` is put together, but for what its commands do. */
function parser(done: (flags: SourceFlags) => void): Command {
  const program = new Command('rowferry').exitOverride();
  for (const one of [
    runCommand(),
    enqueueCommand(),
    runsCommand(),
    destinationsCommand(),
    sandboxCommand(),
  ]) {
    program.addCommand(one.exitOverride());
    for (const inner of [one, ...one.commands]) {
      inner.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
      if (inner.commands.length === 0) inner.action((..._: unknown[]) => done(inner.opts()));
    }
  }
  return program.configureOutput({ writeErr: () => {}, writeOut: () => {} });
}

const PARSERS: readonly ((given: string) => unknown)[] = [
  (given) => parseRate(given, '--rate'),
  (given) => parseCount(given, '--attempts', 1, 100),
  (given) => parseDelimiter(given, '--delimiter'),
  (given) => parseDuration(given, '--latency', 600_000),
  (given) => parseMap([given], '--map'),
  (given) => parseOnDuplicate(given, '--on-duplicate'),
  (given) => parseSwitch(given, 'bulk'),
];

export const flagFuzzers: readonly Fuzzer[] = [
  {
    name: 'any words of a command line are understood, or refused in words',
    share: 8,
    property: fc.asyncProperty(args, async (given) => {
      try {
        await parser((flags) => void sourceOptions(flags)).parseAsync(given, { from: 'user' });
      } catch (error) {
        if (error instanceof CommanderError) expect(error.message).not.toBe('');
        else expectSentence(error);
      }
    }),
  },
  {
    name: 'any value of a setting is understood, or refused by its name',
    share: 8,
    property: fc.property(fc.oneof(word, text), fc.constantFrom(...PARSERS), (given, parse) => {
      try {
        parse(given);
      } catch (error) {
        expectSentence(error);
        expect((error as Error).message).toMatch(/^(--|bulk)/);
      }
    }),
  },
];
