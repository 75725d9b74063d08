/**
 * Every request that the four vendors' documents show, from a row of a CSV file: the same method, address, headers and
 * JSON. (They hide addresses; john@example.com stands in their place.)
 */
import { describe, expect, test } from 'vitest';
import { autosend } from '../../src/destinations/autosend.js';
import { cendyn } from '../../src/destinations/cendyn.js';
import { clemta } from '../../src/destinations/clemta.js';
import type { Destination } from '../../src/destinations/destination.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { PLAIN } from '../../src/dialect.js';
import { openIngest } from '../../src/ingest/ingest.js';
import type { MappingSpec } from '../../src/mapping.js';
import { takeSnapshot } from '../../src/run.js';
import { scratchFile } from '../helpers/scratch.js';
import { optionsOf } from './answer.js';

interface Example {
  name?: string;
  /** Header → cell. */
  row: Record<string, string>;
  map?: MappingSpec['map'];
  body: object;
}

const quoted = (cells: readonly string[]) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');

/** The request that the only row of a file becomes. */
async function requestOf(destination: Destination, environment: Record<string, string>, example: Example) {
  const { row, map } = example;
  const content = `${quoted(Object.keys(row))}\n${quoted(Object.values(row))}\n`;
  const source = await takeSnapshot(scratchFile(content));
  const options = optionsOf(destination, environment);
  const plan = { source, dialect: PLAIN, mapping: map ? { map } : {}, createdAt: '2026-01-01T00:00:00Z' };
  const { rows } = await openIngest(plan, { destination, options });
  const all = [];
  for await (const group of rows) all.push(...group);
  expect(all).toHaveLength(1);
  const { contact, invalid } = all[0]!;
  expect(invalid).toBeUndefined();
  const { method, path, headers, body } = destination.create(contact, options);
  return { method, url: options.baseUrl + path, headers, body: JSON.parse(body!) as unknown };
}

describe('Sendmator', () => {
  const examples: Example[] = [
    {
      name: 'Complete Example Request',
      row: {
        'External ID': 'CRM-001',
        'E-mail': 'john.doe@example.com',
        'First Name': 'John',
        'Last Name': 'Doe',
        Tags: 'customer, vip, premium',
        is_active: 'true',
        company: 'Acme Corp',
        department: 'Engineering',
        phone: '+1-555-0123',
        job_title: 'Senior Developer',
        'custom_fields.annual_revenue:number': '150000',
        'custom_fields.lead_score:integer': '85',
        'custom_fields.preferred_language': 'en',
        'metadata.source': 'website',
        'metadata.campaign': 'newsletter',
        'metadata.signup_date': '2024-01-15',
        'metadata.utm_source': 'google',
        'metadata.utm_medium': 'cpc',
        'metadata.referrer': 'https://google.com',
        'metadata.ip_address': '192.168.1.1',
        'metadata[browser]': 'Chrome',
        'metadata[notes]': 'Interested in enterprise plan',
      },
      body: {
        external_id: 'CRM-001',
        email: 'john.doe@example.com',
        first_name: 'John',
        last_name: 'Doe',
        tags: ['customer', 'vip', 'premium'],
        is_active: true,
        custom_fields: {
          company: 'Acme Corp',
          department: 'Engineering',
          phone: '+1-555-0123',
          job_title: 'Senior Developer',
          annual_revenue: 150000,
          lead_score: 85,
          preferred_language: 'en',
        },
        metadata: {
          source: 'website',
          campaign: 'newsletter',
          signup_date: '2024-01-15',
          utm_source: 'google',
          utm_medium: 'cpc',
          referrer: 'https://google.com',
          ip_address: '192.168.1.1',
          browser: 'Chrome',
          notes: 'Interested in enterprise plan',
        },
      },
    },
    {
      name: 'Auto-generation',
      row: { email: 'jane.doe@example.com', first_name: 'Jane', external_id: '' },
      body: { email: 'jane.doe@example.com', first_name: 'Jane' },
    },
    {
      name: 'CRM Integration',
      row: {
        external_id: 'CRM_CONTACT_12345',
        email: 'lead@company.com',
        crm_stage: 'qualified_lead',
        'deal_value:number': '50000',
        'expected_close:date': '2024-03-15',
      },
      body: {
        external_id: 'CRM_CONTACT_12345',
        email: 'lead@company.com',
        custom_fields: { crm_stage: 'qualified_lead', deal_value: 50000, expected_close: '2024-03-15' },
      },
    },
    {
      name: 'E-commerce Integration',
      row: {
        Id: 'CUSTOMER_67890',
        Mail: 'customer@example.com',
        tags: 'customer;vip',
        Orders: '15',
        'lifetime_value:number': '2500.00',
        preferred_category: 'electronics',
        'metadata.first_purchase': '2023-06-15',
      },
      map: {
        'custom_fields.total_orders': { column: 'Orders', type: 'integer' },
        'metadata.source': { value: 'checkout' },
      },
      body: {
        external_id: 'CUSTOMER_67890',
        email: 'customer@example.com',
        tags: ['customer', 'vip'],
        custom_fields: { total_orders: 15, lifetime_value: 2500.0, preferred_category: 'electronics' },
        metadata: { source: 'checkout', first_purchase: '2023-06-15' },
      },
    },
    {
      name: 'Lead Capture',
      row: {
        email: 'prospect@startup.com',
        'given name': 'Alex',
        tags: 'lead|free_trial',
        company_size: '10-50',
        industry: 'saas',
        'trial_started:boolean': 'yes',
        metadata: '{"source":"landing_page","utm_campaign":"product_hunt_launch","form_id":"trial_signup"}',
      },
      map: { metadata: { column: 'metadata', type: 'json' } },
      body: {
        email: 'prospect@startup.com',
        first_name: 'Alex',
        tags: ['lead', 'free_trial'],
        custom_fields: { company_size: '10-50', industry: 'saas', trial_started: true },
        metadata: {
          source: 'landing_page',
          utm_campaign: 'product_hunt_launch',
          form_id: 'trial_signup',
        },
      },
    },
  ];
  test.each(examples)('$name', async (example) => {
    expect(await requestOf(sendmator, { SENDMATOR_API_KEY: 'sk_live_your_api_key' }, example)).toEqual({
      method: 'POST',
      url: 'https://api.sendmator.com/api/v1/contacts',
      headers: { 'x-api-key': 'sk_live_your_api_key', 'content-type': 'application/json' },
      body: example.body,
    });
  });
});

