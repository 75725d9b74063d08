/** `rowferry sandbox`: a rehearsal API on loopback. */
import { Command } from 'commander';
import { parseDuration, parseRate } from '../config.js';
import { EXIT, RowferryError } from '../index.js';
import { type SandboxOptions, startSandbox } from '../sandbox/server.js';
import { count } from './options.js';
import { untilSignal } from './signals.js';

/** Far longer, and a timer would end at once. */
const LONGEST_LATENCY_MS = 600_000;

interface Flags {
  port?: number;
  limit?: string;
  latency?: string;
  faults?: string;
  seed?: number;
  json?: boolean;
}

export function sandboxCommand(): Command {
  return new Command('sandbox')
    .description('a rehearsal of the contact API on loopback, with limits and faults')
    .option('--port <port>', 'default: any free one', count('--port', 0, 65535))
    .option('--limit <rate>', 'answers 429 above this rate, e.g. 50/s')
    .option('--latency <duration>', 'answers after this time, e.g. 20ms')
    .option('--faults <name=share,...>', 'e.g. status500=0.02,throttle=0.02,reset=0.02,drop=0.02')
    .option('--seed <n>', 'seed of the faults', count('--seed', 0, 2 ** 31))
    .option('--json', 'the address as JSON on stdout')
    .action(async ({ port, limit: given, latency, faults, seed, json }: Flags) => {
      const limit = given === undefined ? null : parseRate(given, '--limit');
      const options: SandboxOptions = {
        ...(port === undefined ? {} : { port }),
        ...(limit ? { limit: { requests: limit.requests, windowMs: limit.perMs } } : {}),
        ...(latency === undefined
          ? {}
          : { latencyMs: parseDuration(latency, '--latency', LONGEST_LATENCY_MS) }),
        ...(faults === undefined ? {} : { faults: parseFaults(faults) }),
        ...(seed === undefined ? {} : { seed }),
      };
      const ended = await untilSignal(async (signal) => {
        const sandbox = await startSandbox(options).catch((error: Error) => {
          throw new RowferryError(
            'SANDBOX_NOT_STARTED',
            `The sandbox cannot start: ${error.message}.`,
            EXIT.usage,
          );
        });
        process.stdout.write(
          json
            ? `${JSON.stringify({ url: sandbox.url, port: sandbox.port })}\n`
            : `The sandbox serves Sendmator at ${sandbox.url}. In another terminal:\n` +
                `  SENDMATOR_BASE_URL=${sandbox.url} SENDMATOR_API_KEY=sk_test_any rowferry run samples/clean.csv --rate 20/s\n` +
                `Every contact it holds: ${sandbox.url}/_sandbox/ledger   Ctrl-C ends it.\n`,
        );
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
        await sandbox.close();
      }, '');
      process.exitCode = ended.exitCode === EXIT.interrupted ? 0 : (ended.exitCode ?? 0);
    });
}

function parseFaults(text: string): Record<string, number> {
  const faults: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [name, share] = part.split('=');
    const probability = Number(share);
    if (!name || share === undefined || !(probability >= 0 && probability <= 1)) {
      throw new RowferryError(
        'SETTING_INVALID',
        `--faults: "${part}" is not of the form name=share with a share from 0 to 1.`,
        EXIT.usage,
      );
    }
    faults[name.trim()] = probability;
  }
  return faults;
}
