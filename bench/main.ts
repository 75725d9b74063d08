/**
 * `npm run bench -- [--rows 50000] [--rounds 3] [--only throughput|pace|fairness|memory|read|watchers] [--json]`
 * Measures rowferry on this machine: throughput beside two peers, the use of a rate limit, memory, what watching costs. What each figure
 * means and how it is taken is said at the head of throughput.ts, pace.ts, fairness.ts, memory.ts, read.ts and watchers.ts. `--rows` is of
 * the throughput, `--rounds` of throughput, reading and watchers. Absolute figures say as much about the machine as about the code: compare the ratios.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endAll } from './child.js';
import { measureFairness, showFairness } from './fairness.js';
import { measureMemory, showMemory } from './memory.js';
import { measurePace, showPace } from './pace.js';
import { measureReading, showReading } from './read.js';
import { closeAllRedis } from './redis.js';
import { measureThroughput, showThroughput } from './throughput.js';
import { measureWatchers, showWatchers } from './watchers.js';

const SECTIONS = ['throughput', 'pace', 'fairness', 'memory', 'read', 'watchers'] as const;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

function count(name: 'rows' | 'rounds'): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name}: "${values[name]}" is not a whole number above 0`);
}

const [rows, rounds] = [count('rows'), count('rounds')];
if (values.only !== undefined && !(SECTIONS as readonly string[]).includes(values.only)) {
  throw new Error(`--only: "${values.only}" is not one of ${SECTIONS.join(', ')}`);
}
const wanted = (section: (typeof SECTIONS)[number]) => (values.only ?? section) === section;
const say = (line: string) => void process.stderr.write(`  ${line}\n`);
const print = (text: string) => void (values.json || process.stdout.write(`${text}\n\n`));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // What is under way then fails for want of its children, and is cleaned up as after any failure.
  process.once(signal, () => void endAll());
}

const machine = {
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  load: loadavg()[0]!,
};
print(
  `Node ${machine.node}, ${machine.cores} × ${machine.cpu}, load ${machine.load.toFixed(2)} before the start`,
);
const dir = await mkdtemp(join(tmpdir(), 'rowferry-bench-'));
try {
  const results: Record<string, unknown> = { machine };
  if (wanted('throughput')) {
    const throughput = await measureThroughput(dir, rows, rounds, say);
    results.throughput = throughput;
    print(showThroughput(throughput));
  }
  if (wanted('pace')) {
    const pace = await measurePace(dir, say);
    results.pace = pace;
    print(showPace(pace));
  }
  if (wanted('fairness')) {
    const fairness = await measureFairness(dir, say);
    results.fairness = fairness;
    print(showFairness(fairness));
  }
  if (wanted('memory')) {
    const memory = await measureMemory(dir, say);
    results.memory = memory;
    print(showMemory(memory));
  }
  if (wanted('read')) {
    const reading = await measureReading(dir, rounds, say);
    results.read = reading;
    print(showReading(reading));
  }
  if (wanted('watchers')) {
    const watchers = await measureWatchers(dir, rounds, say);
    results.watchers = watchers;
    print(showWatchers(watchers));
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`bench: ${(error as Error).message}\n`);
} finally {
  await endAll();
  await closeAllRedis();
  await rm(dir, { recursive: true, force: true });
}
