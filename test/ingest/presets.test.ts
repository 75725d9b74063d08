import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineDestination } from '../../src/destinations/destination.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { makeMapping } from '../../src/ingest/map.js';
import { choosePreset } from '../../src/ingest/presets.js';
import type { MappingSpec } from '../../src/mapping.js';

const people = defineDestination({
  ...sendmator,
  kind: 'people',
  fields: { ...sendmator.fields, phone: 'text', company: 'text', job_title: 'text' },
  contact: z.looseObject({ email: z.string({ error: 'required' }) }),
});

/** Headers as these programs write them. */
const EXPORTS = {
  hubspot:
    'Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lead Status,Marketing contact status,Create Date (CET),Associated Company,Last Activity Date',
  salesforce:
    'Contact ID,First Name,Last Name,Title,Account Name,Mailing Street,Mailing City,Mailing Country,Phone,Mobile,Email,Lead Source',
  google:
    'First Name,Middle Name,Last Name,Nickname,Organization Name,Organization Title,Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value',
  outlook:
    'Title,First Name,Middle Name,Last Name,Company,Department,Job Title,Business Street,Business City,Business Phone,Home Phone,Mobile Phone,Categories,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,Notes',
  mailchimp:
    'Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,LAST_CHANGED,LEID,EUID,NOTES,TAGS',
};

async function mapped(row: Record<string, string>, spec: MappingSpec = {}, destination = people) {
  const account = { destination, options: { baseUrl: 'http://127.0.0.1' } };
  const { map, warnings, columns } = await makeMapping(Object.keys(row), account, spec);
  return { contact: map(Object.values(row)), warnings, columns };
}

/** field → header, of the destination's own fields. */
async function fieldsOf(header: string, spec?: MappingSpec) {
  const { columns } = await mapped(Object.fromEntries(header.split(',').map((name) => [name, ''])), spec);
  return Object.fromEntries(
    columns.flatMap(({ header, field }) =>
      field === undefined || field.includes('.') ? [] : [[field, header]],
    ),
  );
}

describe('an export is recognised by its header', () => {
  test.each(Object.entries(EXPORTS))('%s', (name, header) => {
    expect(choosePreset(header.split(','), undefined)?.name).toBe(name);
    const spelled = header.toUpperCase().replaceAll(' ', '_').split(',').reverse();
    expect(choosePreset(spelled, undefined)?.name).toBe(name);
    expect(choosePreset(header.split(','), 'none')).toBeUndefined();
  });

  test.each([
    'email,first_name,last_name',
    'Email Address,First Name,Last Name,Phone Number,Company,Notes',
    'id,email,phone,account name',
    'Record ID,email',
    'E-mail Address,Mobile Phone',
  ])('%s is anybody’s', (header) => {
    expect(choosePreset(header.split(','), undefined)).toBeUndefined();
  });
});

test('its columns fill the fields that they mean', async () => {
  const name = { first_name: 'First Name', last_name: 'Last Name' };
  expect(await fieldsOf(EXPORTS.hubspot)).toEqual({
    ...name,
    email: 'Email',
    external_id: 'Record ID',
    phone: 'Phone Number',
    company: 'Associated Company',
  });
  expect(await fieldsOf(EXPORTS.salesforce)).toEqual({
    ...name,
    email: 'Email',
    external_id: 'Contact ID',
    phone: 'Phone',
    company: 'Account Name',
    job_title: 'Title',
  });
  expect(await fieldsOf(EXPORTS.google)).toEqual({
    ...name,
    email: 'E-mail 1 - Value',
    phone: 'Phone 1 - Value',
    company: 'Organization Name',
    job_title: 'Organization Title',
    tags: 'Labels',
  });
  expect(await fieldsOf(EXPORTS.outlook)).toEqual({
    ...name,
    email: 'E-mail Address',
    phone: 'Mobile Phone',
    company: 'Company',
    job_title: 'Job Title',
    tags: 'Categories',
  });
  expect(await fieldsOf(EXPORTS.mailchimp)).toEqual({
    ...name,
    email: 'Email Address',
    phone: 'Phone Number',
    tags: 'TAGS',
  });
});

