/** Works one seed off with real processes, and checks what must hold at its end. */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RunStatus } from '../../src/run.js';
import { expectAgreement } from '../helpers/agreement.js';
import { type Process, until, World } from '../helpers/world.js';
import type { ChaosPlan, Incident } from './plan.js';
import { TcpProxy } from './proxy.js';
import { dataOf } from './rows.js';
import { TcpRedis } from './server.js';

/** Longer than a runner's lease and a batch's lock. */
const PAST_THE_LOCKS_MS = 12_500;
/** A run that needs its runner started more often than this does not end. */
const MOST_STARTS = 40;

export interface Driven {
  /** Fault → how often it was injected. */
  injected: Record<string, number>;
  rows: number;
}

export async function drive(plan: ChaosPlan): Promise<Driven> {
  const { rows, held } = dataOf(plan);
  const world = await World.open({
    kinds: [plan.kind],
    ownRedis: plan.redis === 'private',
    sandbox: { latencyMs: plan.latencyMs, faults: plan.faults, seed: plan.seed },
  });
  const api = await TcpProxy.open({ port: world.sandbox.port, host: '127.0.0.1' });
  const redis = plan.redis === 'tcp' ? await TcpRedis.open(world.dir, plan.fsync) : undefined;
  world.env[`${plan.kind.toUpperCase()}_BASE_URL`] = `http://127.0.0.1:${api.port}`;
  world.env.ROWFERRY_TIMEOUT = '2s';
  if (redis) world.env.REDIS_URL = redis.url;
  await world.seed(held);
  const chaos = new Chaos(plan, world, api, redis);
  try {
    const run = await chaos.begin(world.csv(rows));
    await chaos.happen();
    await chaos.ended();
    if (redis) await chaos.tidied(async () => (await redis.left()).length === 0);
    await chaos.stop();
    const dir = join(world.dataDir, 'reports', run);
    const known = rows.map((row) => ({ ...row, email: row.email ?? '' }));
    expectAgreement(dir, known, world.ledger());
    expect(readdirSync(dir).sort()).toEqual(['failed.csv', 'outcomes.csv', 'skipped.csv', 'summary.json']);
    if (redis) expect(await redis.left(), 'keys left in Redis').toEqual([]);
    return { injected: chaos.injected, rows: rows.length };
  } finally {
    await chaos.abandon();
    await api.close();
    await redis?.close();
  }
}

class Chaos {
  readonly injected: Record<string, number> = {};
  private run = '';
  private runner!: Process;
  private workers: Process[] = [];
  private starts = 0;
  /** Set while an incident needs nobody to be started. */
  private held: Promise<void> | undefined;
  private over = false;
  private supervision: Promise<void> = Promise.resolve();

  constructor(
    private readonly plan: ChaosPlan,
    private readonly world: World,
    private readonly api: TcpProxy,
    private readonly redis: TcpRedis | undefined,
  ) {}

  /** Starts everybody; resolves with the run's id. */
  async begin(csv: string): Promise<string> {
    const { rate, update, bulk, via, workers } = this.plan;
    const flags = ['--rate', rate, '--attempts', '5', '--json'];
    if (update) flags.push('--on-duplicate', 'update');
    if (bulk) flags.push('--bulk');
    for (let i = 0; i < workers; i++) this.workers.push(this.world.start('worker'));
    if (via === 'run') {
      this.runner = this.world.start('run', csv, ...flags);
      this.run = (await this.runner.says(/"run":"([^"]+)"/))[1]!;
    } else {
      this.runner = this.world.start('start');
      const enqueue = this.world.start('enqueue', csv, ...flags);
      this.run = (await enqueue.says(/"run":"([^"]+)"/))[1]!;
      await enqueue.finished;
    }
    this.supervision = this.supervise();
    return this.run;
  }

  /** Every incident in its turn, as long as there is anything to disturb. */
  async happen(): Promise<void> {
    for (const incident of this.plan.incidents) {
      const requests = () => this.world.sandbox.state.counters.requests;
      await until(() => this.isOver || requests() >= incident.at * this.plan.rows);
      if (this.isOver) return;
      await this.cause(incident);
      this.injected[incident.name] = (this.injected[incident.name] ?? 0) + 1;
    }
  }

  async ended(): Promise<void> {
    await until(() => this.isOver);
    for (const [fault, times] of Object.entries(this.world.sandbox.state.counters.faults)) {
      this.injected[`API: ${fault}`] = times;
    }
  }

