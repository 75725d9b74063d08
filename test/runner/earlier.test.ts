import { expect, test } from 'vitest';
import { createRun, type RunPlan } from '../../src/run.js';
import { findEarlierRun } from '../../src/runner/earlier.js';
import { scratchDir, scratchFile } from '../helpers/scratch.js';

const [RUN, OTHER] = ['20260131-235959-1a2b3c', '20260131-235959-4d5e6f'];
const HEADER = 'email,rowferry_row,rowferry_reason,rowferry_message,rowferry_run';

test.each([
  ['as it was written', `${HEADER}\na@example.com,1,invalid,,${RUN}\nb@example.com,2,invalid,,${RUN}\n`],
  [
    'as a spreadsheet writes it',
    `\uFEFF${HEADER.replaceAll(',', ';')}\r\na@example.com;1;;;${RUN}\r\nb@example.com;;;;\r\n`,
  ],
])('a report of ours, %s, tells its run', async (_, text) => {
  const dataDir = scratchDir();
  const path = scratchFile(text, 'mended.csv');
  expect(await findEarlierRun(dataDir, path)).toEqual({ run: RUN });
  const plan = { run: RUN, destination: 'crm' } as RunPlan;
  await createRun(dataDir, plan);
  expect(await findEarlierRun(dataDir, path)).toEqual({ run: RUN, plan });
});

test.each([
  ['any other file', 'email,run\na@example.com,1\n'],
  [
    'rows of several runs',
    `${HEADER}\na@example.com,1,,,${RUN}\n${'b@example.com,,,,\n'.repeat(9_000)}c@example.com,1,,,${OTHER}\n`,
  ],
  ['what is no run', `${HEADER}\na@example.com,1,,,../../etc\n`],
  ['a header alone', `${HEADER}\n`],
  ['nothing', ''],
  ['no text', Buffer.from([0xff, 0x00, 0x22])],
])('%s tells none', async (_, text) => {
  expect(await findEarlierRun(scratchDir(), scratchFile(text))).toBe(undefined);
});

test('a file that is not there tells none', async () => {
  expect(await findEarlierRun(scratchDir(), '/nowhere.csv')).toBe(undefined);
});
