import { describe, expect, test } from 'vitest';
import { cendyn } from '../../src/destinations/cendyn.js';
import type { Destination } from '../../src/destinations/destination.js';
import { sendmator } from '../../src/destinations/sendmator.js';
import { EXIT, type RowferryError } from '../../src/errors.js';
import { makeMapping } from '../../src/ingest/map.js';
import { type MappingSpec, rulesOfPairs } from '../../src/mapping.js';

const options = { baseUrl: 'http://127.0.0.1', apiKey: 'key' };

const mapping = (
  header: string[],
  rows: string[][],
  spec: MappingSpec = {},
  destination: Destination = sendmator,
) => makeMapping(header, { destination, options }, spec, 0, rows);

/** The column that fills email, and what was said. */
async function chosen(...args: Parameters<typeof mapping>) {
  const { columns, warnings } = await mapping(...args);
  return { header: columns.find(({ field }) => field === 'email')?.header, warnings };
}

async function refusal(...args: Parameters<typeof mapping>): Promise<RowferryError> {
  return mapping(...args).then(
    () => expect.unreachable('nothing was refused'),
    (error: RowferryError) => error,
  );
}

describe('of several columns that are called e-mail', () => {
  test('the one by the name of the field, while it holds any address', async () => {
    const { header } = await chosen(['Mail', 'email'], [['a@example.com', 'b@example.com']]);
    expect(header).toBe('email');
  });

  test('the one that holds addresses, when the other does not', async () => {
    const found = await chosen(
      ['email', 'E-mail Address'],
      [
        ['', 'a@example.com'],
        ['yes', 'b@example.com'],
      ],
    );
    expect(found.header).toBe('E-mail Address');
    expect(found.warnings).toContain(
      'Column "E-mail Address" fills email: the first rows of "email" hold no address.',
    );
  });

  test('the first, when none holds any', async () => {
    expect((await chosen(['Mail', 'Contact email'], [['', '']])).header).toBe('Mail');
  });

  test('a rule beats what the cells say', async () => {
    const spec = { map: rulesOfPairs({ Mail: 'email' }) };
    expect((await chosen(['Mail', 'E-mail'], [['', 'a@example.com']], spec)).header).toBe('Mail');
  });
});

describe('when no column is called e-mail', () => {
  test('the one that holds addresses', async () => {
    const found = await chosen(
      ['Login', 'Note'],
      [
        ['a@example.com', 'x'],
        ['B <b@example.com>', 'asked a@example.com'],
        ['', 'y'],
      ],
    );
    expect(found.header).toBe('Login');
    expect(found.warnings[0]).toBe('Column "Login" fills email: it is the one that holds addresses.');
  });

  test('of several the one that is called some kind of mail', async () => {
    const rows = [['a@example.com', 'b@example.com']];
    expect((await chosen(['Login', 'Work mail'], rows)).header).toBe('Work mail');
  });

  test('nobody guesses between two', async () => {
    const error = await refusal(['Work mail', 'Private mail'], [['a@example.com', 'b@example.com']]);
    expect(error).toMatchObject({ code: 'NO_EMAIL_COLUMN', exitCode: EXIT.usage });
    expect(error.message).toBe(
      'No column of the header is the e-mail address by its name, and the contact\'s own may be any of those that hold some: "Work mail", "Private mail". Name it: --map "Work mail=email".',
    );
  });

  test.each(['Contact owner', 'Manager E-Mail', 'Created by', 'CC'])(
    '%j is somebody else, and never taken unasked',
    async (header) => {
      const error = await refusal(['Name', header], [['Ann', 'boss@example.com']]);
      expect(error.message).toContain(`--map "${header}=email"`);
    },
  );

  test('a column with an address now and then is none', async () => {
    const rows = [['a@example.com'], ['asked twice'], ['left']];
    expect((await refusal(['Note'], rows)).message).toContain('No column of the header is an e-mail address');
  });

  test('a first row in place of the header is no header', async () => {
    expect((await refusal(['a@example.com', 'Ann'], [['b@example.com', 'Bo']])).message).toContain(
      'the file seems to have no header',
    );
  });

  test('where an address is not required, nothing is refused', async () => {
    const rows = [['+49301234567', 'a@example.com', 'b@example.com']];
    const found = await chosen(['phone', 'Work mail', 'Private mail'], rows, {}, cendyn);
    expect(found.header).toBeUndefined();
  });
});

describe('a column called e-mail', () => {
  const phones = [['+49 30 1234567', 'a@example.com'], ['030/7654321', 'b@example.com'], ['']];

  test('that holds phone numbers is refused, and the right one named', async () => {
    const error = await refusal(['E-mail', 'Contact'], phones);
    expect(error).toMatchObject({ code: 'EMAIL_COLUMN_WRONG', exitCode: EXIT.usage });
    expect(error.message).toBe(
      'Column "E-mail" fills email, and its first 2 cells hold phone numbers, not one address. "Contact" holds addresses: --map "Contact=email".',
    );
    expect(error.message).not.toContain('1234567');
  });

  test('is refused when a rule names it, too, and for a single row', async () => {
    const spec = { map: rulesOfPairs({ Contact: 'email' }) };
    expect((await refusal(['Contact'], [['+49 30 1234567']], spec)).message).toBe(
      'Column "Contact" fills email, and its first cell holds a phone number. Name the right one with --map "<column>=email".',
    );
  });

  test('that holds anything but addresses is refused, unless a rule names it', async () => {
    const rows = [['Ann'], ['Bo'], ['Cy']];
    expect((await refusal(['E-mail'], rows)).message).toContain(
      'none of its first 3 cells is an e-mail address',
    );
    const spec = { map: rulesOfPairs({ 'E-mail': 'email' }) };
    expect((await chosen(['E-mail'], rows, spec)).header).toBe('E-mail');
    // Two rows are no proof.
    expect((await chosen(['E-mail'], rows.slice(1))).header).toBe('E-mail');
  });

  test('that holds one address among others is what its name says', async () => {
    const rows = [...phones.slice(0, 2), ['c@example.com', '']];
    expect((await chosen(['E-mail', 'Contact'], rows)).header).toBe('E-mail');
  });
});
