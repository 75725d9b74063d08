/** Every destination sits the exam. */
import { describe, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { examCases } from '../../src/testing/index.js';
import { sendmatorFixtures } from './fixtures/sendmator.js';

describe.each([['sendmator', sendmator, sendmatorFixtures] as const])('%s', (_, destination, fixtures) => {
  for (const { name, skipped, run } of examCases(destination, fixtures)) {
    test.skipIf(skipped !== undefined)(name, run);
  }
});
