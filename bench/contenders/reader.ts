/** Reads a CSV with one of three and prints rows, milliseconds and its peak memory: `reader.ts <which> <path>`. */
import { createReadStream, statSync } from 'node:fs';
import { parse } from 'csv-parse';
import { importDist } from '../dist.js';

const [, , which, path] = process.argv as [string, string, 'csv-parse' | 'reader' | 'contacts', string];
const { size: bytes } = statSync(path);

async function csvParse(): Promise<number> {
  let rows = -1;
  for await (const _ of createReadStream(path, { highWaterMark: 1 << 17 }).pipe(parse())) rows++;
  return rows;
}

async function reader(): Promise<number> {
  const [{ readRecords }, { PLAIN }] = [await importDist('ingest/read'), await importDist('dialect')];
  let rows = -1;
  for await (const group of readRecords(path, bytes, PLAIN)) rows += group.length;
  return rows;
}

/** All that a row costs before it is put into a batch: read, mapped, validated. */
async function contacts(): Promise<number> {
  const [{ openIngest }, { PLAIN }] = [await importDist('ingest/ingest'), await importDist('dialect')];
  const { sendmator: destination } = await importDist('destinations/sendmator');
  const source = { path, name: 'bench.csv', sha256: '', bytes, lines: 0 };
  const plan = { source, dialect: PLAIN, mapping: {}, createdAt: '2026-01-31T00:00:00Z' };
  const opened = await openIngest(plan, { destination, options: { baseUrl: 'http://127.0.0.1' } });
  let rows = 0;
  for await (const group of opened.rows) rows += group.length;
  return rows;
}

const startedMs = performance.now();
const rows = await { 'csv-parse': csvParse, reader, contacts }[which]();
const ms = performance.now() - startedMs;
const peakRssMb = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ rows, ms, peakRssMb })}\n`);
