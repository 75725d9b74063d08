import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Contact } from '../../src/contact.js';
import { cendyn } from '../../src/destinations/cendyn.js';
import { clemta } from '../../src/destinations/clemta.js';
import { type Destination, defineDestination } from '../../src/destinations/destination.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { EXIT, RowferryError } from '../../src/errors.js';
import { makeMapping } from '../../src/ingest/map.js';
import { type Fault, findFaults } from '../../src/ingest/validate.js';
import { type MappingSpec, parseMapping } from '../../src/mapping.js';

/** Every kind of field, some of them inside objects; e-mail or phone is required. */
const company = defineDestination({
  ...sendmator,
  kind: 'company',
  contact: z
    .looseObject({ email: z.string().optional(), phone: z.string().optional(), type: z.string() })
    .refine(({ email, phone }) => email !== undefined || phone !== undefined, {
      path: ['email'],
      error: 'required',
    }),
  fields: {
    email: 'text',
    phone: 'text',
    full_name: 'text',
    type: 'text',
    'billing.email': 'text',
    'billing.seats': 'integer',
    balance: 'number',
    since: 'date',
    vip: 'boolean',
    tags: 'list',
    raw: 'json',
    extra: 'object',
  },
  aliases: { 'invoice mail': 'billing.email' },
  unmapped: null,
  defaults: ({ company }) => ({ type: 'customer', billing: { owner: company ?? null } }),
});

/** An API that takes fields of any name. */
const open = defineDestination({
  ...company,
  kind: 'open',
  contact: z.looseObject({}),
  fields: { email: 'text' },
  aliases: {},
  unmapped: 'contact',
  defaults: () => ({}),
});

const options = { baseUrl: 'http://127.0.0.1', apiKey: 'key', company: 'c-1' };

async function mapped(
  row: Record<string, string>,
  spec: MappingSpec = {},
  destination: Destination = sendmator,
) {
  const faults: Fault[] = [];
  const { map, express, warnings } = await makeMapping(
    Object.keys(row),
    { destination, options },
    parseMapping(spec),
  );
  const cells = Object.values(row);
  const contact = map(cells, (fault) => faults.push(fault));
  await express?.(contact, cells, (fault) => faults.push(fault));
  return { contact, faults, warnings };
}

async function contactOf(
  row: Record<string, string>,
  spec: MappingSpec,
  destination?: Destination,
): Promise<Contact> {
  const { contact, faults } = await mapped({ email: 'a@example.com', ...row }, spec, destination);
  expect(faults).toEqual([]);
  delete contact.email;
  return contact;
}

async function refusal(header: string[], spec: MappingSpec, destination: Destination = sendmator) {
  try {
    await makeMapping(header, { destination, options }, parseMapping(spec));
  } catch (error) {
    expect(error).toBeInstanceOf(RowferryError);
    expect(error).toMatchObject({ exitCode: EXIT.usage });
    return { code: (error as RowferryError).code, message: (error as RowferryError).message };
  }
  throw new Error('nothing was refused');
}

