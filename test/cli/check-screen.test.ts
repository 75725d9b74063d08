import { expect, test } from 'vitest';
import { checkScreen } from '../../src/cli/check-screen.js';
import { widthOf } from '../../src/cli/text.js';
import { PLAIN } from '../../src/dialect.js';
import type { Check } from '../../src/index.js';

const check: Check = {
  destination: 'sendmator',
  source: { name: 'people.csv', sha256: '0', bytes: 84_321 },
  dialect: {
    ...PLAIN,
    delimiter: ';',
    found: [
      { what: 'encoding', value: 'windows-1252', why: 'its words are German', unsure: true },
      { what: 'delimiter', value: 'semicolon', why: '26 of 26 records have 4 cells' },
    ],
  },
  columns: [
    { from: 'E-Mail', field: 'email', samples: ['ann@example.com', 'bo@example.com'] },
    { from: 'Notiz', samples: ['\u001b[31mrot', 'zwei\nZeilen'] },
    { from: '', samples: [] },
    { from: 'constant', field: 'type', samples: ['customer'] },
  ],
  rows: 1_203,
  created: 1_190,
  skipped: 1,
  failed: 12,
  reasons: { duplicate_email: 1, invalid: 12 },
  invalid: [
    {
      field: 'is_active',
      code: 'not_a_boolean',
      message: 'column "Aktiv" must hold true or false',
      rows: 12,
      first: [
        { row: 4, line: 5 },
        { row: 9, line: 11 },
        { row: 1_000, line: 1_003 },
      ],
    },
  ],
  repeats: [{ row: 7, repeats: 3, reason: 'duplicate_email' }],
  warnings: ['Column 3 has no name and is not sent.'],
  remarks: [
    {
      column: 'Seit',
      kind: 'ambiguous_dates',
      count: 2,
      says: '2 dates do not tell',
      examples: ['03/04/2024'],
    },
  ],
  requests: 1_190,
  rate: { requests: 2, perMs: 1_000 },
  seconds: 595,
  unset: 'SENDMATOR_API_KEY',
};
const next = "rowferry run people.csv --map 'Notiz=first_name'";

test('tells all that was found, aligned', () => {
  expect(checkScreen(check, { width: 80, color: false, next })).toBe(`people.csv → sendmator  84 KB
  encoding   windows-1252 (its words are German)
  delimiter  semicolon (26 of 26 records have 4 cells)

COLUMN     FIELD  FIRST VALUES
E-Mail     email  ann@example.com · bo@example.com
Notiz      –      �[31mrot · zwei⏎Zeilen
(no name)  –
constant   type   customer

1 203 rows, if sendmator is empty and takes what it is sent
  created      1 190
  skipped          1   duplicate_email 1
                       row 7 has the email of row 3
  failed          12   invalid
                       is_active not_a_boolean 12: rows 4 (line 5), 9 (line 11), 1 000 (line 1 003), …
                         column "Aktiv" must hold true or false

Look at
  ! Column 3 has no name and is not sent.
  ! Seit: 2 dates do not tell (03/04/2024)

About 1 190 requests, at 2/s 9:55. Nothing was sent.
Rows that fail are reported by the run, too: mend them there, or in the file
first.
Set SENDMATOR_API_KEY in the environment or in .env first.
Next: ${next}
`);
});

test('has no escape sequences without color, and only its own with', () => {
  const plain = checkScreen(check, { width: 80, color: false, next });
  const coloured = checkScreen(check, { width: 80, color: true, next });
  expect(plain).not.toContain('\u001b');
  expect(coloured).toContain('\u001b');
  expect(coloured).not.toContain('\u001b[31mrot');
});

test.each([20, 40, 59])('puts the columns below each other on a terminal of %d', (width) => {
  const table = checkScreen(check, { width, color: false, next }).split('\n\n')[1]!;
  for (const line of table.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width);
  expect(table).toContain('Notiz → not sent');
});
