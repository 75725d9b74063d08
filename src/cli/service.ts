/** `rowferry start`: the service. `rowferry worker`: delivery only, for more processes and machines. */
import { Command } from 'commander';
import { deliverWithMetrics } from '../dashboard/metrics.js';
import { serveWithDashboard } from '../dashboard/server.js';
import { SERVICE, work } from './entry.js';
import { addConcurrencyFlag, withRowferry } from './options.js';

interface Flags {
  concurrency?: number;
}

export function startCommand(): Command {
  const command = new Command('start').description(
    'the service: watches the folder and works on enqueued runs until it is told to end',
  );
  return addConcurrencyFlag(command).action(({ concurrency }: Flags) =>
    withRowferry(
      command,
      (rowferry) =>
        work('service', rowferry, (signal) =>
          serveWithDashboard(rowferry, signal, concurrency === undefined ? {} : { concurrency }),
        ),
      SERVICE,
    ),
  );
}

export function workerCommand(): Command {
  const command = new Command('worker').description(
    'deliver batches only; start as many as you like, anywhere',
  );
  return addConcurrencyFlag(command).action(({ concurrency }: Flags) =>
    withRowferry(
      command,
      (rowferry) => work('worker', rowferry, (signal) => deliverWithMetrics(rowferry, signal, concurrency)),
      SERVICE,
    ),
  );
}
