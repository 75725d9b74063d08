import { describe, expect, test } from 'vitest';
import { Accounts } from '../../src/destinations/accounts.js';
import {
  bindAccount,
  type DestinationEntry,
  kindOfAccount,
  limitsOf,
} from '../../src/destinations/registry.js';
import { sendmator } from '../../src/destinations/sendmator.js';

const KEY = 'sk_live_secret';
const ENVIRONMENT = { SENDMATOR_API_KEY: KEY };

function entry(name: string, more: Partial<DestinationEntry> = {}): DestinationEntry {
  return { name, kind: 'sendmator', options: {}, settings: {}, unset: [], file: 'rowferry.yaml', ...more };
}

describe('without a configuration file', () => {
  test('accounts are chosen by kind, or by being the only one', async () => {
    const accounts = new Accounts(ENVIRONMENT);
    const { id } = bindAccount(sendmator, ENVIRONMENT);
    expect(await accounts.choose()).toMatchObject({ id, name: 'sendmator', settings: {} });
    expect(await accounts.choose('sendmator')).toMatchObject({ id });
    expect((await accounts.all()).map((account) => account.id)).toEqual([id]);
    await expect(new Accounts({}).choose('sendmator')).rejects.toMatchObject({ code: 'CREDENTIALS_MISSING' });
    for (const none of [new Accounts({}).choose(), new Accounts({}).all()]) {
      await expect(none).rejects.toMatchObject({
        code: 'DESTINATION_NOT_CHOSEN',
        message: expect.stringMatching(
          /^No destination has credentials\. Set .*SENDMATOR_API_KEY.* in the environment or in \.env\.$/,
        ) as string,
      });
    }
    await expect(accounts.choose('hubspot')).rejects.toMatchObject({
      code: 'DESTINATION_UNKNOWN',
      message: expect.stringMatching(/^There is no destination "hubspot"\. Known: .*sendmator/) as string,
    });
  });
});

describe('an entry of the file', () => {
  test('is a destination by its name, with its own key and settings', async () => {
    const crm = entry('crm', { options: { api_key: 'sk_other' }, settings: { concurrency: 4 } });
    const accounts = new Accounts(ENVIRONMENT, [crm], { concurrency: 8, attempts: 3 });
    const account = await accounts.choose('crm');
    expect(account).toMatchObject({
      name: 'crm',
      id: bindAccount(sendmator, { SENDMATOR_API_KEY: 'sk_other' }).id,
      settings: { concurrency: 4, attempts: 3 },
      setBy: { apiKey: 'destinations.crm.api_key', baseUrl: 'SENDMATOR_BASE_URL' },
    });
    // It hides nobody of another name, and the defaults are for that one, too.
    expect(await accounts.choose('sendmator')).toMatchObject({
      id: bindAccount(sendmator, ENVIRONMENT).id,
      settings: { concurrency: 8, attempts: 3 },
    });
    await expect(accounts.choose()).rejects.toThrow(/choose one with --to: crm, sendmator\.$/);
    expect((await accounts.all()).map(({ name }) => name)).toEqual(['crm', 'sendmator']);
  });

  test('takes what it leaves out from the variables of its kind', async () => {
    const environment = { ...ENVIRONMENT, SENDMATOR_BASE_URL: 'http://127.0.0.1:4000' };
    const accounts = new Accounts(environment, [entry('crm', { settings: { attempts: 2 } })]);
    const account = await accounts.choose();
    expect(account).toMatchObject({ name: 'crm', id: bindAccount(sendmator, environment).id });
    // The same account twice is one to deliver to, as the file has it.
    expect((await accounts.all()).map(({ name, settings }) => [name, settings])).toEqual([
      ['crm', { attempts: 2 }],
    ]);
  });

  test('that has the name of a kind stands for it', async () => {
    const accounts = new Accounts(ENVIRONMENT, [entry('sendmator', { options: { api_key: 'sk_other' } })]);
    const { id } = bindAccount(sendmator, { SENDMATOR_API_KEY: 'sk_other' });
    expect(await accounts.choose('sendmator')).toMatchObject({ id });
    expect((await accounts.all()).map((account) => account.id)).toEqual([id]);
  });

  test('whose variables are not set keeps no other from being used', async () => {
    const sentence = 'rowferry.yaml:4:5 destinations.b.api_key: the environment variable B is not set';
    const b = entry('b', { options: { api_key: '' }, unset: [sentence] });
    const both = new Accounts({}, [entry('a', { options: { api_key: KEY } }), b]);
    expect(await both.choose()).toMatchObject({ name: 'a' });
    expect((await both.all()).map(({ name }) => name)).toEqual(['a']);
    expect(both.unset).toEqual([sentence]);
    await expect(both.choose('b')).rejects.toMatchObject({ code: 'CREDENTIALS_MISSING', message: sentence });
    const alone = new Accounts({}, [b]);
    await expect(alone.choose()).rejects.toMatchObject({ message: sentence });
    await expect(alone.all()).rejects.toMatchObject({ message: sentence });
  });

  test.each([
    [{ api_key: 'sk live' }, 'destinations.crm.api_key is empty or holds spaces'],
    [{ api_key: 12 }, 'destinations.crm.api_key is not text; write it in quotes'],
    [{ api_key: KEY, base_url: 'nowhere' }, 'destinations.crm.base_url is not an http(s) URL'],
    [
      { api_key: KEY, apikey: KEY },
      'destinations.crm.apikey is no option of sendmator. Did you mean "api_key"?',
    ],
    [{}, 'SENDMATOR_API_KEY is not set'],
  ])('with %o is refused in words, without the key', async (options, fault) => {
    const chosen = new Accounts({}, [entry('crm', { options })]).choose('crm');
    await expect(chosen).rejects.toMatchObject({ code: 'CREDENTIALS_MISSING', exitCode: 2 });
    await expect(chosen).rejects.toThrow(`crm: ${fault}`);
    await expect(chosen).rejects.not.toThrow(KEY);
  });

  test('is named when a word is misspelt', async () => {
    const accounts = new Accounts({}, [entry('production', { options: { api_key: KEY } })]);
    await expect(accounts.choose('prodction')).rejects.toThrow('Did you mean "production"?');
  });
});

