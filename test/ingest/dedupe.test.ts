import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Identity } from '../../src/contact.js';
import { DiskRepeatFinder, MemoryRepeatFinder, type Repeat } from '../../src/ingest/dedupe.js';
import { scratchDir } from '../helpers/scratch.js';

type Row = [row: number, identity: Identity];

/** What the finders do, as simply as can be. */
function naive(rows: readonly Row[]): (Repeat | undefined)[] {
  const emails = new Map<string, number>();
  const ids = new Map<string, number>();
  const firstOr = (map: Map<string, number>, key: string | undefined, row: number) => {
    if (key === undefined) return 0;
    const first = map.get(key);
    if (first === undefined) map.set(key, row);
    return first ?? 0;
  };
  return rows.map(([row, { email, external_id, scope }]) => {
    const scoped = (key: string | undefined) =>
      key === undefined ? undefined : JSON.stringify([scope, key]);
    const repeat = {
      email: firstOr(emails, scoped(email), row),
      externalId: firstOr(ids, scoped(external_id), row),
    };
    return repeat.email + repeat.externalId === 0 ? undefined : repeat;
  });
}

function inMemory(rows: readonly Row[]): (Repeat | undefined)[] {
  const finder = new MemoryRepeatFinder();
  return rows.map(([row, identity]) => finder.find(row, identity));
}

async function onDisk(rows: readonly Row[], sourceBytes: number): Promise<(Repeat | undefined)[]> {
  const finder = new DiskRepeatFinder(join(scratchDir(), 'dedupe'), sourceBytes);
  try {
    for (const [row, identity] of rows) finder.note(row, identity);
    await finder.settle();
    const noted = new Set(rows.map(([row]) => row));
    for (const row of noted) {
      expect(finder.sound(row)).toBe(true);
      expect(finder.sound(row + 1)).toBe(noted.has(row + 1));
    }
    return rows.map(([row]) => finder.find(row));
  } finally {
    finder.close();
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'ä', '', ' a');
const scope = fc.constantFrom('acme', 'other');
const identity = fc.record({ email: key, external_id: key, scope }, { requiredKeys: [] });
/** Rows in rising order, with gaps where rows were invalid; some far away from the others. */
const someRows = fc
  .array(fc.tuple(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(70_000)), identity), { maxLength: 30 })
  .map((steps) => {
    let row = 0;
    return steps.map(([step, keys]): Row => {
      row += step;
      return [row, keys];
    });
  });

describe('the finders', () => {
  test('agree with a plain map in memory', () => {
    fc.assert(
      fc.property(someRows, (rows) => {
        expect(inMemory(rows)).toEqual(naive(rows));
      }),
    );
  });

  test('agree with a plain map on disk, in one partition or many', async () => {
    const bytes = fc.constantFrom(1, 100 * 1024 * 1024);
    await fc.assert(
      fc.asyncProperty(someRows, bytes, async (rows, sourceBytes) => {
        expect(await onDisk(rows, sourceBytes)).toEqual(naive(rows));
      }),
      { numRuns: 60 },
    );
  });

  test('agree on more rows than a table begins with', async () => {
    const rows = Array.from({ length: 12_000 }, (_, i): Row => {
      const row = i + 1;
      return [
        row,
        { email: `${(i * 7919) % 9_001}@example.com`, external_id: `C-${(i * 104_729) % 10_007}` },
      ];
    });
    const expected = naive(rows);
    expect(inMemory(rows)).toEqual(expected);
    expect(await onDisk(rows, 500 * 1024 * 1024)).toEqual(expected);
    expect(expected.filter(Boolean).length).toBeGreaterThan(1_000);
  });

  test('do not take an e-mail for an external_id of the same text', async () => {
    const rows: Row[] = [
      [1, { email: 'x' }],
      [2, { external_id: 'x' }],
      [3, { email: 'x', external_id: 'x' }],
    ];
    const expected = [undefined, undefined, { email: 1, externalId: 2 }];
    expect(inMemory(rows)).toEqual(expected);
    expect(await onDisk(rows, 1)).toEqual(expected);
  });
});

describe('DiskRepeatFinder', () => {
  test('clears its directory before and after', async () => {
    const dir = join(scratchDir(), 'dedupe');
    const rows: Row[] = [
      [1, { email: 'x' }],
      [2, { email: 'x' }],
    ];
    // Left behind by a crash: noted, never settled.
    const crashed = new DiskRepeatFinder(dir, 1);
    for (const [row, keys] of rows) crashed.note(row, keys);
    await crashed.settle();
    expect(readdirSync(dir)).not.toEqual([]);

    const finder = new DiskRepeatFinder(dir, 1);
    expect(readdirSync(dir)).toEqual([]);
    finder.note(3, { email: 'x' });
    await finder.settle();
    expect(finder.find(2)).toBeUndefined();
    expect(finder.find(3)).toBeUndefined();
    finder.close();
    expect(existsSync(dir)).toBe(false);
    finder.close();
  });

  test('finds rows again that it was asked about before', async () => {
    const finder = new DiskRepeatFinder(join(scratchDir(), 'dedupe'), 1);
    for (const row of [1, 2, 100_000]) finder.note(row, { email: 'x' });
    await finder.settle();
    for (let round = 0; round < 2; round++) {
      expect(finder.find(2)).toEqual({ email: 1, externalId: 0 });
      expect(finder.find(100_000)).toEqual({ email: 1, externalId: 0 });
    }
    finder.close();
  });
});
