/** `rowferry config`: checks `rowferry.yaml`, and prints its schema for editors. */
import { Command } from 'commander';
import { checkConfig } from '../config/check.js';
import { CONFIG_NAME, findConfig } from '../config/file.js';
import { publishedSchema } from '../config/schema.js';
import { EXIT, RowferryError } from '../errors.js';
import { checkMapping } from '../ingest/map.js';

export function configCommand(): Command {
  const command = new Command('config').description('check rowferry.yaml, or print its schema');
  const check = command
    .command('check')
    .description('every fault of the file, with its line, or "ok"')
    .argument('[file]', 'default: --config, ROWFERRY_CONFIG, then rowferry.yaml')
    .exitOverride();
  check.action(async (file: string | undefined) => {
    const given = file ?? check.optsWithGlobals<{ config?: string }>().config;
    const path = findConfig(given, process.env);
    if (path === undefined) {
      const sentence = `There is no ${CONFIG_NAME} here. Without one the environment alone is enough.`;
      throw new RowferryError('CONFIG_MISSING', sentence, EXIT.usage);
    }
    const { config, faults, warnings } = await checkConfig(path, process.env, checkMapping);
    for (const warning of warnings) process.stderr.write(`rowferry: ${warning}\n`);
    for (const fault of faults) process.stdout.write(`${fault}\n`);
    if (faults.length > 0) {
      process.exitCode = EXIT.usage;
      return;
    }
    const { destinations, syncs } = config;
    const told = [counted(destinations.length, 'destination'), counted(syncs.length, 'sync')].join(', ');
    process.stdout.write(`ok: ${told}\n`);
  });

  command
    .command('schema')
    .description('JSON Schema of the file, for editors')
    .exitOverride()
    .action(() => {
      process.stdout.write(`${JSON.stringify(publishedSchema(), null, 2)}\n`);
    });
  return command;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
