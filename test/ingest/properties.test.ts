/** What holds for every mapping and every row. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Contact } from '../../src/contact.js';
import { type Destination, defineDestination } from '../../src/destinations/destination.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { RowferryError } from '../../src/errors.js';
import { makeMapping } from '../../src/ingest/map.js';
import { findFaults } from '../../src/ingest/validate.js';
import { mappingSchema, PRESETS, rulesOfPairs, TYPES } from '../../src/mapping.js';

const options = { baseUrl: 'http://127.0.0.1' };

const open = defineDestination({
  ...sendmator,
  contact: z.looseObject({}),
  fields: { email: 'text', 'a.b': 'integer', day: 'date', extra: 'object', raw: 'json', tags: 'list' },
  unmapped: 'contact',
  defaults: () => ({ email: 'none@example.com', a: { c: '1', d: '' } }),
});
const closed = defineDestination({ ...open, unmapped: null });
const destinations = fc.constantFrom<Destination>(sendmator, open, closed);

const NAMES = [
  'email',
  'E-mail',
  'Id',
  'a',
  'a.b',
  'a[b]',
  'tags',
  'day',
  'extra',
  'extra.x',
  'custom_fields.x',
];
const ODD = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'x:integer',
  'x:date',
  'rowferry_row',
  'Record ID',
  'Create Date',
];
const header = fc.constantFrom(...NAMES, ...ODD);
const cell = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '1',
    '007',
    'yes',
    'a;b',
    ' , ',
    '2024-01-31',
    '+447712345678',
    '{"a":""}',
    '[]',
    'null',
    '""',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
);
const rows = fc.array(fc.array(cell, { maxLength: 7 }), { maxLength: 5 });
const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<z.infer<ReturnType<typeof z.json>>>;

const treatment = fc.record(
  {
    type: fc.constantFrom(...TYPES),
    trim: fc.boolean(),
    case: fc.constantFrom('lower', 'upper', 'title'),
    split: fc.constantFrom(';', '::'),
    format: fc.constantFrom('dd.MM.yyyy', 'yyyy', 'X', 'DD.MM.YYYY'),
    zone: fc.constantFrom('Europe/Berlin', 'Nowhere'),
    country: fc.constantFrom('GB', 'ZZ'),
    part: fc.constantFrom('e164', 'national', 'countrycode'),
    values: fc.dictionary(cell, json, { maxKeys: 3 }),
    default: json,
  },
  { requiredKeys: [] },
);
const from = fc.oneof(
  header.map((column) => ({ column })),
  fc.array(header, { minLength: 1, maxLength: 3 }).map((columns) => ({ columns })),
  json.map((value) => ({ value })),
  fc
    .constantFrom('a', '$number(Id)', 'tags & a', '$', '[]', '{"x": a}', '`__proto__`', '1/0', '(')
    .map((jsonata) => ({ jsonata })),
);
const rule = fc.oneof(
  header,
  fc.tuple(from, fc.oneof(fc.constant({}), treatment)).map(([a, b]) => ({ ...a, ...b })),
);
const field = fc.oneof(
  header,
  fc.constantFrom('metadata', 'metadata.y', 'extra.__proto__', 'constructor.prototype', 'raw'),
);
const spec = fc
  .record(
    {
      map: fc.dictionary(field, fc.oneof(rule, fc.array(rule, { minLength: 1, maxLength: 3 })), {
        maxKeys: 4,
      }),
      unmapped: fc.constantFrom('custom_fields', 'ignore', 'error'),
      preset: fc.constantFrom(...PRESETS, 'none'),
    },
    { requiredKeys: [] },
  )
  .filter((given) => mappingSchema.safeParse(given).success);

/** Values that would erase what `destination` holds. JSON that somebody wrote may hold any inside. */
function blanks(contact: Contact, { fields }: Pick<Destination, 'fields'>): unknown[] {
  return Object.entries(contact).flatMap(([name, value]) => {
    if (value === undefined || value === null || value === '') return [name];
    if (typeof value === 'object' && Object.keys(value).length === 0) return [name];
    return fields[name] === 'object' ? blanks(value as Contact, { fields: {} }) : [];
  });
}

