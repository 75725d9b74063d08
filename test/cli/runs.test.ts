import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { runDir } from '../../src/run.js';
import { World } from '../helpers/world.js';

const id = (n: number) => `20260101-${String(n).padStart(6, '0')}-0a1b2c`;

/** Runs that ended long ago, written by hand; the `damaged` has no readable status. */
function writeRuns(dataDir: string, runs: number, damaged: number): void {
  for (let n = 1; n <= runs; n++) {
    const dir = runDir(dataDir, id(n));
    mkdirSync(dir, { recursive: true });
    const plan = {
      run: id(n),
      createdAt: new Date(n).toISOString(),
      destination: 'sendmator',
      account: 'sendmator-0',
      source: { name: `${n}.csv`, lines: 3 },
      reportDir: join(dataDir, 'reports'),
    };
    writeFileSync(join(dir, 'plan.json'), JSON.stringify(plan));
    const status = JSON.stringify({ state: 'finished', epoch: 1, cursor: 0 });
    writeFileSync(join(dir, 'status.json'), n === damaged ? '{' : status);
  }
}

const newest = (count: number, from = 250) => Array.from({ length: count }, (_, i) => id(from - i));

test('runs list shows the newest, and says when there are more; no more runs are read than are shown', async () => {
  const world = await World.open();
  writeRuns(world.dataDir, 250, 249);
  const usual = [id(250), ...newest(19, 248)];
  const list = async (...args: string[]) => {
    const { code, stdout, stderr } = await world.start('runs', 'list', ...args).finished;
    expect(code, stderr).toBe(0);
    const runs = args.includes('--json')
      ? stdout
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { run: string }).run)
      : stdout.match(/^\d{8}-\d{6}-\w{6}/gm);
    return { runs, more: stderr.includes('There are older runs, too') };
  };
  const [some, two, all] = await Promise.all([
    list(),
    list('--json', '--limit', '2'),
    list('--all', '--json'),
  ]);
  expect(some).toEqual({ runs: usual, more: true });
  expect(two).toEqual({ runs: [id(250), id(248)], more: true });
  expect(all).toEqual({ runs: [id(250), ...newest(248, 248)], more: false });

  const both = await world.start('runs', 'list', '--all', '--limit', '2').finished;
  expect(both).toMatchObject({ code: 2, stdout: '' });
  expect(both.stderr).toMatch(/--all and --limit/);

  const rowferry = await world.library();
  const status = vi.spyOn(rowferry, 'status');
  expect((await rowferry.list({ limit: 20 })).map(({ run }) => run)).toEqual(usual);
  expect(status).toHaveBeenCalledTimes(21); // the damaged one, too
  expect(await rowferry.list()).toHaveLength(249);
});
