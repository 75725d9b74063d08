/** The same with an API that takes its time: what is left of the difference when everybody waits for answers. */
import { type Stub, startStub } from '../api.js';
import { COLUMNS, type Contender, compete, IN_FLIGHT_TOLD } from '../compete.js';
import type { Case, Scenario } from '../scenario.js';
import { goal, number, times } from '../table.js';

const LATENCIES_MS = [0, 5, 50];
const CONTENDERS: readonly Contender[] = ['loop', 'best', 'job-per-row', 'rowferry'];
const title = (name: Contender, ms: number) => `${name}, ${ms} ms`;

export const latency: Scenario = {
  name: 'latency',
  question: 'And when the API takes its time to answer?',
  columns: [COLUMNS.delivered, COLUMNS.whole, COLUMNS.cpu, COLUMNS.redisCpu, COLUMNS.rss, COLUMNS.requests],
  async open(bench) {
    const rows = bench.rows(30_000, 3_000);
    const file = { csv: await bench.csv(rows), rows };
    const stubs: Stub[] = [];
    const cases: Case[] = [];
    for (const ms of LATENCIES_MS) {
      const stub = await startStub({ latencyMs: ms });
      stubs.push(stub);
      for (const name of CONTENDERS) {
        const measure = () => compete(name, stub, file);
        cases.push({ title: title(name, ms), base: title('loop', ms), measure });
      }
    }
    const close = async () => void (await Promise.all(stubs.map((stub) => stub.close())));
    return { about: `${number(rows)} rows, ${IN_FLIGHT_TOLD}`, cases, close };
  },
  conclude: (result) =>
    LATENCIES_MS.map((ms) => {
      const ratio = result.ratio(title('rowferry', ms), title('loop', ms), 'delivered');
      return goal(`not behind the loop at ${ms} ms`, ratio >= 0.95, times(ratio));
    }),
};
