import { expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { takeSnapshot } from '../../src/run.js';
import { type Passing, pass } from '../../src/runner/pass.js';
import { Window } from '../../src/runner/window.js';
import { people, writeCsv } from '../helpers/csv.js';
import { scratchFile } from '../helpers/scratch.js';

const BATCH_ROWS = 250;
const WINDOW_ROWS = 1_000;
/** A batch and more than the smallest piece of a file has rows, less than the file. */
const FEW_ROWS = 700;

test('rows are read when there is room for them, and few at a time', async () => {
  const source = await takeSnapshot(writeCsv(scratchFile(''), people(5_000)));
  const window = new Window({ rows: WINDOW_ROWS, bytes: 1_000_000 });
  const over = new AbortController();
  const full = new Promise<void>((resolve) => {
    const room = window.room.bind(window);
    window.room = (signal) => {
      if (window.size >= WINDOW_ROWS) resolve();
      return room(signal);
    };
  });
  const batches: number[] = [];
  const session = {
    plan: {
      run: 'run',
      source,
      dialect: PLAIN,
      mapping: {},
      createdAt: '2026-01-31T00:00:00Z',
      batchRows: BATCH_ROWS,
    },
    account: { destination: sendmator, options: { baseUrl: 'http://127.0.0.1', apiKey: 'sk_test_pass' } },
    ...{ epoch: '1', signal: over.signal, window, reach: async () => {} },
    queue: {
      async add(added: readonly { batch: { rows: readonly unknown[] } }[]) {
        batches.push(...added.map(({ batch }) => batch.rows.length));
      },
    },
  } as unknown as Passing;
  let taken = 0;
  const asked: number[] = [];
  const passing = pass(session, {
    label: '',
    wait: true,
    take: () => ++taken > 0,
    prepare: async (first, last) => void asked.push(last - first + 1),
  });
  await full;
  expect(batches).toEqual(Array.from({ length: WINDOW_ROWS / BATCH_ROWS }, () => BATCH_ROWS));
  expect(taken).toBeLessThan(WINDOW_ROWS + FEW_ROWS);
  expect(Math.min(...asked)).toBeGreaterThanOrEqual(BATCH_ROWS);
  over.abort();
  await passing;
});
