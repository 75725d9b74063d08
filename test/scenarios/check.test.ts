/** What `check` foretells is what `run` does, row by row, where the destination is empty. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkSource, type SourceOptions } from '../../src/index.js';
import { expectAgreement, readReport } from '../helpers/agreement.js';
import { type Row, writeCsv } from '../helpers/csv.js';
import { type Kind, World } from '../helpers/world.js';

const SAMPLES = fileURLToPath(new URL('../../samples', import.meta.url));
const KINDS: Kind[] = ['sendmator', 'autosend', 'cendyn', 'clemta'];

/** Clemta wants more of a contact than most files have. */
const OPTIONS: Record<Kind, SourceOptions> = {
  sendmator: {},
  autosend: {},
  cendyn: {},
  clemta: { mapping: { map: { type: { value: 'customer' }, full_name: { value: 'Somebody' } } } },
};

/** Repeats by either key, of repeats, of invalid rows; addresses as people write them. */
function tangled(count: number): Row[] {
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const spellings = [
    (n: number) => `p${n}@example.com`,
    (n: number) => `P${n}@Example.COM `,
    (n: number) => `Person <p${n}@example.com>`,
    (n: number) => `mailto:p${n}@example.com`,
    (n: number) => `p${n}@müller.example`,
    (n: number) => `p${n}@example`,
    (n: number) => `p${n}@example.com; q${n}@example.com`,
    () => '',
  ];
  return Array.from({ length: count }, () => ({
    email: spellings[random(spellings.length)]!(random(count)),
    id: random(4) === 0 ? '' : `C-${random(count)}`,
    'first name': ['Ann', 'Bo', ''][random(3)]!,
  }));
}

const FORETOLD = [
  'row',
  'line',
  'status',
  'reason',
  'field',
  'message',
  'email',
  'external_id',
  'duplicate_of',
];
const known = (rows: readonly Row[]) =>
  rows.map((row) => Object.fromEntries(FORETOLD.map((name) => [name, row[name]])));
/** As text: a row that is too long for its header is there as it was. */
const withoutRun = (path: string) =>
  readFileSync(path, 'utf8').replaceAll(/\d{8}-\d{6}-[0-9a-f]{6}/g, '<run>');

async function compare(world: World, path: string, options: SourceOptions): Promise<void> {
  const asked = { ...options, to: world.kind, rate: null };
  const checked = await checkSource(path, {
    ...asked,
    env: world.env,
    dataDir: world.dataDir,
    write: join(world.dir, 'checked'),
  });
  expect(world.sandbox.state.stats().requests).toBe(0);
  const library = await world.library();
  const summary = await library.run(path, asked);
  const foretold = readReport(checked.report!.dir);
  const run = expectAgreement(summary.reports.dir, foretold.outcomes, world.ledger());
  expect(known(foretold.outcomes)).toEqual(known(run.outcomes));
  expect(withoutRun(checked.report!.failed)).toEqual(withoutRun(summary.reports.failed));
  expect(withoutRun(checked.report!.skipped)).toEqual(withoutRun(summary.reports.skipped));
  const { rows, created, skipped, failed, reasons, requests } = checked;
  expect({ rows, created, skipped, failed, reasons, requests }).toEqual({
    rows: summary.rows,
    created: summary.created,
    skipped: summary.skipped,
    failed: summary.failed,
    reasons: summary.reasons,
    requests: summary.requests,
  });
}

describe.each(KINDS)('to %s', (kind) => {
  test.each(readdirSync(SAMPLES).filter((name) => name.endsWith('.csv')))('%s', async (name) => {
    await compare(await World.open({ kinds: [kind] }), join(SAMPLES, name), OPTIONS[kind]);
  });

  test('300 rows that repeat each other in every way', async () => {
    const world = await World.open({ kinds: [kind] });
    const path = writeCsv(join(world.dir, 'tangled.csv'), tangled(300));
    await compare(world, path, OPTIONS[kind]);
  });
});

test.each([
  ['sendmator', { bulk: true }],
  ['sendmator', { onDuplicate: 'update' }],
  ['clemta', { onDuplicate: 'update' }],
] as const)('to %s with %o: the requests, too', async (kind, how) => {
  const world = await World.open({ kinds: [kind] });
  const rows = Array.from({ length: 250 }, (_, i) => ({ email: `p${i}@example.com` }));
  await compare(world, world.csv(rows), { ...OPTIONS[kind], ...how });
});

test('the report says of itself that nothing was sent', async () => {
  const world = await World.open();
  const path = world.csv([{ email: 'a@example.com' }]);
  const { report } = await checkSource(path, { env: world.env, dataDir: world.dataDir, write: world.dir });
  expect(JSON.parse(readFileSync(join(report!.dir, 'summary.json'), 'utf8'))).toMatchObject({
    message: expect.stringContaining('nothing was sent'),
    requests: 0,
  });
  // The data dir has no run of it, and nothing else.
  expect(readdirSync(world.dataDir)).toEqual([]);
});
