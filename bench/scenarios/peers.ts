/**
 * Job queues on PostgreSQL, as importers: one job per row. They and PostgreSQL are no dependencies of the project; they
 * are installed into the benchmark's own folder, and where that cannot be done the scenario is left out.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startStub } from '../api.js';
import { COLUMNS, type Contender, compete, IN_FLIGHT_TOLD } from '../compete.js';
import { findPostgres, startPostgres } from '../postgres.js';
import { type Scenario, Unavailable } from '../scenario.js';
import { number } from '../table.js';

const PACKAGES = ['graphile-worker@0.17', 'pg-boss@10'];
const PEERS: readonly Contender[] = ['graphile-worker', 'pg-boss'];
const OTHERS: readonly Contender[] = ['loop', 'job-per-row', 'rowferry'];
const PATIENCE_MS = 300_000;

export const peers: Scenario = {
  name: 'peers',
  question: 'How do job queues on PostgreSQL compare?',
  columns: [
    COLUMNS.delivered,
    COLUMNS.whole,
    COLUMNS.cpu,
    COLUMNS.redisCpu,
    { key: 'databaseCpu', title: 'PostgreSQL CPU s', digits: 2 },
    COLUMNS.rss,
    COLUMNS.requests,
  ],
  async open(bench) {
    const programs = await findPostgres(bench.dir);
    const modules = await installPeers(bench.dir);
    const rows = bench.rows(30_000, 3_000);
    const file = { csv: await bench.csv(rows), rows };
    const stub = await startStub();
    const onPostgres = async (name: Contender) => {
      const postgres = await startPostgres(bench.dir, programs);
      try {
        const before = postgres.cpuSeconds();
        const figures = await compete(name, stub, file, { database: { url: postgres.url, modules } });
        return { ...figures, databaseCpu: postgres.cpuSeconds() - before };
      } finally {
        await postgres.close();
      }
    };
    return {
      about: `${number(rows)} rows, ${IN_FLIGHT_TOLD}, answers at once, PostgreSQL with its defaults`,
      cases: [
        ...OTHERS.map((title) => ({ title, base: 'loop', measure: () => compete(title, stub, file) })),
        ...PEERS.map((title) => ({ title, base: 'loop', measure: () => onPostgres(title) })),
      ],
      close: stub.close,
    };
  },
};

async function installPeers(dir: string): Promise<string> {
  const modules = await mkdtemp(join(dir, 'peers-'));
  await writeFile(join(modules, 'package.json'), '{"private":true}');
  const flags = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES];
  await promisify(execFile)('npm', flags, { cwd: modules, timeout: PATIENCE_MS }).catch(() => {
    throw new Unavailable(`npm cannot install ${PACKAGES.join(' and ')}`);
  });
  return modules;
}
