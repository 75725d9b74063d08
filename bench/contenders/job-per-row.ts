/**
 * BullMQ as its tutorials have it: one job per row, a worker that makes the request. Producer and worker share the
 * process, as they do in the other contenders. No validation, no dedupe, no report.
 */
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { importDist } from '../dist.js';
import { Feed } from './feed.js';
import { measure } from './measure.js';
import { type Cells, makePost } from './post.js';

const NAME = 'contacts';
const OPTIONS = { removeOnComplete: true, attempts: 5, backoff: { type: 'exponential', delay: 1_000 } };

const { openRedis } = await importDist('redis/connection');

await measure(async ({ csv, url, concurrency, dataDir }, begin) => {
  const handle = await openRedis({ dataDir, binary: process.env.ROWFERRY_REDIS_BIN });
  const connection = handle.connect() as ConnectionOptions;
  const { post, close } = makePost(url, concurrency);
  const queue = new Queue(NAME, { connection });
  const worker = new Worker<Cells, string>(NAME, ({ data }) => post(data), { connection, concurrency });
  const feed = new Feed(csv);
  worker.on('completed', () => feed.done());
  worker.on('failed', (_job, error) => feed.fail(error));
  worker.on('error', feed.fail);
  await worker.waitUntilReady();

  begin();
  await feed.through((group) =>
    queue.addBulk(group.map((data) => ({ name: 'contact', data, opts: OPTIONS }))),
  );
  return async () => {
    await worker.close();
    await queue.close();
    await close();
    await handle.close();
  };
});
