import { describe, expect, test } from 'vitest';
import { EXIT, RowferryError } from '../src/errors.js';
import { mappingSchema, parseMapping, rulesOf, rulesOfPairs, typeOf, withRules } from '../src/mapping.js';

function refusal(given: unknown): string {
  try {
    parseMapping(given);
  } catch (error) {
    expect(error).toBeInstanceOf(RowferryError);
    expect(error).toMatchObject({ code: 'SETTING_INVALID', exitCode: EXIT.usage });
    return (error as RowferryError).message;
  }
  throw new Error('nothing was refused');
}

describe('a mapping', () => {
  test('is taken as it is written, and again as it was frozen', () => {
    const given = {
      map: {
        email: ' E-mail ',
        first_name: { column: 'Vorname', trim: true, case: 'title' },
        tags: { column: 'Tags', split: ';' },
        full_name: { columns: ['First', 'Last'], join: ' ' },
        type: { value: { any: ['JSON', 1, null] } },
        'custom_fields.score': { column: 'Score', type: 'integer', default: 0 },
        'custom_fields.signup': {
          column: 'Signup',
          type: 'date',
          format: 'dd.MM.yyyy',
          zone: 'Europe/Berlin',
        },
        phone_number: { column: 'Phone', type: 'phone', country: 'GB', part: 'national' },
        is_active: { column: 'State', values: { active: true, gone: null } },
        'custom_fields.tier': { jsonata: "Spent > 1 ? 'gold' : 'basic'" },
        external_id: ['Id', { column: 'Number' }],
      },
      unmapped: 'ignore',
      preset: 'none',
    };
    const parsed = parseMapping(given);
    expect(parsed).toEqual({ ...given, map: { ...given.map, email: 'E-mail' } });
    expect(parseMapping(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
    expect(parseMapping({})).toEqual({});
  });

  test.each([
    [{ email: 3 }, 'map.email: is neither a column name nor a rule'],
    [{ email: null }, 'map.email: is neither a column name nor a rule'],
    [{ email: ' ' }, 'map.email: is empty'],
    [{ email: [] }, 'map.email: is empty'],
    [{ email: {} }, 'map.email: needs exactly one of column, columns, value, jsonata'],
    [
      { email: { column: 'a', value: 'b' } },
      'map.email: needs exactly one of column, columns, value, jsonata; has column, value; map.email.column: does not go with value',
    ],
    [{ email: { columns: [] } }, 'map.email.columns: is empty'],
    [{ email: { column: 'a', join: ' ' } }, 'map.email.join: goes with columns only'],
    [{ email: { value: '' } }, 'map.email.value: is blank: leave the field out instead'],
    [{ a: { column: 'x', type: 'number', format: 'yyyy' } }, 'map.a.format: goes with type date only'],
    [{ a: { column: 'x', split: ';', country: 'GB' } }, 'map.a.split: goes with type list only'],
    [{ a: { column: 'x', country: 'gb' } }, 'map.a.country: is not a country like GB'],
  ])('%o is refused', (map, sentence) => {
    expect(refusal({ map })).toBe(`mapping: ${sentence}.`);
  });

  test('is refused with all that is wrong with it, and each key by its name', () => {
    const sentence = refusal({ map: { a: { colum: 'x' }, b: 1 }, preset: 'sap', umapped: 'error' });
    for (const told of ['map.a: Unrecognized key: "colum"', 'map.b:', 'preset:', '"umapped"']) {
      expect(sentence).toContain(told);
    }
  });

  test('can be part of a larger schema', () => {
    expect(mappingSchema.extend({ source: mappingSchema.shape.preset }).safeParse({ map: {} }).success).toBe(
      true,
    );
  });
});

test('a type is asked for by name or by what goes with it alone', () => {
  expect(typeOf({ column: 'x' })).toBeUndefined();
  expect(typeOf({ column: 'x', type: 'json' })).toBe('json');
  expect(typeOf({ column: 'x', zone: 'utc' })).toBe('date');
  expect(typeOf({ column: 'x', part: 'e164' })).toBe('phone');
  expect(typeOf({ column: 'x', split: ';' })).toBe('list');
});

test('header → field becomes rules by field', () => {
  expect(rulesOfPairs({ Mail: 'email', Score: 'custom_fields.score:number', A: 'tags', B: 'tags' })).toEqual({
    email: { column: 'Mail' },
    'custom_fields.score': { column: 'Score', type: 'number' },
    tags: [{ column: 'A' }, { column: 'B' }],
  });
  // What is no type is part of the name.
  expect(rulesOfPairs({ A: 'custom_fields.a:b' })).toEqual({ 'custom_fields.a:b': { column: 'A' } });
});

test('rules given later beat those of the file, field by field', () => {
  const spec = parseMapping({ map: { email: 'A', tags: 'T' }, unmapped: 'ignore' });
  expect(withRules(spec, {})).toBe(spec);
  expect(withRules(spec, { email: { column: 'B' } })).toEqual({
    map: { email: { column: 'B' }, tags: 'T' },
    unmapped: 'ignore',
  });
  expect(rulesOf(spec.map!.email!)).toEqual([{ column: 'A' }]);
});
