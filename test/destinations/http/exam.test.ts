/** Destinations of one's own sit the exam: the module that is an example, and two of the examples without code. */
import { describe, test } from 'vitest';
import { loadModuleDestination } from '../../../src/destinations/module.js';
import { examCases } from '../../../src/testing/index.js';
import { hubspotFixtures } from './fixtures/hubspot.js';
import { mailchimpFixtures } from './fixtures/mailchimp.js';
import { myFixtures } from './fixtures/my-destination.js';
import { destinationOf } from './sample.js';

/** The settings hold the credentials, and the loader of the configuration tells of those that are not set. */
const NOT_THEIRS = /^account: \w+ is required$/;

describe.each([
  ['my-destination.mjs', await loadModuleDestination('samples/my-destination.mjs'), myFixtures],
  ['hubspot', destinationOf('hubspot'), hubspotFixtures],
  ['mailchimp', destinationOf('mailchimp', { MAILCHIMP_DC: 'us19' }), mailchimpFixtures],
] as const)('%s', (_, destination, fixtures) => {
  for (const { name, skipped, run } of examCases(destination, fixtures)) {
    const otherwise = destination.kind === 'http' && NOT_THEIRS.test(name);
    test.skipIf(skipped !== undefined || otherwise)(name, run);
  }
});
