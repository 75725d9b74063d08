/** The examples against the answers their APIs document. */
import { describe, expect, test } from 'vitest';
import type { Contact } from '../../../src/contact.js';
import type { Finding } from '../../../src/destinations/destination.js';
import { findFaults } from '../../../src/ingest/validate.js';
import type { Verdict } from '../../../src/verdict.js';
import { answer } from '../answer.js';
import { destinationOf, optionsOf, SAMPLES, withDefaults } from './sample.js';

type Answer = [status: number, body: unknown, headers?: Record<string, string>];

interface Sample {
  contact: Contact;
  path: string;
  headers: Record<string, string>;
  body: unknown;
  created: [Answer, id: string];
  duplicate: [Answer, Partial<Verdict>];
  /** More verdicts that are this API's own. */
  others?: [what: string, Answer, Partial<Verdict>][];
  invalid: [Answer, Partial<Verdict>];
  unauthorized: Answer;
  throttled: [Answer, waitMs: number | undefined];
  lookup: { path: string; body?: unknown; found: Answer; finding: Partial<Finding>; absent: Answer };
  update: { method: string; path: string; body?: unknown; updated: Answer };
}

const DATE = 'Sun, 01 Feb 2026 12:00:00 GMT';
const DATE_S = Date.parse(DATE) / 1000;
const PAGE = '<!DOCTYPE html><html><body>Sorry</body></html>';

const hubspotContact = { email: 'ann@example.com', firstname: 'Ann', lastname: 'Lee', company: 'Łódź & Co' };
const mailchimpContact = {
  email: 'ann@example.com',
  status: 'subscribed',
  merge_fields: { FNAME: 'Ann', LNAME: 'Lee' },
  tags: ['vip'],
};
const brevoContact = { email: 'ann@example.com', ext_id: 'C-1', attributes: { FIRSTNAME: 'Ann' } };
const klaviyoContact = {
  email: 'ann@example.com',
  external_id: 'C-1',
  first_name: 'Ann',
  location: { city: 'Łódź' },
  properties: { plan: 'pro' },
};
const intercomContact = {
  role: 'user',
  email: 'ann@example.com',
  external_id: 'C-1',
  name: 'Ann Lee',
  custom_attributes: { plan: 'pro' },
};
const activecampaignContact = { email: 'ann@example.com', firstName: 'Ann', job_title: 'CTO' };
const loopsContact = { email: 'ann@example.com', userId: 'C-1', firstName: 'Ann', subscribed: true };

const jsonApi = (status: number, code: string, title: string, rest: object = {}) => [
  status,
  { errors: [{ id: 'e-1', status, code, title, detail: `${title} detail`, ...rest }] },
];

