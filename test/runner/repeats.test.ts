import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryRepeatFinder } from '../../src/ingest/dedupe.js';
import { CODE, type Code, codeOf, type Outcome } from '../../src/outcome.js';
import { decide, Repeats } from '../../src/runner/repeats.js';

type Keys = { email?: string; external_id?: string };
/** What becomes of a row that is sent. */
type Fate = (row: number, keys: Keys) => Code;

/**
 * A run over `rows` as the runner leads it: first rows are sent, then passes over the repeats in slices, until nothing
 * is left. `sent` lists the rows of each pass.
 */
function run(rows: readonly Keys[], fate: Fate, sliceSize = 2) {
  const finder = new MemoryRepeatFinder();
  const repeats = new Repeats();
  const codes = new Map<number, Code>();
  const settled = new Map<number, Outcome>();
  const firsts: number[] = [];
  rows.forEach((keys, i) => {
    const repeat = finder.find(i + 1, keys);
    if (repeat) repeats.add(i + 1, repeat);
    else firsts.push(i + 1);
  });
  const sent = [firsts];
  const codeOfRow = (row: number) => codes.get(row) ?? CODE.unsettled;
  for (const row of firsts) codes.set(row, fate(row, rows[row - 1]!));
  for (let round = 0; round <= rows.length; round++) {
    const send = new Set<number>();
    let waiting = 0;
    for (let from = 0; from < repeats.size; from += sliceSize) {
      for (const candidate of repeats.slice(from, from + sliceSize)) {
        if (codeOfRow(candidate.row) > CODE.attempted) continue;
        const current = repeats.current(candidate);
        const decision = decide(current, codeOfRow, (row) => send.has(row));
        if (decision.do === 'settle') {
          settled.set(candidate.row, decision.outcome);
          codes.set(candidate.row, codeOf(decision.outcome));
        } else if (decision.do === 'send') {
          send.add(candidate.row);
          repeats.sent(current);
        } else waiting++;
      }
    }
    if (send.size === 0 && waiting === 0) return { sent, settled, codes };
    expect(send.size).toBeGreaterThan(0);
    sent.push([...send]);
    for (const row of send) codes.set(row, fate(row, rows[row - 1]!));
  }
  throw new Error('the passes do not end');
}

const skip = (row: number, kind: 'email' | 'external_id', of: number): Outcome => ({
  row,
  status: 'skipped',
  reason: kind === 'email' ? 'duplicate_email' : 'duplicate_external_id',
  field: kind,
  duplicateOf: String(of),
});

const A = { email: 'a@example.com' };
const always = (code: Code) => () => code;

describe('a row that repeats another', () => {
  test.each([
    ['e-mail', A, 'email'],
    ['external_id', { external_id: 'C-1' }, 'external_id'],
    ['both', { ...A, external_id: 'C-1' }, 'email'],
  ] as const)('by %s is skipped when that one was created', (_, keys, kind) => {
    for (const code of [CODE.created, CODE.updated]) {
      const { sent, settled } = run([keys, keys, keys], always(code));
      expect(sent).toEqual([[1]]);
      expect([...settled.values()]).toEqual([skip(2, kind, 1), skip(3, kind, 1)]);
    }
  });

  test('is skipped when the destination held the key already', () => {
    expect(run([A, A], always(CODE.skippedEmail)).settled.get(2)).toEqual(skip(2, 'email', 1));
    const C = { external_id: 'C-1' };
    expect(run([C, C], always(CODE.skippedExternalId)).settled.get(2)).toEqual(skip(2, 'external_id', 1));
  });

  test.each([
    ['email', { ...A, external_id: 'C-1' }, { ...A, external_id: 'C-2' }, CODE.skippedExternalId],
    [
      'external_id',
      { ...A, external_id: 'C-1' },
      { email: 'b@example.com', external_id: 'C-1' },
      CODE.skippedEmail,
    ],
    ['email', A, A, CODE.skippedContact],
  ])('by %s is sent when that one was skipped for another key', (_, first, second, code) => {
    const { sent, settled } = run([first, second], (row) => (row === 1 ? code : CODE.created));
    expect(sent).toEqual([[1], [2]]);
    expect(settled.size).toBe(0);
  });

  test('is sent when that one failed; the third waits for the second', () => {
    const fate: Fate = (row) => (row === 1 ? CODE.failed : CODE.created);
    const { sent, settled } = run([A, A, A], fate);
    expect(sent).toEqual([[1], [2]]);
    expect(settled.get(3)).toEqual(skip(3, 'email', 2));
  });

  test('is sent when all before it failed, one after the other', () => {
    const { sent, settled } = run([A, A, A, A], always(CODE.failed));
    expect(sent).toEqual([[1], [2], [3], [4]]);
    expect(settled.size).toBe(0);
  });

  test('is unconfirmed when that one is, and so is all that follows', () => {
    const { sent, settled } = run([A, A, A], always(CODE.unconfirmed));
    expect(sent).toEqual([[1]]);
    for (const row of [2, 3]) {
      expect(settled.get(row)).toEqual({
        row,
        status: 'failed',
        reason: 'unconfirmed',
        message: 'repeats row 1, of which it is not known whether it was created',
        duplicateOf: '1',
      });
    }
  });

  test('by two keys is skipped when either is in the destination, whatever became of the other', () => {
    const rows = [A, { external_id: 'C-1' }, { ...A, external_id: 'C-1' }];
    for (const other of [CODE.failed, CODE.unconfirmed]) {
      expect(run(rows, (row) => (row === 1 ? CODE.created : other)).settled.get(3)).toEqual(
        skip(3, 'email', 1),
      );
      expect(run(rows, (row) => (row === 2 ? CODE.created : other)).settled.get(3)).toEqual(
        skip(3, 'external_id', 2),
      );
    }
  });

  test('by two keys is sent when both failed, unconfirmed when one is', () => {
    const rows = [A, { external_id: 'C-1' }, { ...A, external_id: 'C-1' }];
    expect(run(rows, (row) => (row < 3 ? CODE.failed : CODE.created)).sent).toEqual([[1, 2], [3]]);
    const { settled } = run(rows, (row) => (row === 1 ? CODE.failed : CODE.unconfirmed));
    expect(settled.get(3)).toMatchObject({ reason: 'unconfirmed', duplicateOf: '2' });
  });

  test('in a chain waits until it is known what became of the one between', () => {
    // 2 repeats 1 by e-mail, 3 repeats 2 by external_id: whether 3 is sent hangs on 1.
    const rows = [A, { ...A, external_id: 'C-1' }, { external_id: 'C-1' }];
    const created = run(rows, always(CODE.created));
    expect(created.sent).toEqual([[1], [3]]);
    expect(created.settled.get(2)).toEqual(skip(2, 'email', 1));

    const failed = run(rows, (row) => (row === 1 ? CODE.failed : CODE.created));
    expect(failed.sent).toEqual([[1], [2]]);
    expect(failed.settled.get(3)).toEqual(skip(3, 'external_id', 2));
  });
});

