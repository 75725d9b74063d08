import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { MemoryRepeatFinder } from '../../src/ingest/dedupe.js';
import type { openIngest } from '../../src/ingest/ingest.js';
import { CODE, codeOf, type Outcome } from '../../src/outcome.js';
import { Repeats } from '../../src/runner/repeats.js';
import type { Session } from '../../src/runner/session.js';
import { settleRepeats } from '../../src/runner/settle-repeats.js';
import { Window } from '../../src/runner/window.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person, type Row } from '../helpers/csv.js';
import { scratchDir } from '../helpers/scratch.js';
import { World } from '../helpers/world.js';

/** How often a source was opened, and how many rows were read. */
const reads = vi.hoisted(() => ({ passes: 0, rows: 0 }));
vi.mock('../../src/ingest/ingest.js', async (original) => {
  const ingest = await original<typeof import('../../src/ingest/ingest.js')>();
  async function* counted(rows: Awaited<ReturnType<typeof openIngest>>['rows']) {
    for await (const group of rows) {
      reads.rows += group.length;
      yield group;
    }
  }
  return {
    ...ingest,
    async openIngest(...args: Parameters<typeof openIngest>) {
      reads.passes++;
      const opened = await ingest.openIngest(...args);
      return { ...opened, rows: counted(opened.rows) };
    },
  };
});
beforeEach(() => {
  reads.passes = 0;
  reads.rows = 0;
});

test('however many rows repeat one that was rejected, the source is read once more', async () => {
  const world = await World.open();
  const rows = people(2_000);
  for (let i = 0; i < 200; i++) rows[1_000 + i]!.email = 'reject.1@example.com';
  // The other key of these is free once it is known that the row they repeat was rejected: only the first is created.
  for (let i = 0; i < 20; i++) rows[1_500 + i]!.external_id = rows[1_000]!.external_id!;
  const rowferry = await world.library();
  const summary = await rowferry.run(world.csv(rows), { rate: null });
  const { outcomes } = expectAgreement(summary.reports.dir, rows, world.ledger());
  expect(summary).toMatchObject({ created: 1_781, skipped: 19, failed: 200, reasons: { rejected: 200 } });
  expect(outcomes[1_501]!.duplicate_of).toBe('1501');
  expect(world.sandbox.state.counters.posts).toBe(1_981);
  // Looked at for the plan, sent, repeats, report.
  expect(reads.passes).toBe(4);
});

/** What a run's life leaves behind: the record in Redis, and what the API has. */
interface Left {
  codes: Map<number, number>;
  stored: Set<string>;
  sent: number[];
}

interface Life {
  file: string;
  rows: readonly Row[];
  /** What becomes of a row that is sent. */
  fate(row: number): 'created' | 'failed' | 'lost' | 'lost but stored';
  left: Left;
  /** Which of the requests in flight is answered next. */
  pick(inFlight: number): number;
  /** The process dies after so many answers. */
  answers?: number;
  onSend?(): void;
}

/** `settleRepeats` from the end of the first pass to its own end, or to the death of its process. */
async function live({ file, rows, fate, left, pick, answers = Infinity, onSend }: Life): Promise<void> {
  const repeats = new Repeats();
  const finder = new MemoryRepeatFinder();
  const keysOf = (row: number) => sendmator.identity(rows[row - 1]!);
  for (let row = 1; row <= rows.length; row++) {
    const repeat = finder.find(row, keysOf(row));
    if (repeat) repeats.add(row, repeat);
    else if ((left.codes.get(row) ?? 0) <= CODE.attempted) answer(row);
  }
  const ended = new AbortController();
  const window = new Window({ rows: 50, bytes: 1_000_000 });
  const inFlight: number[] = [];
  const journaled = (row: number) => {
    if (window.done(row)) window.moved();
  };
  const session = {
    plan: {
      run: 'r',
      source: { path: file, bytes: 1e9 },
      dialect: PLAIN,
      mapping: {},
      batchRows: 3,
      attempts: 1,
    },
    account: { destination: sendmator },
    epoch: '1',
    signal: ended.signal,
    repeats,
    window,
    reach: async () => {},
    record: { codes: async (of: number[]) => of.map((row) => left.codes.get(row) ?? 0) },
    async settle(outcomes: Outcome[]) {
      if (ended.signal.aborted) return;
      for (const outcome of outcomes) {
        window.addOutcome(outcome);
        left.codes.set(outcome.row, codeOf(outcome));
        journaled(outcome.row);
      }
    },
    queue: {
      async add(batches: { batch: { rows: [number, unknown][] } }[]) {
        for (const [row, contact] of batches.flatMap(({ batch }) => batch.rows)) {
          expect(contact).toMatchObject(keysOf(row));
          inFlight.push(row);
          left.sent.push(row);
          onSend?.();
        }
      },
    },
  } as unknown as Session;

  const done = settleRepeats(session).finally(() => ended.abort());
  for (let n = 0; !ended.signal.aborted; ) {
    await turn();
    if (inFlight.length === 0) continue;
    if (n++ >= answers) {
      // Killed: some of these were sent, some only marked, some not even that.
      for (const row of inFlight) if (row % 3 > 0) answer(row, row % 3 > 1);
      ended.abort();
    } else {
      const [row] = inFlight.splice(pick(inFlight.length) % inFlight.length, 1);
      answer(row!);
      journaled(row!);
    }
  }
  await done;

  /** The API keeps nothing unique, and is never asked twice for a row that is in doubt. */
  function answer(row: number, heard = true): void {
    if (left.codes.get(row) === CODE.attempted) {
      left.codes.set(row, CODE.unconfirmed);
      return;
    }
    left.codes.set(row, CODE.attempted);
    const end = fate(row);
    if (end === 'created' || end === 'lost but stored') {
      for (const [kind, key] of Object.entries(keysOf(row))) {
        expect(left.stored, `row ${row} brings ${kind} ${key} a second time`).not.toContain(kind + key);
        left.stored.add(kind + key);
      }
    }
    if (!heard) return;
    left.codes.set(row, { created: CODE.created, failed: CODE.failed }[end as 'failed'] ?? CODE.unconfirmed);
  }
}

