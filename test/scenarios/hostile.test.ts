/** Files that nobody means well with: bounded memory, one outcome for each row, and a word on what is wrong. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { expect, test } from 'vitest';
import { expectAgreement } from '../helpers/agreement.js';
import { people, type Row } from '../helpers/csv.js';
import { World } from '../helpers/world.js';

/** Far less than the files below hold. */
const LITTLE_MEMORY = { NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=2' };
const MB = 'x'.repeat(1 << 20);
const HEADER = 'email,external_id\n';
const lineOf = ({ email, external_id }: Row) => `${email},${external_id}\n`;

/** Pieces of a file, written as they come. */
async function write(
  path: string,
  pieces: Iterable<string | Buffer>,
  ...through: NodeJS.ReadWriteStream[]
): Promise<string> {
  const all = [Readable.from(pieces), ...through, createWriteStream(path)];
  await pipeline(all as unknown as [NodeJS.ReadableStream, NodeJS.WritableStream]);
  return path;
}

async function run(world: World, path: string) {
  return world.startWith(LITTLE_MEMORY, 'run', path, '--rate', 'none', '--json').finished;
}

test.each([
  [
    'a cell of 100 MB',
    ['"', ...Array<string>(100).fill(MB), '"\n'],
    'too_long: no record ends within 8 MB of line 4',
  ],
  [
    'a line of 30 MB',
    [...Array<string>(30).fill(MB), '\n'],
    'too_long: no record ends within 8 MB of line 4',
  ],
  ['a quote that is never closed', ['"open\n'], 'unclosed_quote: the quote opened on line 4 is never closed'],
  ['12 MB of NUL', [Buffer.alloc(12 << 20), '\n'], 'too_long: no record ends within 8 MB of line 4'],
])('%s costs its row, and no other', async (_what, pieces, message) => {
  const world = await World.open();
  const rows = people(6);
  const [first, second, ...others] = rows.map(lineOf);
  const bad = { email: 'big@example.com', external_id: 'B' };
  const path = join(world.dir, 'people.csv');
  await write(path, [HEADER, first!, second!, 'big@example.com,', ...pieces, ...others]);
  const { code, stdout, stderr } = await run(world, path);
  expect(code, stderr).toBe(3);
  const summary = JSON.parse(stdout.trim().split('\n').at(-1)!);
  const all = [...rows.slice(0, 2), bad, ...rows.slice(2)];
  const { outcomes } = expectAgreement(summary.reports.dir, all, world.ledger());
  expect(outcomes[2]).toMatchObject({ line: '4', status: 'failed', reason: 'invalid' });
  expect(outcomes[2]!.message).toContain(message);
});

test('10 000 columns are columns like others', async () => {
  const world = await World.open();
  const rows = people(20);
  const names = Array.from({ length: 9_998 }, (_, i) => `c${i}`);
  const lines = rows.map(
    (row) => `${row.email},${row.external_id},${names.map((_, i) => (i < 20 ? 'v' : '')).join(',')}\n`,
  );
  const path = await write(join(world.dir, 'wide.csv'), [`email,external_id,${names.join(',')}\n`, ...lines]);
  const { stdout, stderr } = await run(world, path);
  expect(stdout, stderr).toContain('"event":"result"');
  const summary = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expectAgreement(summary.reports.dir, rows, world.ledger());
});

test('what is no text, and what unpacks without end, is refused before anything is sent', async () => {
  const world = await World.open();
  const broken = await write(join(world.dir, 'broken.csv'), [
    HEADER,
    'a@example.com,1\n',
    Buffer.from([0xc3, 0x28, 10]),
  ]);
  const bomb = await write(
    join(world.dir, 'bomb.csv.gz'),
    [HEADER, ...Array<string>(150).fill(MB)],
    createGzip(),
  );
  for (const [path, sentence] of [
    [broken, 'broken.csv is not written in UTF-8 (line 3)'],
    [bomb, 'bomb.csv.gz unpacks to more than 200 times its size'],
  ] as const) {
    const { code, stderr } = await run(world, path);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  }
  expect(world.ledger()).toEqual([]);
});
