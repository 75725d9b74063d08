/** A browser on the pages of a served world; what goes wrong in a page fails the test. */
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { provisionChromium } from '../helpers/chromium.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** The program; undefined: no browser is to be had, which was said aloud. */
export const BROWSER = await provisionChromium();

let browser: Promise<Browser> | undefined;

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

export async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  // As root, as in containers, its own sandbox cannot be had; it opens nothing but our pages.
  browser ??= chromium.launch({ executablePath: BROWSER!, args: ['--no-sandbox'] });
  const context = await (await browser).newContext({ acceptDownloads: true, ...options });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(String(error.stack)));
  page.on('dialog', (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) wrong.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(wrong).toEqual([]);
  });
  return page;
}

interface Violation {
  impact: string;
  id: string;
  nodes: { html: string }[];
}

/** No finding of axe that it calls serious or critical. */
export async function expectAccessible(page: Page): Promise<void> {
  // The page's own policy lets no other script in: this one is put there by the debugger.
  const source = await import('node:fs/promises').then(({ readFile }) => readFile(AXE, 'utf8'));
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  expect(found, page.url()).toEqual([]);
}
