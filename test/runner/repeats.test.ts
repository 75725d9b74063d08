import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryRepeatFinder } from '../../src/ingest/dedupe.js';
import { CODE, type Code, codeOf, type Outcome } from '../../src/outcome.js';
import { Chains } from '../../src/runner/chains.js';
import { decide, Repeats } from '../../src/runner/repeats.js';

type Keys = { email?: string; external_id?: string };
/** What becomes of a row that is sent. */
type Fate = (row: number, keys: Keys) => Code;
/** Which comes next: `true` lets the next repeat be read, a number answers that one of the requests in flight. */
type Next = (inFlight: number, left: number) => true | number;

/** Everything is read at once, then answered in the order in which it was sent. */
const readAll: Next = (_, left) => (left > 0 ? true : 0);
/** Nothing is read while anything is in flight: a row at a time, as nobody could do it wrong. */
const oneByOne: Next = (inFlight) => (inFlight > 0 ? 0 : true);

/** A run over `rows` as the runner leads it: first rows are sent and settled, then the repeats in their turn. */
function run(rows: readonly Keys[], fate: Fate, nextOf: Next = readAll) {
  const finder = new MemoryRepeatFinder();
  const repeats = new Repeats();
  const chains = new Chains(repeats);
  const codes = new Map<number, Code>();
  const settled = new Map<number, Outcome>();
  const sent: number[] = [];
  const inFlight: number[] = [];
  rows.forEach((keys, i) => {
    const repeat = finder.find(i + 1, keys);
    if (repeat) repeats.add(i + 1, repeat);
    else sent.push(i + 1);
  });
  for (const row of sent) codes.set(row, fate(row, rows[row - 1]!));

  const look = (from: readonly number[]) => {
    const known = new Map<number, number>();
    for (let next = from; next.length > 0; ) {
      for (const head of chains.heads(next)) {
        if (!known.has(head)) known.set(head, codes.get(head) ?? CODE.unsettled);
      }
      const seen = chains.look(next, known);
      for (const outcome of seen.outcomes) {
        settled.set(outcome.row, outcome);
        codes.set(outcome.row, codeOf(outcome));
      }
      for (const row of seen.send) {
        // Nothing else under way has one of its keys: an API that keeps them unique is not needed for that.
        const { email, external_id } = rows[row - 1]!;
        for (const other of inFlight.map((n) => rows[n - 1]!)) {
          expect(email !== undefined && other.email === email).toBe(false);
          expect(external_id !== undefined && other.external_id === external_id).toBe(false);
        }
        sent.push(row);
        inFlight.push(row);
      }
      next = seen.unknown;
    }
  };
  for (let read = 0; read < repeats.size || inFlight.length > 0; ) {
    const next = nextOf(inFlight.length, repeats.size - read);
    if (inFlight.length === 0 || (next === true && read < repeats.size)) {
      const row = repeats.at(read++);
      chains.add(row);
      look([row.row]);
    } else {
      const [row] = inFlight.splice(next === true ? 0 : next % inFlight.length, 1);
      codes.set(row!, fate(row!, rows[row! - 1]!));
      look([...chains.waitingFor(row!)]);
    }
  }
  expect(chains.size).toBe(0);
  return { sent, settled, codes };
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
      expect(sent).toEqual([1]);
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
    expect(sent).toEqual([1, 2]);
    expect(settled.size).toBe(0);
  });

  test('is sent when that one failed; the third waits for the second', () => {
    const fate: Fate = (row) => (row === 1 ? CODE.failed : CODE.created);
    const { sent, settled } = run([A, A, A], fate);
    expect(sent).toEqual([1, 2]);
    expect(settled.get(3)).toEqual(skip(3, 'email', 2));
  });

  test('is sent when all before it failed, one after the other', () => {
    const { sent, settled } = run([A, A, A, A], always(CODE.failed));
    expect(sent).toEqual([1, 2, 3, 4]);
    expect(settled.size).toBe(0);
  });

  test('is unconfirmed when that one is, and so is all that follows', () => {
    const { sent, settled } = run([A, A, A], always(CODE.unconfirmed));
    expect(sent).toEqual([1]);
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
    expect(run(rows, (row) => (row < 3 ? CODE.failed : CODE.created)).sent).toEqual([1, 2, 3]);
    const { settled } = run(rows, (row) => (row === 1 ? CODE.failed : CODE.unconfirmed));
    expect(settled.get(3)).toMatchObject({ reason: 'unconfirmed', duplicateOf: '2' });
  });

  test('in a chain waits until it is known what became of the one between', () => {
    // 2 repeats 1 by e-mail, 3 repeats 2 by external_id: whether 3 is sent hangs on 1.
    const rows = [A, { ...A, external_id: 'C-1' }, { external_id: 'C-1' }];
    const created = run(rows, always(CODE.created));
    expect(created.sent).toEqual([1, 3]);
    expect(created.settled.get(2)).toEqual(skip(2, 'email', 1));

    const failed = run(rows, (row) => (row === 1 ? CODE.failed : CODE.created));
    expect(failed.sent).toEqual([1, 2]);
    expect(failed.settled.get(3)).toEqual(skip(3, 'external_id', 2));
  });
});

