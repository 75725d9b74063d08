/** A world for a whole-system test: data dir, sandbox, the built command line as real processes; ended without a trace. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import { type Environment, openRowferry, type Rowferry, type Summary } from '../../src/index.js';
import { identify } from '../../src/process.js';
import { provisionServer } from '../../src/redis/provision.js';
import type { LedgerLine } from '../../src/sandbox/ledger.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/server.js';
import { type Row, writeCsv } from './csv.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export type Kind = 'sendmator' | 'autosend' | 'cendyn' | 'clemta';

export interface WorldOptions {
  sandbox?: SandboxOptions;
  /** Whose credentials the environment holds; several of them make `--to` necessary. Default: Sendmator's. */
  kinds?: readonly Kind[];
  /** A Redis of its own, to be killed, instead of the shared one. */
  ownRedis?: boolean;
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A process of the command line, leader of its own group. */
export class Process {
  stdout = '';
  stderr = '';
  readonly finished: Promise<Finished>;
  private readonly watchers: (() => void)[] = [];

  constructor(readonly child: ChildProcess) {
    for (const name of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[name]! }).on('line', (line) => {
        this[name] += `${line}\n`;
        for (const watcher of this.watchers) watcher();
      });
    }
    this.finished = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves when stdout and stderr together match, rejects if the process ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const found = () => pattern.exec(this.stdout + this.stderr);
    const heard = new Promise<void>((resolve) => {
      const watch = () => {
        if (found()) resolve();
      };
      this.watchers.push(watch);
      watch();
    });
    await Promise.race([heard, this.finished]);
    const match = found();
    if (match) return match;
    throw new Error(`ended without saying ${pattern}:\n${this.stdout}${this.stderr}`);
  }

  /** The parsed `result` line of `--json`. */
  async result(): Promise<Summary> {
    const { stdout, stderr, code } = await this.finished;
    const lines = stdout.trim().split('\n');
    const last = lines.at(-1) ?? '';
    if (!last.includes('"event":"result"')) throw new Error(`no result (exit ${code}):\n${stdout}${stderr}`);
    return JSON.parse(last) as Summary;
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal);
  }

  /** Kills the whole process group, as a lost terminal or an OOM killer would. */
  killGroup(): void {
    process.kill(-this.child.pid!, 'SIGKILL');
  }
}

/** Credentials the sandbox accepts, under the names rowferry knows them by. */
function credentials(kind: Kind, name: string): Environment {
  switch (kind) {
    case 'sendmator':
      return { SENDMATOR_API_KEY: `sk_test_${name}` };
    case 'autosend':
      return { AUTOSEND_API_KEY: `as_test_${name}` };
    case 'cendyn':
      return { CENDYN_ACCOUNT_ID: `account-${name}`, CENDYN_ACCOUNT_SECRET: `secret-${name}` };
    case 'clemta':
      return { CLEMTA_API_KEY: `key-${name}`, CLEMTA_COMPANY_ID: `company-${name}` };
  }
}

export class World {
  private readonly processes: Process[] = [];

  private constructor(
    /** The first of `WorldOptions.kinds`. */
    readonly kind: Kind,
    readonly dir: string,
    readonly dataDir: string,
    readonly env: Environment,
    readonly sandbox: Sandbox,
    private readonly ownRedis: boolean,
  ) {}

  static async open(options: WorldOptions = {}): Promise<World> {
    const dir = await mkdtemp(join(tmpdir(), 'rf-world-'));
    const sandbox = await startSandbox(options.sandbox);
    const { PATH, HOME, XDG_CACHE_HOME } = process.env;
    const kinds = options.kinds ?? ['sendmator'];
    const env: Environment = {
      PATH,
      HOME,
      XDG_CACHE_HOME,
      SENDMATOR_BASE_URL: sandbox.url,
      AUTOSEND_BASE_URL: sandbox.url,
      CENDYN_BASE_URL: sandbox.url,
      CLEMTA_BASE_URL: sandbox.url,
      ...Object.assign({}, ...kinds.map((kind) => credentials(kind, basename(dir)))),
      ROWFERRY_PREFIX: basename(dir),
      ...(options.ownRedis
        ? { ROWFERRY_REDIS_BIN: await provisionServer() }
        : { REDIS_URL: `unix://${inject('redisSocket')}` }),
    };
    const [kind = 'sendmator'] = kinds;
    const world = new World(kind, dir, join(dir, 'data'), env, sandbox, options.ownRedis ?? false);
    onTestFinished(() => world.close());
    return world;
  }

