import { describe, expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { type Dialect, PLAIN } from '../../src/dialect.js';
import { openIngest } from '../../src/ingest/ingest.js';
import { searchSource } from '../../src/ingest/search.js';
import type { MappingSpec } from '../../src/mapping.js';
import { takeSnapshot } from '../../src/run.js';
import { scratchFile } from '../helpers/scratch.js';

const account = { destination: sendmator, options: { baseUrl: 'http://127.0.0.1', apiKey: 'key' } };
const ROWS = 6_000;

async function planOf(content: string, dialect: Partial<Dialect> = {}, mapping: MappingSpec = {}) {
  const source = await takeSnapshot(scratchFile(content));
  return { source, dialect: { ...PLAIN, ...dialect }, mapping, createdAt: new Date(0).toISOString() };
}

/** With a clock by which every look has lasted too long as soon as it has seen anything. */
async function search(plan: Awaited<ReturnType<typeof planOf>>, wanted: RegExp, limit = 50, hurried = true) {
  let ms = 0;
  const monotonic = () => {
    if (hurried) ms += 60_000;
    return ms;
  };
  const found: [row: number, line: number, email: unknown][] = [];
  const looked: number[] = [];
  for (let from: string | undefined; ; ) {
    const page = await searchSource(
      plan,
      account,
      { wanted: ({ contact }) => wanted.test(String(contact.email)), from, limit },
      { monotonic },
    );
    found.push(...page.rows.map(({ row, line, contact }) => [row, line, contact.email] as (typeof found)[0]));
    looked.push(page.looked);
    if (page.next === undefined) return { found, looked };
    expect(page.next).not.toBe(from);
    from = page.next;
  }
}

async function byReadingAll(plan: Awaited<ReturnType<typeof planOf>>, wanted: RegExp) {
  const found: [row: number, line: number, email: unknown][] = [];
  const { rows } = await openIngest(plan, account, { validate: false });
  for await (const group of rows) {
    for (const { row, line, contact } of group) {
      if (wanted.test(String(contact.email))) found.push([row, line, contact.email]);
    }
  }
  return found;
}

/** Longer than several reads; cells of several lines, in characters of several bytes. */
function text(end: string, row: (n: number) => string): string {
  return Array.from({ length: ROWS }, (_, n) => row(n + 1) + end).join('');
}
const QUOTED = (n: number) =>
  `person${n}@example.com,"${n % 3 === 0 ? `Łódź\n""${n}"" 🙂,` : 'Zoë'}",${'ß'.repeat(n % 40)}`;

describe('rows found look by look are those that reading all finds', () => {
  test.each<[string, string, Partial<Dialect>]>([
    ['plain', `email,first_name,last_name\n${text('\n', QUOTED)}`, {}],
    ['with a byte order mark', `\uFEFFemail,first_name,last_name\n${text('\n', QUOTED)}`, {}],
    ['with CRLF', `email,first_name,last_name\r\n${text('\r\n', QUOTED)}`, {}],
    [
      'behind lines that are no records',
      `made\n\nby\n${`email,a,b\n${text('\n', QUOTED)}`}`,
      { skipLines: 3 },
    ],
    [
      'with quotes left open',
      `email,a,b\n${text('\n', (n) => (n % 500 === 0 ? `person${n}@example.com,"open` : QUOTED(n)))}`,
      {},
    ],
    [
      'with blank lines and rows of too many cells',
      `email,a,b\n${text('\n', (n) => `${QUOTED(n)}${n % 7 === 0 ? ',more\n\n' : ''}`)}`,
      {},
    ],
  ])('%s', async (_, content, dialect) => {
    const plan = await planOf(content, dialect);
    const wanted = /person\d*77@/;
    const expected = await byReadingAll(plan, wanted);
    expect(expected.length).toBe(ROWS / 100);
    const { found, looked } = await search(plan, wanted, 7);
    expect(found).toEqual(expected);
    expect(looked.length).toBeGreaterThan(ROWS / 100 / 7);
    expect(looked).toEqual([...looked].sort((a, b) => a - b));
    expect((await search(plan, wanted, 1_000, false)).looked).toEqual([plan.source.bytes]);
  });

  test('without a header', async () => {
    const plan = await planOf(text('\n', QUOTED), { header: false }, { map: { email: '1' } });
    const { found } = await search(plan, /person5999@/);
    expect(found).toEqual(await byReadingAll(plan, /person5999@/));
    expect(found[0]![0]).toBe(5_999);
  });
});

test('no look goes through the whole of a large source', async () => {
  const filler = 'x'.repeat(10_000);
  const plan = await planOf(`email,first_name\n${text('\n', (n) => `p${n}@example.com,${filler}`)}`);
  const { found, looked } = await search(plan, /^p5900@/, 50, false);
  expect(found.map(([row]) => row)).toEqual([5_900]);
  expect(looked.length).toBe(4); // 60 MB
});
