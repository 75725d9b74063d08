/** The fault campaign: a short part with fixed seeds in `npm test`; `npm run chaos` asks for more. */
import { afterAll, expect, test } from 'vitest';
import { drive } from './drive.js';
import { describePlan, INCIDENTS, type PlanSize, planOf } from './plan.js';

const { CHAOS_SEED, CHAOS_SEEDS, CHAOS_ROWS, CHAOS_MINUTES } = process.env;
/** Unless more is asked for: one of each way to Redis and to the runner, and what a short test has time for. */
const SHORT = [31, 49, 54];
const asked = Array.from({ length: Number(CHAOS_SEEDS ?? 0) }, (_, i) => Number(CHAOS_SEED ?? 1) + i);
const seeds = asked.length > 0 ? asked : SHORT;
const [leastRows, mostRows] = (CHAOS_ROWS ?? '500-900').split('-').map(Number) as [number, number];
const size: PlanSize = { leastRows, mostRows: mostRows ?? leastRows, mostIncidents: 5 };
const deadline = Date.now() + Number(CHAOS_MINUTES ?? 1e6) * 60_000;

const injected = new Map<string, number>();
let driven = 0;
let rows = 0;

test.each(seeds)(
  'seed %i ends with one outcome for each row, in agreement with the API',
  async (seed) => {
    if (Date.now() > deadline) return;
    const plan = planOf(seed, size);
    const started = Date.now();
    try {
      const done = await drive(plan);
      for (const [fault, times] of Object.entries(done.injected)) {
        injected.set(fault, (injected.get(fault) ?? 0) + times);
      }
      driven += 1;
      rows += done.rows;
    } catch (error) {
      const again = `npm run chaos -- --seed ${seed} --seeds 1 --rows ${leastRows}-${mostRows}`;
      (error as Error).message += `\n${describePlan(plan)}\nAgain: ${again}`;
      if (CHAOS_SEEDS) process.stdout.write(`FAILED ${(error as Error).message}\n`);
      throw error;
    }
    if (CHAOS_SEEDS)
      process.stdout.write(`${describePlan(plan)}: ${Math.round((Date.now() - started) / 1000)} s\n`);
  },
  600_000,
);

test('the same seed is the same plan', () => {
  expect(planOf(7, size)).toEqual(planOf(7, size));
  expect(planOf(7, size)).not.toEqual(planOf(8, size));
});

afterAll(() => {
  const lines = [...injected].sort(([one], [other]) => one.localeCompare(other));
  const never = INCIDENTS.filter((name) => !injected.has(name));
  process.stdout.write(
    [
      `\n${driven} seeds, ${rows} rows, 0 disagreements. Injected:`,
      ...lines.map(([fault, times]) => `${String(times).padStart(8)}  ${fault}`),
      ...(never.length > 0 ? [`   never  ${never.join(', ')}`] : []),
      '',
    ].join('\n'),
  );
});
