/** Redis's own CPU per row, by what it is asked: it has one thread, so this is what ends first with many machines. */
import { startStub } from '../api.js';
import { compete, IN_FLIGHT_TOLD } from '../compete.js';
import { OPERATIONS, type Operation } from '../operations.js';
import { startRedis } from '../redis.js';
import type { Scenario } from '../scenario.js';
import { number } from '../table.js';

const WHOLE = 'a whole run';

export const redisCost: Scenario = {
  name: 'redis-cost',
  question: 'What does a row cost Redis, by operation?',
  columns: [
    { key: 'usPerRow', title: 'Redis CPU µs/row', digits: 2, spread: true },
    { key: 'commands', title: 'commands/row', digits: 3 },
  ],
  async open(bench) {
    const rows = bench.rows(100_000, 10_000);
    const file = { csv: await bench.csv(rows), rows };
    const stub = await startStub();
    const whole = async () => {
      const { redisCpu, commands } = await compete('rowferry', stub, file);
      return { usPerRow: (redisCpu! * 1e6) / rows, commands };
    };
    const operations = [...OPERATIONS].map(([title, operation]) => ({
      title,
      measure: () => cost(operation, rows),
    }));
    return {
      about: `${number(rows)} rows, ${IN_FLIGHT_TOLD} in the whole run; each command is on disk before it is answered`,
      cases: [...operations, { title: WHOLE, measure: whole }],
      close: stub.close,
    };
  },
  conclude(result) {
    const whole = result.median(WHOLE, 'usPerRow');
    return [`one Redis, with a core to itself, can carry about ${number(1e6 / whole)} rows/s by its CPU`];
  },
};

async function cost(operation: Operation, rows: number) {
  const redis = await startRedis();
  try {
    const measured = await operation(redis, rows);
    const before = await redis.cost();
    await measured();
    const after = await redis.cost();
    return {
      usPerRow: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / rows,
      commands: (after.commands - before.commands) / rows,
    };
  } finally {
    await redis.close();
  }
}