test('AutoSend', async () => {
  const example: Example = {
    row: {
      'E-mail': 'John@Example.com',
      'First Name': 'John',
      'Last Name': 'Doe',
      'User ID': 'user_12345',
      company: 'Acme Corp',
      role: 'Developer',
      plan: 'premium',
    },
    body: {
      email: 'john@example.com',
      firstName: 'John',
      lastName: 'Doe',
      userId: 'user_12345',
      customFields: { company: 'Acme Corp', role: 'Developer', plan: 'premium' },
    },
  };
  expect(await requestOf(autosend, { AUTOSEND_API_KEY: '<token>' }, example)).toEqual({
    method: 'POST',
    url: 'https://api.autosend.com/v1/contacts',
    headers: { authorization: 'Bearer <token>', 'content-type': 'application/json' },
    body: example.body,
  });
});

test('AutoSend, custom fields of all types and lists', async () => {
  const example: Example = {
    row: {
      email: 'john@example.com',
      'List IDs': '507f1f77bcf86cd799439011',
      company: 'Acme Corp',
      'isPremium:boolean': 'yes',
      'loginCount:integer': '42',
      'trialEndsAt:date': '2024-03-01',
    },
    body: {
      email: 'john@example.com',
      listIds: ['507f1f77bcf86cd799439011'],
      customFields: { company: 'Acme Corp', isPremium: true, loginCount: 42, trialEndsAt: '2024-03-01' },
    },
  };
  expect((await requestOf(autosend, {}, example)).body).toEqual(example.body);
});

