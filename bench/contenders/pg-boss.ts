/**
 * pg-boss: one job per row in PostgreSQL. Its `work` takes one batch per polling interval, at the least half a second;
 * what is measured is the faster way of its documentation, `insert`, `fetch` and `complete` in loops of our own.
 */
import pLimit from 'p-limit';
import { Feed } from './feed.js';
import { measure } from './measure.js';
import { importPeer } from './peer.js';
import { type Cells, makePost } from './post.js';

interface Boss {
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  createQueue(name: string): Promise<void>;
  insert(jobs: object[]): Promise<unknown>;
  fetch(name: string, options: object): Promise<{ id: string; data: Cells }[]>;
  complete(name: string, ids: string[]): Promise<unknown>;
}

const NAME = 'contacts';
const LOOPS = 4;
const AT_ONCE = 50;
const IDLE_MS = 5;

await measure(async ({ csv, url, concurrency, database }, begin) => {
  const PgBoss = importPeer<new (options: object) => Boss>(database!, 'pg-boss');
  const { post, close } = makePost(url, concurrency);
  const boss = new PgBoss({ connectionString: database!.url, max: 20 });
  const feed = new Feed(csv);
  boss.on('error', feed.fail);
  await boss.start();
  await boss.createQueue(NAME);
  const limit = pLimit(concurrency);
  let over = false;
  const work = async () => {
    while (!over) {
      const jobs = await boss.fetch(NAME, { batchSize: AT_ONCE });
      if (jobs.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
        continue;
      }
      await Promise.all(jobs.map(({ data }) => limit(post, data)));
      const ids = jobs.map(({ id }) => id);
      await boss.complete(NAME, ids);
      feed.done(ids.length);
    }
  };

  begin();
  const loops = Array.from({ length: LOOPS }, () => work().catch(feed.fail));
  await feed.through((group) => boss.insert(group.map((data) => ({ name: NAME, data, retryLimit: 5 }))));
  return async () => {
    over = true;
    await Promise.all(loops);
    await boss.stop({ graceful: false });
    await close();
  };
});
