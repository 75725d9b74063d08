/** The processes of one seed: begins its run, starts again whoever ends before the run has, ends them all. */
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunThere, listRuns, loadPlan, loadStatus, type RunStatus } from '../../src/run.js';
import { type Row, writeCsv } from '../helpers/csv.js';
import { type Process, until, type World } from '../helpers/world.js';
import type { ChaosPlan } from './plan.js';
import type { ReportDir } from './report-dir.js';

/** A run that needs its runner started more often than this does not end. */
const MOST_STARTS = 40;
/** About half a minute. */
const TIDY_LOOKS = 1_000;

export function hasEnded({ child }: Process): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export class Crew {
  /** '' until there is one. */
  run = '';
  runner!: Process;
  workers: Process[] = [];
  /** Of a watched folder or a schedule. */
  trigger: Process | undefined;
  /** Tells a service to go on with a run that failed or halted. */
  private resumer: Process | undefined;
  private starts = 0;
  /** Set while an incident needs nobody to be started. */
  private held: Promise<void> | undefined;
  private over = false;
  private supervision: Promise<void> = Promise.resolve();

  constructor(
    private readonly plan: ChaosPlan,
    private readonly world: World,
    private readonly reports: ReportDir,
  ) {}

  /** Starts everybody. A trigger has what makes the run from then on. */
  async begin(rows: readonly Row[]): Promise<void> {
    const { plan, world } = this;
    for (let i = 0; i < plan.workers; i++) this.workers.push(world.start('worker'));
    if (plan.via === 'folder' || plan.via === 'schedule') this.beginByTrigger(rows);
    else await this.beginByHand(world.csv(rows));
    this.supervision = this.supervise();
    this.supervision.catch(() => {
      this.over = true;
    });
  }

  private async beginByHand(csv: string): Promise<void> {
    const { rate, update, bulk, via } = this.plan;
    const flags = ['--rate', rate, '--attempts', '5', '--json', '--report-dir', this.reports.path];
    if (update) flags.push('--on-duplicate', 'update');
    if (bulk) flags.push('--bulk');
    if (via === 'run') {
      this.runner = this.world.start('run', csv, ...flags);
      this.run = (await this.runner.says(/"run":"([^"]+)"/))[1]!;
    } else {
      this.runner = this.world.start('start');
      const enqueue = this.world.start('enqueue', csv, ...flags);
      this.run = (await enqueue.says(/"run":"([^"]+)"/))[1]!;
      await enqueue.finished;
    }
  }

  private beginByTrigger(rows: readonly Row[]): void {
    const { world, reports, plan } = this;
    const { rate, update, bulk, via } = plan;
    const more = `${update ? ', on_duplicate: update' : ''}${bulk ? ', bulk: true' : ''}`;
    const config = [
      `defaults: { rate: ${rate}, attempts: 5, report_dir: ${reports.path}${more} }`,
      `folder: { path: ${this.folder}, settle: 300ms, poll: 100ms }`,
    ];
    if (via === 'schedule') {
      world.csv(rows);
      config.push(`syncs:\n  often: { source: people.csv, schedule: { cron: '*/2 * * * * *' } }`);
    }
    writeFileSync(join(world.dir, 'rowferry.yaml'), config.join('\n'));
    this.runner = world.startWorker({}, 'runner');
    this.trigger = world.startWorker({}, 'triggers');
    if (via !== 'folder') return;
    const inbox = join(this.folder, 'inbox');
    mkdirSync(inbox, { recursive: true, mode: 0o700 });
    renameSync(writeCsv(join(world.dir, 'dropped.csv'), rows), join(inbox, 'people.csv'));
  }

  private get folder(): string {
    return join(this.world.dir, 'drop');
  }

  get all(): Process[] {
    return [this.runner, ...this.workers, this.trigger, this.resumer].filter((one) => one !== undefined);
  }

  /** Runs with rows; a schedule makes others that say that nothing has changed. */
  runs(): string[] {
    const { dataDir } = this.world;
    return listRuns(dataDir).filter((run) => loadPlan(dataDir, run).noChange === undefined);
  }

  status(): RunStatus | undefined {
    if (this.run === '') this.run = this.runs()[0] ?? '';
    const { dataDir } = this.world;
    return this.run !== '' && isRunThere(dataDir, this.run) ? loadStatus(dataDir, this.run) : undefined;
  }

  get isOver(): boolean {
    if (this.over) return true;
    if (this.status()?.state !== 'finished') return false;
    return this.plan.via !== 'folder' || this.isArchived();
  }

  private isArchived(): boolean {
    const place = (name: string) => join(this.folder, name);
    return (
      existsSync(place('archive')) &&
      readdirSync(place('archive')).some((name) => name === `${this.run}-people.csv`) &&
      readdirSync(place('processing')).length === 0
    );
  }

  /** Nobody is started until `body` is through. */
  async hold(body: () => Promise<void>): Promise<void> {
    let release = () => {};
    this.held = new Promise((done) => {
      release = done;
    });
    try {
      await body();
    } finally {
      this.held = undefined;
      release();
    }
  }

  /** Starts again whoever ended before the run has; a report that cannot be written can be from then on. */
  private async supervise(): Promise<void> {
    const { world } = this;
    while (!this.isOver) {
      await until(
        () =>
          this.isOver ||
          [this.runner, ...this.workers, this.trigger].some((one) => one && hasEnded(one)) ||
          this.waits,
      );
      await this.held;
      if (this.isOver) return;
      this.workers = this.workers.map((one) => (hasEnded(one) ? world.start('worker') : one));
      if (this.trigger && hasEnded(this.trigger)) this.trigger = world.startWorker({}, 'triggers');
      if (hasEnded(this.runner)) {
        this.countStart();
        this.reports.end();
        this.runner = this.startRunner();
      }
      if (this.waits) {
        this.countStart();
        this.reports.end();
        this.resumer = world.start('runs', 'resume', this.run, '--json');
      }
    }
  }

  /** A service leaves a run that failed or halted to a person. */
  private get waits(): boolean {
    if (this.plan.via === 'run' || (this.resumer && !hasEnded(this.resumer))) return false;
    const state = this.status()?.state;
    return state === 'halted' || state === 'failed';
  }

  private startRunner(): Process {
    const { world, run, plan } = this;
    if (plan.via === 'run') return world.start('runs', 'resume', run, '--json');
    return plan.via === 'service' ? world.start('start') : world.startWorker({}, 'runner');
  }

  private countStart(): void {
    if (++this.starts <= MOST_STARTS) return;
    const { stderr, child } = this.runner;
    throw new Error(
      `started ${MOST_STARTS} times and still not at its end (${child.exitCode}, ${this.status()?.message}):\n${stderr}`,
    );
  }

  /**
   * What a dead process held becomes free when its lock has run out; whoever is given it then finds that the run is
   * over, and drops it. So somebody is there until `clean` says yes, or some time has passed. But for the trigger: what
   * it adds last would wait for a runner that has ended.
   */
  async tidied(clean: () => Promise<boolean>): Promise<void> {
    await this.supervision;
    this.trigger?.kill('SIGTERM');
    await this.trigger?.finished;
    if (!this.workers.some((one) => !hasEnded(one))) {
      const worker = this.world.start('worker');
      await worker.says(/worker started/);
      this.workers.push(worker);
    }
    let looks = 0;
    await until(async () => (await clean()) || ++looks >= TIDY_LOOKS);
  }

  /** Tells everybody to end, and waits until they have. */
  async stop(): Promise<void> {
    this.over = true;
    await this.supervision;
    for (const one of this.all) if (!hasEnded(one)) one.kill('SIGTERM');
    await Promise.all(this.all.map((one) => one.finished));
  }

  /** After a failure: nobody may be left to the world's end. */
  async abandon(): Promise<void> {
    this.over = true;
    for (const one of this.all) {
      if (hasEnded(one)) continue;
      one.kill('SIGCONT');
      one.killGroup();
    }
    await this.supervision.catch(() => {});
  }
}
