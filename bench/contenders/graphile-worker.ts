/** graphile-worker as its documentation has it: one job per row in PostgreSQL, added with addJobs. */
import { EventEmitter } from 'node:events';
import { Feed } from './feed.js';
import { measure } from './measure.js';
import { importPeer } from './peer.js';
import { type Cells, makePost } from './post.js';

interface GraphileWorker {
  run(options: object): Promise<{ stop(): Promise<void> }>;
  makeWorkerUtils(options: object): Promise<{
    addJobs(jobs: object[]): Promise<unknown>;
    release(): Promise<void>;
  }>;
  Logger: new (factory: () => () => void) => object;
}

const TASK = 'contact';

await measure(async ({ csv, url, concurrency, database }, begin) => {
  const { run, makeWorkerUtils, Logger } = importPeer<GraphileWorker>(database!, 'graphile-worker');
  const { post, close } = makePost(url, concurrency);
  const feed = new Feed(csv);
  const events = new EventEmitter();
  events.on('job:success', () => feed.done());
  events.on('job:error', ({ error }: { error: Error }) => feed.fail(error));
  const shared = { connectionString: database!.url, logger: new Logger(() => () => {}) };
  const utils = await makeWorkerUtils(shared);
  const runner = await run({
    ...shared,
    concurrency,
    maxPoolSize: 20,
    noHandleSignals: true,
    taskList: { [TASK]: (cells: unknown) => post(cells as Cells) },
    events,
  });

  begin();
  await feed.through((group) =>
    utils.addJobs(group.map((payload) => ({ identifier: TASK, payload, maxAttempts: 5 }))),
  );
  return async () => {
    await runner.stop();
    await utils.release();
    await close();
  };
});
