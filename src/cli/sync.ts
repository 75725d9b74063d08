/** `rowferry sync`: what is new in the source of a sync, now, in this process. */
import { Command } from 'commander';
import { addConcurrencyFlag, withRowferry } from './options.js';
import { watchAll } from './watch.js';

interface Flags {
  json?: boolean;
  concurrency?: number;
}

export function syncCommand(): Command {
  const command = new Command('sync')
    .description('run a sync of rowferry.yaml now, in this process, if its source has changed since')
    .argument('<name>');
  addConcurrencyFlag(command).option('--json', 'events as NDJSON on stdout, a result line last');
  return command.action(async (name: string, { json, concurrency }: Flags) => {
    await withRowferry(command, async (rowferry) => {
      await watchAll(rowferry, json ?? false, (options) => rowferry.sync(name, { ...options, concurrency }));
    });
  });
}
