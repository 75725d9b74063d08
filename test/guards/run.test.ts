/**
 * What a run may cost, counted and not timed: requests, Redis commands and journal bytes per row. The limits are what
 * is needed today and some slack; who needs more raises them and says what for.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRowferry } from '../../src/index.js';
import { journalFiles } from '../../src/report/journal.js';
import { runDir } from '../../src/run.js';
import { startSandbox } from '../../src/sandbox/server.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, writeCsv } from '../helpers/csv.js';
import { countedRedis, total } from './redis.js';
import { inWaves } from './waves.js';

const ROWS = 2_000;
const IN_FLIGHT = 100;
/** 0.46 in waves of 100; one more for every row would make that 1.46. A run that takes a minute adds 0.3 by its pulse. */
const COMMANDS_PER_ROW = 0.8;
/** 73.7, more than half of them the API's id. */
const JOURNAL_BYTES_PER_ROW = 76;

test('a created row costs one request, few Redis commands and little journal', async () => {
  const sandbox = await startSandbox();
  const redis = await countedRedis();
  const waves = await inWaves(sandbox.url, IN_FLIGHT, ROWS);
  const rows = people(ROWS);
  const csv = writeCsv(join(redis.dataDir, 'people.csv'), rows);
  const rowferry = await openRowferry({
    dataDir: redis.dataDir,
    config: false,
    env: { SENDMATOR_BASE_URL: waves.url, SENDMATOR_API_KEY: 'sk_test_guard' },
  });
  try {
    let run = '';
    let reportDir = '';
    const calls = await redis.during(async () => {
      const options = { to: 'sendmator', rate: null, concurrency: IN_FLIGHT };
      const started = (plan: { run: string }) => {
        run = plan.run;
      };
      const summary = await rowferry.run(csv, { ...options, started });
      reportDir = summary.reports.dir;
    });
    expectAgreement(reportDir, rows, [...sandbox.state.ledger()]);

    expect(waves.requests).toBe(ROWS);
    expect(total(calls) / ROWS, describe(calls)).toBeLessThan(COMMANDS_PER_ROW);
    const dir = runDir(redis.dataDir, run);
    const journal = journalFiles(readdirSync(dir)).map((name) => statSync(join(dir, name)).size);
    const bytes = journal.reduce((sum, one) => sum + one, 0);
    expect(bytes / ROWS).toBeLessThan(JOURNAL_BYTES_PER_ROW);
  } finally {
    await rowferry.close();
    await sandbox.close();
  }
});

function describe(calls: ReadonlyMap<string, number>): string {
  const most = [...calls].sort(([, a], [, b]) => b - a).slice(0, 12);
  return `Redis commands: ${most.map(([command, many]) => `${command} ${many}`).join(', ')}`;
}
