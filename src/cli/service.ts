/** `rowferry start`: the service. `rowferry worker`: delivery only, for more processes and machines. */
import { Command } from 'commander';
import { addConcurrencyFlag, withRowferry } from './options.js';
import { untilSignal } from './signals.js';

interface Flags {
  concurrency?: number;
}

export function startCommand(): Command {
  const command = new Command('start').description(
    'the service: watches the folder and works on enqueued runs until it is told to end',
  );
  return addConcurrencyFlag(command).action(async ({ concurrency }: Flags) => {
    await withRowferry(
      command,
      async (rowferry) => {
        const ended = await untilSignal(async (signal) => {
          rowferry.log.info(
            { dataDir: rowferry.settings.dataDir, redis: rowferry.redisPlace },
            'service started',
          );
          await rowferry.serve(signal, concurrency === undefined ? {} : { concurrency });
        });
        process.exitCode = ended.exitCode ?? 0;
      },
      { logLevel: 'info' },
    );
  });
}

export function workerCommand(): Command {
  const command = new Command('worker').description(
    'deliver batches only; start as many as you like, anywhere',
  );
  return addConcurrencyFlag(command).action(async ({ concurrency }: Flags) => {
    await withRowferry(
      command,
      async (rowferry) => {
        const ended = await untilSignal(async (signal) => {
          rowferry.log.info({ redis: rowferry.redisPlace }, 'worker started');
          await rowferry.deliver(signal, concurrency);
        });
        process.exitCode = ended.exitCode ?? 0;
      },
      { logLevel: 'info' },
    );
  });
}
