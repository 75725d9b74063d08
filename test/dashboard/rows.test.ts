import { expect, test } from 'vitest';
import { openRowferry } from '../../src/index.js';
import type { FoundRow } from '../../src/report/rows.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person } from '../helpers/csv.js';
import { until } from '../helpers/world.js';
import { ask, post, serveWorld } from './helpers.js';

const ROWS = [{ ...person(1), email: 'reject.1@example.com' }, ...people(300, 2)];
const CSV = `email,external_id\n${ROWS.map(({ email, external_id }) => `${email},${external_id}\n`).join('')}`;

/** Page by page, to the end. */
async function find(address: string, query: string): Promise<FoundRow[]> {
  const found: FoundRow[] = [];
  for (let from = ''; ; ) {
    const { status, body } = await ask(`${address}?${query}${from && `&from=${from}`}`);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.unsearched).toBeUndefined();
    found.push(...body.rows);
    if (body.next === undefined || body.next === from) return found;
    from = body.next;
  }
}

test('rows of a run under way are found by row, e-mail, external id and contact id; afterwards by the same', async () => {
  const { world, rowferry, url, serve } = await serveWorld();
  const { run } = (await post(`${url}/api/runs?name=p.csv&rate=40/s`, CSV)).body as { run: string };
  const rows = `${url}/api/runs/${run}/rows`;
  expect(await find(rows, 'find=person42@')).toMatchObject([{ row: 42, status: 'unsettled' }]);
  serve();
  await until(async () => {
    const { created, failed } = (await rowferry.status(run)).progress;
    return created >= 3 && failed === 1;
  });
  await rowferry.pauseDestination('sendmator');
  // The journal is a moment behind what Redis counts.
  await until(async () => (await find(rows, 'status=created')).length >= 3);
  await until(async () => (await find(rows, 'status=failed')).length === 1);

  const last = ROWS.at(-1)!;
  const [rejected] = await find(rows, 'find=REJECT.1@example');
  expect(rejected).toMatchObject({
    row: 1,
    line: 2,
    status: 'failed',
    reason: 'rejected',
    field: 'email',
    email: 'reject.1@example.com',
    external_id: ROWS[0]!.external_id,
  });
  const missing = { row: 301, status: 'unsettled', email: last.email, external_id: last.external_id };
  expect(await find(rows, `find=${last.external_id}`)).toMatchObject([missing]);
  expect(await find(rows, 'find=301')).toMatchObject([missing]);
  expect(await find(rows, 'status=failed&find=example.com&limit=2')).toEqual([rejected]);
  expect(await find(rows, 'reason=invalid&find=example.com')).toEqual([]);
  expect(await find(rows, 'find=nobody@example.com')).toEqual([]);
  expect(await find(rows, 'find=example.com&limit=37')).toHaveLength(ROWS.length);
  const [{ row: first }] = (await find(rows, 'status=created')) as [FoundRow];
  const contact = world.ledger().find(({ email }) => email === ROWS[first - 1]!.email);
  const byId = (await find(rows, `find=${contact!.id}`)).map(({ row, contact_id }) => [row, contact_id]);
  expect(byId).toEqual([[first, contact!.id]]);

  // Whoever cannot tell contacts apart still finds rows by what the journal has.
  const { dataDir, env } = world;
  const stranger = await openRowferry({
    dataDir,
    config: false,
    env: { ...env, SENDMATOR_API_KEY: undefined },
  });
  const page = await stranger.rows(run, { find: '1' });
  await stranger.close();
  expect(page).toMatchObject({ rows: [{ row: 1, status: 'failed' }] });
  expect(page.unsearched).toMatch(/SENDMATOR_API_KEY/);

  await rowferry.resumeDestination('sendmator');
  await until(async () => (await rowferry.status(run)).state === 'finished');
  expect(await find(rows, 'find=REJECT.1@example')).toEqual([rejected]);
  expect(await find(rows, `find=${last.external_id}`)).toMatchObject([{ ...missing, status: 'created' }]);
  expect((await find(rows, `find=${contact!.id}`)).map(({ row }) => row)).toEqual([first]);
  expectAgreement((await rowferry.report(run)).reports.dir, ROWS, world.ledger());
});
