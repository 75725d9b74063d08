/** `rowferry demo`: the samples against a sandbox, start to report; leaves nothing running. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { EXIT, openRowferry } from '../index.js';
import { startSandbox } from '../sandbox/server.js';
import { counted, ProgressDisplay } from './progress.js';
import { describe, exitCodeOf } from './show.js';
import { untilSignal } from './signals.js';

/** In the order in which they tell the story: what `clean.csv` creates, `duplicates.csv` meets again. */
const SAMPLES = ['clean.csv', 'duplicates.csv', 'messy-headers.csv', 'bad-rows.csv', 'semicolon-bom.csv'];
const RATE = { requests: 20, perMs: 1_000 };
const SHOWN_ROWS = 8;

export function demoCommand(): Command {
  const command = new Command('demo').description(
    'the samples against a rehearsal API; needs no credentials',
  );
  return command.action(async () => {
    const { dataDir = '.rowferry' } = command.optsWithGlobals<{ dataDir?: string }>();
    const { exitCode } = await untilSignal((signal) => demo(join(dataDir, 'demo'), signal));
    if (exitCode !== undefined) process.exitCode = exitCode;
  });
}

async function demo(dataDir: string, signal: AbortSignal): Promise<void> {
  const say = (text: string) => process.stdout.write(text);
  const sandbox = await startSandbox({ limit: { requests: RATE.requests, windowMs: RATE.perMs } });
  try {
    // The sandbox stands for the API: keys and addresses of the environment have no part in this.
    const env = {
      ...process.env,
      SENDMATOR_BASE_URL: sandbox.url,
      SENDMATOR_API_KEY: 'sk_test_demo',
    };
    const rowferry = await openRowferry({ dataDir, env, config: false });
    try {
      say(`A contact API answers at ${sandbox.url} and takes 20 requests a second.\n`);
      say(`Redis: ${rowferry.redisPlace}\n\n`);
      let last = '';
      for (const sample of SAMPLES) {
        const display = new ProgressDisplay(process.stderr);
        const path = fileURLToPath(new URL(`../../../samples/${sample}`, import.meta.url));
        const summary = await rowferry
          .run(path, { to: 'sendmator', rate: RATE, signal, progress: (event) => display.show(event) })
          .finally(() => display.end());
        if (exitCodeOf(summary) === EXIT.halted) process.exitCode = EXIT.halted;
        say(`${describe(rowferry, summary)}\n`);
        if (sample === 'duplicates.csv') last = summary.reports.outcomes;
      }
      say(`What became of each row of duplicates.csv (${last}):\n`);
      say(`${firstLines(last)}\n`);
      const { contacts, posts, by_status } = sandbox.state.stats();
      say(
        `The API now holds ${counted(contacts, 'contact')} after ${counted(posts, 'request')}, ${by_status[429] ?? 0} of them too early (429).\n`,
      );
      say('Next: rowferry run <your.csv> with SENDMATOR_API_KEY set; "rowferry --help" shows the rest.\n');
    } finally {
      await rowferry.close();
    }
  } finally {
    await sandbox.close();
  }
}

function firstLines(path: string): string {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(0, SHOWN_ROWS + 1)
    .map((line) => `  ${line}`)
    .join('\n');
}