describe('Cendyn', () => {
  const ENVIRONMENT = { CENDYN_ACCOUNT_ID: ':account_id', CENDYN_ACCOUNT_SECRET: '{account.secret}' };

  test('Create', async () => {
    const example: Example = {
      row: {
        name_first: 'John',
        'Last Name': 'Doe',
        'E-mail': 'johndoe@example.com',
        phone_countrycode: '44',
        'Phone Number': '7712345678',
        tags: 'tag1,tag2',
      },
      body: {
        name_first: 'John',
        name_last: 'Doe',
        email: 'johndoe@example.com',
        phone_countrycode: '44',
        phone_number: '7712345678',
        tags: ['tag1', 'tag2'],
      },
    };
    expect(await requestOf(cendyn, ENVIRONMENT, example)).toEqual({
      method: 'POST',
      url: 'https://api.eu.cendyncrm.com/v2/account/%3Aaccount_id/contact/',
      headers: {
        accept: 'application/json',
        authorization: 'Token token={account.secret}',
        'content-type': 'application/json',
      },
      body: example.body,
    });
  });

  test('every parameter', async () => {
    const example: Example = {
      row: {
        email: 'john@example.com',
        Phone: '+44 7712 345678',
        'Date of birth': '1990-01-01T00:00:00Z',
        gender: 'MALE',
        language: 'ES',
        facebook_friends: '12',
        last_latitude: '27.994401',
        Longitude: '-81.726896',
        'list_subscriptions[list_id]': 'l-1',
        'list_subscriptions[subscribed]': 'true',
        gdpr_marketing_consent: 'yes',
        gdpr_date: '1990-01-01T00:00:00Z',
        gdpr_remote_ip: '192.168.1.1',
        'email_validation[validate]': 'true',
        'email_validation[create_if_invalid]': 'no',
        Favourite_Room: '012',
      },
      body: {
        email: 'john@example.com',
        phone: '+44 7712 345678',
        born_date: '1990-01-01T00:00:00Z',
        gender: 'MALE',
        language: 'ES',
        facebook_friends: 12,
        last_latitude: 27.994401,
        last_longitude: -81.726896,
        list_subscriptions: { list_id: 'l-1', subscribed: true },
        gdpr_marketing_consent: true,
        gdpr_date: '1990-01-01T00:00:00Z',
        gdpr_remote_ip: '192.168.1.1',
        email_validation: { validate: true, create_if_invalid: false },
        Favourite_Room: '012',
      },
    };
    expect((await requestOf(cendyn, ENVIRONMENT, example)).body).toEqual(example.body);
  });

  test('several subscriptions, no e-mail address, a phone number in parts', async () => {
    const example: Example = {
      row: {
        Mobile: '07712 345678',
        list_subscriptions: '[{"list_id":"a","subscribed":true},{"list_id":"b"}]',
      },
      map: {
        phone_countrycode: { column: 'Mobile', type: 'phone', country: 'GB', part: 'countrycode' },
        phone_number: { column: 'Mobile', type: 'phone', country: 'GB', part: 'national' },
      },
      body: {
        phone_countrycode: '44',
        phone_number: '7712345678',
        list_subscriptions: [{ list_id: 'a', subscribed: true }, { list_id: 'b' }],
      },
    };
    expect((await requestOf(cendyn, ENVIRONMENT, example)).body).toEqual(example.body);
  });
});

describe('Clemta', () => {
  const ENVIRONMENT = { CLEMTA_API_KEY: 'your_api_key_here', CLEMTA_COMPANY_ID: '64b8f1a2e4b0c8d9f0123456' };

  test('Code Examples', async () => {
    const example: Example = {
      row: {
        'Full Name': 'John Doe',
        'E-mail': 'john@example.com',
        Description: 'Primary contact for the company',
        CC: 'john@example.com',
        'Billing E-mail': 'john@example.com',
        'billing.phone': '1234567890',
        'billing.phone_code': '+1',
        'billing[iso_code]': 'US',
        Country: 'United States',
        'Address 1': '123 Main Street',
        'Postal Code': '12345',
        State: 'CA',
      },
      map: { type: { value: 'customer' } },
      body: {
        type: 'customer',
        full_name: 'John Doe',
        email: 'john@example.com',
        company_id: '64b8f1a2e4b0c8d9f0123456',
        description: 'Primary contact for the company',
        cc_emails: ['john@example.com'],
        billing: {
          email: 'john@example.com',
          phone: '1234567890',
          phone_code: '+1',
          iso_code: 'US',
          country: 'United States',
          address_1: '123 Main Street',
          postal_code: '12345',
          state: 'CA',
        },
      },
    };
    expect(await requestOf(clemta, ENVIRONMENT, example)).toEqual({
      method: 'POST',
      url: 'https://api.clemta.com/contacts',
      headers: { 'x-api-key': 'your_api_key_here', 'content-type': 'application/json' },
      body: example.body,
    });
  });

  // Its other example has every field with a placeholder for a value, and `billing.` twice in the names of bills.
  test('Create Contact', async () => {
    const bill = ['phone', 'phone_code', 'iso_code', 'country', 'address_1', 'address_2', 'postal_code'];
    bill.push('district', 'state', 'province', 'tax_id');
    const texts = Object.fromEntries(bill.map((name) => [name, '<string>']));
    const email = 'john@example.com';
    const example: Example = {
      row: {
        type: 'vendor',
        full_name: '<string>',
        email,
        company_id: 'of the row',
        status: '<string>',
        description: '<string>',
        cc_emails: 'a@example.com; b@example.com',
        bcc_emails: email,
        'billing.email': email,
        ...Object.fromEntries(bill.map((name) => [`billing.${name}`, '<string>'])),
      },
      body: {
        type: 'vendor',
        full_name: '<string>',
        email,
        company_id: 'of the row',
        status: '<string>',
        description: '<string>',
        cc_emails: ['a@example.com', 'b@example.com'],
        bcc_emails: [email],
        billing: { email, ...texts },
      },
    };
    expect((await requestOf(clemta, ENVIRONMENT, example)).body).toEqual(example.body);
  });
});
