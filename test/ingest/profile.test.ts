import { describe, expect, test } from 'vitest';
import { Profile } from '../../src/ingest/profile.js';
import { type Shape, shapeOf } from '../../src/ingest/shape.js';

describe('shapeOf', () => {
  test.each<[string, Shape]>([
    ['12', 'digits'],
    ['0012', 'digits'],
    ['-12', 'number'],
    ['12.5', 'number'],
    ['1,234.50', 'number'],
    ['1.234,50', 'number'],
    ['1.23457E+11', 'scientific'],
    ['4,915E+11', 'scientific'],
    ['2024-01-31', 'clear_date'],
    ['2024-01-31T14:05:00Z', 'clear_date'],
    ['05/05/2024', 'clear_date'],
    ['03/04/2024', 'either_date'],
    ['3-4-24', 'either_date'],
    ['03/04/2024 14:05', 'either_date'],
    ['31/01/2024', 'day_first_date'],
    ['01/31/2024', 'month_first_date'],
    ['03.04.2024', 'day_first_date'],
    ['31/31/2024', 'text'],
    ['192.168.1.1', 'text'],
    ["'0123", 'guarded'],
    ["'=A1", 'guarded'],
    ["'s Gravenhage", 'text'],
    ['€12.50', 'currency'],
    ['12,50 €', 'currency'],
    ['EUR 12', 'currency'],
    ['1 234,00 Kč', 'currency'],
    ['$1', 'currency'],
    ['N/A', 'placeholder'],
    ['#REF!', 'placeholder'],
    ['-', 'placeholder'],
    ['NULL', 'placeholder'],
    ['Nullarbor', 'text'],
    ['Ann', 'text'],
    ['+49 30 1234', 'text'],
    ['=1+1', 'text'],
    [`1${'0'.repeat(50)}`, 'text'],
  ])('%j is %s', (cell, shape) => {
    expect(shapeOf(cell)).toBe(shape);
  });
});

function remarksOf(cells: string[], header = 'Column') {
  const profile = new Profile([{ index: 0, header, type: 'string', path: ['x'] }]);
  for (const cell of cells) profile.see([cell], {});
  return profile.remarks().map(({ kind, count, says, examples }) => [kind, count, says, examples]);
}

const times = (count: number, cell: string) => Array<string>(count).fill(cell);

describe('a column', () => {
  test('of words or numbers is nothing to remark on', () => {
    expect(remarksOf(['Ann', 'Bo', '', ' '])).toEqual([]);
    expect(remarksOf(['1', '22', '333', '4444'])).toEqual([]);
  });

  test('of dates that may be read in two ways', () => {
    expect(remarksOf(['03/04/2024', '04/05/2024', ''])).toEqual([
      [
        'ambiguous_dates',
        2,
        '2 dates do not tell day from month; nor does any other cell',
        ['03/04/2024', '04/05/2024'],
      ],
    ]);
    expect(remarksOf(['03/04/2024', '31/01/2024'])[0]?.[2]).toBe(
      '1 date does not tell day from month; the others put the day first',
    );
    expect(remarksOf(['03/04/2024', '31/01/2024', '01/31/2024'])[0]?.[2]).toBe(
      '1 date does not tell day from month; others put the day first (1) or the month (1)',
    );
  });

  test('of numbers that a spreadsheet has cut short', () => {
    expect(remarksOf(['4.91512E+11', '491511234567'])).toEqual([
      ['scientific_notation', 1, '1 cell is in scientific notation: digits may be lost', ['4.91512E+11']],
    ]);
  });

  test('of codes that lack their zeros, told by the name of the column', () => {
    const cells = [...times(8, '10115'), '1067', '8001'];
    expect(remarksOf(cells, 'PLZ')).toEqual([
      [
        'lost_zeros',
        2,
        '2 numbers have fewer than the usual 5 digits: leading zeros may be lost',
        ['1067', '8001'],
      ],
    ]);
    expect(remarksOf(cells, 'Points')).toEqual([]);
    // Zeros that are there were not lost elsewhere.
    expect(remarksOf([...cells, '01067'], 'PLZ')).toEqual([]);
  });

  test('of guarded cells, amounts of money, and cells that stand for nothing', () => {
    expect(remarksOf(["'0123", '€5', 'n/a', 'x']).map(([kind, count]) => [kind, count])).toEqual([
      ['apostrophes', 1],
      ['currency', 1],
      ['placeholders', 1],
    ]);
  });

  test('of one type, but for a few cells', () => {
    expect(remarksOf([...times(19, '12'), 'twelve'])).toEqual([
      ['mixed_types', 1, '1 cell is no number, where all others are', ['twelve']],
    ]);
    expect(remarksOf([...times(19, '2024-01-31'), 'soon'])[0]?.[2]).toBe(
      '1 cell is no date, where all others are',
    );
    expect(remarksOf([...times(9, '12'), 'twelve', 'ten'])).toEqual([]);
  });

  test('keeps three examples, each once, however many there are', () => {
    const cells = Array.from({ length: 1_000 }, (_, i) => `€${Math.floor(i / 2)}`);
    expect(remarksOf(cells)).toEqual([
      [
        'currency',
        1_000,
        '1000 cells are amounts with their currency, and are sent as text',
        ['€0', '€1', '€2'],
      ],
    ]);
  });
});

test('tags that are probably one', () => {
  const profile = new Profile([{ index: 0, header: 'Tags', type: 'list', path: ['tags'] }]);
  for (const tags of [['VIP', 'press'], ['vip'], ['V.I.P.', 'Press'], ['new'], ['VIP']]) {
    profile.see(['x'], { tags });
  }
  profile.see(['x'], {});
  expect(profile.remarks()).toEqual([
    {
      column: 'Tags',
      kind: 'similar_tags',
      count: 3,
      says: '3 tags differ from others by case, blanks or punctuation alone',
      examples: ['VIP = vip = V.I.P.', 'press = Press'],
    },
  ]);
});
