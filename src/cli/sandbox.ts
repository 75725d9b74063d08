/** `rowferry sandbox`: the contact APIs on loopback, for rehearsals. */
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
    .description('a rehearsal of the contact APIs on loopback, with limits and faults')
    .option('--port <port>', 'default: any free one', count('--port', 0, 65535))
    .option('--limit <rate>', 'answers 429 above this rate per key and API, e.g. 50/s')
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
          json ? `${JSON.stringify({ url: sandbox.url, port: sandbox.port })}\n` : greeting(sandbox.url),
        );
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
        await sandbox.close();
      }, '');
      process.exitCode = ended.exitCode === EXIT.interrupted ? 0 : (ended.exitCode ?? 0);
    });
}

/** One port serves all: the APIs are told apart by their paths, which begin where a base URL ends. */
function greeting(url: string): string {
  const environments = [
    `SENDMATOR_BASE_URL=${url} SENDMATOR_API_KEY=sk_test_any`,
    `AUTOSEND_BASE_URL=${url} AUTOSEND_API_KEY=any`,
    `CENDYN_BASE_URL=${url} CENDYN_ACCOUNT_ID=any CENDYN_ACCOUNT_SECRET=any`,
    `CLEMTA_BASE_URL=${url} CLEMTA_API_KEY=any CLEMTA_COMPANY_ID=any`,
  ];
  return (
    `The sandbox serves Sendmator, AutoSend, Cendyn and Clemta at ${url}. In another terminal, with one of these lines\n` +
    environments.map((line) => `  ${line}\n`).join('') +
    'before the command:  rowferry run samples/clean.csv --rate 20/s\n' +
    `Every contact it holds: ${url}/_sandbox/ledger   Ctrl-C ends it.\n`
  );
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
