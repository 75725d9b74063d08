import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { convertTo, type Treatment } from '../../src/ingest/convert.js';
import type { Target } from '../../src/ingest/fields.js';
import { Unfit } from '../../src/ingest/unfit.js';

const TEXT: Target = { field: 'custom_fields.x', path: ['custom_fields', 'x'], kind: 'text', own: false };

/** The value of `cell`, or the code with which it is refused. */
async function value(cell: string, treatment: Treatment, target = TEXT): Promise<unknown> {
  const convert = await convertTo(target, treatment);
  const made = convert === undefined ? cell : convert(cell);
  return made instanceof Unfit ? made.code : made;
}

async function refusal(treatment: Treatment): Promise<string> {
  const error = await convertTo(TEXT, treatment).then(
    () => undefined,
    (thrown: Error) => thrown.message,
  );
  return error ?? 'nothing was refused';
}

describe('numbers', () => {
  test.each([
    ['12', 12],
    ['-12.50', -12.5],
    ['+3', 3],
    ['.5', 0.5],
    ['1e3', 1000],
    ['007', 7],
    ['1,5', 'not_a_number'],
    ['1,234', 'not_a_number'],
    ['0x10', 'not_a_number'],
    ['Infinity', 'not_a_number'],
    ['NaN', 'not_a_number'],
    ['1e999', 'not_a_number'],
    ['12345678901234567890', 'not_a_number'],
    ['12 €', 'not_a_number'],
  ])('%j', async (cell, expected) => {
    expect(await value(cell, { type: 'number' })).toBe(expected);
  });

  test.each([
    ['12', 12],
    ['12.0', 12],
    ['-0012', -12],
    ['12.5', 'not_an_integer'],
    ['9007199254740993', 'not_an_integer'],
    ['twelve', 'not_an_integer'],
  ])('%j as an integer', async (cell, expected) => {
    expect(await value(cell, { type: 'integer' })).toBe(expected);
  });

  test('arrive exactly, or not at all', async () => {
    const convert = await convertTo(TEXT, { type: 'integer' });
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (n) => {
        const made = convert!(String(n));
        expect(made instanceof Unfit || BigInt(made as number) === n).toBe(true);
      }),
    );
  });
});

describe('dates', () => {
  test.each([
    ['2024-01-31', '2024-01-31'],
    ['2024-01-31T14:05:06Z', '2024-01-31T14:05:06Z'],
    ['2024-01-31T14:05:06.123Z', '2024-01-31T14:05:06.123Z'],
    ['2024-01-31 14:05', '2024-01-31T14:05:00Z'],
    ['2024-01-31 14:05:06 +02:00', '2024-01-31T12:05:06Z'],
    ['2024-02-30', 'not_a_date'],
    ['31.01.2024', 'not_a_date'],
    ['01/02/2024', 'not_a_date'],
    ['14:05', 'not_a_date'],
    ['2024', 'not_a_date'],
    ['20240131', 'not_a_date'],
    ['soon', 'not_a_date'],
  ])('%j', async (cell, expected) => {
    expect(await value(cell, { type: 'date' })).toBe(expected);
  });

  test.each<[string, string, string | undefined, string]>([
    ['31.01.2024', 'dd.MM.yyyy', 'Europe/Berlin', '2024-01-31'],
    ['1/31/24', 'M/d/yy', undefined, '2024-01-31'],
    ['31. Jan 2024', 'd. MMM yyyy', undefined, '2024-01-31'],
    ['31.01.2024 14:05', 'dd.MM.yyyy HH:mm', 'Europe/Berlin', '2024-01-31T13:05:00Z'],
    ['31.07.2024 14:05', 'dd.MM.yyyy HH:mm', 'Europe/Berlin', '2024-07-31T12:05:00Z'],
    ['31.07.2024 14:05', 'dd.MM.yyyy HH:mm', undefined, '2024-07-31T14:05:00Z'],
    ['1706709900', 'X', undefined, '2024-01-31T14:05:00Z'],
    ['1706709900000', 'x', undefined, '2024-01-31T14:05:00Z'],
    ['99999999999999', 'X', undefined, 'not_a_date'],
    ['1e9', 'X', undefined, 'not_a_date'],
    ['31.01.2024 2:05 pm', 'dd.MM.yyyy h:mm a', undefined, '2024-01-31T14:05:00Z'],
    ['2024-01-31 14:05 +0100', 'yyyy-MM-dd HH:mm ZZZ', 'America/New_York', '2024-01-31T13:05:00Z'],
    ['am 31.01.2024', "'am' dd.MM.yyyy", undefined, '2024-01-31'],
    ['2024-01-31', 'dd.MM.yyyy', undefined, 'not_a_date'],
    ['31.13.2024', 'dd.MM.yyyy', undefined, 'not_a_date'],
  ])('%j as %j in %j', async (cell, format, zone, expected) => {
    expect(await value(cell, { type: 'date', format, zone })).toBe(expected);
  });

  test('are written down as they are asked for', async () => {
    const convert = await convertTo(TEXT, { type: 'date', format: 'dd.MM.yyyy' });
    expect(convert!('x')).toEqual(new Unfit('not_a_date', 'a date like 31.01.2024 (dd.MM.yyyy)'));
  });

  test.each([
    [{ format: 'DD.MM.YYYY' }, 'format "DD.MM.YYYY" is none of Luxon\'s; write it like dd.MM.yyyy'],
    [{ format: 'dd.MM.jjjj' }, 'is none of Luxon'],
    [{ format: "yyyy 'open" }, 'is none of Luxon'],
    [{ format: 'dd.MM.' }, 'format "dd.MM." has no year'],
    [{ zone: 'Mars/Olympus' }, 'zone "Mars/Olympus" is none; write it like Europe/Berlin'],
  ])('%o is refused', async (options, sentence) => {
    expect(await refusal({ type: 'date', ...options })).toContain(sentence);
  });
});

