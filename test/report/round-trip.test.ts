import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { openIngest } from '../../src/ingest/ingest.js';
import { encodeOutcome } from '../../src/outcome.js';
import { Journal } from '../../src/report/journal.js';
import { writeReport } from '../../src/report/write.js';
import { createRun, newRunId, type RunPlan, runDir, takeSnapshot } from '../../src/run.js';
import { scratchDir, scratchFile } from '../helpers/scratch.js';

const ACTIVE = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
const account = { destination: sendmator, options: { baseUrl: 'http://127.0.0.1', apiKey: 'key' } };
/** Where a guard could be forgotten, doubled or taken for the cell's own. */
const cell = fc
  .array(fc.constantFrom("'", 'a', ' ', ',', '"', '\uFEFF', 'ü', ...ACTIVE), { maxLength: 6 })
  .map((parts) => parts.join(''));
/** A line of blanks and delimiters alone is no row. */
const row = fc.array(cell, { minLength: 4, maxLength: 4 }).filter((cells) => /[^\s,"]/.test(cells.join('')));

/** The rows of a file as they are ingested. */
async function ingest(path: string, plan: RunPlan) {
  const { header, rows } = await openIngest({ ...plan, source: await takeSnapshot(path) }, account);
  const cells: (readonly string[])[] = [];
  for await (const group of rows) cells.push(...group.map((one) => one.cells));
  return { header, cells };
}

test('failed.csv and skipped.csv hold nothing that a spreadsheet runs, and come back as what they were made of', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(...ACTIVE),
      async (rows, lead) => {
        const header = ['email', `${lead}sum`, `'${lead}`, 'plan'];
        const source = await takeSnapshot(scratchFile(stringify([header, ...rows])));
        const dataDir = scratchDir();
        const reportDir = join(dataDir, 'reports');
        const plan = {
          ...{
            run: newRunId(0),
            destination: 'sendmator',
            source,
            dialect: PLAIN,
            mapping: { map: { email: 'email' } },
            reportDir,
            rate: null,
          },
          createdAt: new Date(0).toISOString(),
        } as unknown as RunPlan;
        await createRun(dataDir, plan);
        const journal = await Journal.open(runDir(dataDir, plan.run), '1');
        const outcomes = rows.map((cells, i) =>
          encodeOutcome({
            ...{ row: i + 1, attempts: 1, message: cells[0] ?? '' },
            ...(i % 2
              ? { status: 'failed', reason: 'rejected' }
              : { status: 'skipped', reason: 'duplicate_email' }),
          }),
        );
        await journal.append([`[${outcomes.join(',')}]`], '1-0');
        await journal.close();
        const made = await openIngest(plan, account, { validate: false });
        await writeReport({
          ...{
            dataDir,
            plan,
            destination: sendmator,
            header: made.header,
            rows: made.rows,
            state: 'finished',
          },
          ...{ counts: { requests: 0, retries: 0, throttled: 0 }, startedMs: 0, finishedMs: 0 },
        });
        const back: Record<string, (readonly string[])[]> = {};
        for (const name of ['failed', 'skipped', 'outcomes']) {
          const path = join(reportDir, plan.run, `${name}.csv`);
          const written = parse(readFileSync(path)) as string[][];
          expect(written.flat().filter((text) => ACTIVE.includes(text.charAt(0)))).toEqual([]);
          if (name === 'outcomes' || written.length === 1) continue;
          const again = await ingest(path, plan);
          expect(again.header.slice(0, 4)).toEqual(header);
          back[name] = again.cells.map((cells) => cells.slice(0, 4));
        }
        expect(back.failed ?? []).toEqual(rows.filter((_, i) => i % 2 === 1));
        expect(back.skipped ?? []).toEqual(rows.filter((_, i) => i % 2 === 0));
      },
    ),
    { numRuns: 15 },
  );
});
