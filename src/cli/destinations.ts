/** `rowferry destinations`: how they stand, and a pause by hand. */
import { Command } from 'commander';
import type { DestinationView, Rowferry } from '../index.js';
import { withRowferry } from './options.js';
import { destinationsTable, jsonLine } from './show.js';

interface Flags {
  json?: boolean;
}

export function destinationsCommand(): Command {
  const destinations = new Command('destinations').description('list, pause or resume destinations');
  const sub = (
    name: string,
    description: string,
    work: (rowferry: Rowferry, name: string) => Promise<DestinationView[]>,
  ) => {
    const command = destinations
      .command(name, { isDefault: name === 'list' })
      .description(description)
      .option('--json', 'JSON on stdout')
      .exitOverride();
    if (name !== 'list') command.argument('<name>');
    command.action((...args: unknown[]) => {
      const given = name === 'list' ? '' : (args[0] as string);
      return withRowferry(command, async (rowferry) => {
        const views = await work(rowferry, given);
        if (command.opts<Flags>().json) for (const view of views) process.stdout.write(jsonLine(view));
        else process.stdout.write(destinationsTable(views));
      });
    });
  };
  sub('list', 'those with credentials: account, rate, and why nothing is sent', (rowferry) =>
    rowferry.destinations(),
  );
  sub(
    'pause',
    'send nothing more to a destination; its runs wait, and no attempt is spent',
    async (rowferry, name) => [await rowferry.pauseDestination(name)],
  );
  sub('resume', 'let the runs to a destination go on', async (rowferry, name) => [
    await rowferry.resumeDestination(name),
  ]);
  return destinations;
}
