/** A destination with a fault fails the case that is there for it, with a sentence that says what to mend. */
import { describe, expect, test } from 'vitest';
import type { Destination } from '../../src/destinations/destination.js';
import { examCases, type Fixtures } from '../../src/testing/index.js';
import { sendmatorFixtures } from '../destinations/fixtures/sendmator.js';
import { ACCOUNTS } from './faults/accounts.js';
import { BULKS } from './faults/bulks.js';
import { CONTACTS } from './faults/contacts.js';
import type { Fault } from './faults/fault.js';
import { LOOK_UPS } from './faults/look-ups.js';
import { PURITY } from './faults/purity.js';
import { REQUESTS } from './faults/requests.js';
import { SENDMATOR } from './faults/sendmator.js';
import { UPDATES } from './faults/updates.js';
import { VERDICTS } from './faults/verdicts.js';
import { acme, acmeFixtures } from './model.js';

const TABLES = { VERDICTS, REQUESTS, PURITY, CONTACTS, ACCOUNTS, LOOK_UPS, UPDATES, BULKS };

async function expectFailures(destination: Destination, fixtures: Fixtures, fails: Fault['fails']) {
  const cases = examCases(destination, fixtures);
  for (const [name, sentence] of Object.entries(fails)) {
    const found = cases.find((one) => one.name === name);
    expect(found, `${name} in ${cases.map((one) => one.name).join(', ')}`).toBeDefined();
    await expect(found!.run(), name).rejects.toThrow(sentence);
  }
}

describe.each(Object.entries(TABLES))('%s', (_, faults) => {
  test.each(faults)('$fault', async ({ broken, fails }) => {
    await expectFailures(broken(), acmeFixtures, fails);
  });
});

test('every case fails for one of these faults', () => {
  // What any request may meet is the same for all four operations.
  const general = (name: string) =>
    name.replace(/ \(\d of \d\)$/, '').replace(/^(look-up by \w+|update|bulk): /, '*: ');
  const shared = new Set(
    examCases(acme, acmeFixtures)
      .map(({ name }) => general(name))
      .filter((name, i, all) => name.startsWith('*: ') && all.indexOf(name) !== i),
  );
  const key = (name: string) => {
    const bare = general(name);
    const star = bare.replace(/^create: /, '*: ');
    return shared.has(star) && HARDSHIPS.test(star) ? star : name.replace(/ \(\d of \d\)$/, '');
  };
  const failed = new Set(
    Object.values(TABLES)
      .flat()
      .flatMap(({ fails }) => Object.keys(fails).map(key)),
  );
  const never = examCases(acme, acmeFixtures).filter(({ name }) => !failed.has(key(name)));
  expect(never.map(({ name }) => name)).toEqual([]);
});
const HARDSHIPS = /^\*: (\d+|quota|HTML|empty|truncated|no answer|reset|answer broken|any status)/;

describe('sendmator', () => {
  test.each(SENDMATOR)('$fault', async ({ broken, fails }) => {
    await expectFailures(broken(), sendmatorFixtures, fails);
  });
});
