#!/usr/bin/env node
/** The command line: parses, calls the library, ends with the exit codes of the contract. */
import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { Command, Option } from 'commander';
import { VERSION } from '../version.js';
import { checkCommand } from './check.js';
import { configCommand } from './config.js';
import { demoCommand } from './demo.js';
import { destinationsCommand } from './destinations.js';
import { doctorCommand } from './doctor.js';
import { enqueueCommand } from './enqueue.js';
import { explain } from './explain.js';
import { initCommand } from './init.js';
import { notificationsCommand } from './notifications.js';
import { runCommand } from './run.js';
import { runsCommand } from './runs.js';
import { sandboxCommand } from './sandbox.js';
import { schedulesCommand } from './schedules.js';
import { dashboardCommand, startCommand, workerCommand } from './service.js';
import { syncCommand } from './sync.js';

const program = new Command('rowferry')
  .description('Carries every row of a CSV into a contact API, inside its rate limit, exactly accounted for.')
  .version(VERSION)
  .addOption(
    new Option('--data-dir <dir>', 'where runs, reports and the private Redis live (default: .rowferry)'),
  )
  .addOption(new Option('--config <file>', 'destinations, syncs and defaults (default: rowferry.yaml)'))
  .exitOverride();

for (const command of [
  runCommand(),
  checkCommand(),
  enqueueCommand(),
  syncCommand(),
  schedulesCommand(),
  startCommand(),
  dashboardCommand(),
  workerCommand(),
  runsCommand(),
  destinationsCommand(),
  initCommand(),
  configCommand(),
  notificationsCommand(),
  doctorCommand(),
  sandboxCommand(),
  demoCommand(),
]) {
  program.addCommand(command.exitOverride());
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
