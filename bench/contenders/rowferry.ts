/** This pipeline, through its library as users have it: durable, validated, deduplicated, journaled, with its report. */
import { importDist } from '../dist.js';
import { measure } from './measure.js';

const { openRowferry } = await importDist('index');

await measure(async ({ csv, url, rows, concurrency, dataDir }, begin) => {
  const rowferry = await openRowferry({
    dataDir,
    env: { ...process.env, SENDMATOR_BASE_URL: url, SENDMATOR_API_KEY: 'sk_test_bench' },
  });
  begin();
  const { created } = await rowferry.run(csv, { to: 'sendmator', rate: null, concurrency });
  if (created !== rows) throw new Error(`created ${created} of ${rows}`);
  return () => rowferry.close();
});
