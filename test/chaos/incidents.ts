/** What each incident does. */
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runDir } from '../../src/run.js';
import type { Process, World } from '../helpers/world.js';
import { type Crew, hasEnded } from './crew.js';
import type { Incident } from './plan.js';
import type { TcpProxy } from './proxy.js';
import { isReportTrouble, type ReportDir } from './report-dir.js';
import type { TcpRedis } from './server.js';

/** Longer than a runner's lease, a batch's lock and the lease of who watches the folder. */
const PAST_THE_LOCKS_MS = 12_500;

export interface Scene {
  world: World;
  crew: Crew;
  api: TcpProxy;
  redis: TcpRedis | undefined;
  reports: ReportDir;
  /** Read by whoever has a clock that jumps. */
  clockFile: string;
}

export async function cause(scene: Scene, { name, ms }: Incident): Promise<void> {
  const { world, crew, api, redis, reports, clockFile } = scene;
  const worker = crew.workers[0];
  const redisPid = async () => redis?.pid ?? (await world.redisPid());
  if (isReportTrouble(name)) return reports.begin(name);
  switch (name) {
    case 'runner kill -9':
      return void crew.runner.kill('SIGKILL');
    case 'runner SIGTERM':
      return void crew.runner.kill('SIGTERM');
    case 'runner SIGSTOP 2 s':
      return pause(crew.runner, 2_000);
    case 'runner SIGSTOP past its lease':
      return pause(crew.runner, PAST_THE_LOCKS_MS);
    case 'worker kill -9':
      return void worker?.kill('SIGKILL');
    case 'worker SIGTERM':
      return void worker?.kill('SIGTERM');
    case 'worker SIGSTOP past its lock':
      return pause(worker, PAST_THE_LOCKS_MS);
    case 'trigger kill -9':
      return void crew.trigger?.kill('SIGKILL');
    case 'trigger SIGTERM':
      return void crew.trigger?.kill('SIGTERM');
    case 'trigger SIGSTOP past its lease':
      return pause(crew.trigger, PAST_THE_LOCKS_MS);
    case 'everything kill -9':
      return killAll(scene, false);
    case 'journal torn while nobody works':
      return killAll(scene, true);
    case 'Redis kill -9':
      if (redis) return redis.killAndRestart();
      return void process.kill(await redisPid(), 'SIGKILL');
    case 'Redis SIGSTOP 2 s':
      return pausePid(await redisPid(), 2_000);
    case 'Redis SIGSTOP past the locks':
      return pausePid(await redisPid(), PAST_THE_LOCKS_MS);
    case 'Redis connections cut':
      return redis?.proxy.cut();
    case 'Redis black hole':
      return redis?.proxy.hole(ms);
    case 'API outage':
      world.sandbox.state.outage = true;
      await sleep(ms);
      world.sandbox.state.outage = false;
      return;
    case 'API connections cut':
      return api.cut();
    case 'API black hole':
      return api.hole(ms);
    case 'clock jumps ahead':
      return writeFileSync(clockFile, String(ms));
    case 'clock jumps back':
      return writeFileSync(clockFile, String(-ms));
  }
}

/** As a machine that loses its power; with `tear`, in the middle of a line of the journal. */
async function killAll({ crew, redis, world }: Scene, tear: boolean): Promise<void> {
  await crew.hold(async () => {
    const { all } = crew;
    for (const one of all) if (!hasEnded(one)) one.kill('SIGKILL');
    await Promise.all(all.map((one) => one.finished));
    if (redis) await redis.killAndRestart();
    else process.kill(await world.redisPid(), 'SIGKILL');
    if (!tear) return;
    const dir = runDir(world.dataDir, crew.run);
    const newest = readdirSync(dir)
      .filter((file) => file.startsWith('journal'))
      .sort()
      .at(-1);
    if (newest) appendFileSync(join(dir, newest), '[[1,0,nu');
  });
}

function pause(one: Process | undefined, ms: number): Promise<void> {
  return one && !hasEnded(one) ? pausePid(one.child.pid!, ms) : Promise.resolve();
}

async function pausePid(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ended by somebody meanwhile
  }
}
