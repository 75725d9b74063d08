import { describe, expect, test } from 'vitest';
import {
  parseCount,
  parseDelimiter,
  parseDuration,
  parseMap,
  parseOnDuplicate,
  parseRate,
  parseRetention,
  parseSwitch,
  readSettings,
} from '../src/config.js';
import { EXIT, RowferryError } from '../src/errors.js';

/** The sentence with which `parse` refuses; checks that it is a usage error. */
function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(RowferryError);
    expect(error).toMatchObject({ code: 'SETTING_INVALID', exitCode: EXIT.usage });
    return (error as RowferryError).message;
  }
  throw new Error('nothing was refused');
}

describe('parseRate', () => {
  test.each([
    ['10/s', { requests: 10, perMs: 1_000 }],
    ['10 / sec', { requests: 10, perMs: 1_000 }],
    ['100/min', { requests: 100, perMs: 60_000 }],
    ['100/m', { requests: 100, perMs: 60_000 }],
    ['10000/H', { requests: 10_000, perMs: 3_600_000 }],
    ['0.5/s', { requests: 0.5, perMs: 1_000 }],
    ['none', null],
    [' None ', null],
  ])('%j', (text, rate) => {
    expect(parseRate(text, '--rate')).toEqual(rate);
  });

  test.each(['', '10', '/s', '0/s', '-1/s', '10/d', '10/s/s', '1e3/s', 'ten/s', '1000001/s', '10/ms'])(
    'refuses %j',
    (text) => {
      expect(refusal(() => parseRate(text, '--rate'))).toBe(
        `--rate: "${text}" is not a rate like 10/s, 100/min, 10000/h, or none.`,
      );
    },
  );
});

describe('parseDuration', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['2min', 120_000],
    ['1.5h', 5_400_000],
    [' 30 S ', 30_000],
  ])('%j', (text, ms) => {
    expect(parseDuration(text, '--timeout')).toBe(ms);
  });

  test.each(['', '30', '0s', '-1s', 's', '1d', '1 s s'])('refuses %j', (text) => {
    expect(refusal(() => parseDuration(text, 'ROWFERRY_TIMEOUT'))).toBe(
      `ROWFERRY_TIMEOUT: "${text}" is not a duration like 500ms, 30s or 2m.`,
    );
  });
});

describe('parseCount', () => {
  test.each([
    ['1', 1],
    [' 64 ', 64],
    ['007', 7],
  ])('%j', (text, count) => {
    expect(parseCount(text, '--concurrency', 1, 64)).toBe(count);
  });

  test.each(['0', '65', '', '1.5', '-1', '1e1', '0x10', 'many'])('refuses %j', (text) => {
    expect(refusal(() => parseCount(text, '--concurrency', 1, 64))).toBe(
      `--concurrency: "${text}" is not a whole number from 1 to 64.`,
    );
  });
});

describe('parseDelimiter', () => {
  test.each([
    [',', ','],
    [';', ';'],
    ['|', '|'],
    ['tab', '\t'],
    ['\\t', '\t'],
    ['\t', '\t'],
  ])('%j', (text, delimiter) => {
    expect(parseDelimiter(text, '--delimiter')).toBe(delimiter);
  });

  test.each(['', 'x', '1', ' ', '"', ',,,,,'])('refuses %j', (text) => {
    expect(refusal(() => parseDelimiter(text, '--delimiter'))).toBe(
      `--delimiter: "${text}" is not one to four characters like , ; | or tab.`,
    );
  });
});

describe('parseMap', () => {
  test('takes any number of pairs, blanks around them and equals signs in headers', () => {
    expect(parseMap(['Mail=email', ' Plan = custom_fields.plan', 'a=b=tags'], '--map')).toEqual({
      email: { column: 'Mail' },
      'custom_fields.plan': { column: 'Plan' },
      tags: { column: 'a=b' },
    });
    expect(parseMap([], '--map')).toEqual({});
  });

  test('takes types and constants', () => {
    expect(
      parseMap(['Score = custom_fields.score:integer', 'type:=a:b=c ', 'a=b:=custom_fields.x'], '--map'),
    ).toEqual({
      'custom_fields.score': { column: 'Score', type: 'integer' },
      type: { value: 'a:b=c' },
      'custom_fields.x': { column: 'a=b:' },
    });
  });

  test('makes a list of what one field is given', () => {
    expect(parseMap(['Work=email', 'Private=email', 'email:=none@example.com'], '--map')).toEqual({
      email: [{ column: 'Work' }, { column: 'Private' }, { value: 'none@example.com' }],
    });
  });

  test('refuses a type that there is none', () => {
    expect(refusal(() => parseMap(['Score=custom_fields.score:intger'], '--map'))).toBe(
      '--map: "Score=custom_fields.score:intger": "intger" is no type. Did you mean "integer"? Types: string, number, integer, boolean, date, json, list, phone.',
    );
  });

  test.each(['Mail', 'x:=', '=email', ' =email', 'Mail=', 'Mail= ', ''])('refuses %j', (pair) => {
    expect(refusal(() => parseMap([pair], '--map'))).toBe(
      `--map: "${pair}" is not of the form Header=field.`,
    );
  });
});

