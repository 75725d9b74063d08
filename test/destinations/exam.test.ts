/** Every destination sits the exam. */
import { describe, expect, test } from 'vitest';
import { DESTINATIONS } from '../../src/destinations/registry.js';
import { examCases, type Fixtures } from '../../src/testing/index.js';
import { autosendFixtures } from './fixtures/autosend.js';
import { cendynFixtures } from './fixtures/cendyn.js';
import { clemtaFixtures } from './fixtures/clemta.js';
import { sendmatorFixtures } from './fixtures/sendmator.js';

const FIXTURES: Record<string, Fixtures> = {
  sendmator: sendmatorFixtures,
  autosend: autosendFixtures,
  cendyn: cendynFixtures,
  clemta: clemtaFixtures,
};

test('there are fixtures for each', () => {
  expect(Object.keys(FIXTURES)).toEqual(DESTINATIONS.map(({ kind }) => kind));
});

describe.each(DESTINATIONS.map((destination) => [destination.kind, destination] as const))(
  '%s',
  (kind, destination) => {
    for (const { name, skipped, run } of examCases(destination, FIXTURES[kind]!)) {
      test.skipIf(skipped !== undefined)(name, run);
    }
  },
);
