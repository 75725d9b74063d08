import { chmodSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faultLine } from '../../src/config/faults.js';
import { loadConfig } from '../../src/config/file.js';
import { readConfig } from '../../src/config/read.js';
import { scratchFile } from '../helpers/scratch.js';

/** `$` is written as `§`. */
function read(text: string, environment: Record<string, string> = {}) {
  const { config, faults } = readConfig(text.replaceAll('§', '$'), 'r.yaml', '/etc/rf', environment);
  return { entries: config.notifications, faults: faults.map((fault) => faultLine('r.yaml', fault)) };
}

test('who is told, and of what', () => {
  const { entries, faults } = read(
    `
syncs:
  nightly: { source: a.csv }
notifications:
  ops:
    webhook: https://ops.example/hook
    secret: §{HOOK_SECRET}
    on: [failed, halted, cancelled]
    failed_share: 5%
    syncs: [nightly]
  team: { slack: 'https://hooks.slack.example/T/B/x' }
  mail:
    email: [ann@example.com, bob@example.com]
    from: rowferry <sync@example.com>
    smtp: smtps://me:pass@mail.example.com
    on: []
    expect: { sync: nightly, by: '0 6 * * *', timezone: Europe/Berlin }
  drop: { webhook: http://localhost:1/x, expect: { folder: true, by: '0 7 * * 1-5' } }
`,
    { HOOK_SECRET: 'a secret of 20 chars' },
  );
  expect(faults).toEqual([]);
  const usual = ['finished', 'failed', 'halted'];
  expect(entries).toEqual([
    {
      name: 'ops',
      channel: { kind: 'webhook', url: 'https://ops.example/hook', secret: 'a secret of 20 chars' },
      on: ['failed', 'halted', 'cancelled'],
      failedShare: 0.05,
      syncs: ['nightly'],
      unset: [],
    },
    {
      name: 'team',
      channel: { kind: 'slack', url: 'https://hooks.slack.example/T/B/x' },
      on: usual,
      unset: [],
    },
    {
      name: 'mail',
      channel: {
        kind: 'email',
        to: ['ann@example.com', 'bob@example.com'],
        from: 'rowferry <sync@example.com>',
        smtp: 'smtps://me:pass@mail.example.com',
      },
      on: [],
      expect: { cron: '0 6 * * *', timezone: 'Europe/Berlin', sync: 'nightly' },
      unset: [],
    },
    {
      name: 'drop',
      channel: { kind: 'webhook', url: 'http://localhost:1/x' },
      on: usual,
      expect: { cron: '0 7 * * 1-5', timezone: 'UTC' },
      unset: [],
    },
  ]);
});

test('a variable that is not set here is no fault: notices wait for a process that has it', () => {
  const { entries, faults } = read('notifications:\n  team: { slack: "§{SLACK}", on: [failed] }\n');
  expect(faults).toEqual([]);
  expect(entries).toEqual([
    {
      name: 'team',
      on: ['failed'],
      unset: ['r.yaml:2:11 notifications.team.slack: the environment variable SLACK is not set'],
    },
  ]);
  const half = read('notifications:\n  hook: { webhook: "https://x.example/§{TOKEN}" }\n');
  expect(half.entries[0]).not.toHaveProperty('channel');
  const cron = read('notifications:\n  a: { slack: http://x, expect: { folder: true, by: "§{BY}" } }\n');
  expect(cron.faults).toEqual([
    'r.yaml:2:49 notifications.a.expect.by: the environment variable BY is not set',
  ]);
});

test.each([
  ['{}', 'needs exactly one of webhook, slack and email'],
  ['{ webhook: http://a, slack: http://b }', 'needs exactly one of webhook, slack and email'],
  ['{ webhook: ftp://a }', '.webhook: is no http(s) URL'],
  ['{ webhook: http://a, secret: short }', '.secret: is shorter than 16 characters'],
  ['{ slack: http://a, secret: 0123456789abcdef }', '.secret: is for a webhook'],
  ['{ webhook: http://a, hook: 1 }', '.hook: is not known here. Known: webhook, secret, slack'],
  ['{ webhook: http://a, slak: 1 }', '.slak: is not known here. Did you mean "slack"?'],
  ['{ webhook: http://a, on: [done] }', '.on.0: is not one of finished, failed, halted, cancelled'],
  ['{ webhook: http://a, on: [] }', '.on: is empty, and there is neither failed_share nor expect'],
  ['{ webhook: http://a, failed_share: 5 }', '.failed_share: "5" is not a share like 5%'],
  ['{ webhook: http://a, failed_share: 100% }', '.failed_share: "100%" is not a share like 5%'],
  ['{ webhook: http://a, syncs: [nightli] }', '.syncs.0: there is no such sync. Did you mean "nightly"?'],
  ['{ webhook: http://a, expect: { sync: x, by: "0 6 * * *" } }', '.expect.sync: there is no such sync.'],
  ['{ webhook: http://a, expect: { by: "0 6 * * *" } }', '.expect: needs exactly one of sync and folder'],
  ['{ webhook: http://a, expect: { folder: true } }', '.expect.by: is missing'],
  ['{ webhook: http://a, expect: { folder: true, by: never } }', '.expect.by: "never" is not a cron'],
  ['{ email: ann, from: a@b.c, smtp: smtp://m }', '.email: is no e-mail address'],
  ['{ email: a@b.c, smtp: smtp://m }', '.from: is missing'],
  ['{ email: a@b.c, from: a@b.c }', '.smtp: is missing'],
  ['{ email: a@b.c, from: "x\\nBcc: y@z", smtp: smtp://m }', '.from: is no e-mail address'],
  ['{ email: a@b.c, from: a@b.c, smtp: http://m }', '.smtp: is no SMTP URL'],
  [
    '{ email: a@b.c, from: a@b.c, smtp: "smtp://m?tls.rejectUnauthorized=false" }',
    '.smtp: has more than user',
  ],
])('%s: %s', (entry, sentence) => {
  const { entries, faults } = read(`syncs:\n  nightly: {}\nnotifications:\n  ops: ${entry}\n`);
  expect(entries).toEqual([]);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(/^r\.yaml:4:\d+ notifications\.ops/);
  expect(faults[0]).toContain(sentence);
});

test('secrets that stand in a file which others may read are warned of', () => {
  const path = scratchFile(
    `notifications:
  a: { webhook: 'https://me:pass@x.example', secret: 0123456789abcdef }
  b: { slack: 'https://hooks.slack.example/T/B/x' }
  c: { email: a@b.c, from: a@b.c, smtp: 'smtp://me:pass@mail.example' }
`,
    'rowferry.yaml',
  );
  chmodSync(path, 0o644);
  const settings = loadConfig(path, {}).warnings.map((sentence) => sentence.split(' ')[0]);
  expect(settings).toEqual(['a.webhook', 'a.secret', 'b.slack', 'c.smtp'].map((it) => `notifications.${it}`));
});

test('the example of the README is right', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, yaml] = /^### Notifications\n[\s\S]*?^```yaml\n([\s\S]*?)^```/m.exec(readme)!;
  const { entries, faults } = read(`syncs: { nightly: {} }\n${yaml}`);
  expect(faults).toEqual([]);
  expect(entries.map(({ unset }) => unset.length)).toEqual([2, 1, 1]);
});
