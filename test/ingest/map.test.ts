import { describe, expect, test } from 'vitest';
import { sendmator } from '../../src/destinations/sendmator.js';
import { EXIT, RowferryError } from '../../src/errors.js';
import { makeMapping } from '../../src/ingest/map.js';
import { rulesOfPairs } from '../../src/mapping.js';

const options = { baseUrl: 'http://127.0.0.1', apiKey: 'key' };

const mapping = (header: string[], map: Record<string, string> = {}) =>
  makeMapping(header, { destination: sendmator, options }, { map: rulesOfPairs(map) });

/** The contact of a row given as header → cell. */
async function contactOf(row: Record<string, string>, map?: Record<string, string>) {
  return (await mapping(Object.keys(row), map)).map(Object.values(row));
}

async function refusal(header: string[], map?: Record<string, string>): Promise<RowferryError> {
  try {
    await mapping(header, map);
  } catch (error) {
    expect(error).toBeInstanceOf(RowferryError);
    return error as RowferryError;
  }
  throw new Error('nothing was refused');
}

describe('headers', () => {
  test('fill the fields of their names', async () => {
    const row = {
      email: 'ann@example.com',
      external_id: 'C-1',
      first_name: 'Ann',
      last_name: 'Lee',
      tags: 'vip',
      is_active: 'true',
    };
    expect(await contactOf(row)).toEqual({ ...row, tags: ['vip'], is_active: true });
  });

  test.each(['E-mail', 'E-Mail Address', 'EMAIL', 'Contact Email', ' mail ', 'e_mail', 'Email:'])(
    '%j is the e-mail address',
    async (header) => {
      expect(await contactOf({ [header]: 'a@example.com' })).toEqual({ email: 'a@example.com' });
    },
  );

  test.each(Object.entries(sendmator.aliases))('%j is %s', async (alias, field) => {
    const header = field === 'email' ? [alias.toUpperCase()] : ['email', alias.toUpperCase()];
    expect((await mapping(header)).columns.at(-1)).toEqual({ header: alias.toUpperCase(), field });
  });

  test('exact names beat aliases, wherever they stand', async () => {
    const row = { 'Email Address': 'old@example.com', Id: '7', email: 'new@example.com', external_id: 'C-1' };
    expect(await contactOf(row)).toEqual({
      email: 'new@example.com',
      external_id: 'C-1',
      custom_fields: { 'Email Address': 'old@example.com', Id: '7' },
    });
    expect((await mapping(Object.keys(row))).warnings).toEqual([
      'Column "Email Address" also looks like email, which another column fills; it goes to custom_fields.',
      'Column "Id" also looks like external_id, which another column fills; it goes to custom_fields.',
    ]);
  });

  test('nobody knows go to the custom fields under their own name', async () => {
    expect(await contactOf({ email: 'a@example.com', 'Plan (EUR)': 'pro', Ünïcode: 'x' })).toEqual({
      email: 'a@example.com',
      custom_fields: { 'Plan (EUR)': 'pro', Ünïcode: 'x' },
    });
  });

  test('with a dot fill object fields; the field is found like any other, the name is kept', async () => {
    expect(
      await contactOf({
        email: 'a@example.com',
        'custom_fields.Plan': 'pro',
        'Custom Fields.a.b': '1',
        'metadata.source': 'fair',
        'other.thing': '2',
        '.x': '3',
        'metadata.': '4',
      }),
    ).toEqual({
      email: 'a@example.com',
      custom_fields: { Plan: 'pro', 'a.b': '1', 'other.thing': '2', '.x': '3', 'metadata.': '4' },
      metadata: { source: 'fair' },
    });
  });

  test('that name an object field are no text for it', async () => {
    expect(await contactOf({ email: 'a@example.com', metadata: 'x' })).toEqual({
      email: 'a@example.com',
      custom_fields: { metadata: 'x' },
    });
  });

  test("of rowferry's own reports are ignored", async () => {
    expect(
      await contactOf({
        email: 'a@example.com',
        rowferry_row: '1',
        rowferry_reason: 'invalid',
        rowferry_message: 'm',
      }),
    ).toEqual({ email: 'a@example.com' });
  });

  test('without a name are ignored', async () => {
    expect(await contactOf({ email: 'a@example.com', '': 'x', '  ': 'y' })).toEqual({
      email: 'a@example.com',
    });
  });

  test('without a name are told about', async () => {
    expect((await mapping(['email', '', 'plan'])).warnings).toEqual([
      'Sent in custom_fields by their own names, because no field knows them: "plan" (unmapped: ignore leaves them out).',
      'Column 2 has no name and is not sent.',
    ]);
    expect((await mapping(['', 'email', ' '])).warnings).toEqual([
      '2 columns have no name and are not sent: 1, 3.',
    ]);
    expect((await mapping(['email', ...Array<string>(9).fill('')])).warnings).toEqual([
      '9 columns have no name and are not sent: 2, 3, 4, 5, 6, ….',
    ]);
  });

  test('that stand twice are told about, and a blank cell erases nothing', async () => {
    const twice = await mapping(['email', 'plan', 'plan', 'email']);
    expect(twice.map(['a@example.com', 'pro', '', 'b@example.com'])).toEqual({
      email: 'a@example.com',
      custom_fields: { plan: 'pro', email: 'b@example.com' },
    });
    expect(twice.warnings).toEqual([
      'Column "email" also looks like email, which another column fills; it goes to custom_fields.',
      'Sent in custom_fields by their own names, because no field knows them: "plan", "plan" (unmapped: ignore leaves them out).',
      '2 columns go to custom_fields.plan; of each row the last cell that is not blank is sent.',
    ]);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s does no harm', async (name) => {
    for (const header of [name, `custom_fields.${name}`, `metadata.${name}`]) {
      const contact = (await mapping(['email', header])).map(['a@example.com', 'x']);
      const object = Object.values(contact)[1] as object;
      expect(Object.getPrototypeOf(contact)).toBe(Object.prototype);
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
      expect(Object.getOwnPropertyDescriptor(object, name)?.value).toBe('x');
      expect(JSON.stringify(contact)).toContain(`"${name}":"x"`);
    }
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test('need an e-mail address among them', async () => {
    const error = await refusal(['name', 'phone']);
    expect(error).toMatchObject({ code: 'NO_EMAIL_COLUMN', exitCode: EXIT.usage });
    expect(error.message).toBe(
      'No column of the header is an e-mail address. It has: "name", "phone". Name one with --map "<column>=email".',
    );
    expect((await refusal(Array.from({ length: 25 }, (_, i) => `c${i}`))).message).toContain(
      '"c19" and 5 more.',
    );
  });
});

describe('a first line that is no header', () => {
  const sentence =
    'The first line holds an e-mail address where the names of the columns belong: the file seems to have no header. Put a line with the names before it, like "email,first_name,last_name", or say --no-header and call the columns by their numbers, like --map "1=email".';

  test('is told as such, without what it holds', async () => {
    const error = await refusal(['ann@example.com', 'Ann', 'Lee']);
    expect(error).toMatchObject({ code: 'NO_EMAIL_COLUMN', message: sentence, exitCode: EXIT.usage });
  });

  test('is told when --map names a column, too, without what it holds', async () => {
    const error = await refusal(['ann@example.com', 'Ann'], { Mail: 'email' });
    expect(error.code).toBe('MAP_COLUMN_UNKNOWN');
    expect(error.message).toContain(sentence);
    expect(error.message).not.toMatch(/ann@example|Ann/);
  });
});

describe('--map', () => {
  test('beats every name', async () => {
    const row = { email: 'old@example.com', Contact: 'new@example.com', Stufe: 'pro' };
    expect(await contactOf(row, { Contact: 'email', Stufe: 'custom_fields.plan' })).toEqual({
      email: 'new@example.com',
      custom_fields: { plan: 'pro', email: 'old@example.com' },
    });
  });

  test('finds its column without case and punctuation, but prefers the one written alike', async () => {
    expect(await contactOf({ 'Kunden-Mail': 'a@example.com' }, { kundenmail: 'email' })).toEqual({
      email: 'a@example.com',
    });
    const row = { email: 'a@example.com', 'E-mail': 'b@example.com' };
    expect(await contactOf(row, { 'E-mail': 'email' })).toEqual({
      email: 'b@example.com',
      custom_fields: { email: 'a@example.com' },
    });
    expect(await contactOf(row, { email: 'metadata.old', 'E-mail': 'email' })).toEqual({
      email: 'b@example.com',
      metadata: { old: 'a@example.com' },
    });
  });

  test('tells columns of punctuation apart', async () => {
    expect(await contactOf({ '%': '5', '#': 'C-1', email: 'a@example.com' }, { '#': 'external_id' })).toEqual(
      {
        email: 'a@example.com',
        external_id: 'C-1',
        custom_fields: { '%': '5' },
      },
    );
  });

  test('refuses a column that is not there', async () => {
    expect(await refusal(['email'], { Mail: 'email' })).toMatchObject({
      code: 'MAP_COLUMN_UNKNOWN',
      message:
        'map.email names the column "Mail", which the header does not have. Did you mean "email"? The header has: "email".',
      exitCode: EXIT.usage,
    });
  });

  test.each(['phone', 'custom_fields', 'nowhere.x', 'constructor', 'email.x', 'metadata.'])(
    'refuses the field %j',
    async (field) => {
      expect(await refusal(['email', 'x'], { x: field })).toMatchObject({
        code: 'MAP_FIELD_UNKNOWN',
        message: `map sends "x" to the field "${field}", which sendmator does not have.${field === 'email.x' ? ' Did you mean "email"?' : ''} Fields: email, external_id, first_name, last_name, tags, is_active, custom_fields.<name>, metadata.<name>.`,
      });
    },
  );
});

describe('cells', () => {
  test('are trimmed; blank ones are no value', async () => {
    expect(await contactOf({ email: ' a@example.com\u00A0', first_name: '  ', plan: '', tags: ' ' })).toEqual(
      {
        email: 'a@example.com',
      },
    );
  });

  test('that are missing are no value', async () => {
    expect((await mapping(['email', 'plan', 'first_name'])).map(['a@example.com'])).toEqual({
      email: 'a@example.com',
    });
    expect((await mapping(['email', 'plan'])).map([])).toEqual({});
  });

  test('hold e-mail addresses in lower case', async () => {
    expect(await contactOf({ email: 'Ann.Lee@Example.COM' })).toEqual({ email: 'ann.lee@example.com' });
  });

  test.each([
    ['true', true],
    ['Yes', true],
    ['1', true],
    ['FALSE', false],
    ['n', false],
    ['off', false],
    ['maybe', undefined],
  ])('%j as a boolean', async (cell, value) => {
    const { is_active } = await contactOf({ email: 'a@example.com', active: cell });
    expect(is_active).toBe(value);
  });

  test('become tags, each once', async () => {
    const tags = async (cell: string) => (await contactOf({ email: 'a@example.com', tags: cell })).tags;
    expect(await tags('a, b;c|a ; b c')).toEqual(['a', 'b', 'c', 'b c']);
    expect(await tags(' , ;')).toBeUndefined();
  });

  test('keep leading zeros, commas and line ends', async () => {
    expect(await contactOf({ email: 'a@example.com', external_id: '007', note: 'a,\nb' })).toEqual({
      email: 'a@example.com',
      external_id: '007',
      custom_fields: { note: 'a,\nb' },
    });
  });

  test('make a contact of their own for every row', async () => {
    const { map } = await mapping(['email', 'plan']);
    const first = map(['a@example.com', 'pro']);
    expect(map(['b@example.com'])).toEqual({ email: 'b@example.com' });
    expect(first).toEqual({ email: 'a@example.com', custom_fields: { plan: 'pro' } });
  });
});
