import { expect, test } from 'vitest';
import { faultLine } from '../../src/config/faults.js';
import { readConfig } from '../../src/config/read.js';

/** `$` is written as `§`. */
function read(text: string, environment: Record<string, string> = {}) {
  const { config, faults } = readConfig(text.replaceAll('§', '$'), 'r.yaml', '/etc/rf', environment);
  return { config, faults: faults.map((fault) => faultLine('r.yaml', fault)) };
}

test('destinations, syncs, defaults and settings, in our own words', () => {
  const { config, faults } = read(
    `
destinations:
  crm:
    kind: sendmator
    api_key: §{KEY}
    base_url: https://crm.example.com
    rate: 10/s
    concurrency: 4
    timeout: 2m
    attempts: '7'
    on_duplicate: skip
    bulk: false
  own: { module: ./own.mjs, region: eu, rate: none }
syncs:
  nightly:
    source: exports/contacts.csv
    to: crm
    map: { email: Mail, tags: { column: T, split: ';' } }
    unmapped: ignore
    preset: none
    delimiter: tab
    rate: §{RATE:-5/s}
    attempts: 3
    report_dir: ../reports
  web: { source: 'https://example.com/a.csv' }
defaults: { rate: 100/min, attempts: 2, report_dir: /var/reports, timeout: 500ms }
redis_url: redis://one
data_dir: data
dashboard: { host: 127.0.0.1, port: 0 }
retention: 0
opentelemetry: true
log_level: info
folder: { path: drop, settle: 500ms, poll: 2s }
`,
    { KEY: 'sk_live' },
  );
  expect(faults).toEqual([]);
  expect(config).toEqual({
    destinations: [
      {
        name: 'crm',
        kind: 'sendmator',
        options: { api_key: 'sk_live', base_url: 'https://crm.example.com' },
        settings: {
          rate: { requests: 10, perMs: 1_000 },
          concurrency: 4,
          timeoutMs: 120_000,
          attempts: 7,
          onDuplicate: 'skip',
          bulk: false,
        },
        unset: [],
        file: 'r.yaml',
      },
      {
        name: 'own',
        module: '/etc/rf/own.mjs',
        options: { region: 'eu' },
        settings: { rate: null },
        unset: [],
        file: 'r.yaml',
      },
    ],
    syncs: [
      {
        name: 'nightly',
        source: '/etc/rf/exports/contacts.csv',
        to: 'crm',
        mapping: {
          map: { email: 'Mail', tags: { column: 'T', split: ';' } },
          unmapped: 'ignore',
          preset: 'none',
        },
        delimiter: '\t',
        rate: { requests: 5, perMs: 1_000 },
        attempts: 3,
        reportDir: '/etc/reports',
        unset: [],
      },
      { name: 'web', source: 'https://example.com/a.csv', mapping: {}, unset: [] },
    ],
    notifications: [],
    defaults: {
      rate: { requests: 100, perMs: 60_000 },
      attempts: 2,
      timeoutMs: 500,
      reportDir: '/var/reports',
    },
    settings: {
      redisUrl: 'redis://one',
      dataDir: '/etc/rf/data',
      logLevel: 'info',
      folder: { path: '/etc/rf/drop', settleMs: 500, pollMs: 2_000 },
      dashboard: { host: '127.0.0.1', port: 0 },
      retentionDays: null,
      opentelemetry: true,
    },
  });
});

test('nothing, and sections of which everything is commented out, are a configuration too', () => {
  for (const text of ['', '# nothing\n', 'destinations:\nsyncs:\n  # one: {}\ndefaults:\n']) {
    expect(read(text)).toEqual({
      faults: [],
      config: { destinations: [], syncs: [], notifications: [], defaults: {}, settings: {} },
    });
  }
});

