import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PLAIN } from '../src/dialect.js';
import { EXIT } from '../src/errors.js';
import {
  checkSnapshot,
  createRun,
  createRuns,
  isRunId,
  listRuns,
  loadPlan,
  loadStatus,
  newRunId,
  type RunPlan,
  runDir,
  runsBeside,
  saveStatus,
  tableRunId,
  takeSnapshot,
} from '../src/run.js';
import { scratchDir, scratchFile } from './helpers/scratch.js';

describe('takeSnapshot', () => {
  test('tells size, hash and line ends', async () => {
    const path = scratchFile('email\na@example.com\n');
    expect(await takeSnapshot(path, 'shown.csv')).toEqual({
      path,
      name: 'shown.csv',
      sha256: '04476e00c6b804315c8d8c5b1a61ef8f16cb586a73b03cbcc1139fe0b1f2893a',
      bytes: 20,
      lines: 2,
    });
  });

  test.each([
    ['SOURCE_MISSING', (dir: string) => join(dir, 'nothing.csv'), 'There is no file '],
    ['SOURCE_MISSING', () => join(scratchFile('x'), 'below.csv'), 'There is no file '],
    ['SOURCE_IS_DIRECTORY', (dir: string) => dir, ' is a directory; name a CSV file.'],
    ['SOURCE_EMPTY', () => scratchFile(''), ' is empty (0 bytes).'],
    ['SOURCE_NOT_A_FILE', () => '/dev/null', '/dev/null is not a regular file.'],
  ])('%s', async (code, path, sentence) => {
    await expect(takeSnapshot(path(scratchDir()))).rejects.toMatchObject({
      code,
      exitCode: EXIT.usage,
      message: expect.stringContaining(sentence) as string,
    });
  });

  test('knows UTF-8 wherever its characters are cut, and what is none', async () => {
    for (let shift = 0; shift < 4; shift++) {
      const text = `${'x'.repeat(shift)}${'ä€😀'.repeat(90_000)}\n`;
      expect(await takeSnapshot(scratchFile(text))).not.toHaveProperty('text');
    }
    for (const bytes of [Buffer.from('Müller\n', 'latin1'), Buffer.from([...Buffer.from('email\n'), 0xc3])]) {
      expect(await takeSnapshot(scratchFile(bytes))).toMatchObject({ text: 'other' });
    }
  });

  test.each(['\uFFFD', '\0'])('notes %j, which nothing can be read from', async (sign) => {
    for (const before of [0, 262_143]) {
      const path = scratchFile(`${'x'.repeat(before)}${sign}\n`);
      expect(await takeSnapshot(path)).toMatchObject({ text: 'marked' });
    }
  });
});

describe('checkSnapshot', () => {
  test('knows the file that the plan was made for', async () => {
    const path = scratchFile('email\na@example.com\n');
    const source = await takeSnapshot(path);
    await expect(checkSnapshot(source)).resolves.toBeUndefined();
    writeFileSync(path, 'email\nb@example.com\n');
    await expect(checkSnapshot(source)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      exitCode: EXIT.halted,
    });
    rmSync(path);
    await expect(checkSnapshot(source)).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      exitCode: EXIT.halted,
    });
  });

  test('refuses a file that has grown', async () => {
    const path = scratchFile('email\na@example.com\n');
    const source = await takeSnapshot(path);
    appendFileSync(path, 'b@example.com\n');
    await expect(checkSnapshot(source)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });
});

