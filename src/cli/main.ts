#!/usr/bin/env node
/** The command line: parses, calls the library, ends with the exit codes of the contract. */
import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { Command, Option } from 'commander';
import { VERSION } from '../version.js';
import { explain } from './explain.js';

/** In the order of the help. Each is loaded only when it is asked for: all together take a second of CPU. */
const COMMANDS = {
  run: async () => (await import('./run.js')).runCommand(),
  check: async () => (await import('./check.js')).checkCommand(),
  enqueue: async () => (await import('./enqueue.js')).enqueueCommand(),
  sync: async () => (await import('./sync.js')).syncCommand(),
  schedules: async () => (await import('./schedules.js')).schedulesCommand(),
  start: async () => (await import('./service.js')).startCommand(),
  dashboard: async () => (await import('./service.js')).dashboardCommand(),
  worker: async () => (await import('./service.js')).workerCommand(),
  runs: async () => (await import('./runs.js')).runsCommand(),
  destinations: async () => (await import('./destinations.js')).destinationsCommand(),
  init: async () => (await import('./init.js')).initCommand(),
  config: async () => (await import('./config.js')).configCommand(),
  notifications: async () => (await import('./notifications.js')).notificationsCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  sandbox: async () => (await import('./sandbox.js')).sandboxCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
};

const program = new Command('rowferry')
  .description('Carries every row of a CSV into a contact API, inside its rate limit, exactly accounted for.')
  .version(VERSION)
  .addOption(
    new Option('--data-dir <dir>', 'where runs, reports and the private Redis live (default: .rowferry)'),
  )
  .addOption(new Option('--config <file>', 'destinations, syncs and defaults (default: rowferry.yaml)'))
  .exitOverride();

const words = process.argv.slice(2);
const named = Object.entries(COMMANDS).filter(([name]) => words.includes(name));
// Help lists them all; a word that is none of them is compared with all, to guess what was meant.
const all = words.includes('help') || (named.length === 0 && words[0] !== '--version');
for (const [, load] of all ? Object.entries(COMMANDS) : named) {
  program.addCommand((await load()).exitOverride());
}

for (const command of program.commands.flatMap((one) => [program, one, ...one.commands])) {
  command.configureHelp({ showGlobalOptions: true });
  command.configureOutput({ outputError: (text, write) => write(usageLine(text)) });
}

try {
  if (existsSync('.env')) loadEnvFile('.env'); // what is set already stays
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/** commander's sentence, and its guess at what was meant, as one line like any other error. */
function usageLine(text: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ');
  return `rowferry: ${sentence} (add --help for usage)\n`;
}
