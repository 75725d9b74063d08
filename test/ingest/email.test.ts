import { describe, expect, test } from 'vitest';
import { contentOf, readEmail } from '../../src/ingest/email.js';
import { Unfit } from '../../src/ingest/unfit.js';

describe('readEmail', () => {
  test.each([
    'ann@example.com',
    'Ann@Example.COM',
    ' ann@example.com\u00A0',
    'ann@example.com.',
    'ann@example.com;',
    'ann@example.com,',
    '<ann@example.com>',
    '<ann@example.com>;',
    '"ann@example.com"',
    "'ann@example.com'",
    '“ann@example.com”',
    '(ann@example.com)',
    'Ann Lee <ann@example.com>',
    '"Lee, Ann" <ann@example.com>',
    'Lee, Ann <ann@example.com>',
    'ann@example.com <ann@example.com>',
    'old@example.com <ann@example.com>',
    'ann@example.com, Lee, Ann <ann@example.com>',
    'Ann Lee < ann@example.com >',
    'mailto:ann@example.com',
    'MAILTO:ann@example.com?subject=Hello%20you',
    '<mailto:ann@example.com>',
    'mailto:ann%40example.com',
    'ann@example.com (work)',
    'ann @ example.com',
    'ann@ example.com',
    'ann＠example.com',
    '\u200Bann@example.com\u200B',
    'ann@exa\u00ADmple.com',
    '\u202Aann@example.com\u202C',
    'ann@example.com; ANN@example.com',
    'ann@example.com, n/a',
    'Lee; ann@example.com',
    'ann@example.com\nann@example.com',
  ])('%j holds ann@example.com', (cell) => {
    expect(readEmail(cell)).toBe('ann@example.com');
  });

  test.each([
    ["o'neil@example.com", "o'neil@example.com"],
    ["'Neil@example.com", "'neil@example.com"],
    ['info@Müller.example', 'info@xn--mller-kva.example'],
    ['Jörg <jörg@müller.example>', 'jörg@xn--mller-kva.example'],
  ])('%j holds %j', (cell, address) => {
    expect(readEmail(cell)).toBe(address);
  });

  test.each([
    'a@example.com; b@example.com',
    'a@example.com,b@example.com',
    'a@example.com b@example.com',
    'a@example.com / b@example.com'.replace(' / ', '|'),
    'A <a@example.com>, B <b@example.com>',
    'A <a@example.com>; b@example.com',
    'b@example.com, A <a@example.com>',
    'a@example.com\nb@example.com',
  ])('%j holds two, and nobody chooses', (cell) => {
    const found = readEmail(cell);
    expect(found).toBeInstanceOf(Unfit);
    expect(found).toMatchObject({ code: 'several_addresses', expected: 'one e-mail address; it holds 2' });
  });

  test.each([
    ['not-an-address', 'not-an-address'],
    ['Ann Lee', 'ann lee'],
    // Ann at lee@, or annlee@ with a blank too many?
    ['ann lee@example.com', 'ann lee@example.com'],
    ['ann@example', 'ann@example'],
    ['a@b@example.com', 'a@b@example.com'],
    ['n/a', 'n/a'],
    ['%', '%'],
    ['mailto:%E0%A4%A@', 'mailto:%e0%a4%a@'],
  ])('%j holds none and is left to the destination', (cell, text) => {
    expect(readEmail(cell)).toBe(text);
  });

  test('does not take long over a cell that goes on and on', () => {
    for (const piece of ['<@', 'a@', '@ ', '" ', 'a.', '((', ' , ', "'"]) {
      for (const times of [500, 1_000_000]) readEmail(`a${piece.repeat(times)}b`);
    }
  });
});

describe('contentOf', () => {
  const of = (...cells: string[]) =>
    contentOf(
      cells.map((cell) => [cell]),
      0,
    );

  test('counts addresses and phone numbers among the cells that are filled', () => {
    expect(of('a@example.com', '', 'A <a@example.com>', 'nobody', 'x@')).toEqual({
      filled: 4,
      addresses: 2,
      phones: 0,
    });
    expect(of('+49 (0)30 123-456', '030/123456', '4.915E+11', "'0301234567", '2024', 'CRM-1001')).toEqual({
      filled: 6,
      addresses: 0,
      phones: 4,
    });
  });

  test('of a column that rows do not reach', () => {
    expect(contentOf([['a'], []], 1)).toEqual({ filled: 0, addresses: 0, phones: 0 });
  });
});