describe('a plan', () => {
  const plan = { run: '20260131-235959-1a2b3c', destination: 'crm' };

  test('is bound again by the name of its destination, whatever its key is by now', async () => {
    const accounts = new Accounts({}, [entry('crm', { options: { api_key: 'sk_rotated' } })]);
    const { id } = bindAccount(sendmator, { SENDMATOR_API_KEY: KEY });
    expect(kindOfAccount(id)).toBe('sendmator');
    expect(await accounts.rebind({ ...plan, account: id })).toMatchObject({
      options: { apiKey: 'sk_rotated' },
    });
  });

  test('does not go to a destination of another kind that took the name', async () => {
    const accounts = new Accounts({}, [entry('crm', { options: { api_key: KEY } })]);
    const before = { ...plan, account: 'my-own-kind-0123456789ab' };
    await expect(accounts.rebind(before)).rejects.toMatchObject({
      code: 'DESTINATION_CHANGED',
      message: expect.stringContaining('of kind my-own-kind; that name is of kind sendmator now') as string,
    });
  });

  test('whose destination is gone says so', async () => {
    const account = bindAccount(sendmator, ENVIRONMENT).id;
    await expect(new Accounts({}).rebind({ ...plan, account })).rejects.toMatchObject({
      code: 'DESTINATION_UNKNOWN',
      message: expect.stringContaining('name the configuration file that has it with --config') as string,
    });
  });
});

test('flag and environment beat the file, which beats what rowferry does by itself', () => {
  expect(limitsOf({ settings: {} }, {})).toEqual({ concurrency: 16, timeoutMs: 30_000 });
  const account = { settings: { concurrency: 4, timeoutMs: 500 } };
  expect(limitsOf(account, {})).toEqual({ concurrency: 4, timeoutMs: 500 });
  expect(limitsOf(account, { concurrency: undefined, timeoutMs: 9 })).toEqual({
    concurrency: 4,
    timeoutMs: 9,
  });
  expect(limitsOf(account, { concurrency: 64 })).toEqual({ concurrency: 64, timeoutMs: 500 });
});
