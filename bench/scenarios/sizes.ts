/** Whether a row costs the same in any file: time, memory of the process, memory of Redis. */
import { startStub } from '../api.js';
import { COLUMNS, compete, IN_FLIGHT_TOLD } from '../compete.js';
import type { Scenario } from '../scenario.js';
import { goal, number, times } from '../table.js';

const MOST_OFF = 0.1;
const MOST_MEMORY = 1.35;
const title = (rows: number) => `${number(rows)} rows`;

export const sizes: Scenario = {
  name: 'sizes',
  question: 'Does a row cost the same in a file of any size?',
  columns: Object.values(COLUMNS),
  async open(bench) {
    const all = bench.quick ? [2_000, 10_000, 50_000] : [10_000, 100_000, 1_000_000, 5_000_000];
    const stub = await startStub();
    const files = await Promise.all(all.map(async (rows) => ({ csv: await bench.csv(rows), rows })));
    return {
      about: `rowferry, ${IN_FLIGHT_TOLD}, answers at once`,
      mostRounds: 2,
      cases: files.map((file) => ({
        title: title(file.rows),
        base: title(all[1]!),
        measure: () => compete('rowferry', stub, file),
      })),
      close: stub.close,
    };
  },
  conclude(result) {
    const titles = result.cases.map((one) => one.title);
    const growth = (key: string) => result.ratio(titles.at(-1)!, titles[1]!, key);
    const rate = growth('delivered');
    return [
      goal('rows/s of the largest within 10 %', Math.abs(rate - 1) <= MOST_OFF, times(rate)),
      memory('the process', growth('rss')),
      memory('Redis', growth('redisPeak')),
    ];
  },
};

function memory(whose: string, ratio: number): string {
  return goal(`memory of ${whose} at most ${times(MOST_MEMORY)}`, ratio <= MOST_MEMORY, times(ratio));
}
