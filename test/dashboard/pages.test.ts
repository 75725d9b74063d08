import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { RunRecord } from '../../src/outcomes/settle.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person } from '../helpers/csv.js';
import { until } from '../helpers/world.js';
import { BROWSER, closeBrowser, expectAccessible, openPage } from './browser.js';
import { post, type Served, serveWorld } from './helpers.js';

const TOKEN = 'a-token-of-this-test';
const SCRIPT = '<script>document.title="owned"</script><img src=x onerror=alert(1)>';

async function added({ url, world }: Served, rows: Record<string, string>[], query = ''): Promise<string> {
  const said = await post(`${url}/api/runs?${query}`, readFileSync(world.csv(rows), 'utf8'));
  expect(said.status, JSON.stringify(said.body)).toBe(201);
  return said.body.run as string;
}

describe.skipIf(BROWSER === undefined)('pages', () => {
  afterAll(closeBrowser);

  test('a file is uploaded, watched to its end, its rows found, its report fetched; the counts agree with the API', async () => {
    const served = await serveWorld();
    served.serve();
    const { world, url } = served;
    const rows = [
      ...people(300),
      { ...person(301), email: 'nobody' },
      { ...person(302), email: 'reject.1@example.com' },
      { ...person(5), external_id: 'P-303' },
      { ...person(304), first_name: SCRIPT, email: `${SCRIPT}@example.com` },
    ];
    const page = await openPage();
    await page.goto(`${url}/`);
    await page.getByText('No runs yet.').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'Upload a file' }).click();
    await page.locator('#file').setInputFiles(world.csv(rows, `${'a<b>'}.csv`));
    await page.getByText('a<b>.csv', { exact: true }).waitFor();
    await expectAccessible(page);
    await page.getByLabel('Rate').fill('none');
    await page.getByRole('button', { name: 'Start' }).click();

    // The plan has something to say of a column first.
    await page.getByLabel('What the plan says').getByText('company').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'See the run' }).click();
    await page.waitForURL(/\/runs\/[\d-]+-[0-9a-f]{6}$/);
    await page.getByRole('heading', { name: 'a<b>.csv → sendmator' }).waitFor();
    await page.locator('.state.finished').waitFor();
    await page.getByRole('link', { name: 'outcomes.csv' }).waitFor();
    const run = new URL(page.url()).pathname.split('/')[2]!;
    const summary = await served.rowferry.report(run);
    expectAgreement(summary.reports.dir, rows, world.ledger());
    const shown = async (name: string) => page.locator(`.tiles .${name} dd`).textContent();
    expect([await shown('created'), await shown('skipped'), await shown('failed')]).toEqual([
      String(summary.created),
      String(summary.skipped),
      String(summary.failed),
    ]);

    await page.getByRole('button', { name: 'Show rows: invalid' }).click();
    await page.getByText(`${summary.reasons.invalid} rows shown.`).waitFor();
    // Whatever a cell holds is text.
    await page.getByRole('cell', { name: `${SCRIPT}@example.com`, exact: true }).waitFor();
    expect(await page.title()).not.toBe('owned');
    await page.locator('.filters select').nth(1).selectOption('');
    await page.getByLabel('Row, e-mail, external or contact id').fill('person17@EXAMPLE');
    await page.keyboard.press('Enter');
    await page.getByText('1 row shown.').waitFor();
    expect(await page.locator('.found tbody tr').textContent()).toContain('person17@example.com');
    await expectAccessible(page);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'failed.csv' }).click(),
    ]);
    expect(readFileSync((await download.path())!, 'utf8')).toBe(readFileSync(summary.reports.failed, 'utf8'));

    await page.getByRole('link', { name: 'report.html' }).click();
    await page.getByText(`${summary.failed} of ${summary.rows} rows failed`).waitFor();
    await page.goto(`file://${summary.reports.html}`); // from disk
    await page.getByRole('cell', { name: 'nobody' }).waitFor();
    await expectAccessible(page);
    await page.goto(`${url}/?destination=sendmator`);
    await page.getByRole('link', { name: 'a<b>.csv' }).waitFor();
    await expectAccessible(page);
  });

  test('a halted run says why and goes on when it is told to; another is cancelled', async () => {
    const served = await serveWorld();
    served.serve();
    const { url, world, rowferry } = served;
    const run = await added(served, people(3), 'rate=1/s');
    const redis = new Redis(inject('redisSocket'));
    const record = new RunRecord(redis, world.env.ROWFERRY_PREFIX!, run);
    const refused = { halt_code: 'http_401', halt_message: 'HTTP 401' };
    await until(async () => (await record.setState('halted', ['running'], refused)) === 'halted');
    await redis.quit();
    const page = await openPage();
    await page.goto(`${url}/runs/${run}`);
    await page.getByText('sendmator stopped the run: HTTP 401.').waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Resume the run' }).click();
    await page.locator('.state.finished').waitFor();
    expect(await page.locator('.notice:visible').count()).toBe(0);
    expectAgreement((await rowferry.report(run)).reports.dir, people(3), world.ledger());

    const earlier = new Set(world.ledger().map(({ id }) => id));
    const long = await added(served, people(500, 1_000), 'rate=1/s');
    await page.goto(`${url}/runs/${long}`);
    await page.locator('.state.running').waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await page.locator('.state.cancelled').waitFor();
    await page.getByRole('button', { name: 'Show rows: cancelled' }).waitFor();
    const { unprocessed, reports } = await rowferry.report(long);
    expect(unprocessed).toBeGreaterThan(0);
    expectAgreement(reports.dir, people(500, 1_000), world.ledger(), earlier);
  });

  test('while a run goes on its rows are found; a search that stopped early says so; a destination is paused and resumed', async () => {
    const served = await serveWorld();
    served.serve();
    const { url, rowferry } = served;
    const run = await added(
      served,
      [{ ...person(1), email: 'reject.1@example.com' }, ...people(400, 10)],
      'rate=4/s',
    );
    await until(async () => (await rowferry.status(run)).progress.created > 0);
    const page = await openPage({ viewport: { width: 390, height: 800 }, colorScheme: 'dark' });
    await page.goto(`${url}/runs/${run}`);
    await page.getByRole('button', { name: 'Show rows: rejected' }).click();
    await page.locator('.found').getByText('email: not_accepted').waitFor();
    await expectAccessible(page);
    expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
    await page.locator('.filters select').nth(1).selectOption('');
    await page.getByLabel('Row, e-mail, external or contact id').fill('person409@');
    await page.keyboard.press('Enter');
    await page.getByText('1 row shown.').waitFor();
    expect(await page.locator('.found tbody tr').textContent()).toContain('person409@example.com');
    await page.locator('.found').getByText('not settled yet').waitFor();

    // A file so large that the patience of the page ends first.
    await page.route('**/rows?*', async (route) => {
      const from = Number(new URL(route.request().url()).searchParams.get('from') ?? 0);
      await route.fulfill({ json: { rows: [], next: String(from + 1), looked: from, bytes: 100 } });
      if (from === 34) await page.clock.fastForward(30_000);
    });
    await page.clock.install();
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page
      .getByText(
        /^No row so far is like that; the search stopped after \d+ % of the rows: “More rows” goes on\.$/,
      )
      .waitFor();
    await page.getByRole('button', { name: 'More rows' }).waitFor();
    await page.unroute('**/rows?*');

    await page.goto(`${url}/destinations`);
    await page.getByRole('link', { name: run }).waitFor();
    await page.getByRole('button', { name: 'Pause sendmator' }).click();
    await page.getByText('Paused by hand').waitFor();
    await expectAccessible(page);
    await page.goto(`${url}/runs/${run}`);
    await page.getByRole('button', { name: 'Resume the destination' }).click();
    await until(async () => (await rowferry.destinations())[0]!.pausedSince === undefined);
    await page.goto(`${url}/schedules`);
    await page.getByText('No sync has a schedule.').waitFor();
    await expectAccessible(page);
    await rowferry.enqueueCancel(run);
    await until(async () => (await rowferry.status(run)).state === 'cancelled');
  });

  test('with a token a person logs in once; the board of the queues is behind the same door', async () => {
    const { url } = await serveWorld({ ROWFERRY_DASHBOARD_TOKEN: TOKEN });
    const page = await openPage();
    await page.goto(`${url}/queues`);
    await page.waitForURL(`${url}/login`);
    await expectAccessible(page);
    await page.getByLabel('Token of this service').fill('not-the-token-of-it');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the token of this service.').waitFor();
    await page.getByLabel('Token of this service').fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByText('No runs yet.').waitFor();
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${url}/login`);
    await page.goto(`${url}/`);
    await page.waitForURL(`${url}/login`);
  });
});
