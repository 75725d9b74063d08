/** Rows per second beside what a developer would write instead: nothing waits but the CPU. */
import { startStub } from '../api.js';
import { COLUMNS, type Contender, compete, IN_FLIGHT_TOLD } from '../compete.js';
import type { Scenario } from '../scenario.js';
import { goal, number, times } from '../table.js';

const CONTENDERS: readonly Contender[] = ['loop', 'best', 'job-per-row', 'rowferry'];
const WARM_UP_ROWS = 5_000;

export const throughput: Scenario = {
  name: 'throughput',
  question: 'What does durability cost, beside clients that have none and beside one job per row?',
  columns: Object.values(COLUMNS),
  async open(bench) {
    const rows = bench.rows(100_000, 10_000);
    const csv = await bench.csv(rows);
    const stub = await startStub();
    await compete('loop', stub, { csv: await bench.csv(WARM_UP_ROWS), rows: WARM_UP_ROWS });
    return {
      about: `${number(rows)} rows, ${IN_FLIGHT_TOLD}, answers at once`,
      cases: CONTENDERS.map((name) => ({
        title: name,
        base: 'loop',
        measure: () => compete(name, stub, { csv, rows }),
      })),
      close: stub.close,
    };
  },
  conclude: (result) =>
    [
      { promise: 'at least 1.2 × the loop', to: 'loop', least: 1.2 },
      { promise: 'at least 4 × one job per row', to: 'job-per-row', least: 4 },
      { promise: 'at least 0.75 × the best client without durability', to: 'best', least: 0.75 },
    ].map(({ promise, to, least }) => {
      const delivered = result.ratio('rowferry', to, 'delivered');
      const whole = result.ratio('rowferry', to, 'whole');
      return goal(
        promise,
        delivered >= least,
        `${times(delivered)} delivered`,
        `${times(whole)} with the report`,
      );
    }),
};
