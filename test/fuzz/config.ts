/** Configuration files of any kind: read, or every fault told with its line. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect } from 'vitest';
import { stringify } from 'yaml';
import { faultLine } from '../../src/config/faults.js';
import { readConfig } from '../../src/config/read.js';
import { bindAccount, openDestination } from '../../src/destinations/registry.js';
import { expectSentence, type Fuzzer, json, mangled, text } from './words.js';

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../samples/${name}`, import.meta.url)), 'utf8');
const SAMPLES = ['rowferry.yaml', 'destinations/hubspot.yaml', 'destinations/mailchimp.yaml'].map(read);

const value = fc.oneof(
  json,
  fc.constantFrom('10/s', '5s', 'sendmator', 'http', `\${KEY}`, '*/5 * * * *', 'people.csv'),
);
const entry = (...keys: string[]) =>
  fc.oneof(
    value,
    fc.dictionary(
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: text }),
      value,
      {
        maxKeys: 6,
      },
    ),
  );
const destination = entry(
  'kind',
  'api_key',
  'base_url',
  'rate',
  'module',
  'fields',
  'create',
  'answers',
  'headers',
  'bulk',
);
const sync = entry(
  'source',
  'to',
  'map',
  'schedule',
  'unmapped',
  'preset',
  'delimiter',
  'rate',
  'report_dir',
);
const file = fc.record(
  {
    destinations: fc.oneof(value, fc.dictionary(text, destination, { maxKeys: 2 })),
    syncs: fc.oneof(value, fc.dictionary(text, sync, { maxKeys: 2 })),
    defaults: entry('rate', 'attempts', 'timeout', 'report_dir'),
    ...{ folder: entry('path', 'settle', 'poll'), dashboard: entry('host', 'port'), retention: value },
    ...{ redis_url: value, data_dir: value, log_level: value },
  },
  { requiredKeys: [], noNullPrototype: true },
);

export const configFuzzers: readonly Fuzzer[] = [
  {
    name: 'any configuration file is read, or its faults are told with their lines',
    share: 12,
    property: fc.asyncProperty(
      fc.oneof(
        file.map((one) => stringify(one)),
        mangled(file.map((one) => stringify(one))),
        mangled(fc.constantFrom(...SAMPLES)),
        text,
      ),
      async (written) => {
        const { config, faults } = readConfig(written, 'rowferry.yaml', '/nowhere', {
          KEY: 'a-key-0123456789',
        });
        for (const fault of faults) {
          const line = faultLine('rowferry.yaml', fault);
          expect(line).toMatch(/^rowferry\.yaml:\d+:\d+/);
          expect(line).not.toContain('a-key-0123456789');
        }
        if (faults.length > 0) return;
        for (const one of config.destinations) {
          // Modules are programs; that there is none at such a path is told.
          try {
            bindAccount(await openDestination(one), {}, one);
          } catch (error) {
            expectSentence(error);
          }
        }
      },
    ),
  },
];