  csv(rows: readonly Row[], name = 'people.csv'): string {
    return writeCsv(join(this.dir, name), rows);
  }

  /** Starts the command line with this world's environment, in a process group of its own. */
  start(...args: string[]): Process {
    return this.startWith({}, ...args);
  }

  startWith(env: Environment, ...args: string[]): Process {
    return this.startProgram(MAIN, ['--data-dir', this.dataDir, ...args], env);
  }

  /** Starts the command line with nothing but the environment saying where the data dir is. */
  startCommand(env: Environment, command: string): Process {
    return this.startProgram(MAIN, command.split(' '), env);
  }

  /** Starts one of `workers/`. */
  startWorker(env: Environment, name: string): Process {
    const program = join(dirname(MAIN), '..', '..', 'workers', `${name}.js`);
    return this.startProgram(program, [], { ROWFERRY_DATA_DIR: this.dataDir, ...env });
  }

  private startProgram(program: string, args: readonly string[], env: Environment): Process {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: this.dir,
      env: { ...this.env, ...env } as NodeJS.ProcessEnv,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const started = new Process(child);
    this.processes.push(started);
    return started;
  }

  /** The library on this world, closed with it. */
  async library(): Promise<Rowferry> {
    const rowferry = await openRowferry({ dataDir: this.dataDir, env: this.env });
    onTestFinished(() => rowferry.close());
    return rowferry;
  }

  ledger(): LedgerLine[] {
    return [...this.sandbox.state.ledger()];
  }

  /** Puts contacts into the API as somebody did yesterday: each as it is sent there, Clemta's company left out. */
  async seed(contacts: readonly object[], kind: Kind = this.kind): Promise<void> {
    const { SENDMATOR_API_KEY, AUTOSEND_API_KEY, CENDYN_ACCOUNT_SECRET, CLEMTA_API_KEY } = this.env;
    const key = {
      sendmator: SENDMATOR_API_KEY,
      autosend: AUTOSEND_API_KEY,
      cendyn: CENDYN_ACCOUNT_SECRET,
      clemta: CLEMTA_API_KEY,
    }[kind];
    const company = kind === 'clemta' && { company_id: this.env.CLEMTA_COMPANY_ID };
    const body = contacts.map((contact) => JSON.stringify({ ...company, ...contact, key })).join('\n');
    const answer = await fetch(`${this.sandbox.url}/_sandbox/seed?api=${kind}`, { method: 'POST', body });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Resolves when the API holds at least `count` contacts. */
  async holds(count: number): Promise<void> {
    await until(() => this.sandbox.state.stored >= count);
  }

  /** The pid of this world's own Redis. */
  async redisPid(): Promise<number> {
    return (await this.redisNote()).who.pid;
  }

  /** The socket of this world's own Redis. */
  async redisSocket(): Promise<string> {
    return (await this.redisNote()).socket;
  }

  private async redisNote(): Promise<{ who: { pid: number }; socket: string }> {
    const note = await readFile(join(this.dataDir, 'redis', 'server.json'), 'utf8');
    return JSON.parse(note) as { who: { pid: number }; socket: string };
  }

  private async close(): Promise<void> {
    const left = this.processes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    for (const { child } of left) child.kill('SIGKILL');
    await Promise.all(this.processes.map(({ finished }) => finished));
    await this.sandbox.close();
    if (this.ownRedis) {
      const pid = await this.redisPid().catch(() => undefined);
      if (pid !== undefined && identify(pid)) process.kill(pid, 'SIGKILL');
    } else await this.forgetKeys();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0) {
      const commands = left.map(({ child }) => child.spawnargs.slice(4).join(' '));
      throw new Error(`still running at the end of the test: ${commands.join('; ')}`);
    }
  }

  /** A test that was stopped half way leaves its run in Redis; one that came to its end has left nothing but a tombstone. */
  private async forgetKeys(): Promise<void> {
    const redis = new Redis(inject('redisSocket'), { maxRetriesPerRequest: 1 });
    const keys = await redis.keys(`*${basename(this.dir)}*`);
    if (keys.length > 0) await redis.del(keys);
    await redis.quit();
  }
}

/** Waits for what nobody announces; the test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}
