/** `npm run chaos -- --seed 1 --seeds 300 --rows 2000-20000 --minutes 60`: the fault campaign at any length. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { impossibleHere } from './report-dir.js';
import { type SeedResult, tableOf } from './table.js';

const LOOK_MS = 500;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '300' },
    rows: { type: 'string', default: '2000-20000' },
    /** Incidents of one seed at the most. */
    incidents: { type: 'string', default: '5' },
    /** No further seed is begun after them. */
    minutes: { type: 'string', default: '100000' },
    /** Seeds at a time: most of their time they wait. */
    parallel: { type: 'string', default: '3' },
    /** Outages of minutes. */
    long: { type: 'boolean', default: false },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (typeof value !== 'string' || (name === 'rows' ? /^\d+(-\d+)?$/ : /^\d+$/).test(value)) continue;
  process.stderr.write(
    `--${name} "${value}" is ${name === 'rows' ? 'not like 2000-20000' : 'no whole number'}\n`,
  );
  process.exit(2);
}

const begun = performance.now();
const [leastRows, mostRows] = values.rows.split('-').map(Number) as [number, number?];
const without = impossibleHere();
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.seed) + i);
const dir = mkdtempSync(join(tmpdir(), 'rf-chaos-'));
const size = {
  leastRows,
  mostRows: mostRows ?? leastRows,
  mostIncidents: Number(values.incidents),
  long: values.long,
  without,
};
const asked = { seeds, size, dir, untilMs: Date.now() + Number(values.minutes) * 60_000 };
const results = new Map<number, SeedResult>();

if (without.length > 0)
  process.stdout.write(`LEFT OUT, as this machine does not allow it: ${without.join(', ')}\n`);
const ended = Promise.all(Array.from({ length: Number(values.parallel) }, (_, i) => campaign(i)));
let through = false;
void ended.then(() => {
  through = true;
});
while (!through) {
  await Promise.race([sleep(LOOK_MS), ended]);
  tellNew();
}
const codes = await ended;
tellNew();
const minutes = Math.round((performance.now() - begun) / 60_000);
process.stdout.write(
  `\n${tableOf([...results.values()], without)}\nIt took ${minutes} minutes; logs are in ${dir}.\n`,
);
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;

/** One of the processes that work seeds off. */
async function campaign(i: number): Promise<number> {
  const log = createWriteStream(join(dir, `worker-${i}.log`));
  const vitest = spawn(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', 'test/chaos/campaign.test.ts'],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, CHAOS_ASKED: JSON.stringify(asked) } },
  );
  vitest.stdout.pipe(log, { end: false });
  vitest.stderr.pipe(log, { end: false });
  const [code] = (await once(vitest, 'close')) as [number | null];
  return code ?? 1;
}

function tellNew(): void {
  for (const seed of seeds) {
    const path = join(dir, `${seed}.json`);
    if (results.has(seed) || !existsSync(path)) continue;
    let result: SeedResult;
    try {
      result = JSON.parse(readFileSync(path, 'utf8')) as SeedResult;
    } catch {
      continue; // half written
    }
    results.set(seed, result);
    const { failure, plan, seconds } = result;
    process.stdout.write(failure === undefined ? `${plan}: ${seconds} s\n` : `FAILED ${failure}\n`);
  }
}