test('all faults are told together, in the order of the file', () => {
  const { faults } = read(
    `
destinations:
  crm:
    kind: sendmator
    rate: fast
    ratte: 5/s
    concurrency: 0
    timeout: 30
    attempts: [1]
    bulk: maybe
    on_duplicate: replace
  one: { kind: sendmatr }
  two: { rate: 5/s }
  three: { kind: sendmator, module: ./x.mjs }
  four: text
  5x: { kind: sendmator, apikey: sk_live }
syncs:
  nightly:
    source: 7
    to: crn
    map:
      email: { colum: Mail }
      tags: { column: T, split: 5 }
      name: 5
      list: [First, {}]
      case: { column: A, case: funny }
    presett: hubspot
    unmapped: away
    delimiter: x
default: {}
log_level: loud
`,
  );
  expect(faults).toEqual([
    'r.yaml:5:5 destinations.crm.rate: "fast" is not a rate like 10/s, 100/min, 10000/h, or none',
    'r.yaml:6:5 destinations.crm.ratte: is not known here. Did you mean "rate"?',
    'r.yaml:7:5 destinations.crm.concurrency: "0" is not a whole number from 1 to 1000',
    'r.yaml:8:5 destinations.crm.timeout: "30" is not a duration like 500ms, 30s or 2m',
    'r.yaml:9:5 destinations.crm.attempts: "[1]" is not a whole number from 1 to 100',
    'r.yaml:10:5 destinations.crm.bulk: "maybe" is not one of true, false',
    'r.yaml:11:5 destinations.crm.on_duplicate: "replace" is not one of skip, update',
    expect.stringMatching(
      /^r\.yaml:12:10 destinations\.one\.kind: is not one of .*\. Did you mean "sendmator"\?$/,
    ),
    expect.stringMatching(/^r\.yaml:13:3 destinations\.two: needs a kind \(.*sendmator.*\) or a module$/),
    'r.yaml:14:3 destinations.three: has both kind and module; it needs one of them',
    expect.stringMatching(/^r\.yaml:15:3 destinations\.four: needs a kind/),
    'r.yaml:16:3 destinations.5x: is no name: a letter first, then letters, digits, - and _',
    'r.yaml:16:26 destinations.5x.apikey: is not known here. Did you mean "api_key"?',
    'r.yaml:19:5 syncs.nightly.source: is neither a text nor a section with path, glob or url',
    expect.stringMatching(
      /^r\.yaml:20:5 syncs\.nightly\.to: there is no such destination\. Did you mean "crm"\?$/,
    ),
    expect.stringMatching(/^r\.yaml:22:7 syncs\.nightly\.map\.email: needs exactly one of column/),
    'r.yaml:22:16 syncs.nightly.map.email.colum: is not known here. Did you mean "column"?',
    'r.yaml:23:26 syncs.nightly.map.tags.split: is not text',
    'r.yaml:24:7 syncs.nightly.map.name: is neither a column name nor a rule',
    expect.stringMatching(/^r\.yaml:25:21 syncs\.nightly\.map\.list\.1: needs exactly one of column/),
    'r.yaml:26:26 syncs.nightly.map.case.case: is not one of lower, upper, title',
    'r.yaml:27:5 syncs.nightly.presett: is not known here. Did you mean "preset"?',
    'r.yaml:28:5 syncs.nightly.unmapped: is not one of custom_fields, ignore, error',
    'r.yaml:29:5 syncs.nightly.delimiter: "x" is not one to four characters like , ; | or tab',
    'r.yaml:30:1 default: is not known here. Did you mean "defaults"?',
    'r.yaml:31:1 log_level: "loud" is not one of silent, fatal, error, warn, info, debug, trace',
  ]);
});

test('an unknown key that is like none is told what there is', () => {
  expect(read('defaults: { colour: red }\n').faults).toEqual([
    'r.yaml:1:13 defaults.colour: is not known here. Known: rate, attempts, on_duplicate, bulk, incremental, max_wait, halt_after_rejections, concurrency, timeout, report_dir.',
  ]);
});

test('a text or a list instead of the file is a fault', () => {
  for (const text of ['hello\n', '- a\n']) {
    expect(read(text).faults).toEqual(['r.yaml:1:1 is not a section with keys']);
  }
});

test('what came from the environment is quoted nowhere', () => {
  const { faults } = read(
    'destinations: { crm: { kind: sendmator, rate: "§{KEY}", apikey: "§{KEY}", timeout: "x§{KEY}" } }\nlog_level: §{KEY}\nsyncs: { a: { to: "§{KEY}", unmapped: "§{KEY}" } }\n',
    { KEY: 'sk_live_secret' },
  );
  expect(faults).toHaveLength(6);
  expect(faults.join('\n')).not.toContain('sk_live');
  expect(faults).toContain(
    'r.yaml:1:41 destinations.crm.rate: what the environment gives is not a rate like 10/s, 100/min, 10000/h, or none',
  );
});

test('a variable that is not set is a fault of the destination or sync that names it, else of the file', () => {
  const { config, faults } = read(`
destinations:
  crm: { kind: sendmator, api_key: "§{ONE}", rate: "§{TWO}" }
  odd: { kind: "§{KIND}" }
  other: { kind: sendmator }
syncs:
  a: { source: "§{THREE}", rate: "§{TWO}", to: "§{TO}" }
  b: { source: b.csv }
defaults: { rate: "§{FOUR}" }
redis_url: §{FIVE}
`);
  expect(faults).toEqual([
    'r.yaml:9:13 defaults.rate: the environment variable FOUR is not set',
    'r.yaml:10:1 redis_url: the environment variable FIVE is not set',
  ]);
  expect(config.destinations.map(({ name, unset }) => [name, unset])).toEqual([
    [
      'crm',
      [
        'r.yaml:3:27 destinations.crm.api_key: the environment variable ONE is not set',
        'r.yaml:3:46 destinations.crm.rate: the environment variable TWO is not set',
      ],
    ],
    ['odd', ['r.yaml:4:10 destinations.odd.kind: the environment variable KIND is not set']],
    ['other', []],
  ]);
  expect(config.syncs.map(({ name, unset }) => [name, unset.length])).toEqual([
    ['a', 3],
    ['b', 0],
  ]);
});

