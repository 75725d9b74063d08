/**
 * (b) BullMQ as its tutorials have it: one job per row, a worker that makes the request. Rows are added 500 at a time
 * with addBulk, and only while fewer than 2000 are unfinished, so that the queue stays bounded. Producer and worker
 * share the process, as they do in the other contenders. No validation, no dedupe, no report.
 */
import { createReadStream } from 'node:fs';
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { parse } from 'csv-parse';
import { importDist } from '../dist.js';
import { measure } from './measure.js';
import { type Cells, makePost } from './post.js';

const AT_ONCE = 500;
const MOST_UNFINISHED = 2_000;
const NAME = 'contacts';

const { openRedis } = await importDist('redis/connection');

await measure(async ({ csv, url, rows, concurrency, dataDir }, begin) => {
  const handle = await openRedis({ dataDir, binary: process.env.ROWFERRY_REDIS_BIN });
  const connection = handle.connect() as ConnectionOptions;
  const { post, close } = makePost(url, concurrency);
  const queue = new Queue(NAME, { connection });
  const worker = new Worker<Cells, string>(NAME, ({ data }) => post(data), { connection, concurrency });
  let finished = 0;
  let moved = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    worker.on('completed', () => {
      if (++finished === rows) resolve();
      moved();
    });
    worker.on('failed', (_job, error) => reject(error));
    worker.on('error', reject);
  });

  await worker.waitUntilReady();
  begin();
  let added = 0;
  let group: Cells[] = [];
  const add = async () => {
    const jobs = group.map((data) => ({
      name: 'contact',
      data,
      opts: { removeOnComplete: true, attempts: 5, backoff: { type: 'exponential', delay: 1_000 } },
    }));
    group = [];
    while (added - finished + jobs.length > MOST_UNFINISHED) {
      await new Promise<void>((resolve) => {
        moved = resolve;
      });
    }
    added += (await queue.addBulk(jobs)).length;
  };
  const records = createReadStream(csv).pipe(parse({ columns: true, bom: true }));
  const produced = (async () => {
    for await (const record of records) {
      if (group.push(record as Cells) === AT_ONCE) await add();
    }
    await add();
  })();
  await Promise.all([produced, ended]);
  return async () => {
    await worker.close();
    await queue.close();
    await close();
    await handle.close();
  };
});