describe('a rule', () => {
  test('joins columns, leaving out blank ones', async () => {
    const spec: MappingSpec = { map: { 'custom_fields.name': { columns: ['First', 'Last'], join: ', ' } } };
    expect(await contactOf({ First: ' Ann', Last: 'Lee ' }, spec)).toEqual({
      custom_fields: { name: 'Ann, Lee' },
    });
    expect(await contactOf({ First: ' ', Last: 'Lee' }, spec)).toEqual({ custom_fields: { name: 'Lee' } });
    expect(await contactOf({ First: '', Last: ' ' }, spec)).toEqual({});
  });

  test('makes one list of several columns', async () => {
    const spec: MappingSpec = {
      map: { tags: { columns: ['A', 'B'] }, 'custom_fields.l': { columns: ['A', 'B'], split: '/' } },
    };
    expect(await contactOf({ A: 'x,y', B: 'y;z' }, spec)).toEqual({
      tags: ['x', 'y', 'z'],
      custom_fields: { l: ['x,y', 'y;z'] },
    });
  });

  test('gives a constant of any type, each contact its own', async () => {
    const { map } = await makeMapping(
      ['email'],
      { destination: sendmator, options },
      {
        map: { metadata: { value: { from: ['file'] } }, is_active: { value: 'yes' }, tags: { value: 'a,b' } },
      },
    );
    const first = map(['a@example.com']);
    expect(first).toEqual({
      email: 'a@example.com',
      metadata: { from: ['file'] },
      is_active: true,
      tags: ['a', 'b'],
    });
    (first.metadata as { from: string[] }).from.push('changed');
    expect(map(['b@example.com']).metadata).toEqual({ from: ['file'] });
  });

  test('gives a default to blank cells, and to those alone', async () => {
    const spec: MappingSpec = {
      map: {
        'custom_fields.n': { column: 'N', type: 'integer', default: 0 },
        tags: { column: 'T', default: ['none'] },
      },
    };
    expect(await contactOf({ N: ' ', T: '' }, spec)).toEqual({ custom_fields: { n: 0 }, tags: ['none'] });
    expect(await contactOf({ N: '7', T: 'x' }, spec)).toEqual({ custom_fields: { n: 7 }, tags: ['x'] });
    const { faults } = await mapped({ email: 'a@example.com', N: 'x', T: '' }, spec);
    expect(faults).toMatchObject([{ field: 'custom_fields.n', code: 'not_an_integer' }]);
  });

  test('may be a list: the first that has a value counts', async () => {
    const spec: MappingSpec = {
      map: { external_id: ['A', { column: 'B', case: 'upper' }, { jsonata: "C & '!'" }, { value: 'none' }] },
    };
    expect(await contactOf({ A: '1', B: 'b', C: 'c' }, spec)).toEqual({ external_id: '1' });
    expect(await contactOf({ A: ' ', B: 'b', C: 'c' }, spec)).toEqual({ external_id: 'B' });
    expect(await contactOf({ A: ' ', B: '', C: 'c' }, spec)).toEqual({ external_id: 'c!' });
    expect(
      await contactOf({ A: ' ', B: '', C: '' }, { map: { external_id: ['A', 'B'] }, unmapped: 'ignore' }),
    ).toEqual({});
  });

  test('keeps blanks around a text when it is asked to', async () => {
    const row = { A: ' x ', B: ' x ' };
    const spec: MappingSpec = {
      map: { first_name: { column: 'A', trim: false }, last_name: { column: 'B', trim: true } },
    };
    expect(await contactOf(row, spec)).toEqual({ first_name: ' x ', last_name: 'x' });
    expect(await contactOf({ A: '  ', B: '' }, spec)).toEqual({});
  });

  test('looks values up; null is no value', async () => {
    const spec: MappingSpec = {
      map: { is_active: { column: 'State', values: { Active: true, left: false, unknown: null } } },
    };
    expect(await contactOf({ State: 'active' }, spec)).toEqual({ is_active: true });
    expect(await contactOf({ State: 'Left' }, spec)).toEqual({ is_active: false });
    expect(await contactOf({ State: 'unknown' }, spec)).toEqual({});
    const { faults } = await mapped({ email: 'a@example.com', State: 'gone' }, spec);
    expect(faults).toEqual([
      {
        field: 'is_active',
        code: 'not_in_values',
        message: 'column "State" must hold one of "Active", "left", "unknown"',
      },
    ]);
  });

  test('may use one column for several fields', async () => {
    const spec: MappingSpec = {
      map: {
        'custom_fields.code': { column: 'Phone', type: 'phone', country: 'GB', part: 'countrycode' },
        'custom_fields.number': { column: 'Phone', type: 'phone', country: 'GB', part: 'national' },
        external_id: 'Phone',
      },
    };
    expect(await contactOf({ Phone: '07712 345678' }, spec)).toEqual({
      external_id: '07712 345678',
      custom_fields: { code: '44', number: '7712345678' },
    });
  });

  test('fills an object as a whole, and dotted names stay in it', async () => {
    const spec: MappingSpec = {
      map: { metadata: { column: 'Extra', type: 'json' }, 'metadata.source': 'Source' },
    };
    expect(await contactOf({ Extra: '{"a": 1, "source": "x"}', Source: 'fair' }, spec)).toEqual({
      metadata: { a: 1, source: 'fair' },
    });
    expect(await contactOf({ Extra: '{"__proto__": {"polluted": 1}}', Source: 'fair' }, spec)).toHaveProperty(
      'metadata',
    );
    expect(({} as Contact).polluted).toBeUndefined();
    const { faults } = await mapped({ email: 'a@example.com', Extra: '[1]', Source: '' }, spec);
    expect(faults).toEqual([
      { field: 'metadata', code: 'not_an_object', message: 'column "Extra" must hold a JSON object' },
    ]);
  });

  test('with an expression reads the record by its headers, blank cells being absent', async () => {
    const spec: MappingSpec = {
      map: {
        'custom_fields.tier': { jsonata: "$number(Spent) > 1000 ? 'gold' : 'basic'" },
        is_active: { jsonata: "State = 'on' ? 'yes' : 'no'" },
        'custom_fields.n': { jsonata: 'N', type: 'integer', default: 0 },
        metadata: { jsonata: '{"first": `First Name`}' },
      },
    };
    expect(await contactOf({ Spent: '1200', State: 'on', N: '', 'First Name': 'Ann' }, spec)).toEqual({
      custom_fields: { tier: 'gold', n: 0 },
      is_active: true,
      metadata: { first: 'Ann' },
      first_name: 'Ann',
    });
    expect(await contactOf({ Spent: '', State: 'off', N: '7', 'First Name': ' ' }, spec)).toEqual({
      custom_fields: { tier: 'basic', n: 7 },
      is_active: false,
    });
    const { faults } = await mapped(
      { email: 'a@example.com', Spent: 'much', State: '', N: 'x', 'First Name': '' },
      spec,
    );
    expect(faults).toEqual([
      {
        field: 'custom_fields.tier',
        code: 'expression_failed',
        message: 'Unable to cast value to a number: "much"',
      },
      {
        field: 'custom_fields.n',
        code: 'not_an_integer',
        message: 'its expression must give a whole number like 12',
      },
    ]);
  });

  test('without an expression leaves the plain path synchronous', async () => {
    const { express } = await makeMapping(['email'], { destination: sendmator, options }, {});
    expect(express).toBeUndefined();
  });
});

