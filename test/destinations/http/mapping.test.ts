/** Files reach destinations without code: from a header to the request. */
import { expect, test } from 'vitest';
import type { Contact } from '../../../src/contact.js';
import { makeMapping } from '../../../src/ingest/map.js';
import { findFaults } from '../../../src/ingest/validate.js';
import { destinationOf, optionsOf } from './sample.js';

async function bodyFor(name: string, header: string[], cells: string[]): Promise<unknown> {
  const destination = destinationOf(name, { MAILCHIMP_DC: 'us19' });
  const options = optionsOf(destination);
  const { map } = await makeMapping(header, { destination, options });
  const contact: Contact = map(cells);
  expect(findFaults(contact, destination)[0]).toBeUndefined();
  return JSON.parse(destination.create(contact, options).body!);
}

test('dotted fields, lists, defaults and blanks', async () => {
  const header = ['E-Mail', 'First Name', 'Last Name', 'merge_fields.COMPANY', 'Tags', 'Phone'];
  expect(
    await bodyFor('mailchimp', header, ['Ann@Example.com', 'Ann', 'Lee', 'Acme', 'vip; new', '']),
  ).toEqual({
    email_address: 'ann@example.com',
    status: 'subscribed',
    merge_fields: { FNAME: 'Ann', LNAME: 'Lee', COMPANY: 'Acme' },
    tags: ['vip', 'new'],
  });
});

test('columns that nobody knows', async () => {
  const header = ['mail', 'Customer ID', 'City', 'Lead Score'];
  expect(await bodyFor('klaviyo', header, ['ann@example.com', 'C-1', 'Łódź', '5'])).toEqual({
    data: {
      type: 'profile',
      attributes: {
        email: 'ann@example.com',
        external_id: 'C-1',
        location: { city: 'Łódź' },
        properties: { 'Lead Score': '5' },
      },
    },
  });
});
