/**
 * Resume: `rowferry run` is killed (SIGKILL) when half of the rows are at the API, and resumed. Rows that were settled
 * must not be sent again; rows that were sent and not settled may be. Until its first new request the resumed run may
 * take as long as a new one takes to its first, and as reading the rows up to the crash once more.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountEnv, startStub } from '../api.js';
import { CLI, cleanEnv, resultOf, start, startEntry } from '../child.js';
import { importDist } from '../dist.js';
import { type BenchRedis, startRedis } from '../redis.js';
import type { Scenario } from '../scenario.js';
import { goal, number } from '../table.js';

const LOOK_MS = 10;
const PREFIX = 'rowferry';
/** Codes above that of a row that was sent: settled. */
const ATTEMPTED = 1;
/** Beyond the sum of the parts: both are single measurements on a machine with other things to do. */
const SLACK = 1.25;
const CASE = 'killed half way';

export const resume: Scenario = {
  name: 'resume',
  question: 'What does it cost to go on after a crash?',
  columns: [
    { key: 'settled', title: 'settled before' },
    { key: 'settledAgain', title: 'of them sent again' },
    { key: 'repeated', title: 'sent twice' },
    { key: 'fresh', title: 'new run: first request ms', spread: true },
    { key: 'read', title: 'plain read to there ms', spread: true },
    { key: 'again', title: 'resumed: first request ms', spread: true },
  ],
  async open(bench) {
    const rows = bench.rows(5_000_000, 20_000);
    const csv = await bench.csv(rows);
    return {
      about: `${number(rows)} rows, SIGKILL when half of them are at the API, answers at once`,
      mostRounds: 1,
      cases: [{ title: CASE, measure: () => crashAndResume(csv, rows) }],
    };
  },
  conclude(result) {
    const of = (key: string) => result.median(CASE, key);
    const most = of('fresh') + of('read');
    const settledAgain = Math.max(...result.values(CASE, 'settledAgain'));
    return [
      goal('no settled row is sent again', settledAgain === 0, number(settledAgain)),
      goal(
        'at most the re-read of the file',
        of('again') <= SLACK * most,
        `${number(of('again'))} ms, of ${number(most)} ms for a new run and the read`,
      ),
    ];
  },
};

async function crashAndResume(csv: string, rows: number) {
  const redis = await startRedis();
  const stub = await startStub({ rows });
  const rowferry = (...args: string[]) => {
    const all = [CLI, ...args, '--concurrency', '50', '--json', '--data-dir', redis.dataDir];
    return start(all, cleanEnv(accountEnv(stub.url)), redis.dataDir);
  };
  try {
    const startedMs = Date.now();
    const killed = rowferry('run', csv, '--rate', 'none');
    const gone = once(killed, 'exit');
    while ((await stub.look()).posts < rows / 2) {
      if (killed.exitCode !== null) throw new Error('resume: the run ended before it was to be killed');
      await sleep(LOOK_MS);
    }
    killed.kill('SIGKILL');
    await gone;
    const before = await stub.take();

    const [run] = readdirSync(join(redis.dataDir, 'runs')) as [string];
    const settled = await settledRows(redis, run, rows);
    const resumedMs = Date.now();
    const { created } = (await resultOf(rowferry('runs', 'resume', run))) as { created: number };
    const after = await stub.take();
    const repeated = [...before.repeated, ...after.repeated];
    const distinct = before.posts + after.posts - repeated.length;
    if (created !== rows || distinct !== rows)
      throw new Error(`resume: ${created} created and ${distinct} at the API, of ${rows}`);

    const reader = startEntry('./contenders/reader.ts', ['contacts', csv], cleanEnv());
    const { ms } = (await resultOf(reader)) as { ms: number };
    return {
      settled: settled.size,
      settledAgain: repeated.filter((row) => settled.has(row)).length,
      repeated: repeated.length,
      fresh: before.firstMs - startedMs,
      read: ms * (before.posts / rows),
      again: after.firstMs - resumedMs,
    };
  } finally {
    await stub.close();
    await redis.close();
  }
}

async function settledRows({ connection }: BenchRedis, run: string, rows: number): Promise<Set<number>> {
  const { RunRecord, codeAt } = await importDist('outcomes/settle');
  const packed = await new RunRecord(connection, PREFIX, run).packedCodes(0, rows + 1);
  const settled = new Set<number>();
  for (let row = 1; row <= rows; row++) if (codeAt(packed, 0, row) > ATTEMPTED) settled.add(row);
  return settled;
}