test('any mapping makes contacts of any rows, or is refused with a sentence; nothing crashes, nothing is blank', async () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(header, { minLength: 1, maxLength: 7 }),
      destinations,
      spec,
      rows,
      async (names, destination, given, records) => {
        const mapping = await makeMapping(names, { destination, options }, mappingSchema.parse(given)).catch(
          (error) => {
            expect(error).toBeInstanceOf(RowferryError);
            expect((error as RowferryError).message).toMatch(/\.$/);
          },
        );
        if (!mapping) return;
        for (const cells of records) {
          const faults: { field: string; code: string; message: string }[] = [];
          const contact = mapping.map(cells, (fault) => faults.push(fault));
          await mapping.express?.(contact, cells, (fault) => faults.push(fault));
          made++;
          expect(Object.getPrototypeOf(contact)).toBe(Object.prototype);
          expect(JSON.parse(JSON.stringify(contact))).toEqual(contact);
          for (const { field: named, code, message } of faults) {
            expect(code).toMatch(/^[a-z_]+$/);
            expect(named && message).not.toBe('');
          }
          findFaults(contact, destination)[0];
          expect(blanks(contact, destination)).toEqual([]);
        }
      },
    ),
    { numRuns: 600 },
  );
  expect(made).toBeGreaterThan(100);
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
});

/** What a mapping without types and presets does, as simply as can be. */
function naive(names: readonly string[], map: Record<string, string>, cells: readonly string[]): Contact {
  const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const alike = (a: string, b: string) => plain(a) !== '' && plain(a) === plain(b);
  const places = new Map<number, string>();
  for (const [column, to] of Object.entries(map)) {
    const exact = names.findIndex((name, i) => !places.has(i) && name.trim() === column);
    const index = exact >= 0 ? exact : names.findIndex((name, i) => !places.has(i) && alike(name, column));
    places.set(index, to);
  }
  const texts = ['email', 'external_id', 'first_name', 'last_name'];
  const free = (i: number) => !places.has(i) && names[i]!.trim() !== '' && !names[i]!.startsWith('rowferry_');
  const taken = (to: string) => [...places.values()].includes(to);
  for (const to of texts) {
    const own = names.findIndex((name, i) => free(i) && !taken(to) && alike(name, to));
    if (own >= 0) places.set(own, to);
  }
  names.forEach((name, i) => {
    const to = Object.entries(sendmator.aliases).find(([alias]) => alike(alias, name))?.[1];
    if (to && texts.includes(to) && free(i) && !taken(to)) places.set(i, to);
  });
  names.forEach((name, i) => {
    if (!free(i)) return;
    const [, object, inner] = /^(custom_fields|metadata)\.(.+)$/.exec(name.trim()) ?? [];
    places.set(i, object ? `${object}.${inner}` : `custom_fields.${name.trim()}`);
  });
  const contact: Contact = {};
  names.forEach((_, i) => {
    const text = cells[i]?.trim();
    const to = places.get(i);
    if (!text || !to) return;
    const [, object, inner] = /^(custom_fields|metadata)\.(.+)$/.exec(to) ?? [];
    if (object) contact[object] = { ...(contact[object] as Contact), [inner!]: text };
    else contact[to] = to === 'email' ? text.toLowerCase() : text;
  });
  return contact;
}

test('a mapping without types is what it always was', async () => {
  const names = fc.uniqueArray(
    fc.constantFrom(
      'email',
      'E-Mail',
      ' Contact Email ',
      'Id',
      'external_id',
      'Customer ID',
      'first name',
      'Surname',
      'Plan',
      'plan',
      'Plan (EUR)',
      'custom_fields.plan',
      'metadata.a.b',
      'rowferry_reason',
      '%',
      '',
    ),
    { minLength: 1, maxLength: 9 },
  );
  const places = fc.constantFrom('email', 'external_id', 'last_name', 'custom_fields.plan', 'metadata.x');
  const cells = fc.array(fc.constantFrom('', ' ', ' A ', 'b@Example.com', '007', '=1+1', '1,5'), {
    maxLength: 10,
  });
  const pairs = fc.uniqueArray(fc.tuple(fc.nat(), places), { maxLength: 3, selector: ([, to]) => to });
  await fc.assert(
    fc.asyncProperty(names, pairs, fc.array(cells, { maxLength: 4 }), async (header, chosen, records) => {
      const map: Record<string, string> = {};
      for (const [n, to] of chosen) {
        const name = header[n % header.length]!.trim();
        if (name !== '' && !Object.hasOwn(map, name)) map[name] = to;
      }
      const mapping = await makeMapping(
        header,
        { destination: sendmator, options },
        { map: rulesOfPairs(map) },
      ).catch((error) => {
        expect(error).toMatchObject({ code: 'NO_EMAIL_COLUMN' });
      });
      if (!mapping) return;
      for (const record of records) expect(mapping.map(record)).toEqual(naive(header, map, record));
    }),
    { numRuns: 1_000 },
  );
});
