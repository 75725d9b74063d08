/**
 * `npm run bench -- [--quick] [--only throughput,…] [--rows 100000] [--rounds 5] [--json <file>] [--markdown <file>]`
 * Measures rowferry on this machine and beside others; README.md says how, and what each scenario asks. Absolute figures
 * say as much about the machine as about the code: compare the ratios. On a page that is there already, sections of
 * scenarios that are not measured stay.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endAll } from './child.js';
import { writeCsv } from './data.js';
import { importDist } from './dist.js';
import { closeAllRedis } from './redis.js';
import { type Bench, measure, type Result, Unavailable } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';
import { asMarkdown, asText } from './table.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rows: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'string', default: 'bench-results.json' },
    markdown: { type: 'string' },
  },
});
const { quick } = values;

function count(name: 'rows' | 'rounds'): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  return refuse(`--${name}: "${value}" is not a whole number above 0`);
}

function refuse(why: string): never {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(2);
}

const [rows, rounds = quick ? 2 : 5] = [count('rows'), count('rounds')];
const names = values.only?.split(',') ?? SCENARIOS.map(({ name }) => name);
const scenarios = names.map((name) => {
  const found = SCENARIOS.find((one) => one.name === name);
  return found ?? refuse(`--only: "${name}" is not one of ${SCENARIOS.map((one) => one.name).join(', ')}`);
});

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // What is under way then fails for want of its children, and is cleaned up as after any failure.
  process.once(signal, () => {
    interrupted = true;
    void endAll();
  });
}

const dir = await mkdtemp(join(tmpdir(), 'rowferry-bench-'));
const written = new Map<number, Promise<string>>();
const bench: Bench = {
  dir,
  quick,
  rows: (full, few) => rows ?? (quick ? few : full),
  csv(many) {
    const path = join(dir, `${many}.csv`);
    if (!written.has(many))
      written.set(
        many,
        writeCsv(path, many).then(() => path),
      );
    return written.get(many)!;
  },
  say: (line) => void process.stderr.write(`  ${line}\n`),
};

const { findServer } = await importDist('redis/provision');
const { versionOf } = await importDist('redis/apt');
const machine = {
  date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  commit: commit(),
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  node: process.version,
  redis: await versionOf(findServer() ?? ''),
  loadBefore: loadavg()[0]!,
};
const on = `${machine.date} UTC, commit ${machine.commit}, ${machine.cores} × ${machine.cpu}, Node ${machine.node}, Redis ${machine.redis}, load ${machine.loadBefore.toFixed(2)} before the start${quick ? ', quick sizes' : ''}, up to ${rounds} rounds`;

/** After each scenario, so that what is stopped half way has left what it has. */
async function write(results: readonly Result[]): Promise<void> {
  await writeFile(values.json, `${JSON.stringify({ machine, quick, results }, null, 1)}\n`);
  if (values.markdown === undefined) return;
  const before = await readFile(values.markdown, 'utf8').catch(() => '');
  const sections = new Map(
    before
      .split(/^(?=## )/m)
      .slice(1)
      .map((section) => [section.slice('## '.length, section.indexOf('\n')), section.trimEnd()]),
  );
  for (const result of results) sections.set(result.scenario.name, asMarkdown(result, on));
  const head = '# Results\n\nWritten by `npm run bench`; how to read it: [README.md](README.md).';
  const inOrder = SCENARIOS.flatMap(({ name }) => sections.get(name) ?? []);
  await writeFile(values.markdown, `${[head, ...inOrder].join('\n\n')}\n`);
}

function commit(): string {
  try {
    const of = ['describe', '--always', '--dirty'];
    return execFileSync('git', of, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

process.stdout.write(`${on}\n\n`);
const results: Result[] = [];
try {
  for (const scenario of scenarios) {
    try {
      const result = await measure(scenario, bench, rounds);
      results.push(result);
      process.stdout.write(`${asText(result)}\n\n`);
      await write(results);
    } catch (error) {
      if (error instanceof Unavailable)
        process.stdout.write(`${scenario.name}: left out, ${error.message}\n\n`);
      else {
        // The others are worth having all the same.
        process.exitCode = 1;
        const why = interrupted ? 'interrupted' : (error as Error).message;
        process.stderr.write(`bench: ${scenario.name}: ${why}\n`);
      }
      await endAll();
      await closeAllRedis();
    }
    if (interrupted) break;
  }
} finally {
  await endAll();
  await closeAllRedis();
  await rm(dir, { recursive: true, force: true });
}