describe('a typed header', () => {
  test('asks for its type, in a field, an object and among the rest', async () => {
    expect(
      await contactOf(
        {
          'custom_fields.lead_score:number': '12.5',
          'since:date': '2024-01-31',
          'is_active:boolean': 'y',
          'langs:list': 'de,en',
          'Billing: Phone': '1',
          'x:Number': '2',
          'time:12:00': 'x',
        },
        {},
      ),
    ).toEqual({
      custom_fields: {
        lead_score: 12.5,
        since: '2024-01-31',
        langs: ['de', 'en'],
        'time:12:00': 'x',
        'Billing: Phone': '1',
        'x:Number': '2',
      },
      is_active: true,
    });
  });

  test('is found by rules with and without its type, which counts unless they have one', async () => {
    const row = { 'Score:integer': '12' };
    for (const column of ['Score:integer', 'Score', 'score']) {
      expect(await contactOf(row, { map: { 'metadata.score': column } })).toEqual({
        metadata: { score: 12 },
      });
    }
    expect(await contactOf(row, { map: { 'metadata.score': { column: 'Score', type: 'string' } } })).toEqual({
      metadata: { score: '12' },
    });
  });

  test('names the column in what it says', async () => {
    const { faults } = await mapped({ email: 'a@example.com', 'score:integer': 'x' });
    expect(faults).toEqual([
      {
        field: 'custom_fields.score',
        code: 'not_an_integer',
        message: 'column "score:integer" must hold a whole number like 12',
      },
    ]);
  });
});

