/** Works one seed off with real processes, and checks what must hold at its end. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { loadPlan } from '../../src/run.js';
import { expectAgreement, type Report } from '../helpers/agreement.js';
import { until, World } from '../helpers/world.js';
import { Crew } from './crew.js';
import { cause, type Scene } from './incidents.js';
import { keysLeft, processesOf, socketsAndLocks } from './leavings.js';
import type { ChaosPlan, Incident } from './plan.js';
import { TcpProxy } from './proxy.js';
import { isReportTrouble, ReportDir } from './report-dir.js';
import { dataOf } from './rows.js';
import { TcpRedis } from './server.js';

const SHIFTED_CLOCK = new URL('./shift-clock.mjs', import.meta.url);

export interface Driven {
  /** Fault → how often it was injected. */
  injected: Record<string, number>;
  rows: number;
}

export async function drive(plan: ChaosPlan): Promise<Driven> {
  const { rows, held } = dataOf(plan);
  const names = plan.incidents.map(({ name }) => name);
  const world = await World.open({
    kinds: [plan.kind],
    ownRedis: plan.redis === 'private',
    sandbox: { latencyMs: plan.latencyMs, faults: plan.faults, seed: plan.seed },
  });
  const api = await TcpProxy.open({ port: world.sandbox.port, host: '127.0.0.1' });
  const redis = plan.redis === 'tcp' ? await TcpRedis.open(world.dir, plan.fsync) : undefined;
  const reports = new ReportDir(join(world.dir, 'disk'), names.filter(isReportTrouble));
  const clockFile = join(world.dir, 'clock');
  world.env[`${plan.kind.toUpperCase()}_BASE_URL`] = `http://127.0.0.1:${api.port}`;
  world.env.ROWFERRY_TIMEOUT = '2s';
  if (redis) world.env.REDIS_URL = redis.url;
  if (names.some((name) => name.startsWith('clock'))) {
    world.env.NODE_OPTIONS = `--import ${SHIFTED_CLOCK.href}`;
    world.env.CHAOS_CLOCK = clockFile;
  }
  await world.seed(held);
  const crew = new Crew(plan, world, reports);
  const scene: Scene = { world, crew, api, redis, reports, clockFile };
  const injected: Record<string, number> = {};
  try {
    await crew.begin(rows);
    await Promise.all([happen('triggers'), happen('others')]);
    await until(() => crew.isOver);
    Object.assign(injected, faultsOf(world));
    const socket = async () => redis?.socket ?? (await world.redisSocket());
    await crew.tidied(async () => (await keysLeft(await socket())).length === 0);
    expectNone('keys in Redis', await keysLeft(await socket()));
    await crew.stop();
    const dir = join(loadPlan(world.dataDir, crew.run).reportDir, crew.run);
    const known = rows.map((row) => ({ ...row, email: row.email ?? '' }));
    const report = expectAgreement(dir, known, world.ledger());
    expectCounters(crew, report);
    expect(readdirSync(dir).sort()).toEqual([
      'failed.csv',
      'outcomes.csv',
      'report.html',
      'skipped.csv',
      'summary.json',
    ]);
    expect(crew.runs(), 'runs with rows').toEqual([crew.run]);
    expectNone('processes', processesOf(world.dataDir));
    expectNone('sockets and locks', socketsAndLocks(world.dataDir));
    return { injected, rows: rows.length };
  } finally {
    await crew.abandon();
    reports.close();
    await api.close();
    await redis?.close();
  }

  /** Every incident in its turn, as long as there is anything to disturb. What meets triggers does so by itself. */
  async function happen(whom: 'triggers' | 'others'): Promise<void> {
    const begun = performance.now();
    const requests = () => world.sandbox.state.counters.requests;
    for (const incident of plan.incidents) {
      const ofTrigger = incident.name.startsWith('trigger');
      if (ofTrigger !== (whom === 'triggers')) continue;
      if (ofTrigger) await sleep(Math.max(0, begun + incident.ms - performance.now()));
      else await until(() => crew.isOver || requests() >= incident.at * plan.rows);
      if (crew.isOver) return;
      await cause(scene, incident);
      note(incident);
    }
  }

  function note({ name }: Incident): void {
    injected[name] = (injected[name] ?? 0) + 1;
  }
}

/** Names them all: what a matcher shows of them is cut. */
function expectNone(what: string, left: readonly string[]): void {
  if (left.length > 0) throw new Error(`${what} left: ${left.join(', ')}`);
}

function faultsOf(world: World): Record<string, number> {
  const { faults } = world.sandbox.state.counters;
  return Object.fromEntries(Object.entries(faults).map(([fault, times]) => [`API: ${fault}`, times]));
}

/** What Redis counted, as far as the last runner tells: the same as what is in the report. */
function expectCounters({ runner }: Crew, { summary }: Report): void {
  const events = runner.stdout.split('\n').filter((line) => line.startsWith('{"event":"progress"'));
  if (!runner.stdout.includes('"event":"result"')) return;
  const { created, updated, skipped, failed } = JSON.parse(events.at(-1)!) as Report['summary'];
  expect({ created, updated, skipped, failed }, 'counters in Redis').toEqual({
    created: summary.created,
    updated: summary.updated,
    skipped: summary.skipped,
    failed: summary.failed,
  });
}