describe('runs on disk', () => {
  test('have ids that sort by time', () => {
    const ids = [0, 1_000, Date.UTC(2026, 0, 31, 23, 59, 59)].map((nowMs) => newRunId(nowMs));
    expect([...ids].sort()).toEqual(ids);
    expect(ids[2]).toMatch(/^20260131-235959-[0-9a-f]{6}$/);
    for (const id of ids) expect(isRunId(id)).toBe(true);
    for (const text of [
      '',
      '..',
      'x',
      `${ids[0]}/..`,
      ids[0]!.toUpperCase().replace(/-......$/, '-ABCDEF'),
    ]) {
      expect(isRunId(text)).toBe(false);
    }
  });

  test('of one occasion are one run, and stay as they were first written', async () => {
    const [first, again, other] = ['nightly', 'nightly', 'hourly'].map((name) => newRunId(0, name));
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(isRunId(first!)).toBe(true);
    const dataDir = scratchDir();
    await createRun(dataDir, { run: first!, destination: 'a' } as RunPlan);
    await saveStatus(dataDir, first!, { state: 'running', epoch: 1, cursor: 5 });
    await createRun(dataDir, { run: first!, destination: 'b' } as RunPlan);
    expect(loadPlan(dataDir, first!).destination).toBe('a');
    expect(loadStatus(dataDir, first!).cursor).toBe(5);
  });

  test('of one archive are there when the first is, which names the others', async () => {
    const dataDir = scratchDir();
    const first = newRunId(0);
    const [second, third] = ['b.csv', 'c.csv'].map((table) => tableRunId(first, table)) as [string, string];
    expect([second, third].every(isRunId)).toBe(true);
    expect(tableRunId(first, 'b.csv')).toBe(second);
    const plans = [{ run: first, tables: [second, third] }, { run: second }, { run: third }] as RunPlan[];
    mkdirSync(join(dataDir, 'runs'));
    writeFileSync(join(dataDir, 'runs', second), 'no directory'); // the second cannot be written
    await expect(createRuns(dataDir, plans)).rejects.toThrow();
    expect(listRuns(dataDir)).toEqual([third]);
    rmSync(join(dataDir, 'runs', second));
    await createRuns(dataDir, plans);
    expect(runsBeside(dataDir, first)).toEqual([first, second, third]);
    expect(runsBeside(dataDir, third)).toEqual([third]);
  });

  test('are written once, however many make them at the same moment, and whoever wakes late in between', async () => {
    const dataDir = scratchDir();
    const run = newRunId(0);
    const plans = Array.from({ length: 8 }, (_, i) => ({ run, destination: `d${i}` }) as RunPlan);
    await Promise.all(plans.map((plan) => createRun(dataDir, plan)));
    const { destination } = loadPlan(dataDir, run);
    // One that had looked before there was a plan, and writes now.
    await saveStatus(dataDir, run, { state: 'finished', epoch: 1, cursor: 5 });
    const path = join(runDir(dataDir, run), 'plan.json');
    renameSync(path, `${path}.aside`);
    const late = createRun(dataDir, { run, destination: 'late' } as RunPlan);
    renameSync(`${path}.aside`, path);
    await late;
    expect(loadPlan(dataDir, run).destination).toBe(destination);
    expect(loadStatus(dataDir, run).state).toBe('finished');
    expect(readdirSync(runDir(dataDir, run)).sort()).toEqual(['plan.json', 'status.json']);
  });

  test('are read as they were written, newest first', async () => {
    const dataDir = scratchDir();
    expect(listRuns(dataDir)).toEqual([]);
    const plans = await Promise.all(
      [0, 60_000].map(async (nowMs): Promise<RunPlan> => {
        return {
          run: newRunId(nowMs),
          version: '0',
          createdAt: new Date(nowMs).toISOString(),
          trigger: 'script',
          destination: 'sendmator',
          account: 'sendmator-0',
          source: await takeSnapshot(scratchFile('email\n')),
          dialect: PLAIN,
          mapping: { map: { Mail: 'email' } },
          rate: null,
          batchRows: 500,
          attempts: 5,
          onDuplicate: 'skip',
          bulk: false,
          reportDir: 'reports',
        };
      }),
    );
    for (const plan of plans) await createRun(dataDir, plan);
    mkdirSync(runDir(dataDir, newRunId(90_000)));
    expect(listRuns(dataDir)).toEqual(plans.map(({ run }) => run).reverse());
    expect(loadPlan(dataDir, plans[0]!.run)).toEqual(plans[0]);
    expect(loadStatus(dataDir, plans[0]!.run)).toEqual({ state: 'queued', epoch: 0, cursor: 0 });
    await saveStatus(dataDir, plans[0]!.run, { state: 'running', epoch: 2, cursor: 7 });
    expect(loadStatus(dataDir, plans[0]!.run)).toEqual({ state: 'running', epoch: 2, cursor: 7 });
  });

  test.each([
    ['nonsense', 'RUN_ID_MALFORMED'],
    ['../../etc', 'RUN_ID_MALFORMED'],
    ['20260131-235959-1a2b3c', 'RUN_UNKNOWN'],
  ])('%s: %s', (run, code) => {
    let error: unknown;
    try {
      loadPlan(scratchDir(), run);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code, exitCode: EXIT.usage });
  });
});
