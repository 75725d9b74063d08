/** What it costs that Redis has every step on disk before it answers. */
import { startStub } from '../api.js';
import { COLUMNS, type Contender, compete, IN_FLIGHT_TOLD } from '../compete.js';
import type { Durability } from '../redis.js';
import type { Scenario } from '../scenario.js';
import { number, times } from '../table.js';

const SETTINGS: readonly Durability[] = ['everysec', 'always', 'off'];
const CONTENDERS: readonly Contender[] = ['rowferry', 'job-per-row'];
const title = (name: Contender, setting: Durability) => `${name}, ${setting}`;

export const durability: Scenario = {
  name: 'durability',
  question: "What does Redis's appendfsync cost?",
  columns: [COLUMNS.delivered, COLUMNS.whole, COLUMNS.cpu, COLUMNS.redisCpu, COLUMNS.redisPeak],
  async open(bench) {
    const rows = bench.rows(50_000, 5_000);
    const file = { csv: await bench.csv(rows), rows };
    const stub = await startStub();
    return {
      about: `${number(rows)} rows, ${IN_FLIGHT_TOLD}, answers at once; rowferry's own Redis has "always"`,
      cases: CONTENDERS.flatMap((name) =>
        SETTINGS.map((setting) => ({
          title: title(name, setting),
          base: title(name, 'everysec'),
          measure: () => compete(name, stub, file, { durability: setting }),
        })),
      ),
      close: stub.close,
    };
  },
  conclude: (result) =>
    CONTENDERS.map((name) => {
      const ratio = result.ratio(title(name, 'always'), title(name, 'everysec'), 'delivered');
      return `${name} with "always" reaches ${times(ratio)} of what it has with "everysec"`;
    }),
};