  /**
   * What a dead process held becomes free when its lock has run out; whoever is given it then finds that the run is
   * over, and drops it. So everybody is there once more until `clean` says yes, or some time has passed.
   */
  async tidied(clean: () => Promise<boolean>): Promise<void> {
    if (await clean()) return;
    if (this.workers.length === 0) this.workers.push(this.world.start('worker'));
    for (let i = 0; i < 150 && !(await clean()); i++) await sleep(200);
  }

  /** Tells everybody to end, and waits until they have. */
  async stop(): Promise<void> {
    this.over = true;
    await this.supervision;
    const all = [this.runner, ...this.workers];
    for (const one of all)
      if (one.child.exitCode === null && one.child.signalCode === null) one.kill('SIGTERM');
    await Promise.all(all.map((one) => one.finished));
  }

  /** After a failure: nobody may be left to the world's end. */
  async abandon(): Promise<void> {
    this.over = true;
    for (const one of [this.runner, ...this.workers]) {
      if (one?.child.exitCode === null && one.child.signalCode === null) {
        one.kill('SIGCONT');
        one.killGroup();
      }
    }
    await this.supervision.catch(() => {});
  }

  private get isOver(): boolean {
    return this.over || this.status()?.state === 'finished';
  }

  private status(): RunStatus | undefined {
    const path = join(this.world.dataDir, 'runs', this.run, 'status.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RunStatus) : undefined;
  }

  /** Starts again whoever ended before the run has. */
  private async supervise(): Promise<void> {
    while (!this.isOver) {
      const ended = (one: Process) => one.child.exitCode !== null || one.child.signalCode !== null;
      await until(() => this.isOver || [this.runner, ...this.workers].some(ended));
      await this.held;
      if (this.isOver) return;
      this.workers = this.workers.map((one) => (ended(one) ? this.world.start('worker') : one));
      if (!ended(this.runner)) continue;
      this.starts += 1;
      if (this.starts > MOST_STARTS) {
        this.over = true;
        const { stderr, child } = this.runner;
        throw new Error(
          `started ${MOST_STARTS} times and still not at its end (${child.exitCode}):\n${stderr}`,
        );
      }
      const halted = this.status()?.state === 'halted' || this.status()?.state === 'failed';
      const resumes = this.plan.via === 'run' || halted;
      this.runner = resumes
        ? this.world.start('runs', 'resume', this.run, '--json')
        : this.world.start('start');
      await sleep(200); // bounds how often a runner is started while its Redis is away
    }
  }

  private async cause({ name, ms }: Incident): Promise<void> {
    const { world, api, redis } = this;
    const worker = this.workers[0];
    const redisPid = async () => redis?.pid ?? (await world.redisPid());
    switch (name) {
      case 'runner kill -9':
        return void this.runner.kill('SIGKILL');
      case 'runner SIGTERM':
        return void this.runner.kill('SIGTERM');
      case 'runner SIGSTOP 2 s':
        return pause(this.runner, 2_000);
      case 'runner SIGSTOP past its lease':
        return pause(this.runner, PAST_THE_LOCKS_MS);
      case 'worker kill -9':
        return void worker?.kill('SIGKILL');
      case 'worker SIGTERM':
        return void worker?.kill('SIGTERM');
      case 'worker SIGSTOP past its lock':
        return worker && pause(worker, PAST_THE_LOCKS_MS);
      case 'everything kill -9':
      case 'journal torn while nobody works':
        return this.killAll(name.startsWith('journal'));
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
    }
  }

  /** As a machine that loses its power; with `tear`, in the middle of a line of the journal. */
  private async killAll(tear: boolean): Promise<void> {
    let release = () => {};
    this.held = new Promise((done) => {
      release = done;
    });
    const all = [this.runner, ...this.workers];
    for (const one of all) one.kill('SIGKILL');
    await Promise.all(all.map((one) => one.finished));
    if (this.redis) await this.redis.killAndRestart();
    else process.kill(await this.world.redisPid(), 'SIGKILL');
    if (tear) {
      const dir = join(this.world.dataDir, 'runs', this.run);
      const newest = readdirSync(dir)
        .filter((file) => file.startsWith('journal'))
        .sort()
        .at(-1);
      if (newest) appendFileSync(join(dir, newest), '[[1,0,nu');
    }
    this.held = undefined;
    release();
  }
}

function pause(one: Process, ms: number): Promise<void> {
  return one.child.exitCode === null && one.child.signalCode === null
    ? pausePid(one.child.pid!, ms)
    : Promise.resolve();
}

async function pausePid(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  process.kill(pid, 'SIGCONT');
}