test('a header with brackets is one with dots, where the destination has the object', async () => {
  expect(
    await contactOf(
      { 'custom_fields[plan]': 'pro', 'metadata[a][b]': 'x', 'Notes [old]': 'y', 'a[]': 'z' },
      {},
    ),
  ).toEqual({ custom_fields: { plan: 'pro', 'Notes [old]': 'y', 'a[]': 'z' }, metadata: { 'a.b': 'x' } });
  expect(await contactOf({ 'billing[seats]': '3' }, {}, company)).toMatchObject({ billing: { seats: 3 } });
});

describe('fields of the destination', () => {
  test('convert by themselves, also inside an object', async () => {
    const row = {
      'Billing E-mail': 'Bill@Example.com',
      'billing.seats': '12',
      Balance: '-1.5',
      since: '2024-01-31',
      VIP: 'yes',
      raw: '{"a":1}',
      'extra.note': '007',
    };
    expect(await contactOf(row, {}, company)).toEqual({
      type: 'customer',
      billing: { email: 'bill@example.com', seats: 12, owner: 'c-1' },
      balance: -1.5,
      since: '2024-01-31',
      vip: true,
      raw: { a: 1 },
      extra: { note: '007' },
    });
  });

  test('may be reached by aliases and rules', async () => {
    expect(await contactOf({ 'Invoice Mail': 'x@example.com' }, {}, company)).toMatchObject({
      billing: { email: 'x@example.com' },
    });
    expect(await contactOf({ Sitze: '3' }, { map: { 'billing.seats': 'Sitze' } }, company)).toMatchObject({
      billing: { seats: 3 },
    });
  });

  test('take the defaults of the account where the row is blank', async () => {
    expect(await contactOf({ type: 'vendor' }, {}, company)).toEqual({
      type: 'vendor',
      billing: { owner: 'c-1' },
    });
    expect(await contactOf({ type: ' ' }, { map: { type: { jsonata: 'Nothing' } } }, company)).toEqual({
      type: 'customer',
      billing: { owner: 'c-1' },
    });
  });
});

