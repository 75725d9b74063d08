import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Batcher, batchRows, roughBytes } from '../../src/ingest/batch.js';

describe('batchRows', () => {
  test.each([
    [null, 500],
    [{ requests: 200, perMs: 1_000 }, 200],
    [{ requests: 10, perMs: 1_000 }, 10],
    [{ requests: 10_000, perMs: 3_600_000 }, 10],
    [{ requests: 100, perMs: 3_600_000 }, 1],
    [{ requests: 100, perMs: 60_000 }, 8],
    [{ requests: 1_000_000, perMs: 1_000 }, 500],
    [{ requests: 0.01, perMs: 3_600_000 }, 1],
  ])('of %o is %i: one second, five of few rows, 1 to 500', (rate, rows) => {
    expect(batchRows(rate)).toBe(rows);
  });
});

describe('Batcher', () => {
  const contact = { email: 'a@example.com' };

  test('gives a batch when its rows are full', () => {
    const batcher = new Batcher({ rows: 2, bytes: 1_000 });
    expect(batcher.push(1, contact)).toBeUndefined();
    const rows = [
      [1, contact],
      [5, contact],
    ];
    expect(batcher.push(5, contact)).toEqual({ rows, bytes: 2 * roughBytes(contact) });
    expect(batcher.take()).toEqual({ rows: [], bytes: 0 });
  });

  test('gives a batch when its bytes are full', () => {
    const batcher = new Batcher({ rows: 500, bytes: 100 });
    expect(batcher.push(1, contact)).toBeUndefined();
    expect(batcher.push(2, { email: 'x'.repeat(100) })?.rows).toHaveLength(2);
    expect(batcher.push(3, contact)).toBeUndefined();
  });

  test('loses and repeats no row, in order, whatever the limits', () => {
    const rows = fc.array(fc.string({ maxLength: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 300 }),
        (texts, most, bytes) => {
          const batcher = new Batcher({ rows: most, bytes });
          const batches = texts.map((text, i) => batcher.push(i + 1, { text })?.rows ?? []);
          batches.push(batcher.take().rows);
          expect(batches.flat().map(([row]) => row)).toEqual(texts.map((_, i) => i + 1));
          for (const batch of batches) {
            expect(batch.length).toBeLessThanOrEqual(most);
            const before = batch.slice(0, -1).reduce((sum, [, held]) => sum + roughBytes(held), 0);
            expect(before).toBeLessThan(bytes);
          }
        },
      ),
    );
  });
});

test('roughBytes is near the JSON of a contact', () => {
  const contact = {
    email: 'ann@example.com',
    tags: ['a', 'b'],
    is_active: true,
    custom_fields: { plan: 'pro', seats: 5, none: null },
  };
  const { length } = JSON.stringify(contact);
  expect(roughBytes(contact)).toBeGreaterThan(length * 0.7);
  expect(roughBytes(contact)).toBeLessThan(length * 1.3);
});