test('what it does is told, and can be turned off', async () => {
  const row = { 'Record ID': '7', Email: 'a@example.com', 'Create Date': 'x', 'Phone Number': '1' };
  const { contact, warnings } = await mapped(row);
  expect(contact).toEqual({
    email: 'a@example.com',
    external_id: '7',
    phone: '1',
    custom_fields: { 'Create Date': 'x' },
  });
  expect(warnings).toEqual([
    'The header is that of a HubSpot export: "Record ID" fills external_id, "Phone Number" fills phone (preset: none turns this off).',
    'Sent in custom_fields by their own names, because no field knows them: "Create Date" (unmapped: ignore leaves them out).',
  ]);
  const off = await mapped(row, { preset: 'none' });
  expect(off.contact.external_id).toBeUndefined();
  expect(off.warnings).toEqual([
    'Sent in custom_fields by their own names, because no field knows them: "Record ID", "Create Date", "Phone Number" (unmapped: ignore leaves them out).',
  ]);
  expect((await mapped(row, { preset: 'hubspot', unmapped: 'custom_fields' })).warnings).toEqual([]);
});

test('rules, names and aliases come first', async () => {
  const row = {
    'Record ID': '7',
    'Customer ID': 'C-1',
    Email: 'a@example.com',
    'Create Date': 'x',
    'Phone Number': '1',
  };
  const { contact } = await mapped(row, { map: { 'metadata.phone': 'Phone Number' } });
  expect(contact).toEqual({
    email: 'a@example.com',
    external_id: 'C-1',
    metadata: { phone: '1' },
    custom_fields: { 'Record ID': '7', 'Create Date': 'x' },
  });
});

test('a destination without the field gets the column as any other', async () => {
  const row = { 'Record ID': '7', Email: 'a@example.com', 'Create Date': 'x', 'Phone Number': '1' };
  const { contact } = await mapped(row, {}, sendmator);
  expect(contact.custom_fields).toEqual({ 'Create Date': 'x', 'Phone Number': '1' });
});

test('lists are read as the program writes them', async () => {
  const tags = async (header: string, column: string, cell: string, spec?: MappingSpec) => {
    const row = Object.fromEntries(header.split(',').map((name) => [name, name === column ? cell : '']));
    return (await mapped(row, spec)).contact.tags;
  };
  expect(await tags(EXPORTS.google, 'Labels', '* myContacts ::: Friends, old')).toEqual([
    '* myContacts',
    'Friends, old',
  ]);
  expect(await tags(EXPORTS.outlook, 'Categories', 'Red;Blue, light')).toEqual(['Red', 'Blue, light']);
  expect(await tags(EXPORTS.mailchimp, 'TAGS', '"gold","new, 2024"')).toEqual(['gold', 'new, 2024']);
  // A rule for the column is the user's own word.
  const spec: MappingSpec = { map: { tags: { column: 'TAGS', split: ',' } } };
  expect(await tags(EXPORTS.mailchimp, 'TAGS', '"gold","new, 2024"', spec)).toEqual([
    '"gold"',
    '"new',
    '2024"',
  ]);
});

test('a name in one piece is joined for a destination that wants it so', async () => {
  const whole = defineDestination({
    ...people,
    fields: { email: 'text', full_name: 'text', custom_fields: 'object' },
    aliases: {},
  });
  const row = {
    'Record ID': '7',
    'First Name': 'Ann',
    'Last Name': 'Lee',
    Email: 'a@example.com',
    'Create Date': 'x',
  };
  const { contact, warnings } = await mapped(row, {}, whole);
  expect(contact).toEqual({
    email: 'a@example.com',
    full_name: 'Ann Lee',
    custom_fields: { 'Record ID': '7', 'Create Date': 'x' },
  });
  expect(warnings).toEqual([
    'The header is that of a HubSpot export: "First Name" and "Last Name" fill full_name (preset: none turns this off).',
    'Sent in custom_fields by their own names, because no field knows them: "Record ID", "Create Date" (unmapped: ignore leaves them out).',
  ]);
});
