import { expect, test } from 'vitest';
import { batchRows } from '../../src/ingest/batch.js';
import { windowLimits } from '../../src/runner/window.js';

test.each([
  ['none', null, 8_000],
  ['2 000/s', { requests: 2_000, perMs: 1_000 }, 8_000],
  ['200/s', { requests: 200, perMs: 1_000 }, 1_000],
  ['10 000/h', { requests: 10_000, perMs: 3_600_000 }, 30],
  ['1/s', { requests: 1, perMs: 1_000 }, 30],
])(
  'at %s, whoever runs another file waits for no more than five seconds of rows, or few',
  (_, rate, rows) => {
    expect(windowLimits(rate, batchRows(rate)).rows).toBe(rows);
  },
);
