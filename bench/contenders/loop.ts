/**
 * (a) The loop a developer would write by hand: csv-parse with objects, p-limit, undici. Nothing is durable: no queue,
 * no retry, no validation, no dedupe, no report. At most 1000 rows wait, so that memory stays flat.
 */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import pLimit from 'p-limit';
import { measure } from './measure.js';
import { type Cells, makePost } from './post.js';

const MOST_WAITING = 1_000;

await measure(async ({ csv, url, rows, concurrency }, begin) => {
  const { post, close } = makePost(url, concurrency);
  begin();
  const limit = pLimit(concurrency);
  const records = createReadStream(csv).pipe(parse({ columns: true, bom: true }));
  const waiting: Promise<string>[] = [];
  let created = 0;
  for await (const record of records) {
    waiting.push(limit(post, record as Cells));
    if (waiting.length < MOST_WAITING) continue;
    await waiting.shift();
    created++;
  }
  created += (await Promise.all(waiting)).length;
  if (created !== rows) throw new Error(`created ${created} of ${rows}`);
  return close;
});
