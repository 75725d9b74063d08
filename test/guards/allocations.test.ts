/**
 * Bytes that a row allocates on its way, whatever the machine: about 2 900 to read, map and validate it, 1 770 for its
 * request, answer and outcome. What is gone at once costs the collector, too. Sampled, hence the slack.
 */
import { expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { openIngest } from '../../src/ingest/ingest.js';
import { encodeOutcome } from '../../src/outcome.js';
import { takeSnapshot } from '../../src/run.js';
import { people, writeCsv } from '../helpers/csv.js';
import { scratchFile } from '../helpers/scratch.js';
import { allocatedBy } from './allocations.js';

const ROWS = 10_000;
const OPTIONS = { baseUrl: 'http://127.0.0.1', apiKey: 'sk_test_guard' };

/** Of some goes the least, after some that let V8 compile what it will. */
async function bytesPerRow(work: () => Promise<void>): Promise<number> {
  for (let go = 0; go < 3; go++) await work();
  const goes: number[] = [];
  while (goes.length < 3) goes.push((await allocatedBy(work)) / ROWS);
  return Math.min(...goes);
}

test('reading, mapping and validating a row', async () => {
  const source = await takeSnapshot(writeCsv(scratchFile(''), people(ROWS)));
  const plan = { source, dialect: PLAIN, mapping: {}, createdAt: '2026-01-31T00:00:00Z' };
  const bytes = await bytesPerRow(async () => {
    const opened = await openIngest(plan, { destination: sendmator, options: OPTIONS });
    let rows = 0;
    for await (const group of opened.rows) rows += group.length;
    expect(rows).toBe(ROWS);
  });
  expect(bytes).toBeLessThan(3_300);
});

test('request, answer and outcome of a row', async () => {
  const contact = {
    email: 'ada@example.com',
    first_name: 'Ada',
    tags: ['vip'],
    custom_fields: { plan: 'pro' },
  };
  const held = { ...contact, id: '0b8e2c54-7d1f-4c7e-9a43-000000000001', created_at: '2026-01-31T00:00:00Z' };
  const headers = { 'content-type': 'application/json' };
  const answer = { status: 201, headers, body: JSON.stringify(held) };
  const bytes = await bytesPerRow(async () => {
    for (let row = 1; row <= ROWS; row++) {
      sendmator.create({ ...contact, external_id: `P-${row}` }, OPTIONS);
      const verdict = sendmator.interpret(answer, contact);
      if (verdict.kind !== 'created') throw new Error(verdict.kind);
      const { contactId = '' } = verdict;
      encodeOutcome({ row, status: 'created', contactId, httpStatus: 201, attempts: 1 });
    }
  });
  expect(bytes).toBeLessThan(1_900);
});