describe('decide', () => {
  test('waits for a row that is not settled', () => {
    const row = { row: 2, inDoubt: false, by: [{ kind: 'email' as const, group: 2, head: 1 }] };
    for (const code of [CODE.unsettled, CODE.attempted]) {
      expect(decide(row, () => code)).toEqual({ do: 'wait' });
    }
  });
});

describe('Repeats', () => {
  test('holds more rows than it begins with, in order', () => {
    const repeats = new Repeats();
    for (let row = 2; row < 2_002; row++) repeats.add(row, { email: 1, externalId: row % 2 === 0 ? 0 : 1 });
    expect(repeats.size).toBe(2_000);
    const rows = [repeats.slice(0, 1_500), repeats.slice(1_500, 9_999)].flat();
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 2));
    expect(rows[0]?.by).toEqual([{ kind: 'email', group: 2, head: 1 }]);
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

const key = fc.constantFrom('a', 'b', 'c');
const files = fc.array(fc.record<Keys>({ email: key, external_id: key }, { requiredKeys: ['email'] }), {
  maxLength: 12,
});
const fates = <F>(...kinds: F[]) => fc.array(fc.constantFrom(...kinds), { minLength: 12, maxLength: 12 });
/** Reads and answers in any order. */
const orders = fc
  .array(fc.oneof(fc.constant(true as const), fc.nat(11)), { minLength: 1, maxLength: 40 })
  .map((list): (() => Next) => () => {
    let n = 0;
    return () => list[n++ % list.length]!;
  });

test('any file ends with the keys of its rows created once at most, and no row lost', () => {
  // A destination that keeps both keys unique, fails some rows and leaves some unclear.
  const troubles = fates<Code>(CODE.created, CODE.created, CODE.failed, CODE.unconfirmed);
  fc.assert(
    fc.property(files, troubles, orders, (all, trouble, order) => {
      const api = () => {
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
        return { held, fate };
      };
      const { held, fate } = api();
      const { sent, settled, codes } = run(all, fate, order());
      expect(codes.size).toBe(all.length);
      // Every row was sent once or settled unsent.
      expect([...sent, ...settled.keys()].sort((a, b) => a - b)).toEqual(all.map((_, i) => i + 1));
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
      // In whatever order answers come, the outcome is that of one row at a time.
      const plain = run(all, api().fate, oneByOne);
      expect(new Map([...codes].sort())).toEqual(new Map([...plain.codes].sort()));
    }),
    { numRuns: 1_000 },
  );
});

test('an API that keeps nothing unique never gets a key twice, also when answers stay away', () => {
  fc.assert(
    fc.property(
      files,
      fates('created', 'failed', 'failed', 'lost', 'lost but stored'),
      orders,
      (all, ends, order) => {
        const stored = new Set<string>();
        const fate: Fate = (row, { email, external_id }) => {
          const end = ends[row - 1]!;
          if (end === 'created' || end === 'lost but stored') {
            for (const held of [`e${email}`, ...(external_id === undefined ? [] : [`x${external_id}`])]) {
              expect(stored.has(held)).toBe(false);
              stored.add(held);
            }
          }
          return end === 'created' ? CODE.created : end === 'failed' ? CODE.failed : CODE.unconfirmed;
        };
        expect(run(all, fate, order()).codes.size).toBe(all.length);
      },
    ),
    { numRuns: 1_000 },
  );
});
