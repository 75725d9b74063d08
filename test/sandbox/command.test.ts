/** `rowferry sandbox` and `World`: the environments by which each of the four is reached. */
import { describe, expect, test } from 'vitest';
import type { LedgerLine } from '../../src/sandbox/ledger.js';
import { type Kind, World } from '../helpers/world.js';

type Environment = Record<string, string | undefined>;

const KINDS: Kind[] = ['sendmator', 'autosend', 'cendyn', 'clemta'];

/** A contact sent as a client with this environment sends it: base URL, then the vendor's path. */
async function create(kind: Kind, env: Environment, email: string): Promise<number> {
  const contact = {
    email,
    ...(kind === 'clemta' && { type: 'vendor', full_name: 'A', company_id: env.CLEMTA_COMPANY_ID }),
  };
  const [url, name, value] = {
    sendmator: [`${env.SENDMATOR_BASE_URL}/api/v1/contacts`, 'x-api-key', env.SENDMATOR_API_KEY],
    autosend: [`${env.AUTOSEND_BASE_URL}/v1/contacts`, 'authorization', `Bearer ${env.AUTOSEND_API_KEY}`],
    cendyn: [
      `${env.CENDYN_BASE_URL}/v2/account/${env.CENDYN_ACCOUNT_ID}/contact/`,
      'authorization',
      `Token token=${env.CENDYN_ACCOUNT_SECRET}`,
    ],
    clemta: [`${env.CLEMTA_BASE_URL}/contacts`, 'x-api-key', env.CLEMTA_API_KEY],
  }[kind] as [string, string, string];
  const headers = { [name]: value, 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(contact) })).status;
}

test('the command prints how to point rowferry at each API', async () => {
  const world = await World.open();
  const sandbox = world.start('sandbox');
  const [, url] = await sandbox
    .says(/_sandbox\/ledger/)
    .then(() => sandbox.says(/serves .* at (http:\S+)\./));
  const lines = sandbox.stdout.split('\n').filter((line) => /^ {2}[A-Z_]+=/.test(line));
  expect(lines).toHaveLength(4);
  for (const [at, kind] of KINDS.entries()) {
    const env: Environment = Object.fromEntries(
      lines[at]!.trim()
        .split(' ')
        .map((pair) => pair.split('=')),
    );
    expect([200, 201], lines[at]).toContain(await create(kind, env, 'ann@example.com'));
  }
  const ledger = await (await fetch(`${url}/_sandbox/ledger`)).text();
  expect(
    ledger
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as LedgerLine).api),
  ).toEqual(KINDS);
  sandbox.kill('SIGINT');
  expect((await sandbox.finished).code).toBe(0);
});

describe.each(KINDS)('a world of %s', (kind) => {
  test('holds credentials of that kind alone, and seeds where they belong', async () => {
    const world = await World.open({ kinds: [kind] });
    const names = Object.keys(world.env).filter((name) => /_(API_KEY|SECRET)$/.test(name));
    expect(names).toEqual([`${kind.toUpperCase()}_${kind === 'cendyn' ? 'ACCOUNT_SECRET' : 'API_KEY'}`]);
    const rest = kind === 'clemta' ? { type: 'vendor', full_name: 'A' } : {};
    await world.seed([{ email: 'ann@example.com', ...rest }]);
    expect([200, 201]).toContain(await create(kind, world.env, 'bob@example.com'));
    const ledger = world.ledger();
    expect(ledger).toMatchObject([
      { api: kind, email: 'ann@example.com', seeded: true },
      { api: kind, email: 'bob@example.com', seeded: false },
    ]);
    expect(ledger[0]?.key_id).toBe(ledger[1]?.key_id);
    expect(ledger[0]?.fields.company_id).toBe(ledger[1]?.fields.company_id);
  });
});

test('a world of all kinds holds the credentials of all', async () => {
  const world = await World.open({ kinds: KINDS });
  for (const kind of KINDS) expect([200, 201]).toContain(await create(kind, world.env, 'ann@example.com'));
  await world.seed([{ email: 'bob@example.com' }], 'cendyn');
  expect(world.ledger().map(({ api }) => api)).toEqual([...KINDS, 'cendyn']);
});
