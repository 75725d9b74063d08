/** The worked example of src/destinations/README.md, as it stands there, passes the exam. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Destination } from '../../src/destinations/destination.js';
import { type Fixtures, testDestination } from '../../src/testing/index.js';
import { scratchDir } from '../helpers/scratch.js';

const README = readFileSync('src/destinations/README.md', 'utf8');
const blocks = [...README.matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(
  ([, path, code]) => [path!, code!] as const,
);

/** Writes a block where it belongs in a tree of its own, whose imports are those of this one. */
async function load(tree: string, path: string, code: string): Promise<Record<string, unknown>> {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    code
      .replace(/from '(\.[^']+)\.js'/g, (_, name: string) => `from '${resolve(dirname(path), name)}.ts'`)
      .replace("from 'zod'", `from '${resolve('node_modules/zod/index.js')}'`),
  );
  return (await import(/* @vite-ignore */ file)) as Record<string, unknown>;
}

describe('the example', () => {
  test('has both files', () => {
    expect(blocks.map(([path]) => path)).toEqual([
      'src/destinations/acme.ts',
      'test/destinations/fixtures/acme.ts',
    ]);
  });

  test('passes', async () => {
    const tree = scratchDir();
    const [{ acme }, { acmeFixtures }] = (await Promise.all(
      blocks.map(([path, code]) => load(tree, path, code)),
    )) as [{ acme: Destination }, { acmeFixtures: Fixtures }];
    const results = await testDestination(acme, acmeFixtures);
    expect(results.length).toBeGreaterThan(50);
  });
});
