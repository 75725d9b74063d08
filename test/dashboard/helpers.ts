/** The HTTP interface in this process, on a world of its own. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type DashboardOptions, startDashboard } from '../../src/dashboard/server.js';
import { type Environment, openRowferry, type Rowferry } from '../../src/index.js';
import { World } from '../helpers/world.js';

export interface Served {
  world: World;
  rowferry: Rowferry;
  url: string;
  /** Runs, and whatever else lies beside them. */
  left(): string[];
  /** The service works from now on, until the test ends. */
  serve(): void;
  /** All of it ends; a test that does not ask for it has it at its end. */
  end(): Promise<void>;
}

/** Checks have a process of their own, which has to read what is no JavaScript yet. */
process.env.NODE_OPTIONS = '--import tsx';

/** `config`: the text of a configuration file. */
export async function serveWorld(
  env: Environment = {},
  { config, ...options }: DashboardOptions & { config?: string; world?: World } = {},
): Promise<Served> {
  const world = options.world ?? (await World.open());
  const path = join(world.dir, 'rowferry.yaml');
  if (config !== undefined) writeFileSync(path, config);
  const all = { ...world.env, ROWFERRY_DASHBOARD_PORT: '0', ...env };
  const rowferry = await openRowferry({
    dataDir: world.dataDir,
    env: all,
    config: config === undefined ? false : path,
    logLevel: 'silent',
  });
  const dashboard = await startDashboard(rowferry, options);
  const ending = new AbortController();
  let serving: Promise<void> = Promise.resolve();
  let ended: Promise<void> | undefined;
  const end = () => {
    ended ??= (async () => {
      ending.abort();
      await serving;
      await dashboard.close();
      await rowferry.close();
    })();
    return ended;
  };
  onTestFinished(end);
  return {
    world,
    rowferry,
    url: dashboard.url!,
    left() {
      const runs = join(world.dataDir, 'runs');
      return existsSync(runs) ? readdirSync(runs) : [];
    },
    serve() {
      serving = rowferry.serve(ending.signal);
    },
    end,
  };
}

export interface Said {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several shapes
  body: any;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Said> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

export const post = (url: string, body: string | Buffer = '', headers: Record<string, string> = {}) =>
  ask(url, { method: 'POST', body: body as string, headers });
