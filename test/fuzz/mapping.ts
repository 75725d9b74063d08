/** Mappings and expressions of any kind, over cells of any kind. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { z } from 'zod';
import { type Destination, defineDestination } from '../../src/destinations/destination.js';
import { DESTINATIONS } from '../../src/destinations/registry.js';
import { compileExpression } from '../../src/ingest/expression.js';
import { makeMapping } from '../../src/ingest/map.js';
import { Unfit } from '../../src/ingest/unfit.js';
import { findFaults } from '../../src/ingest/validate.js';
import { type MappingSpec, type mappingSchema, parseMapping, TYPES } from '../../src/mapping.js';
import { expectSentence, type Fuzzer, json, text } from './words.js';

const open = defineDestination({ ...(DESTINATIONS[0] as Destination), unmapped: 'contact' });
const name = fc.oneof(
  fc.constantFrom(
    'email',
    'E-Mail',
    'first_name',
    'tags',
    'custom_fields.x',
    'metadata',
    'rowferry_row',
    'a[b]',
  ),
  text,
);
const word = fc.oneof(
  text,
  fc.constantFrom(';', 'dd.MM.yyyy', 'yyyy', 'Europe/Berlin', 'GB', 'e164', 'lower'),
);
const rule = fc.oneof(
  name,
  json,
  fc.record(
    {
      column: name,
      columns: fc.array(name, { maxLength: 3 }),
      value: json,
      jsonata: text,
      type: fc.oneof(fc.constantFrom(...TYPES), text),
      ...{ trim: fc.boolean(), case: word, split: word, join: word, format: word, zone: word, country: word },
      ...{ part: word, values: fc.dictionary(text, json, { maxKeys: 2 }), default: json },
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
);
const spec = fc.oneof(
  { weight: 1, arbitrary: json },
  {
    weight: 8,
    arbitrary: fc.record(
      {
        map: fc.dictionary(name, fc.oneof(rule, fc.array(rule, { maxLength: 2 })), { maxKeys: 3 }),
        unmapped: fc.constantFrom('custom_fields', 'ignore', 'error', 'x'),
        preset: fc.oneof(fc.constantFrom('none', 'hubspot'), text),
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
  },
);

const token = fc.constantFrom(
  ...'a Name . [0] [ ] ( ) { } " \' ` $ $$ % * ** & + - / < = ? : := ~> , ; | ^ @ # function and or in null 1 1e999 [1..3]'.split(
    ' ',
  ),
  ...'/a+/ /(a+)+$/ $match $replace $string $lookup $merge $now() $pad $error $number $eval __proto__'.split(
    ' ',
  ),
);

export const mappingFuzzers: readonly Fuzzer[] = [
  {
    name: 'any mapping makes contacts of any cells, or is refused with a sentence',
    share: 12,
    property: fc.asyncProperty(
      spec,
      fc.array(name, { minLength: 1, maxLength: 5 }),
      fc.array(fc.array(text, { maxLength: 6 }), { maxLength: 3 }),
      fc.constantFrom(open, ...DESTINATIONS),
      async (given, header, rows, destination) => {
        let parsed: MappingSpec;
        try {
          parsed = parseMapping(given as z.input<typeof mappingSchema>);
        } catch (error) {
          return expectSentence(error);
        }
        const options = { baseUrl: 'http://127.0.0.1', companyId: 'c' };
        const mapping = await makeMapping(header, { destination, options }, parsed).catch(expectSentence);
        if (!mapping) return;
        for (const cells of rows) {
          const contact = mapping.map(cells);
          await mapping.express?.(contact, cells);
          expect(Object.getPrototypeOf(contact)).toBe(Object.prototype);
          JSON.stringify(contact);
          findFaults(contact, destination);
        }
      },
    ),
  },
  {
    name: 'any expression has a value of JSON, fails with words, or is refused',
    share: 8,
    property: fc.asyncProperty(
      fc.oneof(
        text,
        fc.array(token, { maxLength: 10 }).map((all) => all.join(' ')),
      ),
      fc.dictionary(fc.constantFrom('a', 'Name', '__proto__'), text, { maxKeys: 3 }),
      async (written, record) => {
        let expression: ReturnType<typeof compileExpression>;
        try {
          expression = compileExpression(written, 0);
        } catch (error) {
          expect((error as Error).message).toMatch(/^jsonata "/);
          return;
        }
        const made = await expression.evaluate(record);
        if (made instanceof Unfit) expect(made.expected).not.toBe('');
        else expect(made === undefined ? made : JSON.parse(JSON.stringify(made))).toEqual(made);
      },
    ),
  },
];