describe('decide', () => {
  test('waits for a row that is not settled, or sent in this pass', () => {
    const row = { row: 2, by: [{ kind: 'email' as const, group: 'e1', head: 1 }] };
    for (const code of [CODE.unsettled, CODE.attempted]) {
      expect(
        decide(
          row,
          () => code,
          () => false,
        ),
      ).toEqual({ do: 'wait' });
    }
    expect(
      decide(
        row,
        () => CODE.failed,
        () => true,
      ),
    ).toEqual({ do: 'wait' });
  });
});

describe('Repeats', () => {
  test('holds more rows than it begins with, in order', () => {
    const repeats = new Repeats();
    for (let row = 2; row < 2_002; row++) repeats.add(row, { email: 1, externalId: row % 2 === 0 ? 0 : 1 });
    expect(repeats.size).toBe(2_000);
    const rows = [repeats.slice(0, 1_500), repeats.slice(1_500, 9_999)].flat();
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 2));
    expect(rows[0]?.by).toEqual([{ kind: 'email', group: 'e1', head: 1 }]);
    expect(rows[1]?.by.map(({ kind }) => kind)).toEqual(['email', 'external_id']);
    expect(repeats.slice(2_000, 2_500)).toEqual([]);
  });

  test('tells the groups of the two keys apart', () => {
    const repeats = new Repeats();
    repeats.add(5, { email: 1, externalId: 1 });
    repeats.add(6, { email: 1, externalId: 0 });
    repeats.add(7, { email: 0, externalId: 1 });
    repeats.sent(repeats.slice(1, 2)[0]!);
    expect(repeats.slice(0, 3).map(({ by }) => by.map(({ head }) => head))).toEqual([[6, 1], [6], [1]]);
  });
});

test('any file ends with the keys of its rows created once at most, and no row lost', () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const rows = fc.array(fc.record<Keys>({ email: key, external_id: key }, { requiredKeys: ['email'] }), {
    maxLength: 12,
  });
  // A destination that keeps both keys unique, fails some rows and leaves some unclear.
  const troubles = fc.array(
    fc.constantFrom<Code>(CODE.created, CODE.created, CODE.failed, CODE.unconfirmed),
    {
      minLength: 12,
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(rows, troubles, fc.integer({ min: 1, max: 5 }), (all, trouble, sliceSize) => {
      const held = new Set<string>();
      const fate: Fate = (row, { email, external_id }) => {
        const code = trouble[row - 1]!;
        if (code !== CODE.created) return code;
        if (held.has(`e${email}`)) return CODE.skippedEmail;
        if (external_id !== undefined && held.has(`x${external_id}`)) return CODE.skippedExternalId;
        held.add(`e${email}`);
        if (external_id !== undefined) held.add(`x${external_id}`);
        return code;
      };
      const { sent, settled, codes } = run(all, fate, sliceSize);
      expect(codes.size).toBe(all.length);
      // Every row was sent once or settled unsent.
      expect([...sent.flat(), ...settled.keys()].sort((a, b) => a - b)).toEqual(all.map((_, i) => i + 1));
      for (const [row, outcome] of settled) {
        const keys = all[row - 1]!;
        const of = all[Number(outcome.duplicateOf) - 1]!;
        if (outcome.status === 'skipped') {
          const kind = outcome.field === 'email' ? 'email' : 'external_id';
          expect(of[kind]).toBe(keys[kind]);
          expect(held.has(`${kind === 'email' ? 'e' : 'x'}${keys[kind]}`)).toBe(true);
        } else {
          expect(outcome.reason).toBe('unconfirmed');
          expect(of.email === keys.email || of.external_id === keys.external_id).toBe(true);
        }
      }
    }),
    { numRuns: 300 },
  );
});
