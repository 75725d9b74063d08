import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeOutcome, encodeOutcome, type Outcome } from '../../src/outcome.js';
import { Journal, parseEntry, readJournal } from '../../src/report/journal.js';
import { scratchDir } from '../helpers/scratch.js';

const created = (row: number): Outcome => ({ row, status: 'created' });
const entry = (...outcomes: Outcome[]) => `[${outcomes.map(encodeOutcome).join(',')}]`;

async function readAll(dir: string): Promise<Outcome[][]> {
  const entries: Outcome[][] = [];
  for await (const outcomes of readJournal(dir)) entries.push(outcomes.map(decodeOutcome));
  return entries;
}

async function append(dir: string, epoch: string, ...entries: string[]): Promise<void> {
  const journal = await Journal.open(dir, epoch);
  await journal.append(entries, '1-0');
  await journal.close();
}

describe('the journal', () => {
  test('gives back what was appended, in order', async () => {
    const dir = scratchDir();
    const journal = await Journal.open(dir, '1');
    await journal.append([entry(created(3), created(1))], '1-0');
    await journal.append([entry(created(2)), entry()], '1-0');
    await journal.close();
    expect(await readAll(dir)).toEqual([[created(3), created(1)], [created(2)], []]);
  });

  test('has one file per epoch, read in the order of their numbers', async () => {
    const dir = scratchDir();
    for (const epoch of ['10', '9', '1']) await append(dir, epoch, entry(created(Number(epoch))));
    expect(readdirSync(dir).sort()).toEqual(['journal-1.ndjson', 'journal-10.ndjson', 'journal-9.ndjson']);
    expect((await readAll(dir)).flat().map(({ row }) => row)).toEqual([1, 9, 10]);
  });

  test('goes on where it was when it is opened again', async () => {
    const dir = scratchDir();
    await append(dir, '1', entry(created(1)));
    await append(dir, '1', entry(created(2)));
    expect(await readAll(dir)).toEqual([[created(1)], [created(2)]]);
  });

  test('leaves out a line that a crash tore, wherever it was torn', async () => {
    const whole = entry({ row: 2, status: 'failed', reason: 'rejected', message: 'né]' }, created(3));
    const bytes = Buffer.from(whole);
    for (let cut = 1; cut < bytes.length; cut++) {
      const dir = scratchDir();
      await append(dir, '1', entry(created(1)));
      appendFileSync(join(dir, 'journal-1.ndjson'), bytes.subarray(0, cut));
      await append(dir, '2', whole);
      expect((await readAll(dir)).flat().map(({ row }) => row)).toEqual([1, 2, 3]);
    }
  });

  test('is none where there is no directory, or only other files', async () => {
    const dir = scratchDir();
    expect(await readAll(join(dir, 'nowhere'))).toEqual([]);
    writeFileSync(join(dir, 'journal-x.ndjson'), `${entry(created(1))}\n`);
    writeFileSync(join(dir, 'plan.json'), `${entry(created(1))}\n`);
    expect(await readAll(dir)).toEqual([]);
  });

  test.each(['\u2028', '\u2029', '\u0085', '\r', '\n', '\r\n', '\v', '\0', '😀'])(
    'keeps %j in a message',
    async (character) => {
      const dir = scratchDir();
      const outcome: Outcome = {
        row: 1,
        status: 'failed',
        reason: 'rejected',
        message: `a${character}b`,
        contactId: character,
      };
      await append(dir, '1', entry(outcome));
      expect(await readAll(dir)).toEqual([[outcome]]);
    },
  );

  test('is read whole when it is larger than what is read at once', async () => {
    const dir = scratchDir();
    const outcomes = Array.from(
      { length: 500 },
      (_, i): Outcome => ({ row: i + 1, status: 'failed', reason: 'rejected', message: 'é😀'.repeat(i) }),
    );
    await append(dir, '1', ...outcomes.map((outcome) => entry(outcome)), entry(...outcomes));
    expect((await readAll(dir)).flat()).toEqual([...outcomes, ...outcomes]);
  });
});

describe('parseEntry', () => {
  test.each(['', '[', 'null', '{}', '7', 'nothing'])('takes %j for no entry', (line) => {
    expect(parseEntry(line)).toBeUndefined();
  });
});
