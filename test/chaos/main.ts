/** `npm run chaos -- --seed 1 --seeds 300 --rows 2000-20000 --minutes 60`: the fault campaign at any length. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '300' },
    rows: { type: 'string', default: '2000-20000' },
    /** No further seed is begun after them. */
    minutes: { type: 'string', default: '100000' },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (!(name === 'rows' ? /^\d+(-\d+)?$/ : /^\d+$/).test(value)) {
    process.stderr.write(
      `--${name} "${value}" is ${name === 'rows' ? 'not like 2000-20000' : 'no whole number'}\n`,
    );
    process.exit(2);
  }
}
const { seed, seeds, rows, minutes } = values;
const vitest = spawn(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/chaos/campaign.test.ts'],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      CHAOS_SEED: seed,
      CHAOS_SEEDS: seeds,
      CHAOS_ROWS: rows,
      CHAOS_MINUTES: minutes,
    },
  },
);
const [code] = (await once(vitest, 'close')) as [number | null];
process.exitCode = code ?? 1;