test('parseOnDuplicate and parseSwitch take their words, and no others', () => {
  expect(parseOnDuplicate(' update ', '--on-duplicate')).toBe('update');
  expect(refusal(() => parseOnDuplicate('replace', '--on-duplicate'))).toBe(
    '--on-duplicate: "replace" is not one of skip, update.',
  );
  expect([parseSwitch('true', 'bulk'), parseSwitch('false', 'bulk')]).toEqual([true, false]);
  expect(refusal(() => parseSwitch('yes', 'bulk'))).toBe('bulk: "yes" is not one of true, false.');
});

test.each([
  ['30', 30],
  ['7d', 7],
  ['1 day', 1],
  ['forever', null],
  ['0', null],
])('retention %s', (text, days) => {
  expect(parseRetention(text, 'retention')).toBe(days);
  expect(() => parseRetention(`-${text}`, 'retention')).toThrow(/^retention: .* a number of days like 30/);
});

describe('readSettings', () => {
  test('has defaults for an empty environment', () => {
    expect(readSettings({})).toEqual({
      redisUrl: undefined,
      redisBinary: undefined,
      dataDir: '.rowferry',
      prefix: 'rowferry',
      logLevel: undefined,
      timeoutMs: undefined,
      folder: {},
      dashboard: {},
      retentionDays: 30,
      opentelemetry: false,
      dashboardToken: undefined,
    });
  });

  test('takes the environment; a blank variable is none', () => {
    const settings = readSettings({
      REDIS_URL: ' redis://one ',
      ROWFERRY_REDIS_BIN: '  ',
      ROWFERRY_DATA_DIR: '/data',
      ROWFERRY_PREFIX: 'team-a.1',
      ROWFERRY_LOG_LEVEL: 'debug',
      ROWFERRY_TIMEOUT: '2m',
      ROWFERRY_FOLDER: '/drop',
      ROWFERRY_DASHBOARD_HOST: '::1',
      ROWFERRY_RETENTION: 'forever',
      ROWFERRY_DASHBOARD_PORT: '0',
      ROWFERRY_DASHBOARD_TOKEN: 'sixteen-letters-',
    });
    expect(settings).toEqual({
      redisUrl: 'redis://one',
      redisBinary: undefined,
      dataDir: '/data',
      prefix: 'team-a.1',
      logLevel: 'debug',
      timeoutMs: 120_000,
      folder: { path: '/drop' },
      dashboard: { host: '::1', port: 0 },
      retentionDays: null,
      opentelemetry: false,
      dashboardToken: 'sixteen-letters-',
    });
  });

  test('lets the flag beat the environment, and the environment the file', () => {
    const file = {
      dataDir: '/file',
      redisUrl: 'redis://file',
      logLevel: 'info',
      folder: { path: '/one', settleMs: 5 },
      dashboard: { port: 1 },
    } as const;
    expect(readSettings({}, undefined, file)).toMatchObject(file);
    const environment = { ROWFERRY_DATA_DIR: '/data', REDIS_URL: 'redis://one', ROWFERRY_LOG_LEVEL: 'trace' };
    expect(readSettings(environment, undefined, file)).toMatchObject({
      dataDir: '/data',
      redisUrl: 'redis://one',
      logLevel: 'trace',
    });
    expect(readSettings(environment, '/flag', file).dataDir).toBe('/flag');
    const { folder } = readSettings({ ROWFERRY_FOLDER: '/two' }, undefined, file);
    expect(folder).toEqual({ path: '/two', settleMs: 5 });
  });

  test.each([
    [
      { ROWFERRY_PREFIX: 'a:b' },
      'ROWFERRY_PREFIX: "a:b" is not letters, digits, dots, dashes and underscores.',
    ],
    [
      { ROWFERRY_LOG_LEVEL: 'loud' },
      'ROWFERRY_LOG_LEVEL: "loud" is not one of silent, fatal, error, warn, info, debug, trace.',
    ],
    [{ ROWFERRY_TIMEOUT: '5' }, 'ROWFERRY_TIMEOUT: "5" is not a duration like 500ms, 30s or 2m.'],
    [
      { ROWFERRY_TIMEOUT: '600h' },
      'ROWFERRY_TIMEOUT: "600h" is not a duration of 10 minutes or less, like 30s or 2m.',
    ],
    [
      { ROWFERRY_TIMEOUT: '600.001s' },
      'ROWFERRY_TIMEOUT: "600.001s" is not a duration of 10 minutes or less, like 30s or 2m.',
    ],
  ])('refuses %o', (environment, sentence) => {
    expect(refusal(() => readSettings(environment))).toBe(sentence);
  });
});