describe('columns nobody knows', () => {
  test('are not sent, and told, where the API takes none', async () => {
    const { contact, warnings } = await mapped({ phone: '1', color: 'red' }, {}, company);
    expect(contact).not.toHaveProperty('color');
    expect(warnings).toEqual(['Not sent, because no field of company knows them: "color".']);
    expect((await mapped({ phone: '1', color: 'red' }, { unmapped: 'ignore' }, company)).warnings).toEqual(
      [],
    );
  });

  test('are ignored or refused on demand; dotted names are known', async () => {
    const row = { color: 'red', 'custom_fields.plan': 'pro', rowferry_row: '1', '': 'x' };
    expect(await contactOf(row, { unmapped: 'ignore' })).toEqual({ custom_fields: { plan: 'pro' } });
    expect(await refusal(['email', 'color', 'a.b', 'custom_fields.x'], { unmapped: 'error' })).toEqual({
      code: 'UNMAPPED_COLUMNS',
      message:
        'unmapped: error, and no field knows "color", "a.b". Name them in map, or say unmapped: ignore.',
    });
    const map: MappingSpec['map'] = {
      'custom_fields.x': { jsonata: 'Spent' },
      'custom_fields.y': { columns: ['A', 'B'] },
    };
    expect(await contactOf({ Spent: '1', A: 'a', B: 'b' }, { map, unmapped: 'error' })).toEqual({
      custom_fields: { x: '1', y: 'a b' },
    });
  });

  test('cannot be sent where there is no place for them', async () => {
    expect(await refusal(['phone'], { unmapped: 'custom_fields' }, company)).toMatchObject({
      code: 'MAPPING_INVALID',
      message: 'unmapped: company has no place for columns that no field knows; say ignore or error.',
    });
  });

  test('become fields of the contact where it takes any, and never overwrite one', async () => {
    const { contact, warnings } = await mapped(
      {
        Contact: 'a@example.com',
        email: 'b@example.com',
        'address.city': 'Rome',
        'address.zip': '00100',
        'v1.2 of it': 'x',
        phone: '1',
        'phone.home': '2',
        constructor: 'y',
        score: '7',
      },
      { map: { email: 'Contact', 'stats.score': { column: 'score', type: 'integer' } } },
      open,
    );
    expect(contact).toEqual({
      email: 'a@example.com',
      address: { city: 'Rome', zip: '00100' },
      'v1.2 of it': 'x',
      phone: '1',
      'phone.home': '2',
      constructor: 'y',
      stats: { score: 7 },
    });
    expect(warnings).toEqual([
      'Sent by their own names, because no field knows them: "address.city", "address.zip", "v1.2 of it", "phone", "phone.home", "constructor" (unmapped: ignore leaves them out).',
      'Not sent, because another column fills the same field: "email".',
    ]);
  });

  test.each(['__proto__', '__proto__.polluted', 'constructor.polluted', 'constructor.prototype.polluted'])(
    '%j as a field of the contact touches no prototype',
    async (header) => {
      const { map } = await makeMapping(['email', header], { destination: open, options }, {});
      const contact = map(['a@example.com', 'x']);
      expect(Object.getPrototypeOf(contact)).toBe(Object.prototype);
      for (const object of [{}, Object, Object.prototype]) {
        expect((object as unknown as Contact).polluted).toBeUndefined();
      }
      const spec: MappingSpec = { map: { [header]: 'x' } };
      if (header !== '__proto__') {
        (await makeMapping(['email', 'x'], { destination: open, options }, spec)).map(['a@example.com', 'x']);
      }
      expect(({} as Contact).polluted).toBeUndefined();
      expect((Object as unknown as Contact).polluted).toBeUndefined();
    },
  );
});

describe('what makes no sense', () => {
  test('is told all together, before a row is read', async () => {
    const map: MappingSpec['map'] = {
      email: 'Mail',
      nowhere: 'Plan',
      metadata: 'Plan',
      'custom_fields.a': { columns: ['Plan', 'Seats'] },
      'custom_fields.b': { jsonata: '(' },
      'custom_fields.c': { column: 'Plan', format: 'dd.MM.' },
      'custom_fields.d': { column: 'Plan', country: 'ZZ' },
      is_active: { value: 'perhaps' },
    };
    const { code, message } = await refusal(['email', 'Plan'], { map });
    expect(code).toBe('MAPPING_INVALID');
    for (const told of [
      'map.email names the column "Mail", which the header does not have.',
      'map sends "Plan" to the field "nowhere", which sendmator does not have.',
      'map sends "Plan" to the field "metadata", which sendmator does not have.',
      'map.custom_fields.a names the column "Seats", which the header does not have. map',
      'map.custom_fields.b: jsonata "(" is not understood',
      'map.custom_fields.c: format "dd.MM." has no year.',
      'map.custom_fields.d: country "ZZ" is none',
      'map.is_active: value "perhaps" is not true or false',
      'Fields: email,',
      'The header has: "email", "Plan".',
    ]) {
      expect(message).toContain(told);
    }
  });

  test('is two rules for one place', async () => {
    expect(await refusal(['email', 'x'], { map: { a: 'x', 'a.b': 'x' } }, open)).toMatchObject({
      message: 'map.a.b: another rule fills it, or something inside it.',
    });
    expect(
      await refusal(['email', 'x'], { map: { 'custom_fields.a': 'x', 'Custom Fields[a]': 'x' } }),
    ).toMatchObject({ code: 'MAPPING_INVALID' });
  });
});