describe('phone numbers', () => {
  test.each<[string, Treatment, string]>([
    ['+44 7712 345678', {}, '+447712345678'],
    ['07712 345678', { country: 'GB' }, '+447712345678'],
    ['0044 7712 345678', { country: 'GB' }, '+447712345678'],
    ['+1 (555) 012-3456', { country: 'GB' }, '+15550123456'],
    ['07712 345678', { country: 'GB', part: 'national' }, '7712345678'],
    ['07712 345678', { country: 'GB', part: 'countrycode' }, '44'],
    ['07712 345678', {}, 'invalid_phone'],
    ['12', { country: 'GB' }, 'invalid_phone'],
    ['call 07712 345678', { country: 'GB' }, 'invalid_phone'],
    ['none', { country: 'GB' }, 'invalid_phone'],
  ])('%j %o', async (cell, treatment, expected) => {
    expect(await value(cell, { type: 'phone', ...treatment })).toBe(expected);
  });

  test('of a country that there is none are refused', async () => {
    expect(await refusal({ type: 'phone', country: 'XX' })).toBe('country "XX" is none; write it like GB');
  });
});

describe('other types', () => {
  test.each([
    ['{"a": [1]}', { a: [1] }],
    ['12', 12],
    ['{a: 1}', 'not_json'],
    ['"[[[{\\"["', '[[[{"['],
    [`${'['.repeat(101)}${']'.repeat(101)}`, 'not_json'],
    ['['.repeat(100_000), 'not_json'],
  ])('%j as JSON', async (cell, expected) => {
    expect(await value(cell, { type: 'json' })).toEqual(expected);
  });

  test('a list is cut where it is asked to be, each element once', async () => {
    expect(await value('a, b;c ;c', { split: ';', type: 'list' })).toEqual(['a, b', 'c']);
    expect(await value('a, b;c ;c', { type: 'list' })).toEqual(['a', 'b', 'c']);
  });

  test('case and table come before the type, and in a list before each element', async () => {
    expect(await value('Ja', { type: 'boolean', values: { ja: true, nein: 'off' } })).toBe(true);
    expect(await value('NEIN', { type: 'boolean', values: { ja: true, nein: 'off' } })).toBe(false);
    expect(
      await value('A;b', { type: 'list', split: ';', case: 'upper', values: { A: 'x', B: 'y' } }),
    ).toEqual(['x', 'y']);
    expect(await value('A;c', { type: 'list', values: { a: 'x' } })).toBe('not_in_values');
  });

  test('a table prefers what is written alike, and names what it has', async () => {
    const values = { a: 1, A: 2, '': 3 };
    expect(await value('A', { values })).toBe(2);
    expect(await value('a', { values })).toBe(1);
    expect((await convertTo(TEXT, { values: { on: 1, off: 0 } }))!('x')).toEqual(
      new Unfit('not_in_values', 'one of "on", "off"'),
    );
    for (const cell of ['toString', '__proto__', 'constructor']) {
      expect(await value(cell, { values })).toBe('not_in_values');
    }
  });

  test.each([
    ['lower', 'ÄNN O’NEIL', 'änn o’neil'],
    ['upper', 'änn', 'ÄNN'],
    ['title', "ANN-MARIE o'neil VAN dyke", "Ann-Marie O'Neil Van Dyke"],
    ['title', '2nd éclair', '2nd Éclair'],
  ] as const)('%s case of %j', async (letters, cell, expected) => {
    expect(await value(cell, { case: letters })).toBe(expected);
  });

  test('e-mail addresses are normalised in the fields made for them alone', async () => {
    const email = (field: string, own = true) =>
      value('Ann@Example.COM', {}, { field, path: field.split('.'), kind: 'text', own });
    expect(await email('email')).toBe('ann@example.com');
    expect(await email('billing.email')).toBe('ann@example.com');
    expect(await email('custom_fields.email', false)).toBe('Ann@Example.COM');
    expect(await email('no_email')).toBe('Ann@Example.COM');
  });

  test('a text stays what it is', async () => {
    expect(await convertTo(TEXT, {})).toBeUndefined();
    expect(await convertTo({ ...TEXT, kind: 'integer' }, { type: 'string' })).toBeUndefined();
  });
});