const SAMPLE: Record<string, Sample> = {
  hubspot: {
    contact: hubspotContact,
    path: '/crm/v3/objects/contacts',
    headers: { authorization: 'Bearer hubspot_token-0123456789', 'content-type': 'application/json' },
    body: { properties: hubspotContact },
    created: [
      [
        201,
        { id: '512', properties: hubspotContact, createdAt: '2026-02-01T12:00:00.500Z', archived: false },
      ],
      '512',
    ],
    duplicate: [
      [
        409,
        {
          status: 'error',
          message: 'Contact already exists. Existing ID: 37765128953',
          correlationId: '2dea5219',
          category: 'CONFLICT',
        },
      ],
      {
        kind: 'duplicate',
        key: 'email',
        contactId: '37765128953',
        message: 'Contact already exists. Existing ID: 37765128953',
      },
    ],
    others: [
      [
        'a duplicate in newer words',
        [409, { message: 'Contact already exists. Existing ID: 2926551', category: 'OBJECT_ALREADY_EXISTS' }],
        { kind: 'duplicate', key: 'email', contactId: '2926551' },
      ],
      [
        'a 409 that is none',
        [409, { message: 'Locked by a merge', category: 'OTHER' }],
        { kind: 'rejected' },
      ],
      [
        'the quota of the day',
        [429, { message: 'You have reached your daily limit.', policyName: 'DAILY' }],
        { kind: 'refused', code: 'DAILY', message: 'You have reached your daily limit.' },
      ],
      ['a lock', [423, { message: 'locked' }], { kind: 'throttled' }],
    ],
    invalid: [
      [
        400,
        {
          status: 'error',
          message:
            'Property values were not valid: [{"isValid":false,"message":"Property \\"foo\\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"foo"}]',
          category: 'VALIDATION_ERROR',
        },
      ],
      { kind: 'rejected', field: 'foo', code: 'VALIDATION_ERROR' },
    ],
    unauthorized: [
      401,
      { status: 'error', message: 'Credentials not found', category: 'INVALID_AUTHENTICATION' },
    ],
    throttled: [
      [
        429,
        { message: 'You have reached your ten_secondly_rolling limit.', policyName: 'TEN_SECONDLY_ROLLING' },
        { 'x-hubspot-ratelimit-interval-milliseconds': '10000' },
      ],
      10_000,
    ],
    lookup: {
      path: '/crm/v3/objects/contacts/ann%40example.com?idProperty=email&properties=email,firstname,lastname,phone,company,jobtitle,website,lifecyclestage',
      found: [
        200,
        {
          id: '512',
          properties: { ...hubspotContact, createdate: '2026-02-01T12:00:00.500Z', phone: null },
          createdAt: '2026-02-01T12:00:00.500Z',
        },
      ],
      finding: { contactId: '512', createdMs: Date.parse('2026-02-01T12:00:00.500Z'), same: true },
      absent: [404, { status: 'error', message: 'resource not found', category: 'OBJECT_NOT_FOUND' }],
    },
    update: {
      method: 'PATCH',
      path: '/crm/v3/objects/contacts/512',
      body: { properties: hubspotContact },
      updated: [200, { id: '512', properties: {} }],
    },
  },
  mailchimp: {
    contact: mailchimpContact,
    path: '/3.0/lists/mailchimp_list_id-0123456789/members',
    headers: {
      authorization: `Basic ${Buffer.from('rowferry:mailchimp_api_key-0123456789').toString('base64')}`,
    },
    body: {
      email_address: 'ann@example.com',
      status: 'subscribed',
      merge_fields: { FNAME: 'Ann', LNAME: 'Lee' },
      tags: ['vip'],
    },
    created: [
      [
        200,
        { id: '852aaa9532cb36adfb5e9fef7a4206a9', email_address: 'ann@example.com', status: 'subscribed' },
      ],
      '852aaa9532cb36adfb5e9fef7a4206a9',
    ],
    duplicate: [
      [
        400,
        {
          type: 'https://mailchimp.com/developer/marketing/docs/errors/',
          title: 'Member Exists',
          status: 400,
          detail: 'ann@example.com is already a list member. Use PUT to insert or update list members.',
          instance: 'a6d8eac9',
        },
      ],
      {
        kind: 'duplicate',
        key: 'email',
        message: 'ann@example.com is already a list member. Use PUT to insert or update list members.',
      },
    ],
    others: [
      [
        'a duplicate under a translated title',
        [400, { title: 'Miembro existente', detail: 'ann@example.com is already a list member.' }],
        { kind: 'duplicate', key: 'email' },
      ],
      [
        'who may not be added',
        [400, { title: 'Forgotten Email Not Subscribed', detail: 'ann@example.com was permanently deleted' }],
        {
          kind: 'rejected',
          code: 'Forgotten Email Not Subscribed',
          message: 'ann@example.com was permanently deleted',
        },
      ],
    ],
    invalid: [
      [
        400,
        {
          title: 'Invalid Resource',
          detail: 'Your merge fields were invalid.',
          errors: [
            { field: 'BIRTHDAY', message: 'Please enter a month (01-12)' },
            { field: 'ZIP', message: 'Please enter a zip code' },
          ],
        },
      ],
      {
        kind: 'rejected',
        field: 'BIRTHDAY',
        code: 'Invalid Resource',
        message:
          'Your merge fields were invalid.; BIRTHDAY: Please enter a month (01-12); ZIP: Please enter a zip code',
      },
    ],
    unauthorized: [401, { title: 'API Key Invalid', detail: 'Your API key may be invalid' }],
    throttled: [
      [
        429,
        { title: 'Too Many Requests', detail: 'You have exceeded the limit of 10 simultaneous connections.' },
      ],
      undefined,
    ],
    lookup: {
      path: '/3.0/lists/mailchimp_list_id-0123456789/members/ann%40example.com',
      found: [
        200,
        {
          id: '852a',
          email_address: 'Ann@example.com',
          status: 'subscribed',
          merge_fields: { FNAME: 'Ann', LNAME: 'Lee', PHONE: '' },
          timestamp_opt: '2026-02-01T12:00:00+00:00',
          tags: [{ id: 1, name: 'vip' }],
          language: '',
        },
      ],
      finding: { contactId: '852a', createdMs: Date.parse(DATE), same: true },
      absent: [404, { title: 'Resource Not Found', detail: 'The requested resource could not be found.' }],
    },
    update: {
      method: 'PUT',
      path: '/3.0/lists/mailchimp_list_id-0123456789/members/ann%40example.com',
      body: {
        email_address: 'ann@example.com',
        status_if_new: 'subscribed',
        merge_fields: { FNAME: 'Ann', LNAME: 'Lee' },
      },
      updated: [200, { id: '852a' }],
    },
  },
  brevo: {
    contact: brevoContact,
    path: '/v3/contacts',
    headers: { 'api-key': 'brevo_api_key-0123456789' },
    body: brevoContact,
    created: [[201, { id: 21 }], '21'],
    duplicate: [
      [
        400,
        {
          code: 'duplicate_parameter',
          message: 'Unable to create contact, ext_id is already associated with another Contact',
          metadata: { duplicate_identifiers: ['ext_id'] },
        },
      ],
      {
        kind: 'duplicate',
        key: 'external_id',
        message: 'Unable to create contact, ext_id is already associated with another Contact',
      },
    ],
    others: [
      [
        'a duplicate by both',
        [
          400,
          { code: 'duplicate_parameter', metadata: { duplicate_identifiers: ['SMS', 'ext_id', 'email'] } },
        ],
        { kind: 'duplicate', key: 'email' },
      ],
      [
        'a duplicate by phone alone',
        [
          400,
          { code: 'duplicate_parameter', metadata: { duplicate_identifiers: ['SMS'] }, message: 'SMS taken' },
        ],
        { kind: 'duplicate', message: 'SMS taken' },
      ],
      [
        'a duplicate in older words',
        [400, { code: 'duplicate_parameter', message: 'Contact already exist' }],
        { kind: 'duplicate', message: 'Contact already exist' },
      ],
      [
        'spent credits',
        [402, { code: 'not_enough_credits', message: 'no credits' }],
        { kind: 'refused', message: 'no credits' },
      ],
    ],
    invalid: [
      [400, { code: 'invalid_parameter', message: 'Invalid phone number' }],
      { kind: 'rejected', code: 'invalid_parameter', message: 'Invalid phone number' },
    ],
    unauthorized: [401, { code: 'unauthorized', message: 'Key not found' }],
    throttled: [[429, { message: 'Too many requests' }, { 'x-sib-ratelimit-reset': '17' }], 17_000],
    lookup: {
      path: '/v3/contacts/ann%40example.com?identifierType=email_id',
      found: [
        200,
        {
          id: 21,
          email: 'ann@example.com',
          attributes: { FIRSTNAME: 'Ann' },
          createdAt: '2026-02-01T13:00:00.000+01:00',
          listIds: [],
        },
      ],
      finding: { contactId: '21', createdMs: Date.parse(DATE), same: true },
      absent: [404, { code: 'document_not_found', message: 'Contact does not exist' }],
    },
    update: {
      method: 'PUT',
      path: '/v3/contacts/512?identifierType=contact_id',
      body: brevoContact,
      updated: [204, ''],
    },
  },
  klaviyo: {
    contact: klaviyoContact,
    path: '/api/profiles',
    headers: {
      authorization: 'Klaviyo-API-Key klaviyo_api_key-0123456789',
      revision: '2024-10-15',
      'content-type': 'application/vnd.api+json',
    },
    body: { data: { type: 'profile', attributes: klaviyoContact } },
    created: [
      [201, { data: { type: 'profile', id: '01GDDKASAP8TKDDA2GRZDSVP4H', attributes: {} } }],
      '01GDDKASAP8TKDDA2GRZDSVP4H',
    ],
    duplicate: [
      jsonApi(409, 'duplicate_profile', 'Conflict.', { meta: { duplicate_profile_id: '01GDD' } }) as Answer,
      { kind: 'duplicate', contactId: '01GDD', message: 'Conflict. detail' },
    ],
    others: [
      [
        'a 409 that is none',
        jsonApi(409, 'conflict', 'Other.') as Answer,
        { kind: 'rejected', code: 'conflict' },
      ],
    ],
    invalid: [
      jsonApi(400, 'invalid', 'Invalid input.', {
        source: { pointer: '/data/attributes/phone_number' },
      }) as Answer,
      { kind: 'rejected', field: 'phone_number', code: 'invalid', message: 'Invalid input. detail' },
    ],
    unauthorized: jsonApi(
      401,
      'not_authenticated',
      'Authentication credentials were not provided.',
    ) as Answer,
    throttled: [
      [...(jsonApi(429, 'throttled', 'Throttled') as [number, unknown]), { 'retry-after': '3' }],
      3_000,
    ],
    lookup: {
      path: '/api/profiles?filter=equals(email,%22ann%40example.com%22)',
      found: [
        200,
        {
          data: [
            {
              type: 'profile',
              id: '01GDD',
              attributes: { ...klaviyoContact, phone_number: null, created: '2026-02-01T12:00:00+00:00' },
            },
          ],
        },
      ],
      finding: { contactId: '01GDD', createdMs: Date.parse(DATE), same: true },
      absent: [200, { data: [], links: {} }],
    },
    update: {
      method: 'PATCH',
      path: '/api/profiles/512',
      body: { data: { type: 'profile', id: '512', attributes: klaviyoContact } },
      updated: [200, { data: { type: 'profile', id: '512' } }],
    },
  },
  intercom: {
    contact: intercomContact,
    path: '/contacts',
    headers: { authorization: 'Bearer intercom_token-0123456789', 'intercom-version': '2.11' },
    body: intercomContact,
    created: [
      [200, { type: 'contact', id: '5ba682d23d7cf92bef87bfd4', created_at: DATE_S }],
      '5ba682d23d7cf92bef87bfd4',
    ],
    duplicate: [
      [
        409,
        {
          type: 'error.list',
          request_id: 'r-1',
          errors: [
            {
              code: 'conflict',
              message: 'A contact matching those details already exists with id=5ff2b0a47543cba3058e8b79',
            },
          ],
        },
      ],
      { kind: 'duplicate', contactId: '5ff2b0a47543cba3058e8b79' },
    ],
    others: [
      [
        'an archived contact',
        [
          409,
          {
            errors: [
              {
                code: 'conflict',
                message:
                  'An archived contact matching those details already exists with id=5ff25dc6ec394ef8296e873f',
              },
            ],
          },
        ],
        { kind: 'duplicate', contactId: '5ff25dc6ec394ef8296e873f' },
      ],
      [
        'a 409 that is none',
        [409, { errors: [{ code: 'conflict', message: 'A merge is in progress' }] }],
        { kind: 'rejected', code: 'conflict', message: 'A merge is in progress' },
      ],
      [
        'a plan without this API',
        [403, { errors: [{ code: 'api_plan_restricted', message: 'Active subscription needed.' }] }],
        { kind: 'refused', message: 'Active subscription needed.' },
      ],
    ],
    invalid: [
      [
        400,
        {
          type: 'error.list',
          errors: [{ code: 'parameter_invalid', message: "custom attribute 'plan' does not exist" }],
        },
      ],
      { kind: 'rejected', code: 'parameter_invalid', message: "custom attribute 'plan' does not exist" },
    ],
    unauthorized: [
      401,
      { type: 'error.list', errors: [{ code: 'unauthorized', message: 'Access Token Invalid' }] },
    ],
    throttled: [
      [
        429,
        { errors: [{ code: 'rate_limit_exceeded', message: 'Exceeded rate limit' }] },
        { date: DATE, 'x-ratelimit-reset': String(DATE_S + 10) },
      ],
      10_000,
    ],
    lookup: {
      path: '/contacts/search',
      body: { query: { field: 'email', operator: '=', value: 'ann@example.com' } },
      found: [
        200,
        {
          type: 'list',
          data: [{ type: 'contact', id: '5ba6', ...intercomContact, phone: null, created_at: DATE_S }],
          total_count: 1,
        },
      ],
      finding: { contactId: '5ba6', createdMs: Date.parse(DATE), same: true },
      absent: [200, { type: 'list', data: [], total_count: 0 }],
    },
    update: {
      method: 'PUT',
      path: '/contacts/512',
      body: intercomContact,
      updated: [200, { type: 'contact', id: '512' }],
    },
  },
  activecampaign: {
    contact: activecampaignContact,
    path: '/api/3/contacts',
    headers: { 'api-token': 'activecampaign_token-0123456789' },
    body: {
      contact: { email: 'ann@example.com', firstName: 'Ann', fieldValues: [{ field: '1', value: 'CTO' }] },
    },
    created: [[201, { fieldValues: [], contact: { id: '113', email: 'ann@example.com' } }], '113'],
    duplicate: [
      [
        422,
        {
          errors: [
            {
              title: 'Email address already exists in the system.',
              detail: '',
              code: 'duplicate',
              source: { pointer: '/data/attributes/email' },
            },
          ],
        },
      ],
      { kind: 'duplicate', key: 'email', message: 'Email address already exists in the system.' },
    ],
    invalid: [
      [
        422,
        {
          errors: [
            {
              title: 'Contact Email Address is not valid.',
              detail: '',
              code: 'email_invalid',
              source: { pointer: '/data/attributes/email' },
            },
          ],
        },
      ],
      {
        kind: 'rejected',
        field: 'email',
        code: 'email_invalid',
        message: 'Contact Email Address is not valid.',
      },
    ],
    unauthorized: [401, { message: 'Unauthorized' }],
    throttled: [[429, { message: 'Too many requests' }, { 'retry-after': '1' }], 1_000],
    lookup: {
      path: '/api/3/contacts?email=ann%40example.com',
      found: [
        200,
        {
          contacts: [
            {
              id: '113',
              email: 'ann@example.com',
              firstName: 'Ann',
              lastName: '',
              cdate: '2026-02-01T06:00:00-06:00',
            },
          ],
          meta: { total: '1' },
        },
      ],
      finding: { contactId: '113', createdMs: Date.parse(DATE), same: true },
      absent: [200, { contacts: [], meta: { total: '0' } }],
    },
    update: {
      method: 'PUT',
      path: '/api/3/contacts/512',
      updated: [200, { contact: { id: '512' } }],
    },
  },
  loops: {
    contact: loopsContact,
    path: '/api/v1/contacts/create',
    headers: { authorization: 'Bearer loops_api_key-0123456789' },
    body: loopsContact,
    created: [[200, { success: true, id: 'cll6b3i8901a9jx0oyktl2m4u' }], 'cll6b3i8901a9jx0oyktl2m4u'],
    duplicate: [
      [409, { success: false, message: 'Email or userId is already on list.' }],
      { kind: 'duplicate', message: 'Email or userId is already on list.' },
    ],
    others: [
      [
        'success in no more than the status',
        [200, { success: false, message: 'No' }],
        { kind: 'rejected', message: 'No' },
      ],
    ],
    invalid: [
      [400, { success: false, message: 'Invalid email address' }],
      { kind: 'rejected', message: 'Invalid email address' },
    ],
    unauthorized: [401, { error: 'Invalid API key' }],
    throttled: [
      [
        429,
        { success: false, message: 'Rate limit' },
        { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' },
      ],
      undefined,
    ],
    lookup: {
      path: '/api/v1/contacts/find?email=ann%40example.com',
      found: [200, [{ id: 'cll6', ...loopsContact, source: 'API', userGroup: '' }]],
      finding: { contactId: 'cll6', same: true },
      absent: [200, []],
    },
    update: {
      method: 'PUT',
      path: '/api/v1/contacts/update',
      body: loopsContact,
      updated: [200, { success: true, id: 'cll6' }],
    },
  },
};

test('every example is examined', () => {
  expect(SAMPLES.sort()).toEqual(Object.keys(SAMPLE).sort());
});

describe.each(Object.entries(SAMPLE))('%s', (name, sample) => {
  const destination = destinationOf(name, {
    ACTIVECAMPAIGN_URL: 'https://example.api-us1.com',
    MAILCHIMP_DC: 'us19',
  });
  const options = optionsOf(destination);
  const { contact, lookup, update } = sample;
  const interpret = (given: Answer) => destination.interpret(answer(...given), contact);

  test('takes the contact, with what it adds of its own, and not one without an address', () => {
    expect(withDefaults(destination, contact)).toEqual(contact);
    expect(findFaults(contact, destination)[0]).toBeUndefined();
    const { email: _, ...without } = contact;
    expect(findFaults(without, destination)[0]).toMatchObject({ field: 'email', code: 'required' });
  });

  test('sends the documented request', () => {
    const { method, path, headers, body } = destination.create(contact, options);
    expect({ method, path, body: JSON.parse(body!) as unknown }).toEqual({
      method: 'POST',
      path: sample.path,
      body: sample.body,
    });
    expect(headers).toMatchObject(sample.headers);
  });

  test('created', () => {
    const [given, contactId] = sample.created;
    expect(interpret(given)).toEqual({ kind: 'created', contactId });
    expect(interpret([given[0], {}]).kind).toMatch(/unclear|rejected/);
  });

  test('duplicate', () => {
    const [given, verdict] = sample.duplicate;
    expect(interpret(given)).toEqual({ message: expect.any(String) as string, ...verdict });
  });

  test.each(sample.others ?? [])('%s', (_, given, verdict) => {
    expect(interpret(given)).toMatchObject(verdict);
    if (verdict.kind === 'duplicate') {
      expect(interpret(given)).toEqual({ message: expect.any(String) as string, ...verdict });
    }
  });

  test('validation error', () => {
    const [given, verdict] = sample.invalid;
    expect(interpret(given)).toMatchObject(verdict);
  });

  test('401 is refused in the words of the API', () => {
    const [, body] = sample.unauthorized as [number, object];
    const verdict = interpret(sample.unauthorized) as Extract<Verdict, { kind: 'refused' }>;
    expect(verdict.kind).toBe('refused');
    expect(JSON.stringify(body)).toContain(verdict.message);
  });

  test('429 waits as this API announces', () => {
    const [given, waitMs] = sample.throttled;
    const { message: _, ...verdict } = interpret(given) as Extract<Verdict, { kind: 'throttled' }>;
    expect(verdict).toEqual({ kind: 'throttled', ...(waitMs === undefined ? {} : { waitMs }) });
    expect(interpret([429, given[1], { 'retry-after': '7' }])).toMatchObject({ waitMs: 7_000 });
  });

  test('trouble and pages', () => {
    expect(interpret([500, { message: 'Internal error' }])).toMatchObject({ kind: 'unavailable' });
    expect(interpret([502, PAGE])).toMatchObject({ kind: 'unavailable' });
    expect(interpret([sample.created[0][0], PAGE])).toMatchObject({ kind: 'unclear' });
    expect(interpret([404, PAGE])).toMatchObject({ kind: 'refused', code: 'http_404' });
    for (const status of [400, 409, 422]) {
      expect(interpret([status, PAGE]).kind, String(status)).not.toBe('duplicate');
    }
  });

  test('look-up', () => {
    const { method, path, body, headers } = destination.lookup!.request(contact, options, 'email');
    expect(path).toBe(lookup.path);
    expect(method).toBe(lookup.body === undefined ? 'GET' : 'POST');
    expect(body === undefined ? undefined : (JSON.parse(body) as unknown)).toEqual(lookup.body);
    expect(headers).toMatchObject(lookup.body === undefined ? {} : { 'content-type': 'application/json' });
    const read = (given: Answer, about = contact) =>
      destination.lookup!.read(answer(...given), about, 'email');
    expect(read(lookup.found)).toEqual({ kind: 'found', ...lookup.finding });
    expect(read(lookup.found, { ...contact, email: 'bob@example.com' })).toMatchObject({ same: false });
    expect(read(lookup.absent)).toEqual({ kind: 'absent' });
    for (const [given, kind] of [
      [sample.unauthorized, 'refused'],
      [sample.throttled[0], 'throttled'],
      [[500, PAGE], 'unavailable'],
      [[200, PAGE], 'unclear'],
      [[200, {}], 'unclear'],
    ] as [Answer, string][]) {
      expect(read(given), `${given[0]}`).toMatchObject({ kind: 'no_answer', verdict: { kind } });
    }
  });

  test('update', () => {
    const { needsId, request, interpret: read } = destination.update!;
    const asked = request(contact, options, needsId ? '512' : undefined);
    expect(asked).toMatchObject({ method: update.method, path: update.path });
    expect(JSON.parse(asked.body!)).toEqual(update.body ?? sample.body);
    expect(needsId).toBe(update.path.includes('512'));
    expect(read(answer(...update.updated), contact).kind).toBe('updated');
    expect(read(answer(...sample.unauthorized), contact).kind).toBe('refused');
    expect(read(answer(...sample.invalid[0]), contact).kind).toBe('rejected');
    expect(read(answer(202, PAGE), contact).kind).toBe('unclear');
  });

  test('every credential is an option, so that reports can be kept clean of it', () => {
    const secrets = Object.values(options).filter((value) => value !== options.baseUrl);
    for (const [, value] of Object.entries(sample.headers)) {
      const token = value.split(' ').at(-1)!;
      if (token.includes('0123456789')) expect(secrets).toContain(token);
    }
    expect(secrets).not.toContain('application/json');
    expect(secrets).not.toContain('2024-10-15');
  });
});

describe('mailchimp, several at once', () => {
  const destination = destinationOf('mailchimp', { MAILCHIMP_DC: 'us19' });
  const bulk = destination.bulk!;
  const contacts = ['ann', 'Bob', 'cid', 'dee'].map((name) => ({
    email: `${name}@example.com`,
    status: 'subscribed',
  }));

  test('are one request', () => {
    const { path, body } = bulk.request(contacts.slice(0, 2), optionsOf(destination));
    expect(path).toBe('/3.0/lists/mailchimp_list_id-0123456789');
    expect(JSON.parse(body!)).toEqual({
      members: [
        { email_address: 'ann@example.com', status: 'subscribed' },
        { email_address: 'Bob@example.com', status: 'subscribed' },
      ],
      update_existing: false,
    });
  });

  const body = {
    new_members: [{ id: 'm-1', email_address: 'ann@example.com' }],
    updated_members: [],
    errors: [
      {
        email_address: 'bob@example.com',
        error: 'is already a list member',
        error_code: 'ERROR_CONTACT_EXISTS',
      },
      {
        email_address: 'cid@example.com',
        error: 'looks fake',
        error_code: 'ERROR_GENERIC',
        field: 'email_address',
      },
    ],
  };

  test('get a verdict each', () => {
    expect(bulk.interpret(answer(200, body), contacts)).toEqual([
      { kind: 'created', contactId: 'm-1' },
      { kind: 'duplicate', key: 'email', message: 'is already a list member' },
      { kind: 'rejected', field: 'email_address', code: 'ERROR_GENERIC', message: 'looks fake' },
      { kind: 'unclear', message: expect.any(String) as string },
    ]);
    expect(bulk.interpret(answer(200, body), contacts.slice(0, 1))).toEqual([
      { kind: 'created', contactId: 'm-1' },
    ]);
  });

  test('as many as it takes', () => {
    const many = Array.from({ length: bulk.max }, (_, i) => ({ email: `p${i}@example.com` }));
    const members = many.map(({ email }, i) => ({ id: `m-${i}`, email_address: email }));
    const verdicts = bulk.interpret(answer(200, { new_members: members, errors: [] }), many);
    expect(verdicts).toEqual(many.map((_, i) => ({ kind: 'created', contactId: `m-${i}` })));
  });
});