describe('a field that the destination requires', () => {
  test('is missed before the run', async () => {
    expect(await refusal(['email'], {}, { ...company, defaults: () => ({}) })).toEqual({
      code: 'FIELD_UNFILLED',
      message:
        'Nothing fills type, which company requires: name a column with --map "<column>=type", or a constant with --map "type:=<value>".',
    });
    expect(await refusal(['full name'], {}, company)).toMatchObject({ code: 'NO_EMAIL_COLUMN' });
  });

  test('is not the e-mail address where a phone number will do', async () => {
    const { contact } = await mapped({ phone: '+44' }, {}, company);
    expect(contact).toEqual({ phone: '+44', type: 'customer', billing: { owner: 'c-1' } });
  });

  test('may be filled by any rule or default', async () => {
    await mapped({ Mail: 'x' }, { map: { email: { jsonata: 'Mail' } } });
    await mapped({ A: 'x', B: 'y' }, { map: { email: { columns: ['A', 'B'], join: '@' } } });
    await mapped(
      { email: 'x' },
      { map: { type: { value: 'vendor' } } },
      { ...company, defaults: () => ({}) },
    );
  });
});

describe('the destinations there are', () => {
  test('Cendyn takes a phone number in parts, without an e-mail address, and a list in brackets', async () => {
    const phone = { column: 'Mobile', type: 'phone', country: 'GB' } as const;
    const spec: MappingSpec = {
      map: {
        phone_countrycode: { ...phone, part: 'countrycode' },
        phone_number: { ...phone, part: 'national' },
      },
    };
    const row = {
      Mobile: '07712 345678',
      'list_subscriptions[list_id]': 'L-1',
      'list_subscriptions[subscribed]': 'yes',
      shoe_size: '42',
    };
    const { contact } = await mapped(row, spec, cendyn);
    expect(contact).toEqual({
      phone_countrycode: '44',
      phone_number: '7712345678',
      list_subscriptions: { list_id: 'L-1', subscribed: true },
      shoe_size: '42',
    });
    expect(findFaults(contact, cendyn)[0]).toBeUndefined();
  });

  test('Cendyn says what a contact lacks that nobody can reach', async () => {
    expect(await refusal(['phone_number'], {}, cendyn)).toMatchObject({
      code: 'FIELD_UNFILLED',
      message: expect.stringContaining('Nothing fills phone_countrycode, which cendyn requires'),
    });
    expect(await refusal(['name_first'], {}, cendyn)).toMatchObject({ code: 'NO_EMAIL_COLUMN' });
  });

  test('Clemta misses all it requires at once, and takes the company of the account', async () => {
    const { code, message } = await refusal(['email', 'company'], {}, clemta);
    expect(code).toBe('FIELD_UNFILLED');
    for (const field of ['type', 'full_name', 'company_id'])
      expect(message).toContain(`Nothing fills ${field},`);

    const row = {
      'Record ID': '7',
      'First Name': 'Ann',
      'Last Name': 'Lee',
      Email: 'Ann@Example.com',
      'Phone Number': '1',
      'Lifecycle Stage': 'x',
    };
    const spec: MappingSpec = { map: { type: { value: 'vendor' } } };
    const account = { destination: clemta, options: { ...options, companyId: 'c-1' } };
    const { map, warnings } = await makeMapping(Object.keys(row), account, spec);
    const contact = map(Object.values(row));
    expect(contact).toEqual({
      type: 'vendor',
      full_name: 'Ann Lee',
      email: 'ann@example.com',
      company_id: 'c-1',
      billing: { phone: '1' },
    });
    expect(findFaults(contact, clemta)[0]).toBeUndefined();
    expect(warnings).toEqual([
      'The header is that of a HubSpot export: "Phone Number" fills billing.phone, "First Name" and "Last Name" fill full_name (preset: none turns this off).',
      'Not sent, because no field of clemta knows them: "Record ID", "Lifecycle Stage".',
    ]);
  });
});
