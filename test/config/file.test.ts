import { chmodSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkConfig } from '../../src/config/check.js';
import { findConfig, loadConfig } from '../../src/config/file.js';
import { EXIT } from '../../src/errors.js';
import { checkMapping } from '../../src/ingest/map.js';
import { scratchDir, scratchFile } from '../helpers/scratch.js';

/** `$` is written as `§`. */
function file(text: string, mode = 0o600): string {
  const path = scratchFile(text.replaceAll('§', '$'), 'rowferry.yaml');
  chmodSync(path, mode);
  return path;
}

const NOTHING = { settings: {}, destinations: [], syncs: [], notifications: [], defaults: {}, warnings: [] };

test('the file is the one that is given, else that of ROWFERRY_CONFIG; false is none', () => {
  const one = file('log_level: info\n');
  const two = file('log_level: debug\n');
  expect(loadConfig(one, { ROWFERRY_CONFIG: two }).settings.logLevel).toBe('info');
  expect(loadConfig(undefined, { ROWFERRY_CONFIG: two }).settings.logLevel).toBe('debug');
  expect(loadConfig(false, { ROWFERRY_CONFIG: two })).toEqual(NOTHING);
  expect(loadConfig(undefined, { ROWFERRY_CONFIG: ' ' })).toEqual(NOTHING);
});

test('one that was asked for must be there, and a file', () => {
  const gone = `${scratchDir()}/none.yaml`;
  expect(() => findConfig(gone, {})).toThrow(`There is no configuration file ${gone}.`);
  expect(() => findConfig(undefined, { ROWFERRY_CONFIG: gone })).toThrow(`${gone} (ROWFERRY_CONFIG).`);
  const dir = scratchDir();
  expect(() => loadConfig(dir, {})).toThrow(`The configuration file ${dir} cannot be read: EISDIR.`);
});

test('one fault is a line, several are a list; all are usage errors', () => {
  const one = file('log_level: loud\n');
  expect(() => loadConfig(one, {})).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      exitCode: EXIT.usage,
      message: expect.stringMatching(/^\/\S+\/rowferry\.yaml:1:1 log_level: "loud" is not/) as string,
    }),
  );
  const two = file('log_level: loud\nlog: x\n');
  expect(() => loadConfig(two, {})).toThrow(
    /^the configuration has 2 faults:\n {2}\S+:1:1 log_level: .*\n {2}\S+:2:1 log: is not known here/,
  );
});

const LITERAL =
  'destinations:\n  a: { kind: sendmator, api_key: sk_live_open, base_url: https://x.example }\n  b: { kind: sendmator, api_key: "§{KEY}" }\nredis_url: redis://:pass@host\n';

test.each([0o644, 0o640, 0o604])('a key in a file of mode %o is warned about, without the key', (mode) => {
  const { warnings } = loadConfig(file(LITERAL, mode), { KEY: 'k' });
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toMatch(/^destinations\.a\.api_key stands in \S+rowferry\.yaml itself/);
  expect(warnings[1]).toMatch(/^redis_url stands/);
  expect(warnings.join()).not.toMatch(/sk_live|pass@/);
});

test('the key of a source is one, too', () => {
  const source = '{ url: https://x.example/a.csv, headers: { x-api-key: s3cret, accept: text/csv } }';
  const { warnings } = loadConfig(file(`syncs: { a: { source: ${source} } }\n`, 0o644), {});
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^syncs\.a\.source\.headers\.x-api-key stands in /);
  expect(warnings[0]).not.toContain('s3cret');
});

test('a key in a file of my own, and an address in anybody’s, need no warning', () => {
  expect(loadConfig(file(LITERAL, 0o600), { KEY: 'k' }).warnings).toEqual([]);
  const open =
    'destinations: { a: { kind: sendmator, base_url: https://x.example } }\nredis_url: redis://host\n';
  expect(loadConfig(file(open, 0o644), {}).warnings).toEqual([]);
});

test('a check binds every destination and asks what each can do', async () => {
  const path = file(`
destinations:
  good: { kind: sendmator, api_key: "§{KEY}" }
  unset: { kind: sendmator, api_key: "§{NONE}" }
  left: { kind: sendmator, base_url: https://x.example }
  wrong: { kind: sendmator, api_key: "§{KEY} x", base_url: "§{KEY}" }
  eager: { kind: autosend, api_key: k, bulk: true }
syncs:
  a: { source: a.csv, to: cendyn, on_duplicate: update }
  c: { source: a.csv, to: good, on_duplicate: update, bulk: true }
  b: { source: "§{NONE}", to: eager }
`);
  const { faults, config } = await checkConfig(path, { KEY: 'sk_live' }, checkMapping);
  expect(faults.map((fault) => fault.replace(path, 'r.yaml'))).toEqual([
    'r.yaml:4:29 destinations.unset.api_key: the environment variable NONE is not set',
    'r.yaml:5:3 destinations.left.api_key: is left to SENDMATOR_API_KEY, which is not set',
    'r.yaml:6:29 destinations.wrong.api_key: is empty or holds spaces',
    'r.yaml:6:50 destinations.wrong.base_url: is not an http(s) URL',
    'r.yaml:7:40 destinations.eager.bulk: autosend takes one contact per request; bulk can only be false',
    'r.yaml:9:35 syncs.a.on_duplicate: cendyn cannot update contacts; on_duplicate can only be skip',
    'r.yaml:11:8 syncs.b.source: the environment variable NONE is not set',
  ]);
  expect([config.destinations.length, config.syncs.length]).toEqual([5, 3]);
});

test('what is larger than any configuration is not read as one', () => {
  const path = file(`log_level: info\n${'# a line of some other file\n'.repeat(40_000)}`);
  expect(() => loadConfig(path, {})).toThrow(
    'rowferry.yaml is larger than 1 MB: that is no configuration file.',
  );
});

test('a check finds what of a mapping makes no sense, whatever the file that comes', async () => {
  const path = file(`
destinations:
  crm: { kind: sendmator, api_key: k }
syncs:
  good: { source: a.csv, to: crm, map: { email: [Mail, E-mail], first_name: Mail, tags: { columns: [A, B] } }, unmapped: error }
  bad:
    source: a.csv
    to: crm
    map:
      frist_name: First
      custom_fields.a: { jsonata: "$number(Spent > 1" }
      custom_fields.b: { column: Since, format: DD-QQ }
      metadata: { column: Plan }
  elsewhere: { source: a.csv, to: clemta, map: { full_name: Name }, unmapped: custom_fields }
`);
  const { faults } = await checkConfig(path, {}, checkMapping);
  const fields =
    'Fields: email, external_id, first_name, last_name, tags, is_active, custom_fields.<name>, metadata.<name>';
  expect(faults.map((fault) => fault.replace(path, 'r.yaml'))).toEqual([
    `r.yaml:10:7 syncs.bad.map.frist_name: sends "First" to the field "frist_name", which sendmator does not have. Did you mean "first_name"? ${fields}`,
    'r.yaml:11:7 syncs.bad.map.custom_fields.a: jsonata "$number(Spent > 1" is not understood at character 17: Expected ")" before end of expression',
    'r.yaml:12:7 syncs.bad.map.custom_fields.b: format "DD-QQ" is none of Luxon\'s; write it like dd.MM.yyyy or yyyy-MM-dd HH:mm',
    `r.yaml:13:7 syncs.bad.map.metadata: sends "Plan" to the field "metadata", which sendmator does not have. ${fields}`,
    'r.yaml:14:69 syncs.elsewhere.unmapped: clemta has no place for columns that no field knows; say ignore or error',
  ]);
});
