/** `rowferry init`: asks for a file, a destination and the mapping, and writes `rowferry.yaml`. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { checkConfig } from '../config/check.js';
import { CONFIG_NAME, shownPath } from '../config/file.js';
import { type Environment, parseMap } from '../config.js';
import { writeAtomically } from '../durable-file.js';
import { EXIT, RowferryError } from '../errors.js';
import { checkMapping } from '../ingest/map.js';
import { answerAll } from './init-answers.js';
import { configText } from './init-config.js';
import { Terminal } from './init-terminal.js';

interface Flags {
  to?: string;
  map?: string[];
  yes?: boolean;
}

export function initCommand(): Command {
  const command = new Command('init')
    .description('asks for a file, a destination and the mapping, and writes rowferry.yaml')
    .argument('[file]', 'a CSV file like those to be sent')
    .option('--to <destination>', 'sendmator, autosend, cendyn or clemta')
    .option(
      '--map <Header=field>',
      'as for "run"; may be repeated',
      (pair: string, before: string[] = []) => [...before, pair],
    )
    .option('--yes', 'ask nothing: take the guesses, or say what cannot be guessed');
  return command.action(async (file: string | undefined, { to, map = [], yes = false }: Flags) => {
    const { config } = command.optsWithGlobals<{ config?: string }>();
    const terminal = new Terminal(process.stdin, process.stdout, yes);
    await init(config ?? CONFIG_NAME, { file, to, map: parseMap(map, '--map') }, terminal, process.env);
  });
}

export async function init(
  given: string,
  known: Parameters<typeof answerAll>[0],
  terminal: Terminal,
  env: Environment,
): Promise<void> {
  if (!terminal.canAnswer) {
    const sentence =
      'rowferry init asks questions, and there is no terminal to answer on. With --yes it takes its guesses: rowferry init <file> --to <destination> --yes';
    throw new RowferryError('NO_TERMINAL', sentence, EXIT.usage);
  }
  const path = resolve(given);
  if (existsSync(path)) {
    const shown = shownPath(path);
    if (terminal.silent) throw isThere(shown);
    if (!(await terminal.confirm(`${shown} is there already. Write over it?`, false))) throw isThere(shown);
  }
  const answers = await answerAll(known, terminal, env);
  const text = configText(answers, dirname(path));
  await writeAtomically(path, text);
  terminal.say(`\nWritten: ${shownPath(path)}\n\n${text.replace(/^(?=.)/gm, '  ')}\n`);
  const { faults } = await checkConfig(path, env, checkMapping);
  for (const fault of faults) terminal.say(`Before it is used: ${fault}\n`);
  terminal.say(`Next: rowferry check --sync ${answers.sync}, then rowferry run --sync ${answers.sync}\n`);
}

function isThere(shown: string): RowferryError {
  const sentence = `${shown} is there already and stays as it is. Move it away, or name another with --config.`;
  return new RowferryError('CONFIG_EXISTS', sentence, EXIT.usage);
}
