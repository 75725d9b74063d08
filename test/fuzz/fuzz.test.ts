/** Hostile input of every kind: a short part with a fixed seed in `npm test`; `npm run fuzz` asks for more. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { answerFuzzers } from './answers.js';
import { configFuzzers } from './config.js';
import { flagFuzzers } from './flags.js';
import { mappingFuzzers } from './mapping.js';
import { readerFuzzers } from './reader.js';
import { Wire } from './wire.js';

const runs = Number(process.env.FUZZ_RUNS ?? 6_000);
const seed = Number(process.env.FUZZ_SEED ?? 1);
const dir = mkdtempSync(join(tmpdir(), 'rowferry-fuzz-'));
const wire = await Wire.open();
const fuzzers = [
  ...readerFuzzers(join(dir, 'people.csv')),
  ...mappingFuzzers,
  ...configFuzzers,
  ...flagFuzzers,
  ...answerFuzzers,
  ...wire.fuzzers,
];
const shares = fuzzers.reduce((sum, { share }) => sum + share, 0);
const told: string[] = [];

test.each(fuzzers.map((fuzzer) => [fuzzer.name, fuzzer] as const))(
  '%s',
  async (name, { share, property }) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const numRuns = Math.ceil((runs * share) / shares);
    const started = Date.now();
    await fc.assert(property as fc.IAsyncProperty<unknown>, { numRuns, seed });
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    told.push(`${String(numRuns).padStart(9)}  ${name} (${Math.round((Date.now() - started) / 1000)} s)`);
  },
  86_400_000,
);

afterAll(async () => {
  await wire.close();
  rmSync(dir, { recursive: true, force: true });
  if (process.env.FUZZ_RUNS) process.stdout.write(`\nSeed ${seed}. Inputs:\n${told.join('\n')}\n`);
});