function csv(rows: readonly Row[]): string {
  const file = join(scratchDir(), 'people.csv');
  const line = ({ email, external_id, first_name }: Row) => `${email},${external_id},${first_name ?? ''}\n`;
  writeFileSync(file, `email,external_id,first_name\n${rows.map(line).join('')}`);
  return file;
}

type Fate = ReturnType<Life['fate']>;

/** Lives of one run, all killed but the last. `keys`: e-mail and external_id of each row, `ends`: its fate. */
async function lives(
  keys: readonly (readonly [string, string | null])[],
  ends: readonly Fate[],
  deaths: readonly number[],
  pick = 0,
): Promise<Left> {
  const rows: Row[] = keys.map(([email, id]) => ({
    email: `${email}@example.com`,
    ...(id === null ? {} : { external_id: id }),
  }));
  const left: Left = { codes: new Map(), stored: new Set(), sent: [] };
  const life: Life = {
    file: csv(rows.map((row) => ({ ...row, external_id: row.external_id ?? '' }))),
    rows,
    fate: (row) => ends[row - 1]!,
    left,
    pick: () => pick,
  };
  for (const answers of deaths) await live({ ...life, answers });
  await live(life);
  for (let row = 1; row <= rows.length; row++) expect(left.codes.get(row)).toBeGreaterThan(CODE.attempted);
  return left;
}

test('killed at any moment and begun again: no key twice, every row settled', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const files = fc.array(fc.tuple(key, fc.option(key, { freq: 2 })), {
    minLength: 1,
    maxLength: 14,
    size: 'max',
  });
  const fates = fc.array(
    fc.constantFrom<Fate>('created', 'failed', 'failed', 'failed', 'lost', 'lost but stored'),
    {
      minLength: 14,
      maxLength: 14,
    },
  );
  const deaths = fc.array(fc.nat(4), { maxLength: 4, size: 'max' });
  await fc.assert(
    fc.asyncProperty(files, fates, deaths, fc.nat(5), async (...life) => {
      await lives(...life);
    }),
    { numRuns: 150 },
  );
});

test('a row behind one whose turn has yet to come is not taken for what that one repeats', async () => {
  const left = await lives(
    [
      ['a', 'a'],
      ['a', null],
      ['b', null],
      ['a', 'a'],
      ['c', null],
      ['c', 'a'],
      ['a', null],
    ],
    ['failed', 'failed', 'failed', 'created', 'lost but stored', 'created', 'created'],
    // Row 4 is sent when the first process dies, and its answer is lost.
    [1],
  );
  expect(left.sent).toEqual([2, 4, 4]);
  for (const row of [4, 6, 7]) expect(left.codes.get(row)).toBe(CODE.unconfirmed);
});

test('a row in doubt is asked for, not settled as a repeat: what repeats it may find it stored', async () => {
  const left = await lives(
    [
      ['a', 'a'],
      ['c', null],
      ['c', 'a'],
      ['b', null],
      ['d', null],
      ['e', null],
      ['b', 'a'],
      ['b', null],
    ],
    ['failed', 'lost', 'created', 'failed', 'created', 'created', 'created', 'created'],
    // Row 7 is sent when the first process dies, and its answer is lost. Row 3 was not sent, which the second cannot know.
    [0],
  );
  expect(left.sent).toEqual([7, 7]);
  for (const row of [3, 7, 8]) expect(left.codes.get(row)).toBe(CODE.unconfirmed);
});

test('unconfirmed is said of a row once nothing it repeats can be created any more', async () => {
  // By then row 4 is, with one of the keys of row 5; of row 3, with the other one, it is not known.
  const left = await lives(
    [
      ['a', 'a'],
      ['b', null],
      ['c', null],
      ['d', 'a'],
      ['c', 'a'],
    ],
    ['failed', 'failed', 'lost', 'created', 'created'],
    [],
  );
  expect(left.sent).toEqual([4]);
  expect(left.codes.get(5)).toBe(CODE.skippedHere);
});

test('a chain longer than what may be held is read as it goes, and still once', async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({
    ...person(i),
    email: 'same@example.com',
    first_name: 'x'.repeat(200),
  }));
  const left: Left = { codes: new Map(), stored: new Set(), sent: [] };
  let most = 0;
  await live({
    file: csv(rows),
    rows,
    fate: () => 'failed',
    left,
    pick: () => 0,
    onSend: () => {
      most = Math.max(most, reads.rows - left.sent.length);
    },
  });
  expect(left.sent).toEqual(Array.from({ length: 19_999 }, (_, i) => i + 2));
  expect(reads.passes).toBe(1);
  // What is held, and the piece of the file that was read last.
  expect(most).toBeLessThan(9_000);
  expect(most).toBeGreaterThan(7_000);
});
