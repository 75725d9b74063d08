/** `rowferry notifications test`: whether those who are to be told can be reached. */
import { Command } from 'commander';
import { EXIT } from '../index.js';
import { withRowferry } from './options.js';

export function notificationsCommand(): Command {
  const command = new Command('notifications').description('who is told what became of runs');
  const test = command
    .command('test')
    .description('send a test to each entry of notifications in rowferry.yaml, or to one')
    .argument('[name]')
    .exitOverride();
  test.action(async (name: string | undefined) => {
    await withRowferry(test, async (rowferry) => {
      for (const { name: entry, why } of await rowferry.testNotifications(name)) {
        process.stdout.write(`${entry}: ${why === undefined ? 'taken' : `not taken: ${why}`}\n`);
        if (why !== undefined) process.exitCode = EXIT.broke;
      }
    });
  });
  return command;
}
