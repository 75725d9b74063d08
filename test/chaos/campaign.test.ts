/** The fault campaign: a short part with fixed seeds in `npm test`; `npm run chaos` asks for more. */
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { drive } from './drive.js';
import { describePlan, type PlanSize, planOf } from './plan.js';
import { impossibleHere } from './report-dir.js';
import { type SeedResult, tableOf } from './table.js';

/** Unless more is asked for: by hand, as a service, by a folder; what a short test has time for. */
const SHORT = [18, 23, 30];
const SHORT_SIZE: PlanSize = { leastRows: 500, mostRows: 900, mostIncidents: 5, long: false };
const SEED_TIMEOUT_MS = 1_200_000;
const TELL_MS = 5_000;

/** What main.ts asks for. */
interface Asked {
  seeds: number[];
  size: PlanSize;
  /** Where each seed is taken, by one process, and its result is put. */
  dir: string;
  /** Before then a further seed is begun, ms since the epoch. */
  untilMs: number;
}

const asked =
  process.env.CHAOS_ASKED === undefined ? undefined : (JSON.parse(process.env.CHAOS_ASKED) as Asked);
const size = asked?.size ?? { ...SHORT_SIZE, without: impossibleHere() };
const results: SeedResult[] = [];

test.each(asked?.seeds ?? SHORT)(
  'seed %i ends with one outcome for each row, in agreement with the API',
  async (seed) => {
    if (asked && (Date.now() > asked.untilMs || !isTaken(join(asked.dir, String(seed))))) return;
    const plan = planOf(seed, size);
    const begun = performance.now();
    const told = (more: Partial<SeedResult>) => {
      const seconds = Math.round((performance.now() - begun) / 1000);
      const result: SeedResult = {
        seed,
        rows: plan.rows,
        plan: describePlan(plan),
        seconds,
        injected: {},
        ...more,
      };
      results.push(result);
      if (asked) writeFileSync(join(asked.dir, `${seed}.json`), JSON.stringify(result));
    };
    // vitest only goes on to the next seed then.
    const late = setTimeout(
      () => told({ failure: 'not at its end within 20 minutes' }),
      SEED_TIMEOUT_MS - TELL_MS,
    );
    try {
      const { injected } = await drive(plan);
      told({ injected });
    } catch (error) {
      const { leastRows, mostRows, long } = size;
      const again = `npm run chaos -- --seed ${seed} --seeds 1 --rows ${leastRows}-${mostRows}${long ? ' --long' : ''}`;
      (error as Error).message += `\n${describePlan(plan)}\nAgain: ${again}`;
      told({ failure: (error as Error).message });
      throw error;
    } finally {
      clearTimeout(late);
    }
  },
  SEED_TIMEOUT_MS,
);

test('the same seed is the same plan', () => {
  expect(planOf(7, size)).toEqual(planOf(7, size));
  expect(planOf(7, size)).not.toEqual(planOf(8, size));
});

afterAll(() => {
  if (!asked) process.stdout.write(`\n${tableOf(results, size.without)}\n`);
});

/** Several processes take seeds from one list; each is given to one. */
function isTaken(path: string): boolean {
  try {
    openSync(path, 'wx');
    return true;
  } catch {
    return false;
  }
}
