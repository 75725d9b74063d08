import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Page } from 'playwright-core';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { RunRecord } from '../../src/outcomes/settle.js';
import { expectAgreement } from '../helpers/agreement.js';
import { people, person } from '../helpers/csv.js';
import { until, World } from '../helpers/world.js';
import { BROWSER, closeBrowser, expectAccessible, openPage } from './browser.js';
import { ask, post, type Served, serveWorld } from './helpers.js';

/** As somebody drops a file onto what `selector` finds. */
async function dropFile(page: Page, name: string, text: string, selector = '.zone'): Promise<void> {
  const files = await page.evaluateHandle(
    ([name, text]) => {
      // biome-ignore lint/suspicious/noExplicitAny: names of the browser
      const { DataTransfer, File } = globalThis as any;
      const carried = new DataTransfer();
      carried.items.add(new File([text], name, { type: 'text/csv' }));
      return carried;
    },
    [name, text] as const,
  );
  await page.dispatchEvent(selector, 'dragover', { dataTransfer: files });
  await page.dispatchEvent(selector, 'drop', { dataTransfer: files });
}

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
    const uploads: string[] = [];
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (request.method() === 'POST' && /^\/api\/(files|runs)$/.test(pathname)) uploads.push(pathname);
    });
    await page.getByText('Drop a CSV file here').waitFor();
    await expectAccessible(page);
    await page.locator('#file').setInputFiles(world.csv(rows, `${'a<b>'}.csv`));
    await page.getByRole('heading', { name: 'a<b>.csv' }).waitFor();
    const start = page.getByRole('button', { name: 'Start', exact: true });
    const column = (name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) });
    await column('first_name').getByText('First2', { exact: true }).waitFor();
    expect(await column('email').locator('td').first().textContent()).toBe('email');
    expect(await column('email').locator('.cell').allTextContents()).toEqual(
      rows.slice(0, 3).map(({ email }) => email),
    );
    await page.getByRole('row', { name: /^duplicate_email/ }).waitFor();
    await page.getByText('company').first().waitFor(); // the plan has something to say of it
    expect(await page.locator('.tiles dd').allTextContents()).toEqual(['304', '301', '1', '2']);
    await page.getByText('About 301 requests').waitFor();
    await expectAccessible(page);
    // Another rate, another time: it is looked at again.
    await page.getByLabel('Rate').fill('7/s');
    await page.getByText('About 301 requests, 43 s at 7/s.').waitFor();
    await page.getByLabel('Rate').fill('none');
    await page.getByText('as fast as they are answered').waitFor();
    expect(world.ledger()).toEqual([]);
    await start.click();
    await page.waitForURL(/\/runs\/[\d-]+-[0-9a-f]{6}$/);
    await page.getByRole('heading', { name: 'a<b>.csv → sendmator' }).waitFor();
    await page.locator('.state.finished').waitFor();
    await page.getByRole('link', { name: 'outcomes.csv' }).waitFor();
    expect(uploads).toEqual(['/api/files', '/api/runs']);
    expect(readdirSync(join(world.dataDir, 'uploads'))).toEqual([]);
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

  test('a file is dropped, found wanting, and another taken instead; what is not started is dropped', async () => {
    const served = await serveWorld();
    const { world, url } = served;
    const page = await openPage({ viewport: { width: 390, height: 800 } });
    await page.goto(`${url}/upload`);
    await page.getByText('Drop a CSV file here').waitFor();
    await dropFile(page, `${SCRIPT}.csv`, 'email\n');
    await page.getByText(/has a header and no rows/).waitFor();
    expect(await page.getByRole('button', { name: 'Start', exact: true }).isDisabled()).toBe(true);
    await expectAccessible(page);

    // Beside the field, and onto what was there before.
    const rows = [
      { ...person(1), first_name: SCRIPT, company: '=1+1' },
      { ...person(2), email: `${SCRIPT}@example.com` },
      { [SCRIPT]: SCRIPT, ...person(3) },
    ];
    await dropFile(page, 'people.csv', readFileSync(world.csv(rows), 'utf8'), 'h1');
    await page.getByText(SCRIPT).first().waitFor();
    await page.locator('.plan code').getByText('email', { exact: true }).waitFor();
    expect(await page.title()).toBe('Upload · rowferry');
    expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
    await expectAccessible(page);
    const lying = () => readdirSync(join(world.dataDir, 'uploads'));
    await until(async () => lying().length === 1);
    await page.getByRole('button', { name: 'Choose another file' }).click();
    await until(async () => lying().length === 0);
    await page.getByText('Drop a CSV file here').waitFor();

    await dropFile(page, 'again.csv', 'email\nada@example.com\n');
    await page.getByText('About 1 request').waitFor();
    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    await page.getByText('No runs yet.').waitFor();
    await until(async () => lying().length === 0);
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
    await page.getByText('No sync has a source.').waitFor();
    await expectAccessible(page);
    await rowferry.enqueueCancel(run);
    await until(async () => (await rowferry.status(run)).state === 'cancelled');
  });

  test('a sync is run now, with a schedule or without, and never by another page; errors of a destination are told', async () => {
    const world = await World.open();
    const rows = [...people(12), { ...person(13), email: 'error-once.1@example.com' }];
    world.csv(rows);
    const served = await serveWorld(
      {},
      {
        world,
        config: `
destinations: { crm: { kind: sendmator, api_key: '\${SENDMATOR_API_KEY}', base_url: '\${SENDMATOR_BASE_URL}' } }
syncs:
  nightly: { source: people.csv, to: crm, schedule: { cron: '0 3 1 1 *' } }
  byhand: { source: people.csv, to: crm, rate: none }
  mapped: { to: crm }
`,
      },
    );
    served.serve();
    const { url, rowferry } = served;
    const page = await openPage();
    await page.goto(`${url}/schedules`);
    await page.getByRole('button', { name: 'Run now: nightly' }).waitFor();
    await page.getByRole('row', { name: /^byhand by hand never/ }).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(2);
    await expectAccessible(page);
    const foreign = await ask(`${url}/api/schedules/byhand/run`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
    });
    expect(foreign.status).toBe(403);
    expect(await rowferry.list()).toEqual([]);
    await page.getByRole('button', { name: 'Run now: byhand' }).click();
    await page.waitForURL(/\/runs\/[\d-]+-[0-9a-f]{6}$/);
    await page.locator('.state.finished').waitFor();
    const run = new URL(page.url()).pathname.split('/')[2]!;
    await page.goto(`${url}/schedules`);
    await page.getByRole('row', { name: /^byhand .*finished/ }).waitFor();
    const ledger = world.ledger().map((line) => ({ ...line, api: 'crm' as typeof line.api }));
    expectAgreement((await rowferry.report(run)).reports.dir, rows, ledger);
    // The error is kept for those who come later.
    await page.goto(`${url}/destinations`);
    await page.locator('.errors').getByText('does not answer: HTTP 500').waitFor();
    await expectAccessible(page);
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