test('a destination is known by its name, whatever else is wrong with it', () => {
  const { faults } = read(
    'destinations: { crm: { kind: sendmator, rate: fast } }\nsyncs: { a: { to: crm } }\n',
  );
  expect(faults).toHaveLength(1);
});

test('sources and schedules of syncs, and every way to get them wrong', () => {
  const { config, faults } = read(
    `
syncs:
  glob: { source: exports/*.csv, schedule: { cron: ' 0 3 * * * ' } }
  all: { source: { glob: '../in/*.csv', pick: all }, schedule: { cron: '@daily', timezone: Europe/Berlin } }
  path: { source: { path: 'a*.csv' } }
  web:
    source:
      url: https://example.com/a.csv
      headers: { authorization: 'Bearer §{KEY}', x-account: '7' }
      max_size: 1.5GB
      max_time: 2h
`,
    { KEY: 's3cret' },
  );
  expect(faults).toEqual([]);
  const syncs = config.syncs.map(({ source, schedule }) => ({ source, schedule }));
  expect(syncs).toEqual([
    {
      source: { glob: 'exports/*.csv', base: '/etc/rf', pick: 'newest' },
      schedule: { cron: '0 3 * * *', timezone: 'UTC' },
    },
    {
      source: { glob: '../in/*.csv', base: '/etc/rf', pick: 'all' },
      schedule: { cron: '@daily', timezone: 'Europe/Berlin' },
    },
    { source: { path: '/etc/rf/a*.csv' }, schedule: undefined },
    {
      source: {
        url: 'https://example.com/a.csv',
        headers: { authorization: 'Bearer s3cret', 'x-account': '7' },
        maxBytes: 1_500_000_000,
        maxMs: 7_200_000,
      },
      schedule: undefined,
    },
  ]);

  const wrong = read(
    `
syncs:
  a: { source: { url: 'ftp://x', max_size: big, max_time: soon, headers: { 'a b': c, d: "e§{NEWLINE}f" } } }
  b: { source: { path: a, glob: b } }
  c: { source: { path: a, pick: all } }
  d: { source: { glob: a, pick: all, headers: { a: b } } }
  e: { source: a, schedule: { cron: '61 * * * *', timezone: Nowhere } }
  f: { source: a, schedule: { cron: '* * * *' } }
  g: { source: a, schedule: { cron: 'H 3 * * *' } }
  h: { source: a, schedule: { timezone: UTC, hour: 3 } }
  i: { schedule: { cron: '0 3 * * *' } }
  j: { source: a, schedule: { cron: '0 3 * * §{DAY}' } }
`,
    { NEWLINE: '\n', DAY: 'secret' },
  );
  expect(wrong.faults).toEqual([
    'r.yaml:3:18 syncs.a.source.url: is no http(s) URL',
    'r.yaml:3:34 syncs.a.source.max_size: "big" is not a size like 500KB, 200MB or 5GB',
    'r.yaml:3:49 syncs.a.source.max_time: "soon" is not a duration like 500ms, 30s or 2m',
    'r.yaml:3:76 syncs.a.source.headers.a b: is no name: a letter first, then letters, digits, - and _',
    'r.yaml:3:86 syncs.a.source.headers.d: holds characters that no header may hold',
    'r.yaml:4:8 syncs.b.source: needs exactly one of path, glob and url',
    'r.yaml:5:27 syncs.c.source.pick: is for a glob',
    'r.yaml:6:38 syncs.d.source.headers: is for a url',
    `r.yaml:7:31 syncs.e.schedule.cron: "61 * * * *" is not a cron expression like '0 3 * * *': Constraint error, got value 61 expected range 0-59`,
    'r.yaml:7:51 syncs.e.schedule.timezone: "Nowhere" is not the name of a time zone like Europe/Berlin or UTC',
    `r.yaml:8:31 syncs.f.schedule.cron: "* * * *" is not a cron expression like '0 3 * * *': it needs five fields, or six with seconds first`,
    `r.yaml:9:31 syncs.g.schedule.cron: "H 3 * * *" is not a cron expression like '0 3 * * *': H is not supported`,
    'r.yaml:10:19 syncs.h.schedule.cron: is missing',
    'r.yaml:10:46 syncs.h.schedule.hour: is not known here. Known: cron, timezone.',
    'r.yaml:11:8 syncs.i.schedule: needs a source',
    `r.yaml:12:31 syncs.j.schedule.cron: what the environment gives is not a cron expression like '0 3 * * *': Validation error, cannot resolve alias`,
  ]);
});

test('a kind that is no text, and cannot be made one, is told like any other', () => {
  expect(read('destinations:\n  crm:\n    kind: { toString: null }\n').faults).toEqual([
    expect.stringMatching(/^r\.yaml:3:5 destinations\.crm\.kind: is not one of /),
  ]);
});
